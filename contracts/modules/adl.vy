# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title ADL: who is deleveraged, in what order, by how much
@license AGPL-3.0-only
@notice p = x - beta - ceil > 0 makes a bucket eligible; score = (p / ceil) * (P / (x - beta)) ranks it. Inside a column the
        score falls with beta, so a pass over a side is a merge of its columns, each from its lowest live tick upward.
        In step k every eligible bucket gives down to what k steps leave of the units it held when the price came. How far
        a bucket is follows from its own units and its remembered base; the side's cursor only says where to look first.
        Whoever joins or leaves a bucket at that price changes its base in proportion: the part given stays what it is.
"""
from . import book
from . import fixed_point as fp
from . import grid
from . import parameters

uses: book
uses: grid
uses: parameters

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_120: constant(uint256) = 2**120 - 1
NOTHING: constant(uint256) = max_value(uint256)

# price round 32 | joins 32 | taken at 40 | step 16 | score of the last bucket touched + 1, 128 (score < 2^121)
_cursors: uint256[2]


@deploy
def __init__():
    # so that no crank pays for the first write
    self._cursors = [1 << 104, 1 << 104]


@view
@internal
def step_of(side: uint256) -> uint256:
    """
    @notice The step, from 1, that ADL of the side is in. `begin` first.
    """
    return (self._cursors[side] >> 104) & MASK_16


@internal
def next_step(side: uint256) -> bool:
    """
    @notice Starts the next step; False if all have been given.
    """
    cursor: uint256 = self._cursors[side] & MASK_120
    if (cursor >> 104) * parameters.bps(parameters.ADL_STEP) >= fp.BPS:
        return False
    self._cursors[side] = cursor + (1 << 104)
    return True


@internal
def move_cursor(side: uint256, score: uint256):
    """
    @dev Duty of whoever lets a bucket give.
    """
    self._cursors[side] = (self._cursors[side] & MASK_120) | ((score + 1) << 120)


@internal
def _resume(side: uint256, now: book.Now) -> uint256:
    """
    @notice Where to go on: the last score touched + 1, or 0 for the beginning of a step. Step 1 begins again when the price
            is new, when a winner has joined a bucket, and, in a later step, when funding may have made one eligible:
            who has given it is skipped.
    """
    cursor: uint256 = self._cursors[side]
    name: uint256 = now.price_round | (book.joins() << 32)
    is_same: bool = cursor & MASK_64 == name
    if is_same and ((cursor >> 104) & MASK_16 == 1 or (cursor >> 64) & MASK_40 == block.timestamp):
        return cursor >> 120
    self._cursors[side] = name | (block.timestamp << 64) | (1 << 104)
    return 0


@internal
def begin(side: uint256, now: book.Now) -> (uint256, uint256):
    """
    @notice For `first_candidate`: the cursor, and how far a score can have moved since it was there: F moves by at most
            r_max * P * time.
    """
    cursor: uint256 = self._resume(side, now)
    if cursor == 0:
        return 0, 0
    return cursor, book.largest_funding()


@view
@internal
def first_candidate(column: uint256, cursor: uint256, drift: uint256, now: book.Now) -> uint256:
    """
    @notice The key of the best eligible bucket of a live column that may not have given in this step; 0 if there is none.
    """
    if cursor == 0:
        return self.key_of(grid.lowest(column), now)
    return self.key_of(grid.at_or_above(self._start(column, cursor, drift, now)), now)


@view
@internal
def next_candidate(id: uint256, now: book.Now) -> uint256:
    """
    @notice The key of the next eligible bucket of the column above `id`; 0 if there is none.
    """
    return self.key_of(grid.above(id), now)


@view
@internal
def key_of(id: uint256, now: book.Now) -> uint256:
    """
    @notice score << 32 | (2^32 - 1 - id): the highest key is the next winner, ties go to the smaller id. 0: not eligible.
    """
    if id == NOTHING:
        return 0
    equity: int256 = now.q * book.sign(grid.side_of(id)) - grid.beta_of(id)
    score: uint256 = self.score(id, equity, now.price)
    if score == 0:
        return 0
    return (score << 32) | (MASK_32 - id)


@pure
@internal
def score_of(key: uint256) -> uint256:
    return key >> 32


@pure
@internal
def id_of(key: uint256) -> uint256:
    return MASK_32 - (key & MASK_32)


@pure
@internal
def score(id: uint256, equity: int256, price: uint256) -> uint256:
    """
    @notice (p / ceil) * (P / e) in WAD, rounded up so that every unit in profit has one; 0 for units not in profit.
    """
    ceiling: uint256 = grid.ceil_of(id)
    profit: int256 = equity - convert(ceiling, int256)
    if profit <= 0:
        return 0
    # p * WAD / e < WAD first keeps it in 256 bits; both roundings keep the order inside a column
    ratio: uint256 = fp.mul_div_up(convert(profit, uint256), fp.WAD * fp.WAD, convert(equity, uint256))
    return fp.mul_div_up(price, ratio, ceiling * fp.WAD)


@view
@internal
def part_of(number: uint256) -> uint256:
    """
    @notice What step `number` and those before it take of a bucket, in basis points of its base.
    """
    return min(number * parameters.bps(parameters.ADL_STEP), fp.BPS)


@pure
@internal
def available(units: uint256, base: uint256, part: uint256) -> uint256:
    """
    @notice Units that a bucket with `units` left of `base` still gives until `part` of it is given.
    """
    given: uint256 = fp.mul_div_down(base, part, fp.BPS)
    return fp.positive(convert(units + given, int256) - convert(base, int256))


@view
@internal
def _start(column: uint256, cursor: uint256, drift: uint256, now: book.Now) -> uint256:
    """
    @notice Where to begin in a column: two ticks and the drift before the coordinate whose score is the cursor's, since every
            bucket of a higher score has given in this step. score = P * (1 / ceil - 1 / e) gives e = P * ceil / (P - score * ceil).
    """
    ceiling: uint256 = grid.ceil_of(column)
    price: uint256 = now.price * fp.WAD
    taken: uint256 = (cursor - 1) * ceiling
    if taken >= price:
        return column
    equity: uint256 = fp.mul_div_down(price, ceiling, price - taken) + drift
    beta: int256 = now.q * book.sign(grid.side_of(column)) - convert(equity, int256)
    tick: int256 = fp.floor_div(beta, convert(grid.floor_of((column >> 16) & 255) >> 4, int256)) + 32_766
    return column | min(fp.positive(tick), 65_535)
