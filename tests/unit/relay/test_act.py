from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.unit.support import (
    FEED,
    MARKET,
    OTHER_FEED,
    WAD,
    Observation,
    System,
    deployer,
    publisher_keys,
    sign,
)

PRICE = 100 * WAD


@dataclass
class Keeper:
    """A keeper at the relay, with a real price feed and two stand-in markets that read it."""

    system: System
    feed: Any
    relay: Any
    markets: list[Any]
    account: str
    trader: str

    def observations(self, feed: bytes = FEED, price: int = PRICE, count: int = 4) -> list[Observation]:
        now = boa.env.timestamp
        return [sign(key, self.feed.address, price, now, feed) for key in publisher_keys(5)[:count]]

    def place(self, **changes: int) -> int:
        order = {
            "market": self.markets[0].address,
            "kind": MARKET,
            "size_delta": WAD,
            "margin": 10,
            "trigger_price": 0,
            "acceptable_price": 0,
            "reduce_only": False,
            "expires_at": boa.env.timestamp + 100,
        } | changes
        return int(self.system.as_(self.trader, self.system.order_book.place, tuple(order.values())))

    def act(
        self,
        observations: list[Observation] = [],  # noqa: B006
        markets: list[Any] = [],  # noqa: B006
        buckets: int = 10,
        orders: list[int] = [],  # noqa: B006
        **more: int,
    ) -> Any:
        addresses = [getattr(market, "address", market) for market in markets]
        with boa.env.prank(self.account):
            return self.relay.act(observations, addresses, buckets, orders, **more)

    @property
    def balance(self) -> int:
        return int(self.system.pool.balance_of(self.account))

    def check_holds_nothing(self) -> None:
        assert self.system.pool.balance_of(self.relay.address) == 0
        assert self.system.token.balanceOf(self.relay.address) == 0


@pytest.fixture
def keeper(system: System) -> Keeper:
    feed = deployer("PriceFeed").deploy([key.address for key in publisher_keys(5)], 4, 60, 100)
    relay = deployer("Relay").deploy(feed.address, system.order_book.address, system.pool.address)
    markets = [deployer("StubMarket").deploy(system.pool.address, feed.address, each) for each in (FEED, OTHER_FEED)]
    with boa.env.prank(system.owner):
        for engine in (relay, *markets):
            system.pool.set_engine(engine.address, True)
        for market in markets:
            system.pool.set_mandate(market.address, 0)
            system.order_book.set_market(market.address, True)
    for market in markets:
        system.engine_cash(market, 1_000)
    return Keeper(system, feed, relay, markets, system.account("keeper"), system.cash("trader", 100 * system.unit))


def test_act__everything_in_one_call(keeper: Keeper) -> None:
    system = keeper.system
    first, second = keeper.place(), keeper.place(market=keeper.markets[1].address)
    keeper.markets[0].set_crank(3, 40)
    keeper.markets[1].set_crank(99, 2)
    boa.env.time_travel(seconds=1)
    observations = keeper.observations() + keeper.observations(OTHER_FEED, 7 * WAD, 5)

    results = keeper.act(observations, keeper.markets, 10, [first, second])

    reward = 42 + 2 * system.order_book.keeper_fee()
    assert tuple(results) == (2, [3, 10], 2, 0, 0, reward)
    assert keeper.balance == reward
    assert keeper.feed.price(FEED) == (PRICE, boa.env.timestamp)
    assert keeper.feed.price(OTHER_FEED) == (7 * WAD, boa.env.timestamp)
    keeper.check_holds_nothing()


def test_act__nothing__does_nothing(keeper: Keeper) -> None:
    assert tuple(keeper.act()) == (0, [], 0, 0, 0, 0)


def test_act__bad_report__the_other_feed_still_moves(keeper: Keeper) -> None:
    observations = keeper.observations(FEED, count=3) + keeper.observations(OTHER_FEED)
    assert keeper.act(observations).prices_updated == 1
    assert keeper.feed.price(OTHER_FEED)[0] == PRICE


def test_act__replayed_report__counts_as_not_updated(keeper: Keeper) -> None:
    observations = keeper.observations()
    assert keeper.act(observations).prices_updated == 1
    assert keeper.act(observations).prices_updated == 0


