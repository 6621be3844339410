"""The keeper's decisions."""

from dataclasses import replace

import pytest
from eth_account import Account

from plimsoll.keeper.core import (
    GAS_CAP,
    MAX_BUCKETS,
    MAX_ORDERS,
    TYPICAL,
    GasPrice,
    Outcome,
    Plan,
    Policy,
    Price,
    View,
    gas_limit,
    has_more,
    is_gas_price_off,
    judge,
    lanes,
    own_orders,
    smaller,
    with_orders,
)
from plimsoll.keeper.core import plan as plan_with_policy
from plimsoll.keeper.orders import LIMIT, PendingOrder
from plimsoll.observation import Observation

BTC, ETH = b"\1" * 32, b"\2" * 32
MARKETS = {Account.from_key(bytes([i]) * 32).address: feed for i, feed in ((1, BTC), (2, ETH))}
BTC_MARKET, ETH_MARKET = MARKETS
SIGNERS = [Account.from_key(bytes([i]) * 32).address for i in range(11, 15)]
NOW = 1_000
IDLE = Outcome(2, (0, 0), 0, 0, 0, 0)


def report(feed: bytes, price: int, second: int) -> list[Observation]:
    return [Observation(feed, price, second, 27, b"\1" * 32, b"\1" * 32, signer) for signer in SIGNERS]


def plan(state: View, policy: Policy | None = None) -> Plan:
    return plan_with_policy(state, policy or Policy())


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


def test_plan__orders_that_are_not_triggered_at_the_new_price__are_left_out() -> None:
    orders = [PendingOrder(i, BTC_MARKET, 5, kind=LIMIT, trigger_price=price) for i, price in ((1, 9_999), (2, 10_000))]
    assert plan(view(orders=orders)).order_ids == (2,)


def test_plan__policies__are_switched_one_by_one() -> None:
    state = view(orders=[PendingOrder(1, BTC_MARKET, 5)], idle={BTC_MARKET: 4_000})
    assert plan(state, Policy(frozenset({"orders"}))) == Plan((), (), MAX_BUCKETS, (1,), 0)
    assert plan(state, Policy(frozenset({"cranks"}))) == Plan((), (BTC_MARKET, ETH_MARKET), MAX_BUCKETS, (), 0)
    assert plan(state, Policy(frozenset({"funding"}))).markets == (BTC_MARKET,)
    assert plan(state, Policy(frozenset({"prices"}))).feeds == 2


def test_plan__more_than_a_call_takes__the_most_urgent_first_and_the_rest_later() -> None:
    many = {Account.from_key(bytes([i]) * 32).address: bytes([i]) * 32 for i in range(1, 41)}
    reports = {feed: report(feed, 10_000, NOW) for feed in many.values()}
    prices = {feed: Price(10_000, NOW - 2) for feed in many.values()} | {bytes([40]) * 32: Price(10_000, NOW - 50)}
    made = plan(view(feed_of=many, reports=reports, prices=prices))
    assert made.feeds == 32 and made.observations[0].feed == bytes([40]) * 32
    assert len(made.markets) == 16 and not made.is_whole and has_more(made, IDLE)


