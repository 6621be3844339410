"""What the attackers in these tests do again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa

from tests.system import WAD, World, build_world, scaled
from tests.unit import support
from tests.unit.support import FEED, Observation, publisher_keys, sign

USD = 10**6


def add_margin(world: World, name: str, amount: int, market: int = 0) -> None:
    with boa.env.prank(world.account(name)):
        world.order_book.add_margin(world.markets[market].address, amount)


def remove_margin(world: World, name: str, amount: int, market: int = 0) -> None:
    with boa.env.prank(world.account(name)):
        world.order_book.remove_margin(world.markets[market].address, amount)


def set_params(world: World, market: int = 0, **changes: int) -> None:
    params = world.markets[market].params()._replace(**changes)
    with boa.env.prank(world.owner):
        world.markets[market].set_params(params)


def equity(world: World, name: str) -> int:
    return int(world.lens.position(world.market.address, world.account(name)).equity)


def wealth(world: World, name: str) -> int:
    """Free balance and what the position is worth or owed."""
    return world.free(name) + equity(world, name) + world.position(name).cash_owed


def quote_error(world: World, name: str, size: int, margin: int) -> str:
    return str(world.lens.quote(world.market.address, world.account(name), size, margin).error)


def refused(world: World, name: str, size: int, margin: int = 0, reduce_only: bool = False) -> str:
    """Trades and returns why it failed for good; fails if it did not."""
    assert not world.trade(name, size, margin, reduce_only=reduce_only), "it was filled"
    return world.failure()


@dataclass
class Desk:
    """A world whose market reads a real price feed, and the relay that keepers use."""

    world: World
    feed: Any
    relay: Any

    def report(self, price: int, age: int = 0, feed: bytes = FEED, count: int = 4) -> list[Observation]:
        at = boa.env.timestamp - age
        return [sign(key, self.feed.address, price, at, feed) for key in publisher_keys(5)[:count]]

    def act(self, observations: Any = (), markets: Any = (), buckets: int = 10, orders: Any = (), **more: int) -> Any:
        with boa.env.prank(self.world.keeper):
            return self.relay.act(list(observations), [*markets], buckets, [*orders], **more)


def list_market(world: World, source: Any) -> Any:
    """One more market of the world, which reads `source`."""
    deploy = support.deployer
    wiring = (
        world.pool.address,
        world.vault.address,
        world.insurance.address,
        world.order_book.address,
        world.treasury,
        source.address,
        FEED,
    )
    trading = deploy("TradingEngine").deploy(wiring)
    risk = deploy("RiskEngine").deploy(wiring)
    market = deploy("Market").deploy(wiring, trading.address, risk.address, world.owner, scaled(6))
    with boa.env.prank(world.owner):
        world.pool.set_engine(market.address, True)
        world.pool.set_mandate(market.address, 5_000_000 * USD)
        for owner in (world.order_book, world.insurance, world.vault):
            owner.set_market(market.address, True)
    world.markets.append(market)
    return market


def build_desk() -> Desk:
    """The last market of the world is the one that reads the feed."""
    world = build_world()
    deploy = support.deployer
    feed = deploy("PriceFeed").deploy([key.address for key in publisher_keys(5)], 4, 60, 100)
    relay = deploy("Relay").deploy(feed.address, world.order_book.address, world.pool.address)
    desk = Desk(world, feed, relay)
    feed.update(desk.report(100 * WAD))
    with boa.env.prank(world.owner):
        world.pool.set_engine(relay.address, True)
    list_market(world, feed)
    return desk
