# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Trading: increase, decrease, flip, add and remove margin
@license AGPL-3.0-only
@notice What a trade brings the vault (premium, price paid, its share of the fee) is not computed here: it is what is left in
        the market's cash once C = U + E is restored.
"""
from ..interfaces import IMarginPool
from ..interfaces import IMarket
from . import book
from . import fixed_point as fp
from . import grid
from . import parameters
from . import positions

uses: book
uses: parameters
uses: positions

# 1e-12 units: more than shares ever round away from a position
ROUNDING: constant(uint256) = 10**6


@internal
def trade(
    owner: address,
    size_delta: int256,
    margin: uint256,
    acceptable_price: uint256,
    is_reduce_only: bool,
    newer_than: uint256,
) -> IMarket.Fill:
    """
    @dev The caller shows who may do this.
    """
    assert size_delta != 0, "size is zero"
    assert abs(size_delta) < 2**112, "size out of range"
    book.touch()
    assert book.published_at() > newer_than, "wait: price not newer than the order"
    self._check_ready()

    h: positions.Held = positions.take(owner)
    closed: uint256 = 0
    opened: uint256 = 0
    closed, opened = self._split(h, size_delta, is_reduce_only)
    delta: int256 = convert(closed + opened, int256)
    if size_delta < 0:
        delta = -delta
    price: uint256 = book.index_price()
    skew: int256 = book.skew()
    fill: int256 = book.fill_price(delta, price, skew, parameters.skew_scale())
    self._check_fill(fill, delta > 0, acceptable_price)
    taker_bps: uint256 = 0
    maker_bps: uint256 = 0
    taker_bps, maker_bps = parameters.bps_pair(parameters.TAKER_FEE)
    fee: uint256 = self.fee_at(delta, price, skew, taker_bps, maker_bps, book.SCALE)
    fee_closed: uint256 = fee
    if opened != 0:
        fee_closed = fp.mul_div_up(fee, closed, closed + opened)

    f: IMarket.Fill = empty(IMarket.Fill)
    f.fill_price = fp.positive(fill)
    f.units_delta = delta
    f.premium = fp.ceil_div(
        delta * (fill - convert(price, int256)), convert(book.SCALE, int256)
    )
    f.paid_out = h.cash_owed
    bucket: uint256 = h.id
    if opened == 0:
        f.paid_out += margin
    if closed != 0 or (opened == 0 and h.shares != 0):
        gross: uint256 = 0
        gross, f.realised = self._close(owner, h, closed, fill)
        f.fee = min(fee_closed, gross)
        f.realised -= convert(f.fee, int256)
        f.paid_out += gross - f.fee
        if closed == h.units:
            h.shares = 0
    if opened != 0:
        fee_opened: uint256 = fee - fee_closed
        f.fee += fee_opened
        left_over: uint256 = 0
        bucket, left_over = self._open(owner, h, opened, delta > 0, fill, margin, fee_opened)
        f.paid_out += left_over
    book.owe_fee(f.fee)
    bonus: uint256 = 0
    if opened == 0:
        bonus = fp.positive(-f.premium)
    f.paid_out = book.settle_trade(margin, owner, f.paid_out, bonus)
    self._log_trade(owner, bucket, margin, f)
    return f


@internal
def change_margin(owner: address, margin_delta: int256):
    """
    @dev The caller shows who may do this.
    """
    assert margin_delta != 0, "amount is zero"
    book.touch()
    assert not book.is_settling(), "market is settling: close instead"
    self._check_ready()

    h: positions.Held = positions.take(owner)
    assert h.units != 0, "no position"
    side: uint256 = grid.side_of(h.id)
    equity: uint256 = self._equity(h)
    beta: int256 = grid.beta_of(h.id)
    contributed: uint256 = h.basis
    added: uint256 = 0
    required: int256 = positions.initial_margin()
    paid_out: uint256 = h.cash_owed
    if margin_delta > 0:
        added = convert(margin_delta, uint256)
        equity += added
        contributed += fp.mul_div_down(added, book.SCALE, h.units)
        # whoever adds need not reach the initial margin
        required = 0
    else:
        # taken from profit first: the basis stays, as far as the equity left covers it
        removed: uint256 = convert(-margin_delta, uint256)
        self._check_not_paused()
        assert removed < equity, "more than the position's equity"
        equity -= removed
        paid_out += removed
    positions.leave(owner, h, h.units)
    bucket: uint256 = 0
    left_over: uint256 = 0
    bucket, left_over = positions.enter(owner, side, h.units, equity, contributed, h.entry_price, required)
    # ticks are wider in a higher class
    assert added == 0 or grid.beta_of(bucket) <= beta, "amount too small for its tick"
    book.settle_trade(added, owner, paid_out + left_over, 0)
    log IMarket.MarginChanged(
        account=owner,
        bucket=bucket,
        margin_delta=margin_delta - convert(left_over, int256),
        units=h.units,
    )


@internal
def _check_ready():
    assert book.is_fresh(), "wait: stale price"
    assert book.is_clean(), "wait: crank first"


@view
@internal
def _check_not_paused():
    assert not book.is_increase_paused(), "market is paused"


@view
@internal
def _split(h: positions.Held, size_delta: int256, is_reduce_only: bool) -> (uint256, uint256):
    """
    @notice Units that reduce the position, and units that increase it or open the other side.
    """
    size: uint256 = convert(abs(size_delta), uint256)
    is_against: bool = h.shares != 0 and (grid.side_of(h.id) == grid.LONG) == (size_delta < 0)
    closed: uint256 = 0
    if is_against:
        closed = min(size, h.units)
    if is_reduce_only:
        assert is_against, "nothing to reduce"
        return closed, 0
    if is_against and size - closed <= ROUNDING:
        # whoever closes all that they once bought finds a few WADs less: that is no order for the other side
        return closed, 0
    return closed, size - closed


@pure
@internal
def _check_fill(fill: int256, is_buy: bool, acceptable_price: uint256):
    if acceptable_price != 0:
        if is_buy:
            assert fill <= convert(acceptable_price, int256), "price above the acceptable price"
        else:
            assert fill >= convert(acceptable_price, int256), "price below the acceptable price"


@pure
@internal
def fee_at(delta: int256, price: uint256, skew: int256, taker_bps: uint256, maker_bps: uint256, scale: uint256) -> uint256:
    """
    @notice On notional at the index price: taker for units that grow |K|, maker for units that shrink it. Rounded up.
    """
    size: uint256 = convert(abs(delta), uint256)
    shrinking: uint256 = 0
    if (skew > 0) != (delta > 0):
        shrinking = min(size, convert(abs(skew), uint256))
    weighted: uint256 = (size - shrinking) * taker_bps + shrinking * maker_bps
    return fp.mul_div_up(weighted, price, scale * fp.BPS)


@view
@internal
def _equity(h: positions.Held) -> uint256:
    """
    @notice units * (x - beta), rounded down against the owner. The market is clean, so it is not negative.
    """
    per_unit: int256 = book.coordinate(grid.side_of(h.id)) - grid.beta_of(h.id)
    return fp.mul_div_down(h.units, fp.positive(per_unit), book.SCALE)


@internal
def _close(owner: address, h: positions.Held, units: uint256, fill: int256) -> (uint256, int256):
    """
    @notice Returns d * (x_f - beta), floored at zero, and the price PnL of the units. Never reverts for lack of equity.
    """
    sign: int256 = book.sign(grid.side_of(h.id))
    per_unit: int256 = (fill - book.funding_index()) * sign - grid.beta_of(h.id)
    positions.leave(owner, h, units)
    return fp.mul_div_down(units, fp.positive(per_unit), book.SCALE), fp.floor_div(
        convert(units, int256) * (fill - convert(h.entry_price, int256)) * sign, convert(book.SCALE, int256)
    )


@internal
def _open(
    owner: address, h: positions.Held, opened: uint256, is_buy: bool, fill: int256, margin: uint256, fee: uint256
) -> (uint256, uint256):
    """
    @notice Increases the position h, or opens one where h.shares = 0. Returns the bucket and what rounding left over.
    """
    self._check_not_paused()
    skew_before: int256 = abs(book.skew())
    side: uint256 = grid.LONG
    if not is_buy:
        side = grid.SHORT
    scale: int256 = convert(book.SCALE, int256)
    premium: int256 = fp.ceil_div(
        convert(opened, int256) * (fill - convert(book.index_price(), int256)) * book.sign(side), scale
    )
    equity: int256 = convert(margin, int256) - premium - convert(fee, int256)
    units: uint256 = opened
    contributed: uint256 = margin * book.SCALE
    entry: uint256 = opened * fp.positive(fill)
    if h.shares != 0:
        equity += convert(self._equity(h), int256)
        units += h.units
        contributed += h.units * h.basis
        entry += h.units * h.entry_price
        positions.leave(owner, h, h.units)
    assert equity > 0, "margin does not cover premium and fee"
    value: uint256 = fp.mul_div_down(units, book.index_price(), book.SCALE)
    assert value >= parameters.min_value(), "position below the smallest value"
    bucket: uint256 = 0
    left_over: uint256 = 0
    bucket, left_over = positions.enter(
        owner,
        side,
        units,
        convert(equity, uint256),
        contributed // units,
        entry // units,
        positions.initial_margin(),
    )
    skew: int256 = abs(book.skew())
    if skew > skew_before:
        capacity: uint256 = book.capacity_units(parameters.SHOCK_OPEN)
        assert convert(skew, uint256) <= capacity, "market is at its open capacity"
    return bucket, left_over


@internal
def exit(owner: address, size_delta: int256, margin: uint256) -> IMarket.Fill:
    """
    @notice `trade` in settlement: every exit is paid coverage * equity at the settlement price, without premium or fee.
    @dev The caller shows who may do this, and that the market is settling.
    """
    assert abs(size_delta) < 2**112, "size out of range"
    positions.collect(owner)
    h: positions.Held = positions.take(owner)
    closed: uint256 = 0
    opened: uint256 = 0
    closed, opened = self._split(h, size_delta, True)
    bucket: uint256 = h.id
    h.units = closed
    f: IMarket.Fill = empty(IMarket.Fill)
    f.fill_price = book.index_price()
    f.units_delta = convert(closed, int256)
    if size_delta < 0:
        f.units_delta = -f.units_delta
    f.paid_out = margin + book.covered(self._equity(h))
    gross: uint256 = 0
    gross, f.realised = self._close(owner, h, closed, convert(f.fill_price, int256))
    extcall IMarginPool(book.POOL).settle(margin, [IMarginPool.Payment(receiver=owner, amount=f.paid_out)])
    self._log_trade(owner, bucket, margin, f)
    return f


@internal
def _log_trade(owner: address, bucket: uint256, margin: uint256, f: IMarket.Fill):
    units_after: int256 = convert(positions.units_of(owner), int256) * book.sign(grid.side_of(bucket))
    log IMarket.Traded(
        account=owner,
        bucket=bucket,
        units_delta=f.units_delta,
        units_after=units_after,
        fill_price=f.fill_price,
        margin=margin,
        paid_out=f.paid_out,
        fee=f.fee,
        premium=f.premium,
        realised=f.realised,
    )
