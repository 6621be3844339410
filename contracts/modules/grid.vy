# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The grid: which buckets are live
@license AGPL-3.0-only
@notice A bucket is one number, id = side << 24 | class << 16 | (tick + 32768), so id >> 16 is its column, id >> 8 its leaf
        word and id & 255 its bit. A column keeps a two-level bitmap of its live ticks, a side one word of its live columns.
        floor_k = 2^((k + 120) / 4) wei in quarter octaves, tick width w_k = floor_k / 16, beta = tick * w_k.
"""
from . import fixed_point as fp

LONG: constant(uint256) = 0
SHORT: constant(uint256) = 1
NOTHING: constant(uint256) = max_value(uint256)
SIDE_SHIFT: constant(uint256) = 24
COLUMN_SHIFT: constant(uint256) = 16
TICK_OFFSET: constant(int256) = 32_768
LAST_TICK: constant(int256) = 65_535
LOWEST_OCTAVE: constant(uint256) = 30
CLASSES: constant(uint256) = 256
# round(1024 * 2^(q / 4)) for q = 0..3
MANTISSAS: constant(uint256) = 1024 | (1218 << 16) | (1448 << 32) | (1722 << 48)
LOW: constant(int256) = 2**128 - 1
NO_BETA: constant(int256) = -(2**127)

live_columns: uint256[2]
_summaries: uint256[512]
_leaves: uint256[131_072]
# no live bucket of the side has a higher beta: LONG, signed 128 | SHORT, signed 128
_beta_bounds: int256


@deploy
def __init__():
    self.set_bound(LONG, NO_BETA)
    self.set_bound(SHORT, NO_BETA)


@pure
@internal
def class_of(basis: uint256) -> uint256:
    """
    @notice The class k with floor_k <= basis < floor_(k+1).
    """
    octave: uint256 = fp.msb(basis)
    assert octave >= LOWEST_OCTAVE and octave < LOWEST_OCTAVE + CLASSES // 4, "margin per unit out of range"
    mantissa: uint256 = basis >> (octave - 10)
    quarter: uint256 = (
        convert(mantissa >= 1218, uint256) + convert(mantissa >= 1448, uint256) + convert(mantissa >= 1722, uint256)
    )
    return ((octave - LOWEST_OCTAVE) << 2) | quarter


@pure
@internal
def floor_of(index: uint256) -> uint256:
    return ((MANTISSAS >> ((index & 3) << 4)) & 65_535) << ((index >> 2) + LOWEST_OCTAVE - 10)


@pure
@internal
def ceil_of(id: uint256) -> uint256:
    """
    @notice The class ceiling of a bucket: all of a unit's equity up to here counts as principal.
    """
    return self.floor_of(((id >> COLUMN_SHIFT) & 255) + 1)


@pure
@internal
def side_of(id: uint256) -> uint256:
    return id >> SIDE_SHIFT


@pure
@internal
def beta_of(id: uint256) -> int256:
    width: int256 = convert(self.floor_of((id >> COLUMN_SHIFT) & 255) >> 4, int256)
    return (convert(id & 65_535, int256) - TICK_OFFSET) * width


@pure
@internal
def tick_for(index: uint256, beta: int256) -> int256:
    """
    @notice ceil_tick(beta) in a column of class `index`, counted from 0; the column ends at LAST_TICK.
    """
    return fp.ceil_div(beta, convert(self.floor_of(index) >> 4, int256)) + TICK_OFFSET


@pure
@internal
def bucket_for(side: uint256, basis: uint256, beta: int256) -> uint256:
    """
    @notice The bucket at ceil_tick(beta): beta rounds up, so a position never gets equity that was not paid for.
    """
    index: uint256 = self.class_of(basis)
    tick: int256 = self.tick_for(index, beta)
    assert tick >= 0 and tick <= LAST_TICK, "bankruptcy price out of range"
    return (side << SIDE_SHIFT) | (index << COLUMN_SHIFT) | convert(tick, uint256)


@internal
def set_live(id: uint256):
    leaf: uint256 = self._leaves[id >> 8]
    self._leaves[id >> 8] = leaf | (1 << (id & 255))
    if leaf == 0:
        summary: uint256 = self._summaries[id >> COLUMN_SHIFT]
        self._summaries[id >> COLUMN_SHIFT] = summary | (1 << ((id >> 8) & 255))
        if summary == 0:
            self.live_columns[id >> SIDE_SHIFT] |= 1 << ((id >> COLUMN_SHIFT) & 255)


@internal
def set_empty(id: uint256):
    leaf: uint256 = self._leaves[id >> 8] & ~(1 << (id & 255))
    self._leaves[id >> 8] = leaf
    if leaf == 0:
        summary: uint256 = self._summaries[id >> COLUMN_SHIFT] & ~(1 << ((id >> 8) & 255))
        self._summaries[id >> COLUMN_SHIFT] = summary
        if summary == 0:
            self.live_columns[id >> SIDE_SHIFT] &= ~(1 << ((id >> COLUMN_SHIFT) & 255))


@view
@internal
def beta_bound(side: uint256) -> int256:
    if side == LONG:
        return self._beta_bounds >> 128
    # the shift up and down again extends the sign
    return (self._beta_bounds << 128) >> 128


@internal
def set_bound(side: uint256, beta: int256):
    # |beta| < 2^15 * 2^90
    if side == LONG:
        self._beta_bounds = (beta << 128) | (self._beta_bounds & LOW)
    else:
        self._beta_bounds = ((self._beta_bounds >> 128) << 128) | (beta & LOW)


@internal
def lower_bounds(long: int256, short: int256):
    """
    @dev Duty of the caller: no live bucket has a higher beta than its side's argument.
    """
    bounds: int256 = self._beta_bounds
    self._beta_bounds = (min(bounds >> 128, long) << 128) | (min((bounds << 128) >> 128, short) & LOW)


@internal
def raise_bound(id: uint256):
    """
    @dev Duty of whoever makes a bucket live.
    """
    beta: int256 = self.beta_of(id)
    if beta > self.beta_bound(id >> SIDE_SHIFT):
        self.set_bound(id >> SIDE_SHIFT, beta)


@view
@internal
def at_or_above(id: uint256) -> uint256:
    """
    @notice The lowest live bucket of the column at or above `id`, or NOTHING.
    """
    bits: uint256 = self._leaves[id >> 8] >> (id & 255)
    if bits != 0:
        return id + fp.lsb(bits)
    summary: uint256 = (self._summaries[id >> COLUMN_SHIFT] >> ((id >> 8) & 255)) >> 1
    if summary == 0:
        return NOTHING
    word: uint256 = (id >> 8) + 1 + fp.lsb(summary)
    return (word << 8) | fp.lsb(self._leaves[word])


@view
@internal
def at_or_below(id: uint256) -> uint256:
    """
    @notice The highest live bucket of the column at or below `id`, or NOTHING.
    """
    bits: uint256 = self._leaves[id >> 8] << (255 - (id & 255))
    if bits != 0:
        return id - (255 - fp.msb(bits))
    summary: uint256 = (self._summaries[id >> COLUMN_SHIFT] << (255 - ((id >> 8) & 255))) << 1
    if summary == 0:
        return NOTHING
    word: uint256 = (id >> 8) - 1 - (255 - fp.msb(summary))
    return (word << 8) | fp.msb(self._leaves[word])


@view
@internal
def lowest(column: uint256) -> uint256:
    """
    @notice The lowest live bucket of a live column. `column` is its first bucket's id.
    """
    word: uint256 = (column >> 8) + fp.lsb(self._summaries[column >> COLUMN_SHIFT])
    return (word << 8) | fp.lsb(self._leaves[word])


@view
@internal
def highest(column: uint256) -> uint256:
    word: uint256 = (column >> 8) + fp.msb(self._summaries[column >> COLUMN_SHIFT])
    return (word << 8) | fp.msb(self._leaves[word])


@view
@internal
def above(id: uint256) -> uint256:
    """
    @notice The next live bucket of the column above `id`, or NOTHING.
    """
    if id & 65_535 == 65_535:
        return NOTHING
    return self.at_or_above(id + 1)


@view
@internal
def below(id: uint256) -> uint256:
    if id & 65_535 == 0:
        return NOTHING
    return self.at_or_below(id - 1)


@view
@internal
def highest_beta(side: uint256) -> int256:
    """
    @notice The exact bound: the best of all column tops. NO_BETA on an empty side.
    """
    highest: int256 = NO_BETA
    columns: uint256 = self.live_columns[side]
    for _: uint256 in range(CLASSES):
        if columns == 0:
            break
        index: uint256 = fp.msb(columns)
        columns ^= 1 << index
        highest = max(highest, self.beta_of(self.highest((side << SIDE_SHIFT) | (index << COLUMN_SHIFT))))
    return highest


@internal
def is_all_at_or_below(side: uint256, limit: int256) -> bool:
    """
    @notice Whether no live bucket of the side has beta > limit. One comparison; where the stored bound blocks, a scan
            of the column tops decides and tightens it.
    """
    if self.beta_bound(side) <= limit:
        return True
    highest: int256 = self.highest_beta(side)
    self.set_bound(side, highest)
    return highest <= limit
