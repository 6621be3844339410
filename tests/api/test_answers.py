"""What each path says, beside what the contracts or the story say."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.api.accounts import history
from plimsoll.api.parameters import PagedOfAccount
from plimsoll.indexer import schema
from plimsoll.indexer.schema import INTERVALS
from tests.api.conftest import Served
from tests.indexer.story import WAD


def all_pages(api: Served, path: str, limit: int = 7) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    mark = "&" if "?" in path else "?"
    following = ""
    while True:
        page = api.found(f"{path}{mark}limit={limit}{following}")
        items += page["items"]
        if page["next"] is None:
            return items
        assert len(page["items"]) == limit
        following = f"&before={page['next']}"


def events_of(api: Served, name: str, symbol: str = "BTC") -> list[Any]:
    """The story's own events of a market, oldest first."""
    address = api.story.market(symbol).address
    return [e for _, told in api.story.blocks() for e in told if e.name == name and e.address == address]


def test_status(api: Served) -> None:
    found = api.found("/v1/status")
    head = api.story.blocks()[-1][0]
    assert (found["block"], found["block_hash"], found["block_time"]) == (head.number, head.hash, head.time)
    assert found["collateral"] == {"symbol": "USDC", "decimals": 6}
    assert found["reorgs"] == 0


@pytest.mark.parametrize("name", ["BTC", "btc", "address", "ADDRESS"])
def test_market__by_symbol_or_address__is_the_contract_s(api: Served, name: str) -> None:
    market = api.story.market()
    name = {"address": market.address, "ADDRESS": market.address.lower()}.get(name, name)
    found, state = api.found(f"/v1/markets/{name}"), market.state()
    for field in ("units_long", "units_short", "index_price", "funding_index", "budget_left"):
        assert int(found[field]) == getattr(state, field), field
    assert found["params"]["skew_scale"] == str(market.params().skew_scale)
    assert [item["symbol"] for item in api.found("/v1/markets")["items"]] == ["BTC", "ETH"]


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles__hold_every_price_once(api: Served, interval: str) -> None:
    prices = []
    feed = api.story.deployment().markets["BTC"].feed
    for _, told in api.story.blocks():
        prices += [
            (e.args["published_at"], e.args["price"])
            for e in told
            if e.name == "PriceUpdated" and "0x" + e.args["feed"].hex() == feed
        ]
    items = api.found(f"/v1/markets/BTC/candles?interval={interval}&limit=1000")["items"]
    assert [item["start"] for item in items] == sorted(
        {at // INTERVALS[interval] * INTERVALS[interval] for at, _ in prices}
    )
    for item in items:
        inside = [p for at, p in prices if item["start"] <= at < item["start"] + INTERVALS[interval]]
        expected = [inside[0], max(inside), min(inside), inside[-1]]
        assert [int(item[name]) for name in ("open", "high", "low", "close")] == expected
        assert item["prices"] == len(inside)


def test_candles__range_and_limit(api: Served) -> None:
    every = api.found("/v1/markets/BTC/candles?interval=1s&limit=1000")["items"]
    cut = api.found(f"/v1/markets/BTC/candles?interval=1s&until={every[5]['start']}&limit=3")["items"]
    assert cut == every[2:5]
    since = api.found(f"/v1/markets/BTC/candles?interval=1s&since={every[-2]['start']}")["items"]
    assert since == every[-2:]


def test_trades__pages_hold_each_fill_once(api: Served) -> None:
    told = events_of(api, "Traded")
    items = all_pages(api, "/v1/markets/BTC/trades", limit=4)
    assert len(items) == len(told) > 10
    for item, event in zip(reversed(items), told, strict=True):
        assert item["account"] == event.args["account"]
        assert int(item["fill_price"]) == event.args["fill_price"]
        assert int(item["realised"]) == event.args["realised"]
        assert item["block"] == event.block
        assert item["order_id"] is not None
    account = told[0].args["account"]
    mine = api.found(f"/v1/markets/BTC/trades?account={account.lower()}")["items"]
    assert [item for item in items if item["account"] == account] == mine


def test_orders__by_status_with_reason_and_history(api: Served) -> None:
    every = all_pages(api, "/v1/orders")
    assert len(every) == len({item["id"] for item in every}) == int(api.story.contract("OrderBook").next_id()) - 1
    by_status = {
        status: all_pages(api, f"/v1/orders?status={status}") for status in ("open", "executed", "cancelled", "failed")
    }
    assert {status: len(items) for status, items in by_status.items()} == {
        "open": 1,
        "executed": len(every) - 3,
        "cancelled": 1,
        "failed": 1,
    }
    failed = by_status["failed"][0]
    assert failed["reason"] == "price above the acceptable price"
    whole = api.found(f"/v1/orders/{failed['id']}")
    assert [update["status"] for update in whole["updates"]][-1] == "failed"
    assert whole["terms"]["acceptable_price"] == str(50_000 * WAD)
    nobody = api.story.trader("nobody")
    assert {item["status"] for item in api.found(f"/v1/orders?account={nobody}")["items"]} == {
        "open",
        "cancelled",
        "failed",
    }
    assert api.get("/v1/orders/999999").status == 404


def test_positions__are_the_contract_s(api: Served) -> None:
    for name in ("long 3", "long 5", "short 1", "short 5", "flip", "eth long 2", "nobody"):
        account = api.story.trader(name)
        found = {item["symbol"]: item for item in api.found(f"/v1/accounts/{account}/positions")["items"]}
        for symbol, market in api.story.exchange.markets.items():
            held = market.position(account)
            if not held.units:
                assert symbol not in found
                continue
            item = found[symbol]
            assert int(item["units"]) == held.units
            assert int(item["entry_price"]) == held.entry_price
            assert int(item["bankruptcy_coordinate"]) == held.beta
            assert item["side"] == ("long", "short")[held.side]


def test_funding(api: Served) -> None:
    told = events_of(api, "PriceRound")
    items = all_pages(api, "/v1/markets/BTC/funding")
    assert [int(item["funding_index"]) for item in reversed(items)] == [e.args["funding_index"] for e in told]
    assert [item["price_round"] for item in reversed(items)] == [e.args["price_round"] for e in told]


def test_liquidations(api: Served) -> None:
    told = events_of(api, "Liquidated")
    items = all_pages(api, "/v1/markets/BTC/liquidations", limit=2)
    assert [int(item["units"]) for item in reversed(items)] == [e.args["units"] for e in told]
    for item in items:
        layers = [int(item[name]) for name in ("skin_in_the_game", "insurance", "adl", "vault")]
        assert int(item["loss"]) == sum(layers)


def test_adl_rounds__with_every_input_of_the_ranking(api: Served) -> None:
    (found,) = api.found("/v1/markets/BTC/adl")["items"]
    assert not found["is_fair"]
    (fair,) = api.found("/v1/markets/ETH/adl")["items"]
    assert fair["is_fair"]
    detail = api.found(f"/v1/markets/BTC/adl/{found['price_round']}")
    assert len(detail["deleveragings"]) == len(events_of(api, "Deleveraged"))
    ranks = {item["bucket"]: int(item["score"]) for item in detail["candidates"]}
    scores = [int(item["score"]) for item in detail["candidates"]]
    assert scores == sorted(scores, reverse=True)
    for item in detail["deleveragings"]:
        equity, profit = int(item["equity_per_unit"]), int(item["profit_per_unit"])
        assert profit == equity - int(item["class_ceiling"]) > 0
        assert equity == int(item["funding_index"]) - int(item["index_price"]) - int(item["bankruptcy_coordinate"])
        assert int(item["score"]) > 0
        assert item["bucket"] in ranks


@pytest.mark.parametrize("symbol", ["BTC", "ETH"])
def test_adl_verification__of_what_happened__finds_nothing_wrong(api: Served, symbol: str) -> None:
    (found,) = api.found(f"/v1/markets/{symbol}/adl")["items"]
    verdict = api.found(f"/v1/markets/{symbol}/adl/{found['price_round']}/verification")
    assert verdict["is_valid"], verdict
    assert verdict["deleveraged"] == len(events_of(api, "Deleveraged", symbol))
    assert verdict["comparisons"] > 0
    quiet = api.found(f"/v1/markets/{symbol}/adl/1/verification")
    assert quiet["is_valid"]
    assert quiet["deleveraged"] == 0
    assert api.get(f"/v1/markets/{symbol}/adl/9999/verification").status == 404


def test_vault__ends_at_the_contract_s_share_price(api: Served) -> None:
    items = all_pages(api, "/v1/vault", limit=20)
    vault = api.story.contract("Vault")
    assert int(items[0]["shares"]) == vault.totalSupply()
    assert int(items[0]["cash"]) - int(items[0]["skew_reserve"]) == vault.totalAssets()
    income = api.found("/v1/vault/income")
    assert int(income["cash"]) == int(items[0]["cash"])
    # rounding in favour of a market is not told: a coin or two for each event
    dust = 2 * sum(len(told) for _, told in api.story.blocks())
    assert abs(int(income["worth"]) - vault.totalAssets()) <= dust
    fees = [int(item["amount"]) for item in income["items"] if item["source"] == "fees"]
    assert len(fees) == 2 and all(amount > 0 for amount in fees)


def test_insurance__ends_at_the_contract_s_layers(api: Served) -> None:
    last = all_pages(api, "/v1/insurance")[0]
    fund = api.story.contract("InsuranceFund")
    for name in ("skin_in_the_game", "reward_reserve", "recovery_pot"):
        assert int(last[name]) == getattr(fund, name)()
    days = api.found("/v1/insurance/days")["items"]
    assert {item["market"] for item in days} == {"BTC", "ETH"}
    told = [e.args for _, events in api.story.blocks() for e in events if e.name == "IncomeReceived"]
    assert sum(int(item["insurance_income"]) for item in days) == sum(args["insurance"] for args in told)


def test_statement__adds_up_to_what_the_account_has(api: Served) -> None:
    lp = api.story.trader("lp")
    found = api.found(f"/v1/accounts/{lp}/statement")
    vault, fund = api.story.contract("Vault"), api.story.contract("InsuranceFund")
    assert int(found["vault"]["shares"]) == vault.balanceOf(lp)
    assert int(found["stake"]["shares"]) == fund.shares_of(lp)
    for holding in (found["vault"], found["stake"]):
        earned = int(holding["worth"]) + int(holding["taken_out"]) - int(holding["paid_in"])
        assert int(holding["earned"]) == earned == sum(map(int, holding["sources"].values()))
    short = api.story.trader("short 0")
    told = api.found(f"/v1/accounts/{short}/statement")
    assert int(told["withdrawn"]) == 1_000 * 10**6
    assert int(told["recovery"]["held"]) == api.story.contract("RecoveryToken").balanceOf(short) > 0
    empty = api.found("/v1/accounts/0x00000000000000000000000000000000000000AA/statement")
    assert empty["trading"] == [] and empty["vault"]["worth"] == "0"


def test_account_history__json_and_csv_agree_and_hold_the_account_s_part(api: Served) -> None:
    account = api.story.trader("short 0")
    path = f"/v1/accounts/{account}/history"
    items = all_pages(api, path, limit=3)
    assert [item["id"] for item in items] == sorted({item["id"] for item in items}, reverse=True)
    assert {"Deposited", "OrderPlaced", "Traded", "Deleveraged", "Collected", "Withdrawn"} <= {
        i["event"] for i in items
    }
    rows = list(csv.DictReader(io.StringIO(api.get(f"{path}.csv").text)))
    assert [int(row["id"]) for row in rows] == [item["id"] for item in items]
    assert [row["cash"] or None for row in rows] == [item["cash"] for item in items]
    # what ADL owed until the first collection is what was collected, up to the rounding of each event
    (collected,) = [item for item in items if item["event"] == "Collected"]
    given = [i for i in items if i["event"] == "Deleveraged" and i["id"] < collected["id"]]
    assert given
    for name, total in (
        ("cash", sum(int(i["details"]["owed"]) for i in given)),
        ("claim", sum(int(i["claim"]) for i in given)),
    ):
        assert abs(int(collected[name]) - total) <= 2 * len(given)


def test_account_history__parts_of_all_owners_add_up_to_what_happened(api: Served) -> None:
    with Session(api.store.engine) as session:
        owners = set(session.scalars(select(schema.PositionState.account)))
        closings = {
            row.seq: row
            for table in (schema.Liquidation, schema.Deleveraging)
            for row in session.scalars(select(table))
        }
    given: dict[int, list[int]] = {seq: [] for seq in closings}
    for owner in owners:
        for item in all_pages(api, f"/v1/accounts/{owner}/history", limit=5):
            if item["event"] in ("Liquidated", "Deleveraged"):
                given[item["id"]].append(int(item["units"]))
    assert len(closings) > 10
    for seq, parts in given.items():
        assert 0 <= closings[seq].units - sum(parts) < len(parts), "rounded down, each once"


def test_account_history__of_somebody_who_trades_a_lot__takes_few_queries(api: Served) -> None:
    account = api.story.trader("flip")
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    with Session(api.store.engine) as session:
        sql_event.listen(api.store.engine, "before_cursor_execute", note)
        try:
            page = history(session, PagedOfAccount(account=account, limit=50))
        finally:
            sql_event.remove(api.store.engine, "before_cursor_execute", note)
    assert len(page.items) > 5 and len(asked) <= 4, "with the one that begins"


def test_events__with_every_argument(api: Served) -> None:
    items = all_pages(api, "/v1/events", limit=100)
    assert len(items) == sum(len(told) for _, told in api.story.blocks())
    trader = api.story.trader("flip")
    assert {item["event"] for item in api.found(f"/v1/events?account={trader}&event=Traded")["items"]} == {"Traded"}
    only = api.found("/v1/events?market=ETH&limit=500")["items"]
    assert {item["address"] for item in only} == {api.story.market("ETH").address}
