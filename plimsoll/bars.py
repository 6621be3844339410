"""Price bars: a strict CSV reader, the choice of rows, and the way from bars to a price path.

A file has the header `ts,open,high,low,close` with an optional `volume`; `ts` is the start of the bar in Unix seconds.
Prices become integers in WAD (1e18) at once, nothing is ever a float.
"""

import csv
import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from plimsoll.errors import PlimsollError

WAD = 10**18
HEADER = ["ts", "open", "high", "low", "close"]
STEPS_PER_LEG = 4
MAX_PRICE = 10**12 * WAD
"""Far above any price; keeps a typing error out of the fixed-point range of the contracts."""


@dataclass(frozen=True)
class Bar:
    """One bar: start in Unix seconds, prices in WAD."""

    ts: int
    open: int
    high: int
    low: int
    close: int


def read_bars(path: Path) -> list[Bar]:
    """Every bar of a CSV file, in order.

    Raises PlimsollError, one line with the line number: no such file, wrong header, malformed row, a price that is not
    positive, high and low that contradict each other or the close, rows out of order, no rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PlimsollError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise PlimsollError(f"{path}: is a folder, not a CSV file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlimsollError(f"{path}: cannot be read as text ({type(error).__name__})") from None
    lines = text.splitlines()
    if not lines:
        raise PlimsollError(f"{path}: the file is empty")
    width = _check_header(path, lines[0])
    bars: list[Bar] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        bar = parse_row(line, width, f"{path}: line {number}")
        if bars and bar.ts <= bars[-1].ts:
            raise PlimsollError(f"{path}: line {number}: out of order, ts {bar.ts} comes after {bars[-1].ts}")
        bars.append(bar)
    if not bars:
        raise PlimsollError(f"{path}: the file has a header but no rows")
    return bars


def _check_header(path: Path, line: str) -> int:
    columns = [column.strip().lower() for column in line.split(",")]
    if columns not in (HEADER, [*HEADER, "volume"]):
        raise PlimsollError(f"{path}: line 1: the header must be {','.join(HEADER)}[,volume]")
    return len(columns)


def parse_row(line: str, width: int, where: str) -> Bar:
    """The bar of one CSV line with `width` columns; `where` begins every error message.

    Some exchanges open a bar at the close of the one before, so the open may lie outside [low, high]; high, low and
    close must agree.
    """
    try:
        fields = next(csv.reader([line], strict=True))
    except csv.Error:
        raise PlimsollError(f"{where}: malformed row") from None
    if len(fields) != width:
        raise PlimsollError(f"{where}: malformed row, {len(fields)} columns instead of {width}")
    try:
        ts = int(fields[0])
    except ValueError:
        raise PlimsollError(f"{where}: malformed row, ts is not a whole number: {fields[0][:20]!r}") from None
    open_, high, low, close = (
        _parse_price(field, name, where) for field, name in zip(fields[1:5], HEADER[1:], strict=True)
    )
    if ts <= 0:
        raise PlimsollError(f"{where}: malformed row, ts must be positive")
    if width == 6 and fields[5].strip():
        _parse_number(fields[5], "volume", where)
    if high < low:
        raise PlimsollError(f"{where}: high is below low")
    if not low <= close <= high:
        raise PlimsollError(f"{where}: close is not between low and high")
    return Bar(ts, open_, high, low, close)


def _parse_number(field: str, name: str, where: str) -> Decimal:
    try:
        number = Decimal(field.strip())
    except InvalidOperation:
        raise PlimsollError(f"{where}: malformed row, {name} is not a number: {field[:20]!r}") from None
    if not number.is_finite():
        raise PlimsollError(f"{where}: malformed row, {name} is not a number: {field[:20]!r}")
    return number


def _parse_price(field: str, name: str, where: str) -> int:
    number = _parse_number(field, name, where)
    if number <= 0:
        raise PlimsollError(f"{where}: {name} is not positive: {field[:20]!r}")
    if number > MAX_PRICE // WAD:
        raise PlimsollError(f"{where}: {name} is out of range: {field[:20]!r}")
    price = int(number * WAD)
    if price == 0:
        raise PlimsollError(f"{where}: {name} is not positive: {field[:20]!r}")
    return price


def select_bars(bars: Sequence[Bar], selection: str | None) -> list[Bar]:
    """The rows `first:end` of `bars`: counted from 0, without the end; either side may be left out.

    Raises PlimsollError when `selection` is malformed, names rows outside, or fewer than two rows.
    """
    if not selection:
        first, end = 0, len(bars)
    else:
        first_text, colon, end_text = selection.partition(":")
        numbers_ok = all(not part or (part.isascii() and part.isdigit()) for part in (first_text, end_text))
        if not colon or not numbers_ok:
            raise PlimsollError(f"BARS={selection}: must be first:end, for example 700:1100")
        first = int(first_text) if first_text else 0
        end = int(end_text) if end_text else len(bars)
        if end > len(bars) or first >= end:
            raise PlimsollError(f"BARS={selection}: outside, the data has rows 0:{len(bars)}")
    if end - first < 2:
        raise PlimsollError("BARS: a replay needs at least two rows")
    return list(bars[first:end])


def corners(bar: Bar) -> tuple[int, int, int, int]:
    """The order in which a bar most plausibly met its prices: a rising bar dipped first, a falling one spiked first."""
    if bar.close >= bar.open:
        return bar.open, bar.low, bar.high, bar.close
    return bar.open, bar.high, bar.low, bar.close


@dataclass(frozen=True)
class PricePath:
    """A price as a step function of market time: `prices[i]` (WAD) holds from `times[i]` (Unix milliseconds) on."""

    times: tuple[int, ...]
    prices: tuple[int, ...]

    def at(self, time_ms: int) -> int:
        """The price at `time_ms`; the first price before the start, the last one after the end."""
        return self.prices[max(0, bisect_right(self.times, time_ms) - 1)]

    @property
    def start_ms(self) -> int:
        return self.times[0]

    @property
    def end_ms(self) -> int:
        return self.times[-1]

    def scaled(self, first_price: int, share_bps: int) -> "PricePath":
        """A path from `first_price` that follows this one with `share_bps` of its relative moves."""
        base = self.prices[0]
        moved = (first_price + first_price * (price - base) * share_bps // (base * 10_000) for price in self.prices)
        return PricePath(self.times, tuple(max(1, price) for price in moved))


def bar_seconds(bars: Sequence[Bar]) -> int:
    """The usual distance between two bars: the median, in seconds."""
    distances = sorted(later.ts - earlier.ts for earlier, later in itertools.pairwise(bars))
    return distances[len(distances) // 2] if distances else 60


def path_of_bars(bars: Sequence[Bar], steps_per_leg: int = STEPS_PER_LEG) -> PricePath:
    """Three legs a bar (open, one extreme, the other, close), each in `steps_per_leg` equal steps.

    Between the close of a bar and the open of the next lies no step: a gap stays a gap.
    """
    length_ms = bar_seconds(bars) * 1000
    times: list[int] = []
    prices: list[int] = []
    for bar in bars:
        steps = list(_steps(corners(bar), steps_per_leg))
        for index, price in enumerate(steps):
            times.append(bar.ts * 1000 + length_ms * index // len(steps))
            prices.append(price)
    return PricePath(tuple(times), tuple(prices))


def _steps(points: Iterable[int], steps_per_leg: int) -> Iterable[int]:
    iterator = iter(points)
    here = next(iterator)
    yield here
    for there in iterator:
        for step in range(1, steps_per_leg + 1):
            yield here + (there - here) * step // steps_per_leg
        here = there
