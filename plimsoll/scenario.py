"""The bundled scenario: 10 October 2025, 20:30 to 22:10 UTC, RECONSTRUCTED for BTC, ETH and SOL.

These are not recorded prices. One-minute bars are generated from a seed and pinned to what was published: BTC 122,550
before the fall and 102,000 at 21:20 UTC, ETH 4,393.63 down to 3,435. Everything else is assumed: the SOL figures, the
minute the fall began, its shape, the recovery.

How a series is drawn, in log prices:

1. *Skeleton.* Drift from the first price (20:30) to 0.5 % below it (20:50), the fall to the low (21:20), recovery to
   the given prices at 21:50 and 22:10, straight lines between.
2. *The fall.* Common to all three assets, so that they crash together: `GAPS` minutes of 20:52 to 21:20 carry a gap
   between two bars, the last one at 21:20. Gaps make up `GAP_SHARE` of the fall, sizes in proportion to 0.4 plus an
   exponential draw. The rest falls continuously, its pace growing linearly to three times what it was at 20:50.
3. *Noise.* A Brownian bridge between the skeleton's points (so the pins hold), 0.03 % a minute outside the fall and
   0.18 % in it, times the asset's factor; seven tenths of its variance are common to all assets.
4. *Wicks.* High and low reach beyond open and close by an exponential draw of half the noise of that minute, but
   never below the published low.
"""

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from plimsoll.bars import WAD, Bar

NAME = "reconstructed: 10 October 2025"
NOTE = "reconstructed from a seed: pinned to published prices of BTC and ETH, SOL and everything between assumed"
START = 1760128200
"""2025-10-10 20:30:00 UTC."""
MINUTES = 100
FALL_BEGINS = 20
LOW_AT = 50
"""21:20 UTC, in minutes after the start."""
RECOVERED_AT = 80
GAPS = 5
GAP_SHARE = 0.55
COMMON_VARIANCE = 0.7
CALM_NOISE = 0.0003
FALL_NOISE = 0.0018
DEFAULT_SEED = 20251010


@dataclass(frozen=True)
class Waypoints:
    """Pinned prices of one asset, in USD; `noise` is its volatility relative to BTC."""

    first: Decimal
    low: Decimal
    recovered: Decimal
    last: Decimal
    noise: float
    is_assumed: bool


WAYPOINTS = {
    "BTC": Waypoints(Decimal("122550"), Decimal("102000"), Decimal("111800"), Decimal("113000"), 1.0, False),
    "ETH": Waypoints(Decimal("4393.63"), Decimal("3435"), Decimal("3795"), Decimal("3840"), 1.4, False),
    "SOL": Waypoints(Decimal("221.50"), Decimal("168.00"), Decimal("187.00"), Decimal("189.50"), 1.8, True),
}


@dataclass(frozen=True)
class Fall:
    """The common shape of the fall: the part of it done when each of its minutes opens, and the gap just before
    that."""

    done: dict[int, float]
    gap: dict[int, float]


def draw_fall(rng: Random) -> Fall:
    """Parts of one: `done` runs from 0 at FALL_BEGINS to 1 at LOW_AT, `gap` names the parts that come as gaps."""
    minutes = [*sorted(rng.sample(range(FALL_BEGINS + 2, LOW_AT), GAPS - 1)), LOW_AT]
    sizes = [0.4 + rng.expovariate(1.0) for _ in minutes]
    gap = {minute: GAP_SHARE * size / sum(sizes) for minute, size in zip(minutes, sizes, strict=True)}
    length = LOW_AT - FALL_BEGINS
    pace = [1 + 2 * (step + 0.5) / length for step in range(length)]
    done = {FALL_BEGINS: 0.0}
    for step, minute in enumerate(range(FALL_BEGINS + 1, LOW_AT + 1)):
        done[minute] = done[minute - 1] + (1 - GAP_SHARE) * pace[step] / sum(pace) + gap.get(minute, 0.0)
    done[LOW_AT] = 1.0
    return Fall(done, gap)


