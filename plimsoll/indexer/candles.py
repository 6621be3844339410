"""Candles from prices: first, highest, lowest and last price of each interval in which there was one. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from plimsoll.indexer.schema import INTERVALS

Key = tuple[str, int, int]
"""Market, seconds of the interval, Unix second at which it starts."""


@dataclass
class Bar:
    """One candle; prices in WAD."""

    open: int
    high: int
    low: int
    close: int
    prices: int = 1

    def take(self, price: int) -> None:
        """A later price of the same interval."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.prices += 1


def extend(bars: dict[Key, Bar], prices: Iterable[tuple[str, int, int]]) -> None:
    """Adds prices (market, published at, price), given in the order of their times."""
    for market, published_at, price in prices:
        for seconds in INTERVALS.values():
            key = market, seconds, published_at // seconds * seconds
            bar = bars.get(key)
            if bar is None:
                bars[key] = Bar(price, price, price, price)
            else:
                bar.take(price)
