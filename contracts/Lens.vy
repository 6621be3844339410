# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Lens
@license AGPL-3.0-only
@notice See `ILens`. Everything is worked out at the newest price the source holds and at the funding of this second, which
        is what the next interaction will see; `Market.state` alone is as of the last one.
@dev    Walks follow the columns from their ends and stop where nothing more can matter, or after `MAX_WALK` buckets:
        more than one block could crank.
"""

from ethereum.ercs import IERC20Detailed

from .interfaces import IInsuranceFund
from .interfaces import ILens
from .interfaces import IMarginPool
from .interfaces import IMarket
from .interfaces import IOrderBook
from .interfaces import IPriceSource
from .modules import fixed_point as fp
from .modules import grid
from .modules import trading

implements: ILens

TICK_MASK: constant(uint256) = 2**16 - 1
MAX_WALK: constant(uint256) = 2_048
MAX_QUEUE: constant(uint256) = 64
MAX_MARKETS: constant(uint256) = 16

POOL: immutable(IMarginPool)
ORDER_BOOK: immutable(IOrderBook)
CASH_SCALE: immutable(uint256)


struct Now:
    market: IMarket
    params: IMarket.Params
    state: IMarket.State
    price: uint256
    published_at: uint256
    funding_index: int256
    adjusted_price: int256  # Q
    is_new: bool


@deploy
def __init__(pool: address, order_book: address):
    POOL = IMarginPool(pool)
    ORDER_BOOK = IOrderBook(order_book)
    token: address = staticcall IMarginPool(pool).token()
    decimals: uint256 = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    CASH_SCALE = 10 ** (36 - decimals)


# ------------------------------------------------------------------ views


@view
@external
def market(market: address) -> ILens.MarketView:
    now: Now = self._now(market)
    equity: int256 = self._trader_equity(now)
    is_clean: bool = self._is_clean(now)
    budget: uint256 = self._budget_left(now, equity, is_clean)
    skew: int256 = self._skew(now)
    return ILens.MarketView(
        market=market,
        feed=staticcall now.market.feed(),
        index_price=now.price,
        published_at=now.published_at,
        is_stale=self._is_stale(now),
        mark_price=fp.positive(self._fill_price(now, 0)),
        funding_index=now.funding_index,
        funding_rate_per_day=self._funding_rate(now),
        units_long=now.state.units_long,
        units_short=now.state.units_short,
        skew=skew,
        cash=now.state.cash,
        claimable=now.state.claimable,
        trader_equity=equity,
        budget_left=budget,
        open_capacity=budget * fp.BPS // now.params.shock_open_bps,
        backstop_capacity=budget * fp.BPS // now.params.shock_backstop_bps,
        adl_trigger=budget * fp.BPS // now.params.shock_adl_bps,
        is_clean=is_clean,
        is_settling=now.state.is_settling,
        is_increase_paused=now.state.is_increase_paused,
    )


@view
@external
def account(owner: address) -> (uint256, DynArray[ILens.PositionView, MAX_MARKETS]):
    positions: DynArray[ILens.PositionView, MAX_MARKETS] = []
    count: uint256 = min(staticcall ORDER_BOOK.market_count(), MAX_MARKETS)
    for i: uint256 in range(count, bound=MAX_MARKETS):
        market: address = staticcall ORDER_BOOK.market_at(i + 1)
        held: IMarket.Position = staticcall IMarket(market).position(owner)
        if held.units > 0 or held.cash_owed > 0 or held.claim_owed > 0:
            positions.append(self._position(self._now(market), held))
    return staticcall POOL.balance_of(owner), positions


@view
@external
def position(market: address, owner: address) -> ILens.PositionView:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    return self._position(self._now(market), held)


@view
@external
def quote(market: address, owner: address, size_delta: int256, margin: uint256) -> ILens.Quote:
    now: Now = self._now(market)
    held: IMarket.Position = staticcall now.market.position(owner)
    result: ILens.Quote = empty(ILens.Quote)
    delta: int256 = size_delta
    if size_delta == min_value(int256) or size_delta == max_value(int256):
        # a full close
        if held.units == 0 or (held.side == grid.LONG) != (size_delta < 0):
            result.error = "nothing to reduce"
            return result
        delta = convert(held.units, int256) * (1 if size_delta > 0 else -1)
    size: uint256 = convert(abs(delta), uint256)
    closed: uint256 = 0
    if (held.side == grid.LONG) == (size_delta < 0):
        closed = min(size, held.units)
        if held.units != 0 and size - closed <= trading.ROUNDING:
            size = closed
            delta = convert(closed, int256) * (1 if size_delta > 0 else -1)
    result.error = self._refusal(now, delta)
    if result.error != "":
        return result
    if now.state.is_settling:
        return self._quote_exit(now, held, closed, margin)
    fee: uint256 = self._fee(now, delta)
    fee_closed: uint256 = fp.mul_div_up(fee, closed, size)
    result = self._quote_close(now, held, delta, closed, fee_closed)
    if closed == size:
        result.paid_out += margin
        return result
    return self._quote_open(now, held, delta, closed, margin, fee - fee_closed, result)


@view
@external
def adl_rank(market: address, owner: address) -> ILens.AdlRank:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    if held.units == 0:
        return empty(ILens.AdlRank)
    return self._rank(self._now(market), held)


@view
@external
def queue(market: address, side: uint256, n: uint256) -> DynArray[ILens.QueueItem, MAX_QUEUE]:
    now: Now = self._now(market)
    items: DynArray[ILens.QueueItem, MAX_QUEUE] = []
    heads: DynArray[ILens.QueueItem, grid.CLASSES] = self._heads(now, side)
    for _: uint256 in range(min(n, MAX_QUEUE), bound=MAX_QUEUE):
        # A column's head leads its column at every price, so the best head is the best of all.
        best: uint256 = grid.NOTHING
        best_score: uint256 = 0
        for i: uint256 in range(len(heads), bound=grid.CLASSES):
            # Heads stand in class order and only a higher score replaces: ties go to the smaller class.
            if heads[i].score > best_score:
                best = i
                best_score = heads[i].score
        if best == grid.NOTHING:
            break
        items.append(heads[best])
        heads[best] = self._item(now, self._above(now, heads[best].bucket))
    return items


@view
@external
def work(market: address) -> ILens.Work:
    now: Now = self._now(market)
    liquidatable: uint256 = 0
    bankrupt: uint256 = 0
    eligible: uint256[2] = [0, 0]
    margin: uint256 = self._maintenance_margin(now)
    for side: uint256 in range(2):
        columns: uint256 = staticcall now.market.columns(side)
        coordinate: int256 = self._coordinate(now, side)
        for cls: uint256 in range(grid.CLASSES):
            if columns & (1 << cls) == 0:
                continue
            # Worst first: down from the top of the column while there is something to liquidate.
            id: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
            for _: uint256 in range(MAX_WALK):
                if id == grid.NOTHING:
                    break
                equity: int256 = coordinate - grid.beta_of(id)
                if equity >= convert(margin, int256):
                    break
                liquidatable += 1
                if equity < 0:
                    bankrupt += 1
                id = self._below(now, id)
            # Best winner first: up from the bottom while there is profit.
            id = staticcall now.market.next_bucket(self._column(side, cls), True)
            for _: uint256 in range(MAX_WALK):
                if id == grid.NOTHING or self._score(now, id, coordinate - grid.beta_of(id)) == 0:
                    break
                eligible[side] += 1
                id = self._above(now, id)
    is_adl_due: bool = self._is_fair_adl_due(now, eligible, bankrupt == 0)
    buckets: uint256 = 0
    if liquidatable > 0 or is_adl_due:
        # A bucket goes to the vault and to winners; each piece closed by winners ends the bucket, a winner's step or the need.
        steps: uint256 = (fp.BPS + now.params.adl_step_bps - 1) // now.params.adl_step_bps
        buckets = 2 * liquidatable + (eligible[grid.LONG] + eligible[grid.SHORT]) * steps + 1
    return ILens.Work(
        has_new_price=now.is_new,
        is_stale=self._is_stale(now),
        liquidatable_buckets=liquidatable,
        bankrupt_buckets=bankrupt,
        is_adl_due=is_adl_due,
        buckets=buckets,
    )


# ------------------------------------------------------------------ the market at the newest price


@view
@internal
def _now(market: address) -> Now:
    now: Now = empty(Now)
    now.market = IMarket(market)
    now.params = staticcall now.market.params()
    now.state = staticcall now.market.state()
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
def _is_stale(now: Now) -> bool:
    return block.timestamp > now.published_at + now.params.max_age


@pure
@internal
def _skew(now: Now) -> int256:
    return convert(now.state.units_long, int256) - convert(now.state.units_short, int256)


@pure
@internal
def _coordinate(now: Now, side: uint256) -> int256:
    return now.adjusted_price if side == grid.LONG else -now.adjusted_price


@pure
@internal
def _maintenance_margin(now: Now) -> uint256:
    return now.price * now.params.maintenance_margin_bps // fp.BPS


@pure
@internal
def _funding_rate(now: Now) -> int256:
    # rate = clamp(k * K / psi, -r_max, +r_max)
    most: int256 = convert(now.params.funding_max_bps * fp.WAD // fp.BPS, int256)
    rate: int256 = fp.floor_div(
        self._skew(now) * convert(now.params.funding_k_bps * fp.WAD // fp.BPS, int256),
        convert(now.params.skew_scale, int256),
    )
    return max(-most, min(most, rate))


@view
@internal
def _trader_equity(now: Now) -> int256:
    # E moves by K * dQ between interactions, because no beta does.
    stored: int256 = convert(now.state.index_price, int256) - now.state.funding_index
    return now.state.trader_equity + fp.ceil_div(
        self._skew(now) * (now.adjusted_price - stored), convert(CASH_SCALE, int256)
    )


@view
@internal
def _budget_left(now: Now, equity: int256, is_clean: bool) -> uint256:
    if not now.is_new:
        return now.state.budget_left
    full: uint256 = now.params.loss_budget
    refilled: uint256 = now.state.budget_left + full * (now.published_at - now.state.published_at) // fp.DAY
    owed: int256 = equity - now.state.trader_equity
    left: int256 = convert(min(full, refilled), int256)
    if owed > 0 or is_clean:
        left -= owed
    return convert(max(0, min(left, convert(full, int256))), uint256)


@view
@internal
def _is_clean(now: Now) -> bool:
    for side: uint256 in range(2):
        columns: uint256 = staticcall now.market.columns(side)
        coordinate: int256 = self._coordinate(now, side)
        for cls: uint256 in range(grid.CLASSES):
            if columns & (1 << cls) == 0:
                continue
            worst: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
            if coordinate < grid.beta_of(worst):
                return False
    return True


@view
@internal
def _is_fair_adl_due(now: Now, eligible: uint256[2], is_clean: bool) -> bool:
    skew: int256 = self._skew(now)
    heavy: uint256 = grid.LONG if skew > 0 else grid.SHORT
    if skew == 0 or eligible[heavy] == 0:
        return False
    budget: uint256 = self._budget_left(now, self._trader_equity(now), is_clean)
    exposure: uint256 = convert(abs(skew), uint256) * now.price // CASH_SCALE
    if not now.is_new and staticcall now.market.is_fair_adl_begun():
        return exposure > budget * fp.BPS // now.params.shock_backstop_bps
    return exposure > budget * fp.BPS // now.params.shock_adl_bps


@pure
@internal
def _fill_price(now: Now, size_delta: int256) -> int256:
    # P_f = P * (1 + (K + d/2) / psi), rounded against the trader
    price: int256 = convert(now.price, int256)
    slope: int256 = price * (2 * self._skew(now) + size_delta)
    psi: int256 = convert(2 * now.params.skew_scale, int256)
    if size_delta > 0:
        return price + fp.ceil_div(slope, psi)
    return price + fp.floor_div(slope, psi)


# ------------------------------------------------------------------ the grid


@pure
@internal
def _column(side: uint256, cls: uint256) -> uint256:
    return side << 24 | cls << 16


@view
@internal
def _above(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == TICK_MASK:
        return grid.NOTHING
    return staticcall now.market.next_bucket(id + 1, True)


@view
@internal
def _below(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == 0:
        return grid.NOTHING
    return staticcall now.market.next_bucket(id - 1, False)


@pure
@internal
def _score(now: Now, id: uint256, equity: int256) -> uint256:
    # score = (p / ceil) * (P / e), rounded as the market does; zero when there is no profit
    ceiling: uint256 = grid.ceil_of(id)
    profit: int256 = equity - convert(ceiling, int256)
    if profit <= 0:
        return 0
    ratio: uint256 = fp.mul_div_up(convert(profit, uint256), fp.WAD * fp.WAD, convert(equity, uint256))
    return fp.mul_div_up(now.price, ratio, ceiling * fp.WAD)


@view
@internal
def _item(now: Now, id: uint256) -> ILens.QueueItem:
    item: ILens.QueueItem = empty(ILens.QueueItem)
    if id == grid.NOTHING:
        return item
    cls: uint256 = (id >> 16) & 255
    item.bucket = id
    item.beta = grid.beta_of(id)
    equity: int256 = self._coordinate(now, id >> 24) - item.beta
    item.score = self._score(now, id, equity)
    if item.score > 0:
        held: IMarket.Bucket = staticcall now.market.bucket(id)
        item.units = held.units
        item.equity_per_unit = convert(equity, uint256)
        item.profit_per_unit = item.equity_per_unit - grid.ceil_of(id)
    return item


@view
@internal
def _heads(now: Now, side: uint256) -> DynArray[ILens.QueueItem, grid.CLASSES]:
    heads: DynArray[ILens.QueueItem, grid.CLASSES] = []
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) != 0:
            heads.append(self._item(now, staticcall now.market.next_bucket(self._column(side, cls), True)))
    return heads


# ------------------------------------------------------------------ positions


@view
@internal
def _rank(now: Now, held: IMarket.Position) -> ILens.AdlRank:
    rank: ILens.AdlRank = empty(ILens.AdlRank)
    equity: int256 = self._coordinate(now, held.side) - held.beta
    rank.score = self._score(now, held.bucket, equity)
    rank.is_eligible = rank.score > 0
    columns: uint256 = staticcall now.market.columns(held.side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = staticcall now.market.next_bucket(self._column(held.side, cls), True)
        for _: uint256 in range(MAX_WALK):
            if id == grid.NOTHING:
                break
            item: ILens.QueueItem = self._item(now, id)
            if item.score == 0:
                break
            rank.units_eligible += item.units
            if item.score > rank.score or (item.score == rank.score and id < held.bucket):
                rank.units_ahead += item.units
            id = self._above(now, id)
    if rank.is_eligible:
        rank.lights = 5 - min(4, rank.units_ahead * 5 // rank.units_eligible)
        profit: uint256 = convert(equity, uint256) - grid.ceil_of(held.bucket)
        rank.loss_per_unit_now = min(profit, self._loss_per_unit(now, 1 - held.side))
    return rank


@view
@internal
def _loss_per_unit(now: Now, side: uint256) -> uint256:
    # The most that ADL could take now: the worst bankrupt bucket of the losing side, insurance spread over its units. What
    # the vault takes over before that makes it less.
    worst: uint256 = self._worst(now, side)
    if worst == grid.NOTHING:
        return 0
    equity: int256 = self._coordinate(now, side) - grid.beta_of(worst)
    if equity >= 0:
        return 0
    held: IMarket.Bucket = staticcall now.market.bucket(worst)
    fund: IInsuranceFund = IInsuranceFund(staticcall now.market.insurance())
    cover: uint256 = staticcall fund.coverable(now.market.address)
    covered: uint256 = cover * CASH_SCALE // held.units
    loss: uint256 = convert(-equity, uint256)
    return loss - min(loss, covered)


@view
@internal
def _worst(now: Now, side: uint256) -> uint256:
    worst: uint256 = grid.NOTHING
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
        if worst == grid.NOTHING or grid.beta_of(id) > grid.beta_of(worst):
            worst = id
    return worst


@view
@internal
def _position(now: Now, held: IMarket.Position) -> ILens.PositionView:
    view: ILens.PositionView = empty(ILens.PositionView)
    view.market = now.market.address
    view.index_price = now.price
    view.cash_owed = held.cash_owed
    view.claim_owed = held.claim_owed
    if held.units == 0:
        return view
    per_unit: int256 = self._coordinate(now, held.side) - held.beta
    view.side = held.side
    view.units = held.units
    view.notional = held.units * now.price // CASH_SCALE
    view.entry_price = held.entry_price
    view.equity = held.units * convert(max(per_unit, 0), uint256) // CASH_SCALE
    view.pnl = fp.floor_div(
        convert(held.units, int256) * (convert(now.price, int256) - convert(held.entry_price, int256))
        * (1 - 2 * convert(held.side, int256)),
        convert(CASH_SCALE, int256),
    )
    view.leverage = view.notional * fp.WAD // view.equity if view.equity > 0 else max_value(uint256)
    view.liquidation_price = self._price_at(now, held.side, held.beta, now.params.maintenance_margin_bps)
    view.bankruptcy_price = self._price_at(now, held.side, held.beta, 0)
    view.basis = held.basis
    view.is_liquidatable = per_unit < convert(self._maintenance_margin(now), int256)
    view.lights = self._rank(now, held).lights
    return view


@pure
@internal
def _price_at(now: Now, side: uint256, beta: int256, margin_bps: uint256) -> uint256:
    # The index price at which x - beta = margin * P, funding as it is now.
    #   long:  P - F - beta = m * P   =>  P = (F + beta) / (1 - m)
    #   short: F - P - beta = m * P   =>  P = (F - beta) / (1 + m)
    reach: int256 = 0
    if side == grid.LONG:
        reach = fp.ceil_div((now.funding_index + beta) * convert(fp.BPS, int256), convert(fp.BPS - margin_bps, int256))
    else:
        reach = fp.floor_div((now.funding_index - beta) * convert(fp.BPS, int256), convert(fp.BPS + margin_bps, int256))
    return convert(max(reach, 0), uint256)


# ------------------------------------------------------------------ what a trade would do, step by step as the market


@view
@internal
def _refusal(now: Now, size_delta: int256) -> String[64]:
    if size_delta == 0:
        return "size is zero"
    if abs(size_delta) >= 2**112:
        return "size out of range"
    if now.state.is_settling:
        return ""
    if self._is_stale(now):
        return "wait: stale price"
    if not self._is_clean(now):
        return "wait: crank first"
    return ""


@view
@internal
def _fee(now: Now, size_delta: int256) -> uint256:
    # Taker for units that grow |K|, maker for those that shrink it.
    size: uint256 = convert(abs(size_delta), uint256)
    skew: int256 = self._skew(now)
    shrinking: uint256 = 0
    if (skew > 0) != (size_delta > 0):
        shrinking = min(size, convert(abs(skew), uint256))
    weighted: uint256 = (size - shrinking) * now.params.taker_fee_bps + shrinking * now.params.maker_fee_bps
    return fp.mul_div_up(weighted, now.price, CASH_SCALE * fp.BPS)


@view
@internal
def _quote_exit(now: Now, held: IMarket.Position, closed: uint256, margin: uint256) -> ILens.Quote:
    # In settlement every exit is paid coverage * equity, coverage = min(1, (C - U) / E).
    result: ILens.Quote = empty(ILens.Quote)
    if closed == 0:
        result.error = "nothing to reduce"
        return result
    result.fill_price = now.price
    per_unit: uint256 = fp.positive(self._coordinate(now, held.side) - held.beta)
    worth: uint256 = fp.mul_div_down(closed, per_unit, CASH_SCALE)
    total: uint256 = fp.positive(now.state.trader_equity)
    left: uint256 = now.state.cash - min(now.state.cash, now.state.claimable)
    if left < total:
        worth = fp.mul_div_down(worth, left, total)
    # what is owed already is collected apart
    result.paid_out = worth + margin
    return self._describe(now, held.side, held.units - closed, held.beta, held.entry_price, result)


@view
@internal
def _quote_close(
    now: Now, held: IMarket.Position, size_delta: int256, closed: uint256, fee: uint256
) -> ILens.Quote:
    result: ILens.Quote = empty(ILens.Quote)
    fill: int256 = self._fill_price(now, size_delta)
    result.fill_price = fp.positive(fill)
    result.premium = fp.ceil_div(size_delta * (fill - convert(now.price, int256)), convert(CASH_SCALE, int256))
    result.paid_out = held.cash_owed
    if closed != 0:
        # d * (x_f - beta), floored at zero, less the fee
        sign: int256 = 1 - 2 * convert(held.side, int256)
        per_unit: uint256 = fp.positive((fill - now.funding_index) * sign - held.beta)
        gross: uint256 = fp.mul_div_down(closed, per_unit, CASH_SCALE)
        result.fee = min(fee, gross)
        result.paid_out += gross - result.fee
    return self._describe(now, held.side, held.units - closed, held.beta, held.entry_price, result)


@view
@internal
def _quote_open(
    now: Now,
    held: IMarket.Position,
    size_delta: int256,
    closed: uint256,
    margin: uint256,
    fee: uint256,
    closing: ILens.Quote,
) -> ILens.Quote:
    result: ILens.Quote = closing
    side: uint256 = grid.LONG if size_delta > 0 else grid.SHORT
    opened: uint256 = convert(abs(size_delta), uint256) - closed
    fill: int256 = self._fill_price(now, size_delta)
    sign: int256 = 1 - 2 * convert(side, int256)
    premium: int256 = fp.ceil_div(
        convert(opened, int256) * (fill - convert(now.price, int256)) * sign, convert(CASH_SCALE, int256)
    )
    x: int256 = self._coordinate(now, side)
    units: uint256 = opened
    equity: int256 = convert(margin, int256) - premium - convert(fee, int256)
    contributed: uint256 = margin * CASH_SCALE
    entry: uint256 = opened * fp.positive(fill)
    if closed == 0 and held.units != 0:
        units += held.units
        equity += convert(fp.mul_div_down(held.units, fp.positive(x - held.beta), CASH_SCALE), int256)
        contributed += held.units * held.basis
        entry += held.units * held.entry_price
    result.fee += fee
    if now.state.is_increase_paused:
        result.error = "market is paused"
    elif equity <= 0:
        result.error = "margin does not cover premium and fee"
    elif fp.mul_div_down(units, now.price, CASH_SCALE) < now.params.min_value:
        result.error = "position below the smallest value"
    if result.error != "":
        return result
    # beta = ceil_tick(x - e / units), the class from c = min(contributed, e / units)
    per_unit: uint256 = fp.mul_div_down(convert(equity, uint256), CASH_SCALE, units)
    basis: uint256 = min(contributed // units, per_unit)
    if basis < grid.floor_of(0) or basis >= grid.floor_of(grid.CLASSES):
        result.error = "margin per unit out of range"
        return result
    width: uint256 = grid.floor_of(grid.class_of(basis)) >> 4
    tick: int256 = fp.ceil_div(x - convert(per_unit, int256), convert(width, int256))
    if tick < -grid.TICK_OFFSET or tick >= grid.TICK_OFFSET:
        result.error = "bankruptcy price out of range"
        return result
    beta: int256 = tick * convert(width, int256)
    required: uint256 = fp.mul_div_up(now.price, now.params.initial_margin_bps, fp.BPS)
    if x - beta < convert(required, int256):
        result.error = "below initial margin"
        return result
    if self._is_over_capacity(now, size_delta, opened):
        result.error = "market is at its open capacity"
        return result
    result = self._describe(now, side, units, beta, entry // units, result)
    result.paid_out += convert(equity, uint256) - result.margin_locked
    return result


@view
@internal
def _is_over_capacity(now: Now, size_delta: int256, opened: uint256) -> bool:
    # The part that closes comes first; what opens must not grow |K| beyond what the loss budget covers.
    after: int256 = self._skew(now) + size_delta
    opening: int256 = convert(opened, int256)
    if size_delta < 0:
        opening = -opening
    if abs(after) <= abs(after - opening):
        return False
    budget: uint256 = self._budget_left(now, self._trader_equity(now), True)
    capacity: uint256 = fp.mul_div_down(budget, fp.BPS, now.params.shock_open_bps)
    return convert(abs(after), uint256) > fp.mul_div_down(capacity, CASH_SCALE, now.price)


@view
@internal
def _describe(
    now: Now, side: uint256, units: uint256, beta: int256, entry_price: uint256, so_far: ILens.Quote
) -> ILens.Quote:
    # The position as it would stand after the trade.
    result: ILens.Quote = so_far
    if units == 0:
        return result
    result.margin_locked = fp.mul_div_up(units, fp.positive(self._coordinate(now, side) - beta), CASH_SCALE)
    result.units_after = convert(units, int256) * (1 - 2 * convert(side, int256))
    result.entry_price = entry_price
    result.liquidation_price = self._price_at(now, side, beta, now.params.maintenance_margin_bps)
    notional: uint256 = units * now.price // CASH_SCALE
    result.leverage = max_value(uint256)
    if result.margin_locked != 0:
        result.leverage = notional * fp.WAD // result.margin_locked
    return result