def bridge(rng: Random, knots: list[int], sigma: list[float]) -> list[float]:
    """A Brownian path over minutes 0..MINUTES with step deviations `sigma`, tied to zero at every knot."""
    free = [0.0]
    for minute in range(MINUTES):
        free.append(free[-1] + rng.gauss(0.0, sigma[minute]))
    tied = list(free)
    for begin, end in itertools.pairwise(knots):
        for minute in range(begin, end + 1):
            part = (minute - begin) / (end - begin)
            tied[minute] = free[minute] - free[begin] - part * (free[end] - free[begin])
    return tied


def skeleton(points: Waypoints, fall: Fall) -> list[float]:
    """Log prices at the open of minutes 0..MINUTES without noise."""
    first, low = math.log(points.first), math.log(points.low)
    eve = first - 0.005
    knots = [(0, first), (FALL_BEGINS, eve)]
    logs = _lines(knots)
    logs += [eve + (low - eve) * fall.done[minute] for minute in range(FALL_BEGINS + 1, LOW_AT + 1)]
    recovery = [(LOW_AT, low), (RECOVERED_AT, math.log(points.recovered)), (MINUTES, math.log(points.last))]
    return logs + _lines(recovery)[1:]


def _lines(knots: list[tuple[int, float]]) -> list[float]:
    values = [knots[0][1]]
    for (begin, from_), (end, to) in itertools.pairwise(knots):
        values += [from_ + (to - from_) * step / (end - begin) for step in range(1, end - begin + 1)]
    return values


def reconstruct(seed: int = DEFAULT_SEED) -> dict[str, list[Bar]]:
    """One-minute bars of each asset, the same for the same seed."""
    fall = draw_fall(Random(f"{seed}:fall"))
    knots = [0, FALL_BEGINS, LOW_AT, RECOVERED_AT, MINUTES]
    sigma = [FALL_NOISE if FALL_BEGINS <= minute < LOW_AT + 5 else CALM_NOISE for minute in range(MINUTES)]
    common = bridge(Random(f"{seed}:common"), knots, sigma)
    series = {}
    for asset, points in WAYPOINTS.items():
        rng = Random(f"{seed}:{asset}")
        own = bridge(rng, knots, sigma)
        logs = [
            base + points.noise * (math.sqrt(COMMON_VARIANCE) * shared + math.sqrt(1 - COMMON_VARIANCE) * alone)
            for base, shared, alone in zip(skeleton(points, fall), common, own, strict=True)
        ]
        series[asset] = _bars(rng, points, fall, logs, sigma)
    return series


def _bars(rng: Random, points: Waypoints, fall: Fall, logs: list[float], sigma: list[float]) -> list[Bar]:
    low_price = _wad(points.low)
    size = math.log(points.first) - 0.005 - math.log(points.low)
    bars = []
    for minute in range(MINUTES):
        open_ = _round(logs[minute])
        close = _round(logs[minute + 1] + size * fall.gap.get(minute + 1, 0.0))
        pinned = {0: points.first, LOW_AT: points.low}.get(minute)
        if pinned is not None:
            open_ = _wad(pinned)
        open_, close = max(open_, low_price), max(close, low_price)
        reach = sigma[minute] * points.noise / 2
        high = max(open_, close, _round(math.log(max(open_, close) / WAD) + rng.expovariate(1 / reach)))
        low = min(open_, close, _round(math.log(min(open_, close) / WAD) - rng.expovariate(1 / reach)))
        bars.append(Bar(START + 60 * minute, open_, high, max(low, low_price), close))
    return bars


def _round(log_price: float) -> int:
    """A log price as WAD, rounded to a cent: far coarser than what the last bit of a float could change."""
    return _wad(Decimal(repr(round(math.exp(log_price), 2))))


def _wad(price: Decimal) -> int:
    return int(price * WAD)
