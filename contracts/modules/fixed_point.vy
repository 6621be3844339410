# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Fixed-point arithmetic with the rounding in the name
@license AGPL-3.0-only
@notice All products in Plimsoll fit 256 bits: units < 2^112, prices and coordinates < 2^100.
"""

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
DAY: constant(uint256) = 86_400
# 0x3333333322221100: floor(log2 i) for i = 0..15, a nibble each
LOG2: constant(uint256) = 3689348814455574784


@pure
@internal
def mul_div_down(a: uint256, b: uint256, c: uint256) -> uint256:
    return a * b // c


@pure
@internal
def mul_div_up(a: uint256, b: uint256, c: uint256) -> uint256:
    product: uint256 = a * b
    quotient: uint256 = product // c
    # quotient * c <= product; where the remainder is not zero c > 1, so quotient + 1 < 2^256
    return unsafe_add(quotient, convert(unsafe_mul(quotient, c) != product, uint256))


@pure
@internal
def floor_div(a: int256, b: int256) -> int256:
    """
    @dev b > 0. Vyper's `//` truncates toward zero.
    """
    quotient: int256 = a // b
    return quotient - convert(a % b < 0, int256)


@pure
@internal
def ceil_div(a: int256, b: int256) -> int256:
    """
    @dev b > 0.
    """
    quotient: int256 = a // b
    return quotient + convert(a % b > 0, int256)


@pure
@internal
def positive(a: int256) -> uint256:
    """
    @notice max(a, 0)
    """
    return convert(max(a, 0), uint256)


@pure
@internal
def msb(a: uint256) -> uint256:
    """
    @notice Index of the highest set bit; 0 for 0.
    """
    x: uint256 = a
    n: uint256 = 0
    if x >> 128 != 0:
        x >>= 128
        n = 128
    if x >> 64 != 0:
        x >>= 64
        n |= 64
    if x >> 32 != 0:
        x >>= 32
        n |= 32
    if x >> 16 != 0:
        x >>= 16
        n |= 16
    if x >> 8 != 0:
        x >>= 8
        n |= 8
    if x >> 4 != 0:
        x >>= 4
        n |= 4
    return n | ((LOG2 >> (x << 2)) & 15)


@pure
@internal
def lsb(a: uint256) -> uint256:
    """
    @notice Index of the lowest set bit. a != 0.
    """
    return self.msb(a & unsafe_sub(0, a))
