# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title What an order or a change of margin would do, step by step as `trading` does it
@license AGPL-3.0-only
@notice Read from outside. Refuses in the market's own words, and in its order. Supposes that the vault can pay.
"""
from ..interfaces import ILens
from ..interfaces import IMarket
from . import adl_queue
from . import book
from . import fixed_point as fp
from . import grid
from . import market_now
from . import trading

MAX_DELTA: constant(uint256) = 2**112


# What happens to money and position. `units` = 0: nothing is left
struct Outcome:
    fill_price: uint256
    premium: int256
    fee: uint256
    paid_out: uint256
    entered: uint256  # cash that went into the bucket; what rounding leaves over of it is paid out
    bucket: uint256
    units: uint256
    entry_price: uint256


@view
@internal
def trade(now: market_now.Now, held: IMarket.Position, size_delta: int256, margin: uint256) -> ILens.Quote:
    outcome: Outcome = empty(Outcome)
    refusal: String[64] = ""
    outcome, refusal = self._traded(now, held, size_delta, margin)
    return self._quote(now, held, outcome, refusal)


@view
@internal
def margin(now: market_now.Now, held: IMarket.Position, margin_delta: int256) -> ILens.Quote:
    outcome: Outcome = empty(Outcome)
    refusal: String[64] = ""
    outcome, refusal = self._moved(now, held, margin_delta)
    return self._quote(now, held, outcome, refusal)


@view
@internal
def _traded(
    now: market_now.Now, held: IMarket.Position, size_delta: int256, margin: uint256
) -> (Outcome, String[64]):
    outcome: Outcome = empty(Outcome)
    is_all: bool = size_delta == min_value(int256) or size_delta == max_value(int256)
    is_against: bool = held.units != 0 and (held.side == grid.LONG) == (size_delta < 0)
    if is_all and not is_against:
        return outcome, "nothing to reduce"
    size: uint256 = held.units if is_all else convert(abs(size_delta), uint256)
    closed: uint256 = min(size, held.units) if is_against else 0
    if is_against and size - closed <= trading.ROUNDING:
        size = closed
    refusal: String[64] = self._refusal(now, size)
    if len(refusal) != 0:
        return outcome, refusal
    delta: int256 = convert(size, int256)
    if size_delta < 0:
        delta = -delta
    if now.state.is_settling:
        return self._exit(now, held, closed, margin)
    fee: uint256 = trading.fee_at(
        delta,
        now.price,
        market_now.skew(now),
        now.params.taker_fee_bps,
        now.params.maker_fee_bps,
        now.cash_scale,
    )
    fee_closed: uint256 = fp.mul_div_up(fee, closed, size)
    outcome = self._close(now, held, delta, closed, fee_closed)
    if closed == size:
        outcome.paid_out += margin
        return outcome, ""
    return self._open(now, held, delta, closed, margin, fee - fee_closed, outcome)


@view
@internal
def _moved(now: market_now.Now, held: IMarket.Position, margin_delta: int256) -> (Outcome, String[64]):
    outcome: Outcome = empty(Outcome)
    refusal: String[64] = self._margin_refusal(now, held, margin_delta)
    if len(refusal) != 0:
        return outcome, refusal
    amount: uint256 = convert(abs(margin_delta), uint256)
    contributed: uint256 = held.basis
    required: int256 = 0
    outcome.entered = self._equity(now, held)
    outcome.paid_out = held.cash_owed
    if margin_delta > 0:
        # whoever adds need not reach the initial margin
        outcome.entered += amount
        contributed += fp.mul_div_down(amount, now.cash_scale, held.units)
    elif amount >= outcome.entered:
        return outcome, "more than the position's equity"
    else:
        outcome.entered -= amount
        outcome.paid_out += amount
        required = market_now.initial_margin(now)
    outcome.units = held.units
    outcome.entry_price = held.entry_price
    outcome.bucket, refusal = self._bucket(now, held.side, held.units, outcome.entered, contributed, required)
    if len(refusal) == 0 and margin_delta > 0 and grid.beta_of(outcome.bucket) > held.beta:
        # ticks are wider in a higher class
        refusal = "amount too small for its tick"
    return outcome, refusal


@view
@internal
def _refusal(now: market_now.Now, size: uint256) -> String[64]:
    if size == 0:
        return "size is zero"
    if size >= MAX_DELTA:
        return "size out of range"
    if now.state.is_settling:
        return ""
    return self._wait(now)


@view
@internal
def _margin_refusal(now: market_now.Now, held: IMarket.Position, margin_delta: int256) -> String[64]:
    if margin_delta == 0:
        return "amount is zero"
    if now.state.is_settling:
        return "market is settling: close instead"
    wait: String[64] = self._wait(now)
    if len(wait) != 0:
        return wait
    if held.units == 0:
        return "no position"
    if margin_delta < 0 and now.state.is_increase_paused:
        return "market is paused"
    if margin_delta == min_value(int256) or convert(abs(margin_delta), uint256) >= MAX_DELTA:
        return "amount out of range"
    return ""


@view
@internal
def _wait(now: market_now.Now) -> String[64]:
    if market_now.is_stale(now):
        return "wait: stale price"
    if not market_now.is_clean(now):
        return "wait: crank first"
    return ""


@pure
@internal
def _equity(now: market_now.Now, held: IMarket.Position) -> uint256:
    per_unit: int256 = market_now.coordinate(now, held.side) - held.beta
    return fp.mul_div_down(held.units, fp.positive(per_unit), now.cash_scale)


@view
@internal
def _exit(now: market_now.Now, held: IMarket.Position, closed: uint256, margin: uint256) -> (Outcome, String[64]):
    # In settlement every exit is paid coverage * equity, coverage = min(1, (C - U) / E).
    outcome: Outcome = empty(Outcome)
    if closed == 0:
        return outcome, "nothing to reduce"
    outcome = self._left(held, closed)
    outcome.fill_price = now.price
    per_unit: uint256 = fp.positive(market_now.coordinate(now, held.side) - held.beta)
    worth: uint256 = fp.mul_div_down(closed, per_unit, now.cash_scale)
    total: uint256 = fp.positive(now.state.trader_equity)
    left: uint256 = now.state.cash - min(now.state.cash, now.state.claimable)
    if left < total:
        worth = fp.mul_div_down(worth, left, total)
    # what is owed already is collected apart
    outcome.paid_out = worth + margin
    return outcome, ""


@pure
@internal
def _left(held: IMarket.Position, closed: uint256) -> Outcome:
    # What is not closed stays in its bucket.
    outcome: Outcome = empty(Outcome)
    outcome.bucket = held.bucket
    outcome.units = held.units - closed
    outcome.entry_price = held.entry_price
    return outcome


@view
@internal
def _close(
    now: market_now.Now, held: IMarket.Position, size_delta: int256, closed: uint256, fee: uint256
) -> Outcome:
    outcome: Outcome = self._left(held, closed)
    fill: int256 = market_now.fill_price(now, size_delta)
    outcome.fill_price = fp.positive(fill)
    outcome.premium = fp.ceil_div(size_delta * (fill - convert(now.price, int256)), convert(now.cash_scale, int256))
    outcome.paid_out = held.cash_owed
    if closed != 0:
        # d * (x_f - beta), floored at zero, less the fee
        per_unit: uint256 = fp.positive((fill - now.funding_index) * book.sign(held.side) - held.beta)
        gross: uint256 = fp.mul_div_down(closed, per_unit, now.cash_scale)
        outcome.fee = min(fee, gross)
        outcome.paid_out += gross - outcome.fee
    return outcome


@view
@internal
def _open(
    now: market_now.Now,
    held: IMarket.Position,
    size_delta: int256,
    closed: uint256,
    margin: uint256,
    fee: uint256,
    closing: Outcome,
) -> (Outcome, String[64]):
    outcome: Outcome = closing
    side: uint256 = grid.LONG if size_delta > 0 else grid.SHORT
    opened: uint256 = convert(abs(size_delta), uint256) - closed
    fill: int256 = market_now.fill_price(now, size_delta)
    premium: int256 = fp.ceil_div(
        convert(opened, int256) * (fill - convert(now.price, int256)) * book.sign(side),
        convert(now.cash_scale, int256),
    )
    units: uint256 = opened
    equity: int256 = convert(margin, int256) - premium - convert(fee, int256)
    contributed: uint256 = margin * now.cash_scale
    entry: uint256 = opened * fp.positive(fill)
    if closed == 0 and held.units != 0:
        units += held.units
        equity += convert(self._equity(now, held), int256)
        contributed += held.units * held.basis
        entry += held.units * held.entry_price
    outcome.fee += fee
    if now.state.is_increase_paused:
        return outcome, "market is paused"
    if equity <= 0:
        return outcome, "margin does not cover premium and fee"
    if fp.mul_div_down(units, now.price, now.cash_scale) < now.params.min_value:
        return outcome, "position below the smallest value"
    outcome.entered = convert(equity, uint256)
    outcome.units = units
    outcome.entry_price = entry // units
    refusal: String[64] = ""
    outcome.bucket, refusal = self._bucket(
        now, side, units, outcome.entered, contributed // units, market_now.initial_margin(now)
    )
    if len(refusal) == 0 and self._is_over_capacity(now, size_delta, opened):
        refusal = "market is at its open capacity"
    return outcome, refusal


@view
@internal
def _bucket(
    now: market_now.Now, side: uint256, units: uint256, equity: uint256, contributed: uint256, required: int256
) -> (uint256, String[64]):
    """
    @notice Where `positions.enter` would put it, or why it would not: beta = ceil_tick(x - e / units), the class from
            c = min(contributed, e / units).
    """
    x: int256 = market_now.coordinate(now, side)
    per_unit: uint256 = fp.mul_div_down(equity, now.cash_scale, units)
    basis: uint256 = min(contributed, per_unit)
    if basis < grid.floor_of(0) or basis >= grid.floor_of(grid.CLASSES):
        return 0, "margin per unit out of range"
    beta: int256 = x - convert(per_unit, int256)
    tick: int256 = grid.tick_for(grid.class_of(basis), beta)
    if tick < 0 or tick > grid.LAST_TICK:
        return 0, "bankruptcy price out of range"
    bucket: uint256 = grid.bucket_for(side, basis, beta)
    if x - grid.beta_of(bucket) < required:
        return 0, "below initial margin"
    return bucket, ""


@view
@internal
def _is_over_capacity(now: market_now.Now, size_delta: int256, opened: uint256) -> bool:
    # The part that closes comes first; what opens must not grow |K| beyond what the loss budget covers.
    after: int256 = market_now.skew(now) + size_delta
    opening: int256 = convert(opened, int256)
    if size_delta < 0:
        opening = -opening
    if abs(after) <= abs(after - opening):
        return False
    budget: uint256 = market_now.budget_left(now, market_now.trader_equity(now), True)
    return convert(abs(after), uint256) > market_now.capacity_units(now, budget, now.params.shock_open_bps)


@view
@internal
def _quote(now: market_now.Now, held: IMarket.Position, outcome: Outcome, refusal: String[64]) -> ILens.Quote:
    quote: ILens.Quote = empty(ILens.Quote)
    quote.error = refusal
    quote.fill_price = outcome.fill_price
    quote.premium = outcome.premium
    quote.fee = outcome.fee
    if len(refusal) != 0:
        return quote
    quote.paid_out = outcome.paid_out
    if outcome.units == 0:
        return quote
    # The position as it would stand: `units` in `bucket` instead of `held`.
    side: uint256 = grid.side_of(outcome.bucket)
    beta: int256 = grid.beta_of(outcome.bucket)
    per_unit: uint256 = fp.positive(market_now.coordinate(now, side) - beta)
    quote.margin_locked = fp.mul_div_up(outcome.units, per_unit, now.cash_scale)
    if outcome.entered != 0:
        quote.paid_out += outcome.entered - quote.margin_locked
    quote.units_after = convert(outcome.units, int256) * book.sign(side)
    quote.entry_price = outcome.entry_price
    quote.liquidation_price = market_now.price_at(now, side, beta, now.params.maintenance_margin_bps)
    quote.leverage = max_value(uint256)
    if quote.margin_locked != 0:
        quote.leverage = outcome.units * now.price // now.cash_scale * fp.WAD // quote.margin_locked
    quote.rank = adl_queue.rank(now, held, outcome.bucket, outcome.units)
    return quote
