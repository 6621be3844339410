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
from .interfaces import IPriceSource

implements: ILens


interface IMarketList:
    def market_count() -> uint256: view
    def markets(i: uint256) -> address: view


interface IWired:
    def insurance() -> address: view


LONG: constant(uint256) = 0
SHORT: constant(uint256) = 1
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
DAY: constant(uint256) = 86_400
NO_BUCKET: constant(uint256) = max_value(uint256)
CLASSES: constant(uint256) = 256
TICK_MASK: constant(uint256) = 2**16 - 1
TICK_ZERO: constant(uint256) = 2**15
LOWEST_OCTAVE: constant(uint256) = 120  # class 0 is j = 120
MANTISSAS: constant(uint256[4]) = [1024, 1218, 1448, 1722]
MAX_WALK: constant(uint256) = 2_048
MAX_QUEUE: constant(uint256) = 64
MAX_MARKETS: constant(uint256) = 16

POOL: immutable(IMarginPool)
MARKETS: immutable(IMarketList)
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
    MARKETS = IMarketList(order_book)
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
        mark_price=self._fill_price(now, skew, 0),
        funding_index=now.funding_index,
        funding_rate_per_day=self._funding_rate(now),
        units_long=now.state.units_long,
        units_short=now.state.units_short,
        skew=skew,
        cash=now.state.cash,
        claimable=now.state.claimable,
        trader_equity=equity,
        budget_left=budget,
        open_capacity=budget * BPS // now.params.shock_open_bps,
        backstop_capacity=budget * BPS // now.params.shock_backstop_bps,
        adl_trigger=budget * BPS // now.params.shock_adl_bps,
        is_clean=is_clean,
        is_settling=now.state.is_settling,
        is_increase_paused=now.state.is_increase_paused,
    )


@view
@external
def account(owner: address) -> (uint256, DynArray[ILens.PositionView, MAX_MARKETS]):
    positions: DynArray[ILens.PositionView, MAX_MARKETS] = []
    count: uint256 = min(staticcall MARKETS.market_count(), MAX_MARKETS)
    for i: uint256 in range(count, bound=MAX_MARKETS):
        market: address = staticcall MARKETS.markets(i)
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
    heads: DynArray[ILens.QueueItem, CLASSES] = self._heads(now, side)
    for _: uint256 in range(min(n, MAX_QUEUE), bound=MAX_QUEUE):
        # A column's head leads its column at every price, so the best head is the best of all.
        best: uint256 = NO_BUCKET
        best_score: uint256 = 0
        for i: uint256 in range(len(heads), bound=CLASSES):
            # Heads stand in class order and only a higher score replaces: ties go to the smaller class.
            if heads[i].score > best_score:
                best = i
                best_score = heads[i].score
        if best == NO_BUCKET:
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
        for cls: uint256 in range(CLASSES):
            if columns & (1 << cls) == 0:
                continue
            # Worst first: down from the top of the column while there is something to liquidate.
            id: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
            for _: uint256 in range(MAX_WALK):
                if id == NO_BUCKET:
                    break
                equity: int256 = coordinate - self._beta(id)
                if equity >= convert(margin, int256):
                    break
                liquidatable += 1
                if equity < 0:
                    bankrupt += 1
                id = self._below(now, id)
            # Best winner first: up from the bottom while there is profit.
            id = staticcall now.market.next_bucket(self._column(side, cls), True)
            for _: uint256 in range(MAX_WALK):
                if id == NO_BUCKET or self._score(now, cls, coordinate - self._beta(id)) == 0:
                    break
                eligible[side] += 1
                id = self._above(now, id)
    is_adl_due: bool = self._is_fair_adl_due(now, eligible, bankrupt == 0)
    buckets: uint256 = liquidatable
    if liquidatable > 0 or is_adl_due:
        steps: uint256 = (BPS + now.params.adl_step_bps - 1) // now.params.adl_step_bps
        buckets += (eligible[LONG] + eligible[SHORT]) * steps
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
    return now.adjusted_price if side == LONG else -now.adjusted_price


@pure
@internal
def _maintenance_margin(now: Now) -> uint256:
    return now.price * now.params.maintenance_margin_bps // BPS


