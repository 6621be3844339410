"""The live view, on a terminal and without one."""

import io

from eth_account import Account
from rich.console import Console

from plimsoll.history import History
from plimsoll.live import MarketRow, Snapshot, View, notional, price_text, usd

ADDRESS = Account.from_key("0x" + "07" * 32).address
WAD = 10**18


def snapshot(price: int) -> Snapshot:
    row = MarketRow("BTC", ADDRESS, price * WAD, 5 * WAD, 3 * WAD, 2 * WAD, 40, 100, True, False)
    return Snapshot(7, (row,), 1_000_000_000, 5_000_000, 2_000_000, History())


def test_view__without_a_terminal__prints_a_line_at_a_time_and_always_the_last() -> None:
    out = io.StringIO()
    with View(Console(file=out, width=200), 6) as view:
        view.show(snapshot(100), "title", 0)
        view.show(snapshot(99), "title", 100)
        view.show(snapshot(90), "title", 10_000)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "BTC 100.00" in lines[0] and "vault 1,000" in lines[0] and "insurance 7" in lines[0]
    assert lines[1].startswith("100 %")


def test_view__on_a_terminal__shows_market_rows_with_the_change() -> None:
    out = io.StringIO()
    with View(Console(file=out, width=160, force_terminal=True), 6) as view:
        view.show(snapshot(100), "Plimsoll: a crash", 0)
        view.show(snapshot(90), "Plimsoll: a crash", 5_000)
    text = out.getvalue()
    assert "Plimsoll: a crash" in text and "-10.00 %" in text and "40 %" in text and "clean" in text


def test_numbers_for_the_eye() -> None:
    assert usd(1_234_999_999, 6) == "1,234" and usd(-1_999_999, 6) == "-1" and usd(-1, 6) == "0"
    assert price_text(4_393_630_000 * 10**12) == "4,393.63"
    assert notional(-2 * WAD, 100 * WAD, 6) == -200_000_000
