"""What a keeper asks the chain about prices, markets and gas."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from eth_typing import ChecksumAddress

from plimsoll import oracle
from plimsoll.chain import Chain
from plimsoll.keeper import core
from plimsoll.keeper.orders import PendingOrder
from plimsoll.observation import Observation


class Reader:
    """Reads of one deployment."""

    def __init__(self, chain: Chain, gas_feed: bytes) -> None:
        self.chain = chain
        self.gas_feed = gas_feed
        self.feed_of = {market.address: bytes.fromhex(market.feed[2:]) for market in chain.deployment.markets.values()}
        self.rules: oracle.Rules | None = None
        self.max_age = {
            market.address: market.params["max_age"]
            for market in chain.deployment.markets.values()
            if "max_age" in market.params
        }
        self.idle: dict[ChecksumAddress, int] = {}
        self._touched_at: dict[ChecksumAddress, int] = {}

    @property
    def quorum(self) -> int:
        """How many publishers make a report; 1 as long as that is not known."""
        return self.rules.quorum if self.rules else 1

    async def read_rules(self) -> None:
        """What the price feed asks of a report."""
        self.rules = await read_rules(self.chain)

    async def read_idle(self) -> None:
        """How long ago the funding of each market with positions was settled, or a call meant to."""
        now = int(time.time())
        states = await asyncio.gather(*(self._state(market) for market in self.feed_of))
        self.idle = {
            market: now - max(state.funded_at, self._touched_at.get(market, 0))
            for market, state in zip(self.feed_of, states, strict=True)
            if (state.units_long or state.units_short) and not state.is_settling
        }

    def note_touched(self, markets: Sequence[ChecksumAddress]) -> None:
        """That a call just tried these markets: what it did not settle, the next one would not either."""
        self._touched_at |= dict.fromkeys(markets, int(time.time()))
        self.idle = {market: seconds for market, seconds in self.idle.items() if market not in markets}

    async def _state(self, market: ChecksumAddress) -> Any:
        return await self.chain.at("Market", market).functions.state().call()

    async def view(
        self, found: Sequence[Observation], orders: Sequence[PendingOrder], turn: int = 0, tip: int | None = None
    ) -> core.View:
        """What round `turn` decides from; with `tip`, wei per gas, it knows what gas costs."""
        assert self.rules is not None
        feeds = list(dict.fromkeys([*self.feed_of.values(), self.gas_feed]))
        prices = await asyncio.gather(*(self.chain.price(feed) for feed in feeds))
        now = int(time.time())
        return core.View(
            self.feed_of,
            {feed: core.Price(*price) for feed, price in zip(feeds, prices, strict=True)},
            oracle.choose(found, self.rules, now),
            orders,
            now,
            self.idle,
            None if tip is None else await self._gas_price(tip),
            self.max_age,
            turn,
        )

    async def is_gas_price_off(self, policy: core.Policy) -> bool:
        """Whether keeper fees follow a price of gas money that is not that of its source any more."""
        stored, source, feed = await self.chain.plain("OrderBook").functions.gas_price().call()
        if int(source, 16) == 0:
            return False
        price, _ = await self.chain.price(feed, source)
        return core.is_gas_price_off(stored, price, policy)

    async def _gas_price(self, tip: int) -> core.GasPrice | None:
        price, _ = await self.chain.price(self.gas_feed)
        wei = await self.chain.base_fee() + tip
        return core.GasPrice(wei, price, self.chain.deployment.collateral.decimals) if price else None


async def read_rules(chain: Chain) -> oracle.Rules:
    """What `PriceFeed` asks of a report."""
    feed = chain.contract("PriceFeed").functions
    publishers, quorum, max_age, spread = await asyncio.gather(
        feed.publishers().call(), feed.quorum().call(), feed.max_age().call(), feed.max_spread_bps().call()
    )
    return oracle.Rules(frozenset(publishers), quorum, spread, max_age)