@pure
@internal
def _funding_rate(now: Now) -> int256:
    # rate = clamp(k * K / psi, -r_max, +r_max)
    most: int256 = convert(now.params.funding_max_bps * WAD // BPS, int256)
    rate: int256 = (
        self._skew(now) * convert(now.params.funding_k_bps * WAD // BPS, int256)
        // convert(now.params.skew_scale, int256)
    )
    return max(-most, min(most, rate))


@view
@internal
def _trader_equity(now: Now) -> int256:
    # E moves by K * dQ between interactions, because no beta does.
    stored: int256 = convert(now.state.index_price, int256) - now.state.funding_index
    return now.state.trader_equity + self._ceil_div(
        self._skew(now) * (now.adjusted_price - stored), convert(CASH_SCALE, int256)
    )


@view
@internal
def _budget_left(now: Now, equity: int256, is_clean: bool) -> uint256:
    if not now.is_new:
        return now.state.budget_left
    full: uint256 = now.params.loss_budget
    refilled: uint256 = now.state.budget_left + full * (now.published_at - now.state.published_at) // DAY
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
        for cls: uint256 in range(CLASSES):
            if columns & (1 << cls) == 0:
                continue
            worst: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
            if coordinate < self._beta(worst):
                return False
    return True


@view
@internal
def _is_fair_adl_due(now: Now, eligible: uint256[2], is_clean: bool) -> bool:
    skew: int256 = self._skew(now)
    heavy: uint256 = LONG if skew > 0 else SHORT
    if skew == 0 or eligible[heavy] == 0:
        return False
    budget: uint256 = self._budget_left(now, self._trader_equity(now), is_clean)
    exposure: uint256 = convert(abs(skew), uint256) * now.price // CASH_SCALE
    return exposure > budget * BPS // now.params.shock_adl_bps


@pure
@internal
def _fill_price(now: Now, skew: int256, size_delta: int256) -> uint256:
    # P_f = P * (1 + (K + d/2) / psi)
    price: int256 = convert(now.price, int256)
    psi: int256 = convert(now.params.skew_scale, int256)
    fill: int256 = price + self._floor_div(price * (2 * skew + size_delta), 2 * psi)
    return convert(max(fill, 0), uint256)


# ------------------------------------------------------------------ the grid


@pure
@internal
def _floor_of(cls: uint256) -> uint256:
    octave: uint256 = cls + LOWEST_OCTAVE
    return MANTISSAS[octave % 4] << (octave // 4 - 10)


@pure
@internal
def _column(side: uint256, cls: uint256) -> uint256:
    return side << 24 | cls << 16


@pure
@internal
def _beta(id: uint256) -> int256:
    width: uint256 = self._floor_of((id >> 16) & 255) // 16
    tick: int256 = convert(id & TICK_MASK, int256) - convert(TICK_ZERO, int256)
    return tick * convert(width, int256)


@view
@internal
def _above(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == TICK_MASK:
        return NO_BUCKET
    return staticcall now.market.next_bucket(id + 1, True)


@view
@internal
def _below(now: Now, id: uint256) -> uint256:
    if id & TICK_MASK == 0:
        return NO_BUCKET
    return staticcall now.market.next_bucket(id - 1, False)


@pure
@internal
def _score(now: Now, cls: uint256, equity: int256) -> uint256:
    # score = (p / ceil_j) * (P / e), zero when there is no profit
    ceiling: uint256 = self._floor_of(cls + 1)
    if equity <= convert(ceiling, int256):
        return 0
    e: uint256 = convert(equity, uint256)
    return (e - ceiling) * WAD // ceiling * now.price // e


@view
@internal
def _item(now: Now, id: uint256) -> ILens.QueueItem:
    item: ILens.QueueItem = empty(ILens.QueueItem)
    if id == NO_BUCKET:
        return item
    cls: uint256 = (id >> 16) & 255
    item.bucket = id
    item.beta = self._beta(id)
    equity: int256 = self._coordinate(now, id >> 24) - item.beta
    item.score = self._score(now, cls, equity)
    if item.score > 0:
        held: IMarket.Bucket = staticcall now.market.bucket(id)
        item.units = held.units
        item.equity_per_unit = convert(equity, uint256)
        item.profit_per_unit = item.equity_per_unit - self._floor_of(cls + 1)
    return item


@view
@internal
def _heads(now: Now, side: uint256) -> DynArray[ILens.QueueItem, CLASSES]:
    heads: DynArray[ILens.QueueItem, CLASSES] = []
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(CLASSES):
        if columns & (1 << cls) != 0:
            heads.append(self._item(now, staticcall now.market.next_bucket(self._column(side, cls), True)))
    return heads


# ------------------------------------------------------------------ positions


@view
@internal
def _rank(now: Now, held: IMarket.Position) -> ILens.AdlRank:
    rank: ILens.AdlRank = empty(ILens.AdlRank)
    own_class: uint256 = (held.bucket >> 16) & 255
    equity: int256 = self._coordinate(now, held.side) - held.beta
    rank.score = self._score(now, own_class, equity)
    rank.is_eligible = rank.score > 0
    columns: uint256 = staticcall now.market.columns(held.side)
    for cls: uint256 in range(CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = staticcall now.market.next_bucket(self._column(held.side, cls), True)
        for _: uint256 in range(MAX_WALK):
            if id == NO_BUCKET:
                break
            item: ILens.QueueItem = self._item(now, id)
            if item.score == 0:
                break
            rank.units_eligible += item.units
            if item.score > rank.score or (item.score == rank.score and cls < own_class):
                rank.units_ahead += item.units
            id = self._above(now, id)
    if rank.is_eligible:
        rank.lights = 5 - min(4, rank.units_ahead * 5 // rank.units_eligible)
        profit: uint256 = convert(equity, uint256) - self._floor_of(own_class + 1)
        rank.loss_per_unit_now = min(profit, self._loss_per_unit(now, 1 - held.side))
    return rank


@view
@internal
def _loss_per_unit(now: Now, side: uint256) -> uint256:
    # The most that ADL could take now: the worst bankrupt bucket of the losing side, insurance spread over its units. What
    # the vault takes over before that makes it less.
    worst: uint256 = self._worst(now, side)
    if worst == NO_BUCKET:
        return 0
    equity: int256 = self._coordinate(now, side) - self._beta(worst)
    if equity >= 0:
        return 0
    held: IMarket.Bucket = staticcall now.market.bucket(worst)
    fund: IInsuranceFund = IInsuranceFund(staticcall IWired(now.market.address).insurance())
    cover: uint256 = staticcall fund.coverable(now.market.address)
    covered: uint256 = cover * CASH_SCALE // held.units
    loss: uint256 = convert(-equity, uint256)
    return loss - min(loss, covered)


@view
@internal
def _worst(now: Now, side: uint256) -> uint256:
    worst: uint256 = NO_BUCKET
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = staticcall now.market.next_bucket(self._column(side, cls) | TICK_MASK, False)
        if worst == NO_BUCKET or self._beta(id) > self._beta(worst):
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
    view.pnl = self._pnl(now, held, per_unit)
    view.leverage = view.notional * WAD // view.equity if view.equity > 0 else max_value(uint256)
    view.liquidation_price = self._price_at(now, held.side, held.beta, now.params.maintenance_margin_bps)
    view.bankruptcy_price = self._price_at(now, held.side, held.beta, 0)
    view.basis = held.basis
    view.is_liquidatable = per_unit < convert(self._maintenance_margin(now), int256)
    view.lights = self._rank(now, held).lights
    return view


@view
@internal
def _pnl(now: Now, held: IMarket.Position, per_unit: int256) -> int256:
    # What equity has gained on the principal.
    return self._floor_div(
        convert(held.units, int256) * (per_unit - convert(held.basis, int256)), convert(CASH_SCALE, int256)
    )


@pure
@internal
def _price_at(now: Now, side: uint256, beta: int256, margin_bps: uint256) -> uint256:
    # The index price at which x - beta = margin * P, funding as it is now.
    #   long:  P - F - beta = m * P   =>  P = (F + beta) / (1 - m)
    #   short: F - P - beta = m * P   =>  P = (F - beta) / (1 + m)
    reach: int256 = 0
    if side == LONG:
        reach = (now.funding_index + beta) * convert(BPS, int256) // convert(BPS - margin_bps, int256)
    else:
        reach = (now.funding_index - beta) * convert(BPS, int256) // convert(BPS + margin_bps, int256)
    return convert(max(reach, 0), uint256)


# ------------------------------------------------------------------ arithmetic


@pure
@internal
def _floor_div(a: int256, b: int256) -> int256:
    # b > 0
    quotient: int256 = a // b
    if a < 0 and quotient * b != a:
        quotient -= 1
    return quotient


@pure
@internal
def _ceil_div(a: int256, b: int256) -> int256:
    return -self._floor_div(-a, b)
