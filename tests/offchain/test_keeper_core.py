"""The keeper's decisions."""

from dataclasses import replace

import pytest
from eth_account import Account

from plimsoll.keeper_core import (
    GAS_CAP,
    MAX_BUCKETS,
    MAX_ORDERS,
    Outcome,
    PendingOrder,
    Plan,
    Policy,
    Price,
    View,
    gas_limit,
    has_more,
    judge,
    percentile,
    plan,
    smaller,
)
from plimsoll.observation import Observation

BTC, ETH = b"\1" * 32, b"\2" * 32
MARKETS = {Account.from_key(bytes([i]) * 32).address: feed for i, feed in ((1, BTC), (2, ETH))}
BTC_MARKET, ETH_MARKET = MARKETS
SIGNERS = [Account.from_key(bytes([i]) * 32).address for i in range(11, 15)]
NOW = 1_000
IDLE = Outcome(2, (0, 0), 0, 0, 0, 0)


def report(feed: bytes, price: int, second: int) -> list[Observation]:
    return [Observation(feed, price, second, 27, b"\1" * 32, b"\1" * 32, signer) for signer in SIGNERS]


def view(**changes: object) -> View:
    base = View(
        feed_of=MARKETS,
        prices={BTC: Price(10_000, NOW - 2), ETH: Price(10_000, NOW - 2)},
        reports={BTC: report(BTC, 10_000, NOW), ETH: report(ETH, 10_000, NOW)},
        orders=[],
        now=NOW,
    )
    return replace(base, **changes)


def test_plan__takes_all_new_reports_grouped_by_feed() -> None:
    made = plan(view())
    assert [item.feed for item in made.observations] == [BTC] * 4 + [ETH] * 4
    assert made.feeds == 2 and made.markets == tuple(MARKETS) and made.max_buckets == MAX_BUCKETS


def test_plan__report_not_newer_than_the_chain__is_left_out() -> None:
    made = plan(view(prices={BTC: Price(10_000, NOW), ETH: Price(10_000, NOW - 1)}))
    assert {item.feed for item in made.observations} == {ETH} and made.feeds == 1


def test_plan__orders_wait_for_a_price_published_after_they_were_placed() -> None:
    orders = [PendingOrder(1, BTC_MARKET, NOW - 1), PendingOrder(2, BTC_MARKET, NOW), PendingOrder(3, ETH_MARKET, 5)]
    assert plan(view(orders=orders)).order_ids == (1, 3)
    assert plan(view(orders=orders, reports={})).order_ids == (3,)
    assert plan(view(orders=orders, reports={}, prices={})).order_ids == ()


def test_plan__order_left_waiting_often__does_not_block_the_others() -> None:
    stuck = [PendingOrder(i, BTC_MARKET, 5, attempts=3) for i in range(MAX_ORDERS)]
    fresh = PendingOrder(999, BTC_MARKET, 5)
    ids = plan(view(orders=[*stuck, fresh])).order_ids
    assert ids[0] == 999 and len(ids) == MAX_ORDERS


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (replace(IDLE, buckets=(3, 0)), "3 buckets"),
        (replace(IDLE, orders_filled=2), "2 orders"),
        (replace(IDLE, orders_failed=1), "1 orders"),
    ],
)
def test_judge__work__is_worth_it(outcome: Outcome, reason: str) -> None:
    verdict = judge(view(), plan(view()), outcome, Policy())
    assert verdict.is_worth_it and verdict.reason == reason


def test_judge__orders_that_only_wait__are_not() -> None:
    outcome = replace(IDLE, orders_waiting=5)
    assert not judge(view(), plan(view()), outcome, Policy()).is_worth_it


@pytest.mark.parametrize(
    ("price", "age", "is_worth_it"),
    [(10_000, 2, False), (10_009, 2, False), (10_010, 2, True), (9_990, 2, True), (10_000, 20, True)],
)
def test_judge__price_alone__needs_a_move_or_age(price: int, age: int, is_worth_it: bool) -> None:
    state = view(
        prices={BTC: Price(10_000, NOW - age), ETH: Price(10_000, NOW - 1)},
        reports={BTC: report(BTC, price, NOW)},
    )
    verdict = judge(state, plan(state), replace(IDLE, prices_updated=1), Policy(deviation_bps=10, heartbeat=20))
    assert verdict.is_worth_it == is_worth_it


def test_judge__first_price_of_a_feed__is_worth_it_unless_rejected() -> None:
    state = view(prices={})
    assert judge(state, plan(state), IDLE, Policy()).is_worth_it
    assert not judge(state, plan(state), replace(IDLE, prices_updated=0), Policy()).is_worth_it


def test_gas_limit__grows_with_the_work_up_to_its_cap() -> None:
    small, large = gas_limit(plan(view()), 0), gas_limit(plan(view()), 20)
    assert small < large < GAS_CAP
    assert gas_limit(plan(view()), 10_000) == GAS_CAP


def test_smaller__halves_what_can_be_halved() -> None:
    full = Plan((), tuple(MARKETS), 256, tuple(range(64)), 0)
    half = smaller(full)
    assert half.max_buckets == 128 and half.order_ids == tuple(range(32))
    assert smaller(replace(full, max_buckets=1)).max_buckets == 1


def test_has_more__when_stopped_by_its_own_limits() -> None:
    full = Plan((), tuple(MARKETS), 8, (1, 2), 0)
    assert has_more(full, replace(IDLE, buckets=(8, 0)))
    assert not has_more(full, replace(IDLE, buckets=(7, 0)))
    assert has_more(replace(full, order_ids=tuple(range(MAX_ORDERS))), IDLE)


@pytest.mark.parametrize(
    ("values", "p50", "p99"), [([], 0, 0), ([4], 4, 4), ([1] * 99 + [9], 1, 1), ([1, 2, 3, 9], 2, 9)]
)
def test_percentile(values: list[int], p50: int, p99: int) -> None:
    assert (percentile(values, 50), percentile(values, 99)) == (p50, p99)
