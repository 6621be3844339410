"""How a report looks."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes
from rich.console import Console

from plimsoll.capital_report import capital_table, money
from plimsoll.chain import Event
from plimsoll.chart import draw
from plimsoll.fund_books import MarketDay
from plimsoll.history import LAYERS
from plimsoll.report import summary_table, waterfall_table

MARKET = Account.from_key("0x" + "07" * 32).address
FEED = b"\1" * 32


def market(loss: int, **paid: int) -> dict[str, Any]:
    counts = ("positions_opened", "liquidated_positions", "liquidated_buckets", "adl_positions", "adl_buckets")
    sums = ("adl_notional_fair", "adl_notional_loss", "recovery_claims")
    layers = dict.fromkeys(LAYERS, 0) | paid
    return {**dict.fromkeys(counts, 3), **dict.fromkeys(sums, 0), "loss_beyond_margin": loss, "loss_paid_by": layers}


def shown(table: Any) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (1_234_567_890, 6, "1,234.56"),
        (-1_500_000, 6, "-1.50"),
        (0, 6, "0.00"),
        (5, 0, "5.00"),
        (10**18 - 1, 18, "0.99"),
    ],
)
def test_money__to_the_cent_never_rounded_up(amount: int, decimals: int, text: str) -> None:
    assert money(amount, decimals) == text


def test_waterfall_table__a_column_for_each_market_and_their_sum() -> None:
    markets = {"BTC": market(3_000_000, insurance=1_000_000, adl=2_000_000), "ETH": market(500_000, vault=500_000)}
    text = shown(waterfall_table({"markets": markets}, "USDC", 6))
    [loss] = [line for line in text.splitlines() if "loss beyond margin" in line and "│" in line]
    assert [cell.strip() for cell in loss.split("│")[2:5]] == ["3.00", "0.50", "3.50"]
    assert "profit of deleveraged winners" in text and "2.00" in text


def test_capital_table__sources_of_vault_and_fund_and_the_pot() -> None:
    sources = {"BTC": {"fees": 2_000_000, "price": -5_000_000}, "ETH": {"fees": 500_000}}
    day = MarketDay(insurance_paid=4_000_000, insurance_income=1_000_000, pot_income=250_000)
    capital = {
        "vault": {"sources": sources},
        "insurance": {"markets": {"BTC": asdict(day), "ETH": asdict(MarketDay())}},
        "recovery": {"pot": 250_000, "supply": 1_000_000, "price_wad": 25 * 10**16},
    }
    lines = shown(capital_table({"markets": {"BTC": {}, "ETH": {}}, "capital": capital}, "USDC", 6)).splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["vault"] == ["-3.00", "0.50", "-2.50"]
    assert cells["trading fees"] == ["2.00", "0.50", "2.50"]
    assert cells["insurance fund"] == ["-2.75", "0.00", "-2.75"]
    assert cells["losses paid by stakers"] == ["-4.00", "0.00", "-4.00"]
    assert (cells["RECOVER outstanding"][2], cells["pays for each"][2]) == ("1.00", "0.25")


def test_summary_table__shows_counts_and_capital() -> None:
    report = {
        "data": "bars.csv",
        "bars": 9,
        "seed": 5,
        "markets": {"BTC": market(0)},
        "vault": {"start": 10_000_000, "end": 9_000_000},
        "insurance": {"start": 1_000_000, "lowest": 0, "end": 500_000},
        "skin_in_the_game": {"start": 1_000_000, "end": 0},
        **dict.fromkeys(
            ("positions_opened", "liquidated_positions", "liquidated_buckets", "adl_positions", "adl_buckets"), 3
        ),
    }
    text = shown(summary_table(report, "USDC", 6))
    assert "bars.csv: 9 bars, seed 5" in text and "10.00 → 9.00" in text


def test_draw__writes_a_picture(tmp_path: Path) -> None:
    def event(name: str, args: dict[str, Any], block: int) -> Event:
        return Event("Market", MARKET, name, args, block, 0, HexBytes(b"\1" * 32))

    liquidated = dict.fromkeys(LAYERS, 1_000_000) | {"units": 10**18, "index_price": 10**20}
    events = [
        event("PriceUpdated", {"feed": FEED, "price": 10**20}, 1),
        event("PriceUpdated", {"feed": FEED, "price": 9 * 10**19}, 2),
        event("Liquidated", liquidated, 2),
        event("Deleveraged", {"units": 10**18, "index_price": 10**20}, 2),
    ]
    path = tmp_path / "report.png"
    draw(path, "a run", events, {1: 100, 2: 101}, {FEED: "BTC"}, {MARKET: "BTC"}, 10**6)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_draw__nothing_happened__is_a_picture_too(tmp_path: Path) -> None:
    path = tmp_path / "report.png"
    draw(path, "a quiet run", [], {1: 100}, {FEED: "BTC"}, {MARKET: "BTC"}, 10**6)
    assert path.exists()
