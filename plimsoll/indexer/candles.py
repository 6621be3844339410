"""Candles from prices: first, highest, lowest and last price of each interval in which there was one.

They are the only rows that are rewritten: extended by a new price, rebuilt from `prices` when prices are undone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from plimsoll.indexer.schema import INTERVALS, Candle, Price, insert_rows

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
    """Adds prices (market, published at, price), given in the order of their times. Pure."""
    for market, published_at, price in prices:
        for seconds in INTERVALS.values():
            key = market, seconds, published_at // seconds * seconds
            bar = bars.get(key)
            if bar is None:
                bars[key] = Bar(price, price, price, price)
            else:
                bar.take(price)


def write(session: Session, prices: Sequence[dict[str, Any]]) -> None:
    """Adds new rows of `prices`."""
    first: dict[str, int] = {}
    for row in prices:
        first.setdefault(row["market"], row["published_at"])
    held: dict[Key, Candle] = {}
    for market, moment in first.items():
        # Only the first new price can fall into candles that are there
        for seconds in INTERVALS.values():
            key = market, seconds, moment // seconds * seconds
            found = session.get(Candle, key)
            if found is not None:
                held[key] = found
    bars = {key: Bar(row.open, row.high, row.low, row.close, row.prices) for key, row in held.items()}
    extend(bars, ((row["market"], row["published_at"], row["price"]) for row in prices))
    for key, row in held.items():
        bar = bars.pop(key)
        row.high, row.low, row.close, row.prices = bar.high, bar.low, bar.close, bar.prices
    session.flush()
    insert_rows(session, Candle, [_row(key, bar) for key, bar in bars.items()])


def first_gone(session: Session, after: int) -> dict[str, int]:
    """When the first price of each market was published that goes with the places from `after` on."""
    query = select(Price.market, func.min(Price.published_at)).where(Price.seq >= after).group_by(Price.market)
    return dict(session.execute(query).all())


def rebuild(session: Session, since: dict[str, int]) -> None:
    """Makes the candles anew that hold prices from these moments on, out of the prices that are left."""
    longest = max(INTERVALS.values())
    for market, moment in since.items():
        for seconds in INTERVALS.values():
            stale = Candle.start >= moment // seconds * seconds
            session.execute(delete(Candle).where(Candle.market == market, Candle.interval == seconds, stale))
        query = select(Price.published_at, Price.price).where(Price.market == market)
        query = query.where(Price.published_at >= moment // longest * longest).order_by(Price.published_at)
        bars: dict[Key, Bar] = {}
        extend(bars, ((market, published_at, price) for published_at, price in session.execute(query)))
        fresh = [_row(key, bar) for key, bar in bars.items() if key[2] >= moment // key[1] * key[1]]
        insert_rows(session, Candle, fresh)


def _row(key: Key, bar: Bar) -> dict[str, Any]:
    return {"market": key[0], "interval": key[1], "start": key[2], **vars(bar)}
