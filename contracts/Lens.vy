# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Lens
@license AGPL-3.0-only
@notice See `ILens`. Everything is worked out at the newest price the source holds and at the funding of this second, which
        is what the next interaction will see; `Market.state` alone is as of the last one.
"""

from ethereum.ercs import IERC20Detailed

from .interfaces import ILens
from .interfaces import IMarginPool
from .interfaces import IMarket
from .interfaces import IOrderBook
from .modules import adl_queue
from .modules import book
from .modules import fixed_point as fp
from .modules import grid
from .modules import market_now
from .modules import quotes

implements: ILens

MAX_MARKETS: constant(uint256) = 16

POOL: immutable(IMarginPool)
ORDER_BOOK: immutable(IOrderBook)
CASH_SCALE: immutable(uint256)


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
    now: market_now.Now = market_now.read(market, CASH_SCALE)
    equity: int256 = market_now.trader_equity(now)
    is_clean: bool = market_now.is_clean(now)
    budget: uint256 = market_now.budget_left(now, equity, is_clean)
    skew: int256 = market_now.skew(now)
    return ILens.MarketView(
        market=market,
        feed=staticcall now.market.feed(),
        index_price=now.price,
        published_at=now.published_at,
        is_stale=market_now.is_stale(now),
        mark_price=fp.positive(market_now.fill_price(now, 0)),
        funding_index=now.funding_index,
        funding_rate_per_day=market_now.funding_rate(now),
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
        open_room_long=market_now.room(now, budget, now.params.shock_open_bps, skew),
        open_room_short=market_now.room(now, budget, now.params.shock_open_bps, -skew),
        # whoever is liquidated moves the skew away from their side
        backstop_room_long=market_now.room(now, budget, now.params.shock_backstop_bps, -skew),
        backstop_room_short=market_now.room(now, budget, now.params.shock_backstop_bps, skew),
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
            positions.append(self._position(market_now.read(market, CASH_SCALE), held))
    return staticcall POOL.balance_of(owner), positions


@view
@external
def position(market: address, owner: address) -> ILens.PositionView:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    return self._position(market_now.read(market, CASH_SCALE), held)


@view
@external
def quote(market: address, owner: address, size_delta: int256, margin: uint256) -> ILens.Quote:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    return quotes.trade(market_now.read(market, CASH_SCALE), held, size_delta, margin)


@view
@external
def quote_margin(market: address, owner: address, margin_delta: int256) -> ILens.Quote:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    return quotes.margin(market_now.read(market, CASH_SCALE), held, margin_delta)


@view
@external
def adl_rank(market: address, owner: address) -> ILens.AdlRank:
    held: IMarket.Position = staticcall IMarket(market).position(owner)
    if held.units == 0:
        return empty(ILens.AdlRank)
    return adl_queue.rank(market_now.read(market, CASH_SCALE), held, held.bucket, held.units)


@view
@external
def queue(market: address, side: uint256, n: uint256) -> DynArray[ILens.QueueItem, adl_queue.MAX_QUEUE]:
    return adl_queue.first(market_now.read(market, CASH_SCALE), side, n)


@view
@external
def work(market: address) -> ILens.Work:
    now: market_now.Now = market_now.read(market, CASH_SCALE)
    liquidatable: uint256 = 0
    bankrupt: uint256 = 0
    eligible: uint256[2] = [0, 0]
    margin: int256 = market_now.maintenance_margin(now)
    for side: uint256 in range(2):
        columns: uint256 = staticcall now.market.columns(side)
        coordinate: int256 = market_now.coordinate(now, side)
        for cls: uint256 in range(grid.CLASSES):
            if columns & (1 << cls) == 0:
                continue
            # Worst first: down from the top of the column while there is something to liquidate.
            id: uint256 = market_now.highest(now, market_now.column(side, cls))
            for _: uint256 in range(adl_queue.MAX_WALK):
                if id == grid.NOTHING:
                    break
                equity: int256 = coordinate - grid.beta_of(id)
                if equity >= margin:
                    break
                liquidatable += 1
                if equity < 0:
                    bankrupt += 1
                id = market_now.below(now, id)
            # Best winner first: up from the bottom while there is profit.
            id = market_now.lowest(now, market_now.column(side, cls))
            for _: uint256 in range(adl_queue.MAX_WALK):
                if id == grid.NOTHING or not adl_queue.is_in_profit(now, id):
                    break
                eligible[side] += 1
                id = market_now.above(now, id)
    is_adl_due: bool = self._is_fair_adl_due(now, eligible, bankrupt == 0)
    buckets: uint256 = 0
    if liquidatable > 0 or is_adl_due:
        # A bucket goes to the vault and to winners; each piece closed by winners ends the bucket, a winner's step or the need.
        steps: uint256 = (fp.BPS + now.params.adl_step_bps - 1) // now.params.adl_step_bps
        buckets = 2 * liquidatable + (eligible[grid.LONG] + eligible[grid.SHORT]) * steps + 1
    return ILens.Work(
        has_new_price=now.is_new,
        is_stale=market_now.is_stale(now),
        liquidatable_buckets=liquidatable,
        bankrupt_buckets=bankrupt,
        is_adl_due=is_adl_due,
        buckets=buckets,
    )


@view
@internal
def _is_fair_adl_due(now: market_now.Now, eligible: uint256[2], is_clean: bool) -> bool:
    skew: int256 = market_now.skew(now)
    heavy: uint256 = grid.LONG if skew > 0 else grid.SHORT
    if skew == 0 or eligible[heavy] == 0:
        return False
    budget: uint256 = market_now.budget_left(now, market_now.trader_equity(now), is_clean)
    exposure: uint256 = convert(abs(skew), uint256) * now.price // CASH_SCALE
    if not now.is_new and staticcall now.market.is_fair_adl_begun():
        return exposure > budget * fp.BPS // now.params.shock_backstop_bps
    return exposure > budget * fp.BPS // now.params.shock_adl_bps


@view
@internal
def _position(now: market_now.Now, held: IMarket.Position) -> ILens.PositionView:
    view: ILens.PositionView = empty(ILens.PositionView)
    view.market = now.market.address
    view.index_price = now.price
    view.cash_owed = held.cash_owed
    view.claim_owed = held.claim_owed
    if held.units == 0:
        return view
    per_unit: int256 = market_now.coordinate(now, held.side) - held.beta
    view.side = held.side
    view.units = held.units
    view.notional = held.units * now.price // CASH_SCALE
    view.entry_price = held.entry_price
    view.equity = held.units * convert(max(per_unit, 0), uint256) // CASH_SCALE
    view.pnl = fp.floor_div(
        convert(held.units, int256) * (convert(now.price, int256) - convert(held.entry_price, int256))
        * book.sign(held.side),
        convert(CASH_SCALE, int256),
    )
    view.leverage = view.notional * fp.WAD // view.equity if view.equity > 0 else max_value(uint256)
    view.liquidation_price = market_now.price_at(now, held.side, held.beta, now.params.maintenance_margin_bps)
    view.bankruptcy_price = market_now.price_at(now, held.side, held.beta, 0)
    view.basis = held.basis
    view.is_liquidatable = per_unit < market_now.maintenance_margin(now)
    view.lights = adl_queue.rank(now, held, held.bucket, held.units).lights
    return view
