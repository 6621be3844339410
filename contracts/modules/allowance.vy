# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title What a market may take in a day that begins with its first claim, in one word
@license AGPL-3.0-only
@notice started_at 40 | cap 96 | used 96, used <= cap. The next day begins with the first claim after this one is over: around
        its beginning two caps can be taken one after the other.
"""
from . import fixed_point as fp

CASH_BITS: constant(uint256) = 96
MAX_CASH: constant(uint256) = 2**CASH_BITS - 1


@pure
@internal
def over(cap: uint256) -> uint256:
    """
    @notice A day that is over. Not zero, so that no crank pays for the first write.
    """
    return (1 << (2 * CASH_BITS)) | (cap << CASH_BITS)


@view
@internal
def is_over(day: uint256) -> bool:
    return block.timestamp >= (day >> (2 * CASH_BITS)) + fp.DAY


@view
@internal
def begun(cap: uint256) -> uint256:
    """
    @notice A day that begins now.
    """
    return (block.timestamp << (2 * CASH_BITS)) | (min(cap, MAX_CASH) << CASH_BITS)


@view
@internal
def renewed(day: uint256) -> uint256:
    """
    @notice The day, or a new one of the same cap if it is over.
    """
    if self.is_over(day):
        return self.begun(self.cap(day))
    return day


@pure
@internal
def cap(day: uint256) -> uint256:
    return (day >> CASH_BITS) & MAX_CASH


@pure
@internal
def used(day: uint256) -> uint256:
    return day & MAX_CASH


@pure
@internal
def left(day: uint256) -> uint256:
    # used <= cap
    return self.cap(day) - self.used(day)
