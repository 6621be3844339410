"""Sums over events."""

from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes

from plimsoll.chain import Event
from plimsoll.history import History, keeper_blocks, lowest_insurance, percentile

MARKET, OTHER = (Account.from_key(bytes([i]) * 32).address for i in (1, 2))
TRADERS = [Account.from_key(bytes([i]) * 32).address for i in range(11, 16)]
WAD = 10**18


def event(name: str, args: dict[str, Any], contract: str = "Market", address: str = MARKET, block: int = 1) -> Event:
    return Event(contract, address, name, args, block, 0, HexBytes(b"\1" * 32))


def traded(by: int, delta: int, after: int, bucket: int = 7) -> Event:
    return event("Traded", {"account": TRADERS[by], "bucket": bucket, "units_delta": delta, "units_after": after})


def liquidated(bucket: int, units_left: int = 0, **paid: int) -> Event:
    layers = {"skin_in_the_game": 0, "insurance": 0, "adl": 0, "vault": 0} | paid
    args = {"bucket": bucket, "epoch": 0, "units": 5, "units_left": units_left, "loss": sum(paid.values())}
    return event("Liquidated", args | layers)


def deleveraged(bucket: int, loss_per_unit: int, units_left: int = 1) -> Event:
    args = {
        "bucket": bucket,
        "epoch": 0,
        "units": 3 * WAD,
        "units_left": units_left,
        "claim": 9 if loss_per_unit else 0,
    }
    return event("Deleveraged", args | {"loss_per_unit": loss_per_unit, "index_price": 2 * WAD})


def test_opened__counts_openings_not_increases_and_flips_as_new() -> None:
    history = History([traded(0, 5, 5), traded(0, 5, 10), traded(0, -15, -5), traded(0, 5, 0), traded(0, 5, 5)])
    assert history.total("opened") == 3


def test_liquidated__counts_each_position_of_a_bucket_once() -> None:
    events = [traded(0, 5, 5), traded(1, 5, 5), traded(2, 5, 5, bucket=8)]
    history = History([*events, liquidated(7, units_left=4, insurance=10), liquidated(7, adl=5), liquidated(7)])
    assert history.total("liquidated") == 2
    assert history.total("liquidated_buckets") == 1


def test_liquidated__who_left_or_moved_before__is_not_counted() -> None:
    moved = event("MarginChanged", {"account": TRADERS[1], "bucket": 9, "margin_delta": 1, "units": 5})
    history = History([traded(0, 5, 5), traded(1, 5, 5), traded(2, 5, 5), traded(0, -5, 0), moved, liquidated(7)])
    assert history.total("liquidated") == 1


def test_opened__after_a_liquidation__is_a_new_position() -> None:
    history = History([traded(0, 5, 5), liquidated(7), traded(0, 5, 5), liquidated(7)])
    assert history.total("opened") == 2 and history.total("liquidated") == 2


def test_paid_by__sums_to_the_loss() -> None:
    history = History([liquidated(7, skin_in_the_game=1, insurance=20, adl=300), liquidated(8, vault=4000)])
    assert history.paid_by() == {"skin_in_the_game": 1, "insurance": 20, "adl": 300, "vault": 4000}
    assert history.total("loss") == sum(history.paid_by().values()) == 4321


def test_deleveraged__fair_and_at_a_loss_apart() -> None:
    history = History([traded(0, 5, 5), deleveraged(7, 0), deleveraged(7, 5, units_left=0), deleveraged(7, 5)])
    market = history.market(MARKET)
    assert (market.fair_adl_units, market.loss_adl_units) == (3 * WAD, 6 * WAD)
    assert (market.fair_adl_notional, market.loss_adl_notional) == (6 * WAD, 12 * WAD)
    assert len(market.deleveraged) == 1 and market.claims == 18


def test_cash__deposits_withdrawals_and_every_account_seen() -> None:
    pool = {"contract": "MarginPool", "address": OTHER}
    history = History(
        [
            event("Deposited", {"payer": TRADERS[0], "receiver": TRADERS[1], "amount": 50}, **pool),
            event("Withdrawn", {"account": TRADERS[1], "receiver": TRADERS[2], "amount": 20}, **pool),
            event("OrderFailed", {"id": 1, "owner": TRADERS[3], "reason": "no"}, contract="OrderBook"),
        ]
    )
    assert (history.deposited, history.withdrawn) == (50, 20)
    assert history.accounts == set(TRADERS[:4])
    assert history.failures == {"no": 1}


def test_keeper_blocks__from_the_block_before_publication_to_the_last_work() -> None:
    times = {10: 100, 11: 101, 12: 102, 13: 103, 14: 104, 15: 105}
    feed = b"\1" * 32

    def priced(second: int, block: int) -> Event:
        return event("PriceUpdated", {"feed": feed, "published_at": second}, "PriceFeed", OTHER, block)

    def worked(block: int) -> Event:
        return Event("Market", MARKET, "Liquidated", liquidated(7).args, block, 0, HexBytes(b"\1" * 32))

    events = [priced(101, 11), priced(102, 13), worked(13), worked(15)]
    assert keeper_blocks(events, times, {feed: MARKET}) == [1, 4]
    assert keeper_blocks(events, times, {}) == []


def test_lowest_insurance__inside_a_block_before_income_comes_in() -> None:
    def fund(name: str, insurance: int) -> Event:
        return event(name, {"market": MARKET, "insurance": insurance}, "InsuranceFund", OTHER)

    events = [fund("LossCovered", 70), fund("CoverReturned", 10), fund("LossCovered", 40), fund("IncomeReceived", 90)]
    assert lowest_insurance(events, 100) == 0
    assert lowest_insurance([], 100) == 100


@pytest.mark.parametrize(
    ("values", "p50", "p99"), [([], 0, 0), ([4], 4, 4), ([1] * 99 + [9], 1, 1), ([1, 2, 3, 9], 2, 9)]
)
def test_percentile(values: list[int], p50: int, p99: int) -> None:
    assert (percentile(values, 50), percentile(values, 99)) == (p50, p99)
