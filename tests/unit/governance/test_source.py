"""A market whose price source can be replaced: listed on the router, traded on, switched by a proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_utils import keccak

from plimsoll import accounts
from plimsoll.boa_chain import BoaChain
from plimsoll.deploy import WAD, Exchange, Listing, Plan, deploy
from plimsoll.governance import create_market, listing_proposal, source_announcement, source_proposal
from tests.unit.support import LIMIT, MARKET, deployer, publisher_keys, sign

DELAY, SOURCE_DELAY = 3_600, 7_200
DOGE = Listing("DOGE", "DOGE-USD", WAD // 5)
P = DOGE.price_wad
DEPLOYER, LP = (accounts.dev_account(index).address for index in (accounts.DEPLOYER, accounts.LP))


@dataclass
class Routed:
    """An exchange whose fourth market reads the router."""

    exchange: Exchange
    market: Any
    other: Any  # a second source
    trader: str

    def __getattr__(self, name: str) -> Any:
        return self.exchange.contracts[name]

    def report(self, price: int, after: int = 1) -> None:
        """The publishers' price, `after` seconds on."""
        boa.env.time_travel(seconds=after)
        at = boa.env.timestamp
        signed = [sign(key, self.PriceFeed.address, price, at, DOGE.feed) for key in publisher_keys(5)[:4]]
        assert self.PriceFeed.update(signed)

    def place(self, size: int, margin: int, kind: int = MARKET, trigger: int = 0, reduce_only: bool = False) -> int:
        trader = self.trader
        cash = margin + self.OrderBook.keeper_fee()
        self.CollateralToken.mint(trader, cash, sender=DEPLOYER)
        self.CollateralToken.approve(self.MarginPool.address, cash, sender=trader)
        self.MarginPool.deposit(cash, trader, sender=trader)
        order = (self.market.address, kind, size, margin, trigger, 0, reduce_only, boa.env.timestamp + 10**6)
        return int(self.OrderBook.place(order, sender=trader))

    def switch(self, source: Any) -> None:
        """Proposes, executes, and waits for the router; until its last second the publishers' price is fresh."""
        proposal = source_proposal(self.exchange.contracts, DOGE.feed, source.address)
        proposal.schedule(self.TimelockController, DELAY, sender=DEPLOYER)
        boa.env.time_travel(seconds=DELAY)
        proposal.execute(self.TimelockController, sender=LP)
        assert self.SourceRouter.announced(DOGE.feed) == (source.address, boa.env.timestamp + SOURCE_DELAY)
        self.report(P, after=SOURCE_DELAY - 1)
        self.market.crank(10, sender=LP)
        boa.env.time_travel(seconds=1)


@pytest.fixture(scope="module")
def routed() -> Routed:
    plan = Plan(
        timelock_delay=DELAY,
        source_delay=SOURCE_DELAY,
        vault_capital=1_000_000,
        publishers=[key.address for key in publisher_keys(5)],
    )
    exchange = deploy(BoaChain(), plan)
    contracts: dict[str, Any] = exchange.contracts
    market: Any = create_market(BoaChain(), plan, contracts, DOGE, contracts["SourceRouter"].address)
    first = source_announcement(contracts, DOGE.feed, contracts["PriceFeed"].address)
    proposal = listing_proposal(plan, contracts, market.address, first)
    proposal.schedule(contracts["TimelockController"], DELAY, sender=DEPLOYER)
    boa.env.time_travel(seconds=DELAY)
    proposal.execute(contracts["TimelockController"], sender=LP)
    return Routed(exchange, market, deployer("StubPriceSource").deploy(), boa.env.generate_address("trader"))


def test_listing__on_the_router__reads_the_feed_through_it(routed: Routed) -> None:
    assert routed.market.price_source() == routed.SourceRouter.address
    assert routed.SourceRouter.source(DOGE.feed) == routed.PriceFeed.address
    assert routed.SourceRouter.owner() == routed.TimelockController.address
    with boa.reverts("ownable: caller is not the owner"):
        routed.SourceRouter.announce_source(DOGE.feed, routed.other.address, sender=DEPLOYER)
    order = routed.place(1_000 * WAD, 50 * 10**6)
    with boa.reverts("wait: no price"):
        routed.OrderBook.execute(order)
    routed.report(P)
    assert routed.OrderBook.execute(order)
    assert routed.Lens.market(routed.market.address).index_price == P


def test_switch__position_and_orders_open__go_on_at_the_new_source(routed: Routed) -> None:
    opened = routed.place(1_000 * WAD, 50 * 10**6)
    routed.report(P)
    assert routed.OrderBook.execute(opened)
    waiting = [
        routed.place(-500 * WAD, 0, reduce_only=True),
        routed.place(500 * WAD, 50 * 10**6, LIMIT, P * 99 // 100),
    ]
    routed.switch(routed.other)
    # the old source counts no more, however new its price
    routed.report(P * 2)
    with boa.reverts("wait: no price"):
        routed.OrderBook.execute(waiting[0])
    routed.other.set_price(P * 98 // 100, boa.env.timestamp)
    for order in waiting:
        assert routed.OrderBook.execute(order), routed.OrderBook.get_logs()
    assert routed.market.state().index_price == P * 98 // 100
    assert abs(routed.market.position(routed.trader).units - 1_000 * WAD) < 10**6
    state = routed.market.state()
    assert state.cash == state.claimable + state.trader_equity


def test_switch__new_source_is_behind__the_market_keeps_its_price_and_triggers_wait(routed: Routed) -> None:
    opened = routed.place(1_000 * WAD, 50 * 10**6)
    routed.report(P)
    assert routed.OrderBook.execute(opened)
    routed.switch(routed.other)
    at = boa.env.timestamp - 1
    routed.other.set_price(P // 2, at - 10)
    routed.market.crank(10, sender=LP)
    assert (routed.market.state().index_price, routed.market.published_at()) == (P, at)
    limit = routed.place(500 * WAD, 50 * 10**6, LIMIT, P * 9 // 10)
    with boa.reverts("wait: "):
        routed.OrderBook.execute(limit)
    routed.other.set_price(P * 9 // 10, boa.env.timestamp + 1)
    boa.env.time_travel(seconds=1)
    assert routed.OrderBook.execute(limit)


def test_proposal__is_told_apart_by_feed_and_source(routed: Routed) -> None:
    contracts, timelock = routed.exchange.contracts, routed.TimelockController
    other = routed.other.address
    ids = {
        source_proposal(contracts, feed, source).id(timelock)
        for feed in (DOGE.feed, keccak(text="X-USD"))
        for source in (other, routed.PriceFeed.address)
    }
    assert len(ids) == 4
