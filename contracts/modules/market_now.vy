# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A market as its next interaction will find it
@license AGPL-3.0-only
@notice Read from outside, at the newest price the source holds and at the funding of this second. `Market.state` alone is as of
        the last interaction.
"""
from ..interfaces import IMarket
from ..interfaces import IPriceSource
from . import book
from . import fixed_point as fp
from . import grid

TICK_MASK: constant(uint256) = 2**16 - 1


struct Now:
    market: IMarket
    params: IMarket.Params
    state: IMarket.State
    cash_scale: uint256  # WAD x WAD to cash
    price: uint256
    published_at: uint256
    funding_index: int256
    adjusted_price: int256  # Q
    is_new: bool


@view
@internal
def read(market: address, cash_scale: uint256) -> Now:
    now: Now = empty(Now)
    now.market = IMarket(market)
    now.params = staticcall now.market.params()
    now.state = staticcall now.market.state()
    now.cash_scale = cash_scale
    now.price = now.state.index_price
    now.published_at = now.state.published_at
    now.funding_index = now.state.funding_index
    if not now.state.is_settling:
        # A settling market keeps the price and the funding at which it stopped.
        now.funding_index = staticcall now.market.funding_index_now()
        source: IPriceSource = IPriceSource(staticcall now.market.price_source())
        price: uint256 = 0
        published_at: uint256 = 0
        price, published_at = staticcall source.price(staticcall now.market.feed())
        if published_at > now.published_at:
            now.is_new = True
            now.price = price
            now.published_at = published_at
    now.adjusted_price = convert(now.price, int256) - now.funding_index
    return now


@view
@internal
def is_stale(now: Now) -> bool:
    return block.timestamp > now.published_at + now.params.max_age


@pure
@internal
def skew(now: Now) -> int256:
    return convert(now.state.units_long, int256) - convert(now.state.units_short, int256)


@pure
@internal
def coordinate(now: Now, side: uint256) -> int256:
    return now.adjusted_price * book.sign(side)


@pure
@internal
def maintenance_margin(now: Now) -> int256:
    # rounded up, as the market does
    return convert(fp.mul_div_up(now.price, now.params.maintenance_margin_bps, fp.BPS), int256)


@pure
@internal
def initial_margin(now: Now) -> int256:
    return convert(fp.mul_div_up(now.price, now.params.initial_margin_bps, fp.BPS), int256)


@pure
@internal
def funding_rate(now: Now) -> int256:
    # rate = clamp(k * K / psi, -r_max, +r_max)
    most: int256 = convert(now.params.funding_max_bps * fp.WAD // fp.BPS, int256)
    rate: int256 = fp.floor_div(
        self.skew(now) * convert(now.params.funding_k_bps * fp.WAD // fp.BPS, int256),
        convert(now.params.skew_scale, int256),
    )
    return max(-most, min(most, rate))


@pure
@internal
def fill_price(now: Now, size_delta: int256) -> int256:
    return book.fill_price(size_delta, now.price, self.skew(now), now.params.skew_scale)


@pure
@internal
def price_at(now: Now, side: uint256, beta: int256, margin_bps: uint256) -> uint256:
    """
    @notice The index price at which x - beta = margin * P, funding as it is now; 0 where no price reaches it.
    """
    #   long:  P - F - beta = m * P   =>  P = (F + beta) / (1 - m)
    #   short: F - P - beta = m * P   =>  P = (F - beta) / (1 + m)
    reach: int256 = 0
    if side == grid.LONG:
        reach = fp.ceil_div((now.funding_index + beta) * convert(fp.BPS, int256), convert(fp.BPS - margin_bps, int256))
    else:
        reach = fp.floor_div((now.funding_index - beta) * convert(fp.BPS, int256), convert(fp.BPS + margin_bps, int256))
    return convert(max(reach, 0), uint256)


# The vault's room


@view
@internal
def trader_equity(now: Now) -> int256:
    # E moves by K * dQ between interactions, because no beta does.
    stored: int256 = convert(now.state.index_price, int256) - now.state.funding_index
    return now.state.trader_equity + fp.ceil_div(
        self.skew(now) * (now.adjusted_price - stored), convert(now.cash_scale, int256)
    )


@view
@internal
def budget_left(now: Now, equity: int256, is_clean: bool) -> uint256:
    if not now.is_new:
        return now.state.budget_left
    full: uint256 = now.params.loss_budget
    refilled: uint256 = now.state.budget_left + full * (now.published_at - now.state.published_at) // fp.DAY
    owed: int256 = equity - now.state.trader_equity
    left: int256 = convert(min(full, refilled), int256)
    if owed > 0 or is_clean:
        left -= owed
    return convert(max(0, min(left, convert(full, int256))), uint256)


@pure
@internal
def capacity_units(now: Now, budget: uint256, shock_bps: uint256) -> uint256:
    """
    @notice The skew that `budget` covers for a move of the shock, in units, rounded down as the market does.
    """
    return fp.mul_div_down(fp.mul_div_down(budget, fp.BPS, shock_bps), now.cash_scale, now.price)


@pure
@internal
def room(now: Now, budget: uint256, shock_bps: uint256, skew: int256) -> uint256:
    """
    @notice Units that may be added to `skew`, which is K for what goes long and -K for what goes short.
    """
    if now.state.is_settling:
        return 0
    return fp.positive(convert(self.capacity_units(now, budget, shock_bps), int256) - skew)


@view
@internal
def is_clean(now: Now) -> bool:
    for side: uint256 in range(2):
        worst: uint256 = self.worst(now, side)
        if worst != grid.NOTHING and self.coordinate(now, side) < grid.beta_of(worst):
            return False
    return True


# The grid


@pure
@internal
def column(side: uint256, cls: uint256) -> uint256:
    return side << grid.SIDE_SHIFT | cls << grid.COLUMN_SHIFT


@view
@internal
def lowest(now: Now, column: uint256) -> uint256:
    return staticcall now.market.next_bucket(column, True)


@view
@internal
def highest(now: Now, column: uint256) -> uint256:
    return staticcall now.market.next_bucket(column | TICK_MASK, False)


@view
@internal
def above(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == TICK_MASK:
        return grid.NOTHING
    return staticcall now.market.next_bucket(id + 1, True)


@view
@internal
def below(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == 0:
        return grid.NOTHING
    return staticcall now.market.next_bucket(id - 1, False)


@view
@internal
def worst(now: Now, side: uint256) -> uint256:
    """
    @notice The bucket of the highest beta, NOTHING on an empty side.
    """
    worst: uint256 = grid.NOTHING
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = self.highest(now, self.column(side, cls))
        if worst == grid.NOTHING or grid.beta_of(id) > grid.beta_of(worst):
            worst = id
    return worst
