"""The grid in exact arithmetic: which class, tick and bucket a position falls in (DESIGN 2.2)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

LONG = 0
SHORT = 1

WAD = 10**18
MANTISSAS = (1024, 1218, 1448, 1722)
LOWEST_OCTAVE = 120  # class 0 is j = 120
CLASSES = 256
TICK_ZERO = 2**15


class OutOfRangeError(ValueError):
    """A margin per unit or a bankruptcy coordinate that no bucket stands for."""


def floor_of(cls: int) -> int:
    """Least basis of class `cls`, WAD."""
    octave, quarter = divmod(cls + LOWEST_OCTAVE, 4)
    return MANTISSAS[quarter] << (octave - 10)


def ceil_of(cls: int) -> int:
    """First basis above class `cls`, WAD."""
    return floor_of(cls + 1)


def width_of(cls: int) -> int:
    """Distance between two ticks of class `cls`, WAD."""
    return floor_of(cls) // 16


def class_of(basis: Fraction) -> int:
    """The class with floor <= basis < ceil."""
    if basis < floor_of(0) or basis >= floor_of(CLASSES):
        raise OutOfRangeError(f"margin per unit {basis} has no class")
    low, high = 0, CLASSES
    while high - low > 1:
        middle = (low + high) // 2
        if floor_of(middle) <= basis:
            low = middle
        else:
            high = middle
    return low


def ceil_tick(cls: int, coordinate: Fraction) -> int:
    """The lowest tick whose beta is not below `coordinate`."""
    tick = ceil(coordinate / width_of(cls))
    if not -TICK_ZERO <= tick < TICK_ZERO:
        raise OutOfRangeError(f"tick {tick}")
    return tick


def bucket_id(side: int, cls: int, tick: int) -> int:
    """The number by which the contracts name a bucket."""
    return side << 24 | cls << 16 | (tick + TICK_ZERO)


def beta_of(bucket: int) -> int:
    """Bankruptcy coordinate of a bucket, WAD, signed."""
    return ((bucket & 0xFFFF) - TICK_ZERO) * width_of((bucket >> 16) & 0xFF)
