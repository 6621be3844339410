"""Time and price."""

from __future__ import annotations

from tests.invariants.exchange import FEEDS, OWNER
from tests.invariants.world.base import Base


class Prices(Base):
    def do_wait(self, seconds: int) -> None:
        self.chain.now += seconds
        self.capital.now = self.chain.now

    def do_price(self, market: int, price: int, after: int) -> None:
        """`after` seconds pass, then there is a price."""
        self.do_wait(after)
        self.prices[market] = price
        self.exchange.source.set_price_of(FEEDS[market], price, self.now, sender=OWNER)
        self.models[market].offered = (price, self.now)

    def do_move(self, market: int, bps: int, after: int) -> None:
        """The price moves by `bps`; odd digits, so that nothing lies on a tick by chance of round figures."""
        odd = 1 + self.setup.price // 81_000_007
        lowest, highest = max(10**12, self.setup.price // 10_000), min(10**26, self.setup.price * 10_000)
        price = self.prices[market] * (10_000 + bps) // 10_000 + odd
        self.do_price(market, min(highest, max(lowest, price)), after)

    def refresh(self, market: int) -> None:
        """The same price a second later."""
        self.do_price(market, self.prices[market], 1)
