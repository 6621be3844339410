"""The ranking of ADL in the contracts' own arithmetic, to the last digit: adl.vy and buckets.vy in Python. Pure."""

from plimsoll.reference.grid import LONG, WAD, beta_of, ceil_of

BASE_BITS = 50
"""Significant bits of the units that a bucket held when ADL first reached it."""


def rounded_base(units: int) -> int:
    """To 50 significant bits, down."""
    exponent = max(0, units.bit_length() - BASE_BITS)
    return units >> exponent << exponent


def ceil_div(numerator: int, denominator: int) -> int:
    """Towards plus infinity."""
    return -(-numerator // denominator)


def equity_of(bucket: int, index_price: int, funding_index: int) -> int:
    """x - beta of a bucket, WAD."""
    adjusted = index_price - funding_index
    return (adjusted if bucket >> 24 == LONG else -adjusted) - beta_of(bucket)


def ceiling_of(bucket: int) -> int:
    """The most that counts as principal, WAD per unit."""
    return ceil_of(bucket >> 16 & 0xFF)


def score_of(bucket: int, index_price: int, funding_index: int) -> int:
    """(p / ceil) * (P / e) in WAD, rounded up twice as the contracts do; 0 for a bucket that is not in profit."""
    equity, ceiling = equity_of(bucket, index_price, funding_index), ceiling_of(bucket)
    if equity <= ceiling:
        return 0
    ratio = ceil_div((equity - ceiling) * WAD * WAD, equity)
    return ceil_div(index_price * ratio, ceiling * WAD)
