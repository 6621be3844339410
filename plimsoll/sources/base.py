"""The interface of a source, and the guard that keeps a price from being signed that is most likely wrong."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from plimsoll.errors import PlimsollError

BPS = 10_000


class NoPriceError(PlimsollError):
    """A source has no price to sign for a feed at this second."""


class Source(Protocol):
    """Prices of feeds."""

    def price(self, feed: str, second: int) -> int:
        """WAD per base unit at a Unix second. NoPriceError if it has none."""
        ...

    async def run(self) -> None:
        """Whatever it takes to know prices, until cancelled."""
        ...


class Computed:
    """A source that works its prices out when it is asked."""

    def __init__(self, function: Callable[[str, int], int]) -> None:
        self.price = function

    async def run(self) -> None:
        """Nothing to do."""
        await asyncio.Event().wait()


@dataclass
class Guard:
    """Refuses prices that jump. Pure.

    A price more than `max_jump_bps` away from the median of the last `memory` accepted ones is refused. The way back:
    when prices have agreed among themselves, within the same bound, for `way_back` seconds, the market did move, and
    they are accepted.
    """

    max_jump_bps: int = 2_000
    memory: int = 30
    way_back: int = 10
    accepted: dict[str, deque[int]] = field(default_factory=dict)
    doubted: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def accepts(self, feed: str, second: int, price: int) -> bool:
        """Whether to sign `price`; remembers it."""
        known = self.accepted.setdefault(feed, deque(maxlen=self.memory))
        if not known or self._is_near(price, median(known)):
            self.doubted.pop(feed, None)
            known.append(price)
            return True
        doubted = self.doubted.setdefault(feed, [])
        if doubted and not self._is_near(price, median([item for _, item in doubted])):
            doubted.clear()
        doubted.append((second, price))
        if second - doubted[0][0] < self.way_back:
            return False
        known.clear()
        known.append(price)
        del self.doubted[feed]
        return True

    def _is_near(self, price: int, other: int) -> bool:
        return abs(price - other) * BPS <= self.max_jump_bps * other


class Combined:
    """Several exchanges as one source: the median of those that have a fresh quote and agree, checked by a guard."""

    def __init__(self, sources: Mapping[str, Source], guard: Guard, max_spread_bps: int = 200) -> None:
        self.sources = sources
        self.guard = guard
        self.max_spread_bps = max_spread_bps
        self.refused: dict[str, str] = {}
        """Why a feed has no price, by feed."""

    def price(self, feed: str, second: int) -> int:
        """The median; a quote farther from it than `max_spread_bps` does not count, nor do two that disagree."""
        quotes = []
        for source in self.sources.values():
            try:
                quotes.append(source.price(feed, second))
            except NoPriceError:
                continue
        chosen = agreeing(quotes, self.max_spread_bps)
        if not chosen:
            raise self._refuse(feed, f"{len(quotes)} of {len(self.sources)} exchanges quote, and do not agree")
        price = median(chosen)
        if not self.guard.accepts(feed, second, price):
            raise self._refuse(feed, "it jumped")
        self.refused.pop(feed, None)
        return price

    def _refuse(self, feed: str, reason: str) -> NoPriceError:
        self.refused[feed] = reason
        return NoPriceError(f"{feed}: {reason}")

    async def run(self) -> None:
        """Runs all of them."""
        async with asyncio.TaskGroup() as group:
            for source in self.sources.values():
                group.create_task(source.run())


def median(prices: Sequence[int] | deque[int]) -> int:
    """Of an even number the mean of the middle two, rounded down."""
    ordered = sorted(prices)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def agreeing(quotes: Sequence[int], max_spread_bps: int) -> list[int]:
    """The quotes near their median, if they are more than half of all; a lone quote agrees with itself."""
    if not quotes:
        return []
    middle = median(quotes)
    near = [quote for quote in quotes if abs(quote - middle) * BPS <= max_spread_bps * middle]
    return near if len(near) * 2 > len(quotes) else []