@pytest.mark.parametrize("count", [17, 20, 32, 40])
@pytest.mark.parametrize("idle", [{}, {"all": 100}, {"all": 4_000}])
def test_plan__more_markets_than_a_call_takes__each_has_its_turn(count: int, idle: dict[str, int]) -> None:
    many = {Account.from_key(bytes([i]) * 32).address: bytes([i]) * 32 for i in range(1, count + 1)}
    prices = {feed: Price(10_000, NOW - 1) for feed in many.values()}
    seconds = {market: idle["all"] + i for i, market in enumerate(many)} if idle else {}
    policy = Policy(frozenset({"prices", "cranks", "orders"} | ({"funding"} if idle.get("all") == 100 else set())))
    states = [view(feed_of=many, reports={}, prices=prices, idle=seconds, turn=turn) for turn in range(count)]
    assert {market for state in states for market in plan(state, policy).markets} == set(many)
    first = [set(plan(state, policy).markets) for state in states[: -(-count // 16)]]
    assert set().union(*first) == set(many), "in as few rounds as it takes"


def test_plan__feed_that_no_market_has__is_no_reason_to_send() -> None:
    strange = b"\x0e" * 32
    state = view(reports={strange: report(strange, 5, NOW)})
    made = plan(state)
    assert made.observations == () and made.feeds == 0
    assert not judge(state, made, replace(IDLE, prices_updated=1), Policy()).is_worth_it
    wanted = replace(state, prices={**state.prices, strange: Price(0, 0)})
    assert plan(wanted).feeds == 1, "but for the currency of gas, whose price the view holds"


def test_own_orders__other_shards_only_when_they_are_silent() -> None:
    orders = [PendingOrder(1, BTC_MARKET, 5), PendingOrder(2, BTC_MARKET, 5), PendingOrder(3, BTC_MARKET, 5)]
    aged = [replace(orders[0], ready_since=NOW - 5), orders[1], replace(orders[2], ready_since=NOW - 4)]
    policy = Policy(shard_index=0, shard_count=2, shard_grace=5)
    assert [order.id for order in own_orders(orders, policy, NOW)] == [2]
    assert [order.id for order in own_orders(aged, policy, NOW)] == [1, 2]
    assert len(own_orders(orders, Policy(), NOW)) == 3


def test_lanes__disjoint_markets_with_their_prices_and_orders() -> None:
    orders = [PendingOrder(1, BTC_MARKET, 5), PendingOrder(2, ETH_MARKET, 5), PendingOrder(3, ETH_MARKET, 5)]
    first, second = lanes(view(orders=orders), Policy(), keys=5)
    assert first.markets == (ETH_MARKET,) and {item.feed for item in first.observations} == {ETH}
    assert (first.order_ids, second.order_ids) == ((2, 3), (1,))
    assert second.markets == (BTC_MARKET,) and {item.feed for item in second.observations} == {BTC}
    assert lanes(view(orders=orders), Policy(), keys=1) == [plan(view(orders=orders))]


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


def test_judge__idle_market__is_touched_for_its_funding() -> None:
    state = view(reports={}, idle={BTC_MARKET: 3_600})
    assert judge(state, plan(state), IDLE, Policy()).reason == "funding"
    early = view(reports={}, idle={BTC_MARKET: 3_599})
    assert not judge(early, plan(early), IDLE, Policy()).is_worth_it


def test_judge__idle_market_with_an_old_price__is_touched_only_with_a_new_one() -> None:
    old = {BTC: Price(10_000, NOW - 61), ETH: Price(10_000, NOW - 2)}
    state = view(reports={}, prices=old, idle={BTC_MARKET: 4_000}, max_age={BTC_MARKET: 60, ETH_MARKET: 60})
    assert not judge(state, plan(state), IDLE, Policy()).is_worth_it
    assert plan(state, Policy(frozenset({"funding"}))).markets == ()
    fresh = replace(state, reports={BTC: report(BTC, 10_000, NOW)})
    assert judge(fresh, plan(fresh), replace(IDLE, prices_updated=0), Policy()).reason == "funding"
    good = replace(state, prices={BTC: Price(10_000, NOW - 60)})
    assert judge(good, plan(good), IDLE, Policy()).reason == "funding"


def test_judge__profit_mode__only_what_pays_for_its_gas() -> None:
    gas_price = GasPrice(wei=10 * 10**9, currency_price=3_000 * 10**18, decimals=6)
    state = view(orders=[PendingOrder(1, BTC_MARKET, 5)], gas_price=gas_price)
    made = plan(state)
    cost = gas_price.cash(TYPICAL.of(made, 0, 1))
    assert cost == gas_price.cash(550_000) == 16_500_000  # 550,000 gas at 10 gwei and 3,000 USD
    filled = replace(IDLE, orders_filled=1)
    profit, eager = Policy(is_duty=False), Policy(is_duty=False, min_profit_bps=1_000)
    assert judge(state, made, replace(filled, reward=cost), profit).is_worth_it
    assert not judge(state, made, replace(filled, reward=cost - 1), profit).is_worth_it
    assert not judge(state, made, replace(filled, reward=cost), eager).is_worth_it
    assert judge(state, made, replace(filled, reward=cost * 11 // 10), eager).is_worth_it
    assert judge(state, made, filled, Policy()).is_worth_it


def test_judge__profit_mode__without_a_reward_or_a_price_of_gas__does_nothing() -> None:
    free = GasPrice(wei=0, currency_price=10**18, decimals=6)
    state = view(prices={}, gas_price=free)
    assert not judge(state, plan(state), IDLE, Policy(is_duty=False)).is_worth_it
    unknown = view(orders=[PendingOrder(1, BTC_MARKET, 5)])
    verdict = judge(unknown, plan(unknown), replace(IDLE, orders_filled=1, reward=9), Policy(is_duty=False))
    assert not verdict.is_worth_it and "no price of gas" in verdict.reason


@pytest.mark.parametrize(
    ("stored", "now", "is_off"),
    [(0, 0, False), (0, 5, True), (1_000, 1_049, False), (1_000, 1_050, True), (1_000, 950, True), (1_000, 0, False)],
)
def test_is_gas_price_off__beyond_the_bound_and_only_with_a_price(stored: int, now: int, is_off: bool) -> None:
    assert is_gas_price_off(stored, now, Policy(gas_price_bps=500)) == is_off


def test_with_orders__changes_nothing_else() -> None:
    full = Plan((), tuple(MARKETS), 256, (1, 2), 0)
    assert with_orders(full, [2]) == replace(full, order_ids=(2,))


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
    assert has_more(replace(full, is_whole=False), IDLE)