def test_act__more_than_sixteen_of_one_feed__are_cut_into_groups(keeper: Keeper) -> None:
    # sixteen with repeated signers, which the feed refuses, then four good ones
    assert keeper.act(keeper.observations() * 5).prices_updated == 1


def test_act__most_observations__fit(keeper: Keeper) -> None:
    feeds = [index.to_bytes(32, "big") for index in range(1, 9)]
    publishers = publisher_keys(16)
    feed = deployer("PriceFeed").deploy([key.address for key in publishers], 11, 60, 100)
    relay = deployer("Relay").deploy(feed.address, keeper.system.order_book.address, keeper.system.pool.address)
    now = boa.env.timestamp
    observations = [sign(key, feed.address, PRICE, now, each) for each in feeds for key in publishers]
    assert len(observations) == 128
    assert relay.act(observations, [], 0, []).prices_updated == 8


@pytest.mark.parametrize("failure", ["will_revert", "will_revert_silently", "will_revert_with", "will_burn_gas"])
def test_act__a_market_fails__the_others_are_cranked(keeper: Keeper, failure: str) -> None:
    bad, good = keeper.markets
    args = {"will_revert": ("no",), "will_revert_with": (b"\x01" * 200,)}.get(failure, ())
    getattr(bad, failure)(*args)
    good.set_crank(4, 9)
    order = keeper.place(market=good.address)
    boa.env.time_travel(seconds=1)
    gas = 3_000_000
    results = keeper.act(keeper.observations(OTHER_FEED), [good, bad], 10, [order], gas=gas)
    assert results.buckets == [4, 0]
    assert results.reward >= 9
    if failure != "will_burn_gas":
        assert results.orders_filled == 1
    keeper.check_holds_nothing()


def test_act__a_step_burns_all_gas__what_was_done_stays_done(keeper: Keeper) -> None:
    good, bad = keeper.markets
    good.set_crank(4, 9)
    bad.will_burn_gas()
    order = keeper.place()
    boa.env.time_travel(seconds=1)
    results = keeper.act(keeper.observations(), [good, bad], 10, [order], gas=1_500_000)
    assert results.prices_updated == 1
    assert results.buckets == [4, 0]
    assert results.orders_waiting == 1, "no gas was left for it: it stays in place"
    assert keeper.system.order_book.order_state(order).owner == keeper.trader
    assert keeper.balance == 9


@pytest.mark.parametrize("target", ["no code", "token", "relay", "order book", "pool"])
def test_act__market_that_is_none__does_no_harm(keeper: Keeper, target: str) -> None:
    system = keeper.system
    address = {
        "no code": system.account("nobody"),
        "token": system.token.address,
        "relay": keeper.relay.address,
        "order book": system.order_book.address,
        "pool": system.pool.address,
    }[target]
    keeper.markets[0].set_crank(4, 9)
    results = keeper.act(markets=[address, keeper.markets[0]])
    assert results.buckets == [0, 4]
    assert keeper.balance == 9


def test_act__orders__filled_failed_waiting_and_unknown(keeper: Keeper) -> None:
    system = keeper.system
    keeper.act(keeper.observations(OTHER_FEED))
    good = keeper.place()
    expired = keeper.place(expires_at=boa.env.timestamp + 1)
    waiting = keeper.place(market=keeper.markets[1].address)
    boa.env.time_travel(seconds=2)
    results = keeper.act(keeper.observations(), [], 0, [expired, 77, waiting, good])
    assert (results.orders_filled, results.orders_failed, results.orders_waiting) == (1, 1, 2)
    assert results.reward == keeper.balance == system.order_book.keeper_fee()
    assert system.order_book.order_state(waiting).owner == keeper.trader


def test_act__someone_elses_reward__is_out_of_reach(keeper: Keeper) -> None:
    """What the relay passes on is what this call earned; a second caller gets nothing of it."""
    keeper.markets[0].set_crank(1, 9)
    keeper.act(markets=[keeper.markets[0]])
    thief = keeper.system.account("thief")
    with boa.env.prank(thief):
        assert keeper.relay.act([], [], 0, []).reward == 0
    assert keeper.system.pool.balance_of(thief) == 0
