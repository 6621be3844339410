# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The grid and its arithmetic, opened up
@license AGPL-3.0-only
"""
from contracts.modules import fixed_point as fp
from contracts.modules import grid

initializes: grid


@deploy
def __init__():
    grid.__init__()


@external
def set_live(id: uint256):
    grid.set_live(id)
    grid.raise_bound(id)


@external
def set_empty(id: uint256):
    grid.set_empty(id)


@external
def is_all_at_or_below(side: uint256, limit: int256) -> bool:
    return grid.is_all_at_or_below(side, limit)


@view
@external
def beta_bound(side: uint256) -> int256:
    return grid.beta_bound(side)


@view
@external
def live_columns(side: uint256) -> uint256:
    return grid.live_columns[side]


@view
@external
def at_or_above(id: uint256) -> uint256:
    return grid.at_or_above(id)


@view
@external
def at_or_below(id: uint256) -> uint256:
    return grid.at_or_below(id)


@view
@external
def above(id: uint256) -> uint256:
    return grid.above(id)


@view
@external
def below(id: uint256) -> uint256:
    return grid.below(id)


@pure
@external
def class_of(basis: uint256) -> uint256:
    return grid.class_of(basis)


@pure
@external
def floor_of(index: uint256) -> uint256:
    return grid.floor_of(index)


@pure
@external
def beta_of(id: uint256) -> int256:
    return grid.beta_of(id)


@pure
@external
def bucket_for(side: uint256, basis: uint256, beta: int256) -> uint256:
    return grid.bucket_for(side, basis, beta)


@pure
@external
def msb(a: uint256) -> uint256:
    return fp.msb(a)


@pure
@external
def lsb(a: uint256) -> uint256:
    return fp.lsb(a)


@pure
@external
def floor_div(a: int256, b: int256) -> int256:
    return fp.floor_div(a, b)


@pure
@external
def ceil_div(a: int256, b: int256) -> int256:
    return fp.ceil_div(a, b)


@pure
@external
def mul_div_down(a: uint256, b: uint256, c: uint256) -> uint256:
    return fp.mul_div_down(a, b, c)


@pure
@external
def mul_div_up(a: uint256, b: uint256, c: uint256) -> uint256:
    return fp.mul_div_up(a, b, c)
