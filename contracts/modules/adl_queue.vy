# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The ADL queue of a side, and where a position stands in it or would stand
@license AGPL-3.0-only
@notice Read from outside. Walks follow the columns from their ends and stop where nothing more can matter, or after `MAX_WALK`
        buckets: more than one block could crank.
"""
from ..interfaces import IInsuranceFund
from ..interfaces import ILens
from ..interfaces import IMarket
from . import adl
from . import fixed_point as fp
from . import grid
from . import market_now

MAX_WALK: constant(uint256) = 2_048
MAX_QUEUE: constant(uint256) = 64
FIFTHS: constant(uint256) = 5


@view
@internal
def first(now: market_now.Now, side: uint256, n: uint256) -> DynArray[ILens.QueueItem, MAX_QUEUE]:
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
        heads[best] = self._item(now, market_now.above(now, heads[best].bucket))
    return items


@view
@internal
def rank(now: market_now.Now, held: IMarket.Position, bucket: uint256, units: uint256) -> ILens.AdlRank:
    """
    @notice Of the owner of `held`, if it were `units` in `bucket` instead; empty if `units` is 0.
    """
    rank: ILens.AdlRank = empty(ILens.AdlRank)
    if units == 0:
        return rank
    side: uint256 = grid.side_of(bucket)
    equity: int256 = market_now.coordinate(now, side) - grid.beta_of(bucket)
    rank.score = adl.score(bucket, equity, now.price)
    rank.equity_per_unit = fp.positive(equity)
    if rank.score != 0:
        rank.is_eligible = True
        rank.profit_per_unit = rank.equity_per_unit - grid.ceil_of(bucket)
        rank.units_eligible = units
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) == 0:
            continue
        id: uint256 = market_now.lowest(now, market_now.column(side, cls))
        for _: uint256 in range(MAX_WALK):
            if id == grid.NOTHING:
                break
            item: ILens.QueueItem = self._item(now, id)
            if item.score == 0:
                break
            # What the owner has there now does not count: it is counted where it would stand.
            others: uint256 = item.units
            if id == held.bucket:
                others -= held.units
            rank.units_eligible += others
            if item.score > rank.score or (item.score == rank.score and id < bucket):
                rank.units_ahead += others
            id = market_now.above(now, id)
    if rank.is_eligible:
        rank.lights = FIFTHS - min(FIFTHS - 1, rank.units_ahead * FIFTHS // rank.units_eligible)
        rank.loss_per_unit_now = min(rank.profit_per_unit, self._loss_per_unit(now, 1 - side))
        rank.units_until_reached = rank.units_ahead * now.params.adl_step_bps // fp.BPS
    return rank


@view
@internal
def is_in_profit(now: market_now.Now, id: uint256) -> bool:
    equity: int256 = market_now.coordinate(now, grid.side_of(id)) - grid.beta_of(id)
    return equity > convert(grid.ceil_of(id), int256)


@view
@internal
def _item(now: market_now.Now, id: uint256) -> ILens.QueueItem:
    item: ILens.QueueItem = empty(ILens.QueueItem)
    if id == grid.NOTHING:
        return item
    item.bucket = id
    item.beta = grid.beta_of(id)
    equity: int256 = market_now.coordinate(now, grid.side_of(id)) - item.beta
    item.score = adl.score(id, equity, now.price)
    if item.score > 0:
        held: IMarket.Bucket = staticcall now.market.bucket(id)
        item.units = held.units
        item.equity_per_unit = convert(equity, uint256)
        item.profit_per_unit = item.equity_per_unit - grid.ceil_of(id)
    return item


@view
@internal
def _heads(now: market_now.Now, side: uint256) -> DynArray[ILens.QueueItem, grid.CLASSES]:
    heads: DynArray[ILens.QueueItem, grid.CLASSES] = []
    columns: uint256 = staticcall now.market.columns(side)
    for cls: uint256 in range(grid.CLASSES):
        if columns & (1 << cls) != 0:
            heads.append(self._item(now, market_now.lowest(now, market_now.column(side, cls))))
    return heads


@view
@internal
def _loss_per_unit(now: market_now.Now, side: uint256) -> uint256:
    # The most that ADL could take now: the worst bankrupt bucket of the losing side, insurance spread over its units. What
    # the vault takes over before that makes it less.
    worst: uint256 = market_now.worst(now, side)
    if worst == grid.NOTHING:
        return 0
    equity: int256 = market_now.coordinate(now, side) - grid.beta_of(worst)
    if equity >= 0:
        return 0
    held: IMarket.Bucket = staticcall now.market.bucket(worst)
    fund: IInsuranceFund = IInsuranceFund(staticcall now.market.insurance())
    cover: uint256 = staticcall fund.coverable(now.market.address)
    covered: uint256 = cover * now.cash_scale // held.units
    loss: uint256 = convert(-equity, uint256)
    return loss - min(loss, covered)
