"""All figures by group, and what they are held against."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from bench import columns, cranks, trading
from bench.crash import Crash, Report, crash, scattered_crash, slide
from plimsoll import artifacts

Figures = dict[str, float]

QUICK: dict[str, Callable[[], Figures]] = {
    "orders": trading.orders,
    "prices": trading.prices,
    "cash": trading.cash,
    "liquidation": cranks.liquidation,
    "deleveraging": cranks.deleveraging,
    "fair deleveraging": cranks.fair_deleveraging,
    "claims": cranks.claims,
    "columns": columns.columns,
}


class Scale(NamedTuple):
    figure: str
    positions: int
    run: Callable[[int, Report], Crash]
    is_quick: bool
    """Whether `make test` runs it."""


SCALES = (
    *(Scale(f"crash_{n}_per_position", n, crash, n <= 1_000) for n in (100, 1_000, 10_000, 100_000)),
    Scale("crash_10000_scattered_per_position", 10_000, scattered_crash, False),
    *(Scale(f"slide_{n}_per_position", n, slide, n <= 1_000) for n in (1_000, 10_000)),
)


def sizes() -> Figures:
    """Bytes of runtime code."""
    compiled = artifacts.compile_all()
    return {f"size_{name}": artifact.runtime_size for name, artifact in sorted(compiled.items())}


def quick() -> dict[str, Callable[[], Figures]]:
    """What `make test` measures, by group."""
    scales = {scale.figure: partial(_per_position, scale) for scale in SCALES if scale.is_quick}
    return {"sizes": sizes, **QUICK, **scales}


def _per_position(scale: Scale) -> Figures:
    return {scale.figure: scale.run(scale.positions, lambda more: None).gas_per_position}


GOALS = {
    "place_market": 110_000,
    "execute_open": 190_000,
    "execute_close": 150_000,
    "price_update_4of5": 60_000,
    **{f"crank_liquidate_per_bucket_{n}": 30_000 for n in cranks.POPULATIONS},
    **{f"crank_adl_per_bucket_{n}": 30_000 for n in cranks.POPULATIONS},
    "crank_adl_fixed": 250_000,
    "crash_10000_per_position": 2_500,
    "crash_100000_per_position": 600,
    "claim": 60_000,
}
"""The most that each may be."""


class Compared(NamedTuple):
    work: str
    ours: tuple[str, ...]
    """Figures that are added up."""
    peers: tuple[str, ...]
    """Thousands of gas, in the order of PEERS; all transactions that the work takes added up."""


PEERS = ("Velar Artha", "GMX v2", "GMX v1", "Perennial v2", "Perp v2", "Pika v4", "Synthetix v3")
COMPARED = (
    Compared(
        "open",
        ("place_market", "execute_open"),
        ("815-898", "3,625-3,704", "1,176", "1,684-1,746", "786-898", "652", "1,338"),
    ),
    Compared(
        "close",
        ("place_market_reduce_only", "execute_close"),
        ("873-920", "3,504-3,566", "870", "2,136", "565-587", "473", "1,338"),
    ),
    Compared(
        "liquidate one",
        ("price_update_4of5", "crank_liquidate_one"),
        ("1,055-1,079", "2,750", "225-353", "1,752", "1,490", "209", "810"),
    ),
    Compared(
        "ADL one",
        ("price_update_4of5", "crank_adl_one"),
        ("none", "3,518-4,106", "none", "none", "none", "none", "none"),
    ),
)


def total(names: tuple[str, ...], figures: Mapping[str, float]) -> float:
    return sum(figures[name] for name in names)
