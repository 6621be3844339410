# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Liquidation and the waterfall: vault, skin in the game, insurance, ADL, vault of last resort
@license AGPL-3.0-only
@notice `crank` is a loop of small steps. Each step reads what it needs from storage and leaves the books right, so that an
        interrupted crank goes on where it stopped: crank(1) n times is crank(n).
"""
from ..interfaces import IInsuranceFund
from ..interfaces import IMarket
from . import adl
from . import book
from . import buckets
from . import fixed_point as fp
from . import grid
from . import parameters

uses: adl
uses: book
uses: buckets
uses: grid
uses: parameters

NOTHING: constant(uint256) = max_value(uint256)
MASK_32: constant(uint256) = 2**32 - 1
MAX_TURNS: constant(uint256) = 65_536
NO_SIDE: constant(uint256) = 2
# keys of liquidatable buckets are (OFFSET - equity per unit) << 32 | (2^32 - 1 - id): the highest is the worst
OFFSET: constant(int256) = 2**128

# the price round in which fair ADL of the vault began
_fair_round: uint256


# What a crank has done so far
struct Progress:
    buckets: uint256
    reward: uint256  # the keeper's shares of penalties, already in the market's cash
    top_up: uint256  # up to the floor, from the insurance fund


struct Loser:
    id: uint256
    epoch: uint256
    units: uint256
    beta: int256
    x: int256
    loss_per_unit: uint256  # at the index price, WAD
    is_under_way: bool  # the vault has had its turn at this price
    skin: uint256  # cover held for these units
    insurance: uint256


# What is closed of a liquidatable bucket, and who bears the loss
struct Closing:
    units: uint256
    paid: uint256  # cash to the owners
    penalty: uint256
    coordinate: int256  # at which it closes
    fill_price: uint256
    is_to_vault: bool
    skin: uint256
    insurance: uint256
    adl: uint256
    vault: uint256


@internal
def crank(max_buckets: uint256, keeper: address) -> uint256:
    """
    @dev Anyone may call.
    """
    assert max_buckets != 0, "max_buckets is zero"
    book.touch()
    progress: Progress = empty(Progress)
    if book.is_settling():
        book.settle_crank(keeper, 0)
        return 0
    assert book.is_fresh(), "stale price"

    now: book.Now = book.now()
    maintenance: int256 = self.maintenance(now.price)
    worst: DynArray[uint256, 512] = self._liquidatable(now, maintenance)
    winners: DynArray[uint256, 256] = []
    winners_side: uint256 = NO_SIDE
    # what ADL has closed so far of the bucket that is being liquidated: told in one event
    closed_for: Loser = empty(Loser)
    closed: Closing = empty(Closing)
    for _: uint256 in range(MAX_TURNS):
        if progress.buckets >= max_buckets:
            break
        side: uint256 = NO_SIDE
        needed: uint256 = 0
        loser: Loser = empty(Loser)
        at: uint256 = 0
        is_fair: bool = len(worst) == 0
        if is_fair:
            side, needed = self._fair_need(now.price_round)
            if needed == 0:
                break
        else:
            at = self._highest(worst)
            loser = self._loser(MASK_32 - (worst[at] & MASK_32), now)
            side = 1 - grid.side_of(loser.id)
            if loser.units != 0 and not loser.is_under_way:
                taken: uint256 = 0
                taken, progress = self._take_over(loser, now, progress)
                loser.units -= taken
                if taken != 0 and loser.units != 0:
                    continue
                if taken == 0:
                    loser = self._loser(loser.id, now)
            if loser.units == 0:
                # gone: taken over, or closed by ADL
                following: uint256 = self._key_of(grid.below(loser.id), now, maintenance)
                if following == 0:
                    following = worst[len(worst) - 1]
                    worst[at] = following
                    worst.pop()
                else:
                    worst[at] = following
                continue
            needed = loser.units

        if winners_side != side:
            winners = adl.candidates(side, now)
            winners_side = side
        if len(winners) == 0:
            if adl.next_pass(side, now.price_round):
                winners_side = NO_SIDE
            elif is_fair:
                break
            else:
                self._log(closed_for, closed, now)
                closed = empty(Closing)
                progress = self._last_resort(loser, now, progress)
            continue
        best: uint256 = self._highest(winners)
        id: uint256 = adl.id_of(winners[best])
        is_done: bool = False
        c: Closing = empty(Closing)
        is_done, c, progress = self._deleverage(winners[best], needed, loser, is_fair, now, progress)
        if c.units != 0:
            if closed_for.id != loser.id or closed.units == 0:
                self._log(closed_for, closed, now)
                closed_for = loser
                closed = empty(Closing)
            closed = self._sum(closed, c)
        if is_done:
            following: uint256 = adl.next_candidate(id, now)
            if following == 0:
                following = winners[len(winners) - 1]
                winners[best] = following
                winners.pop()
            else:
                winners[best] = following

    self._log(closed_for, closed, now)
    if len(worst) == 0:
        self._lower_bounds(now, maintenance)
    if progress.buckets != 0:
        unpaid: uint256 = self._top_up(keeper, progress.top_up)
        log IMarket.RewardPaid(keeper=keeper, amount=progress.reward + progress.top_up, buckets=progress.buckets)
        progress.reward += unpaid
    book.settle_crank(keeper, progress.reward)
    return progress.buckets


@view
@internal
def maintenance(price: uint256) -> int256:
    """
    @notice A bucket is liquidatable when x - beta < mmr * P, that is below this, rounded up.
    """
    return convert(fp.mul_div_up(price, parameters.bps(parameters.MAINTENANCE_MARGIN), fp.BPS), int256)


@view
@internal
def _liquidatable(now: book.Now, maintenance: int256) -> DynArray[uint256, 512]:
    """
    @notice The key of the worst bucket of each column that has a liquidatable one.
    """
    keys: DynArray[uint256, 512] = []
    for side: uint256 in range(2):
        if grid.beta_bound(side) <= now.q * book.sign(side) - maintenance:
            continue
        columns: uint256 = grid.live_columns[side]
        for _: uint256 in range(256):
            if columns == 0:
                break
            index: uint256 = fp.msb(columns)
            columns ^= 1 << index
            top: uint256 = grid.at_or_below((side << 24) | (index << 16) | 65_535)
            key: uint256 = self._key_of(top, now, maintenance)
            if key != 0:
                keys.append(key)
    return keys


@view
@internal
def _key_of(id: uint256, now: book.Now, maintenance: int256) -> uint256:
    if id == NOTHING:
        return 0
    equity: int256 = now.q * book.sign(grid.side_of(id)) - grid.beta_of(id)
    if equity >= maintenance:
        return 0
    return (convert(OFFSET - equity, uint256) << 32) | (MASK_32 - id)


@pure
@internal
def _highest(keys: DynArray[uint256, 512]) -> uint256:
    at: uint256 = 0
    highest: uint256 = 0
    i: uint256 = 0
    for key: uint256 in keys:
        if key > highest:
            highest = key
            at = i
        i += 1
    return at


@view
@internal
def _loser(id: uint256, now: book.Now) -> Loser:
    loser: Loser = empty(Loser)
    shares: uint256 = 0
    loser.id = id
    loser.units, shares, loser.epoch = buckets.units_shares_epoch(id)
    loser.beta = grid.beta_of(id)
    loser.x = now.q * book.sign(grid.side_of(id))
    loser.loss_per_unit = fp.positive(loser.beta - loser.x)
    loser.is_under_way, loser.skin, loser.insurance = book.cover_held(id, now.price_round)
    return loser


@internal
def _take_over(loser: Loser, now: book.Now, before: Progress) -> (uint256, Progress):
    """
    @notice The vault takes up to its room, at y = max(x_f, min(beta, x)): the skew fill, never better for the owners than
            beta, never worse for the vault than a fair price. A loss beta - y is paid by skin in the game, then insurance;
            the vault takes no more units than they cover. What cover is left is held for the units that go to ADL.
    """
    progress: Progress = before
    sign: int256 = book.sign(grid.side_of(loser.id))
    room: uint256 = fp.positive(
        convert(book.capacity_units(parameters.SHOCK_BACKSTOP), int256) + sign * book.skew()
    )
    c: Closing = empty(Closing)
    c.is_to_vault = True
    c.units = min(loser.units, room)
    fill: int256 = book.fill_price(-sign * convert(c.units, int256))
    c.coordinate = max((fill - now.funding) * sign, min(loser.beta, loser.x))
    c.fill_price = fp.positive(c.coordinate * sign + now.funding)
    per_unit: uint256 = fp.positive(loser.beta - c.coordinate)
    loss: uint256 = fp.mul_div_up(c.units, per_unit, book.SCALE)
    skin: uint256 = 0
    insurance: uint256 = 0
    wanted: uint256 = loss + fp.mul_div_up(loser.units - c.units, loser.loss_per_unit, book.SCALE)
    if wanted != 0:
        skin, insurance = extcall IInsuranceFund(book.INSURANCE).cover(wanted)
        if loss > skin + insurance:
            c.units = fp.mul_div_down(skin + insurance, book.SCALE, per_unit)
            loss = fp.mul_div_up(c.units, per_unit, book.SCALE)
    c.skin = min(skin, loss)
    c.insurance = loss - c.skin
    if c.units != 0:
        c, progress = self._close(loser, c, now, progress)
        self._log(loser, c, now)
    if c.units != loser.units:
        book.hold_cover(loser.id, now.price_round, skin - c.skin, insurance - c.insurance)
    return c.units, progress


@internal
def _close(loser: Loser, closing: Closing, now: book.Now, before: Progress) -> (Closing, Progress):
    """
    @notice Closes units of a liquidatable bucket. Its owners get what is left after the penalty, never below zero.
    """
    c: Closing = closing
    progress: Progress = before
    keeper_share: uint256 = 0
    insurance_share: uint256 = 0
    if c.coordinate > loser.beta:
        gross: uint256 = fp.mul_div_down(c.units, convert(c.coordinate - loser.beta, uint256), book.SCALE)
        per_unit: uint256 = fp.mul_div_up(now.price, parameters.bps(parameters.PENALTY), fp.BPS)
        c.penalty = min(gross, fp.mul_div_up(c.units, per_unit, book.SCALE))
        c.paid = gross - c.penalty
        keeper_share = fp.mul_div_down(c.penalty, parameters.bps(parameters.PENALTY_KEEPER_SHARE), fp.BPS)
        insurance_share = fp.mul_div_down(c.penalty, parameters.bps(parameters.PENALTY_INSURANCE_SHARE), fp.BPS)
        book.owe(c.paid, insurance_share, 0)
    progress.buckets += 1
    progress.reward += keeper_share
    progress.top_up += fp.positive(convert(parameters.reward_floor(), int256) - convert(keeper_share, int256))
    book.remove_units(grid.side_of(loser.id), c.units, loser.beta)
    buckets.close(loser.id, c.units, c.paid, 0)
    return c, progress


@pure
@internal
def _sum(a: Closing, b: Closing) -> Closing:
    c: Closing = b
    c.units += a.units
    c.paid += a.paid
    c.penalty += a.penalty
    c.skin += a.skin
    c.insurance += a.insurance
    c.adl += a.adl
    c.vault += a.vault
    return c


@internal
def _log(loser: Loser, c: Closing, now: book.Now):
    """
    @dev `loser` as it was before the units in `c` were closed.
    """
    if c.units != 0:
        log IMarket.Liquidated(
            bucket=loser.id,
            epoch=loser.epoch,
            units=c.units,
            units_left=loser.units - c.units,
            index_price=now.price,
            fill_price=c.fill_price,
            to_vault=c.is_to_vault,
            paid=c.paid,
            penalty=c.penalty,
            loss=c.skin + c.insurance + c.adl + c.vault,
            skin_in_the_game=c.skin,
            insurance=c.insurance,
            adl=c.adl,
            vault=c.vault,
        )


@view
@internal
def _at_index(loser: Loser, units: uint256, price: uint256) -> (Closing, uint256):
    """
    @notice Closing `units` at the index price: the cover held for them pays first; what is uncovered is returned.
    """
    c: Closing = empty(Closing)
    c.units = units
    c.coordinate = loser.x
    c.fill_price = price
    if loser.loss_per_unit == 0:
        return c, 0
    loss: uint256 = fp.mul_div_up(units, loser.loss_per_unit, book.SCALE)
    c.skin = min(loss, fp.mul_div_down(loser.skin, units, loser.units))
    c.insurance = min(loss - c.skin, fp.mul_div_down(loser.insurance, units, loser.units))
    return c, loss - c.skin - c.insurance


@internal
def _close_at_index(loser: Loser, closing: Closing, now: book.Now, before: Progress) -> (Closing, Progress):
    c: Closing = closing
    progress: Progress = before
    c, progress = self._close(loser, c, now, progress)
    if c.units == loser.units:
        book.drop_cover()
    elif c.skin + c.insurance != 0:
        book.hold_cover(loser.id, now.price_round, loser.skin - c.skin, loser.insurance - c.insurance)
    return c, progress


@internal
def _last_resort(loser: Loser, now: book.Now, before: Progress) -> Progress:
    """
    @notice No profitable winner is left: the vault takes the units at the index price and bears what is uncovered.
    """
    c: Closing = empty(Closing)
    c, c.vault = self._at_index(loser, loser.units, now.price)
    c.is_to_vault = True
    progress: Progress = before
    c, progress = self._close_at_index(loser, c, now, progress)
    self._log(loser, c, now)
    return progress


@internal
def _deleverage(
    key: uint256, needed: uint256, loser: Loser, is_fair: bool, now: book.Now, before: Progress
) -> (bool, Closing, Progress):
    """
    @notice One winner's bucket gives units at one step: at the index price, less h = min(l, p) of profit per unit.
    @return Whether the bucket has given its step, and what was closed of the loser.
    """
    progress: Progress = before
    c: Closing = empty(Closing)
    id: uint256 = adl.id_of(key)
    side: uint256 = grid.side_of(id)
    number: uint256 = adl.pass_of(side, now.price_round)
    units: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    units, shares, epoch = buckets.units_shares_epoch(id)
    if units == 0:
        # liquidated since the candidates were loaded
        return True, c, progress
    available: uint256 = adl.available(id, units, epoch, number, now.price_round)
    given: uint256 = min(needed, available)
    if given == 0:
        return True, c, progress
    beta: int256 = grid.beta_of(id)
    equity: uint256 = convert(now.q * book.sign(side) - beta, uint256)
    profit: uint256 = fp.mul_div_down(given, equity - grid.ceil_of(id), book.SCALE)
    uncovered: uint256 = 0
    if not is_fair:
        c, uncovered = self._at_index(loser, given, now.price)
    taken: uint256 = min(uncovered, profit)
    c.adl = taken
    c.vault = uncovered - taken
    fee: uint256 = min(profit - taken, self._adl_fee(given, now.price))
    paid: uint256 = fp.mul_div_down(given, equity, book.SCALE) - taken - fee
    adl.remember(side, number, id, epoch, units, adl.score_of(key), now.price_round)
    book.remove_units(side, given, beta)
    buckets.close(id, given, paid, taken)
    book.owe(paid, fee, 0)
    for_bucket: uint256 = loser.id
    if is_fair:
        for_bucket = NOTHING
        progress.buckets += 1
        progress.top_up += parameters.reward_floor()
    log IMarket.Deleveraged(
        bucket=id,
        for_bucket=for_bucket,
        epoch=epoch,
        price_round=now.price_round,
        step=number,
        index_price=now.price,
        funding_index=now.funding,
        score=adl.score_of(key),
        units=given,
        units_left=units - given,
        paid_per_unit=fp.mul_div_down(paid, book.SCALE, given),
        loss_per_unit=fp.mul_div_down(taken, book.SCALE, given),
        paid=paid,
        claim=taken,
    )
    if not is_fair:
        c, progress = self._close_at_index(loser, c, now, progress)
    return given == available, c, progress


@view
@internal
def _adl_fee(units: uint256, price: uint256) -> uint256:
    return fp.mul_div_up(units, price * parameters.bps(parameters.ADL_FEE), book.SCALE * fp.BPS)


@view
@internal
def is_fair_adl_begun() -> bool:
    return self._fair_round == book.price_round()


@internal
def _fair_need(price_round: uint256) -> (uint256, uint256):
    """
    @notice Side and units of fair ADL: it begins above adl_trigger and, once begun at a price, goes on to backstop_capacity.
    """
    skew: int256 = book.skew()
    size: uint256 = convert(abs(skew), uint256)
    if not self.is_fair_adl_begun():
        if size <= book.capacity_units(parameters.SHOCK_ADL) or not book.draw_missing():
            # within its mandate; or nobody may be paid in full while the vault can't pay everybody: settlement
            return 0, 0
        self._fair_round = price_round
    return convert(skew < 0, uint256), size - min(size, book.capacity_units(parameters.SHOCK_BACKSTOP))


@internal
def _lower_bounds(now: book.Now, maintenance: int256):
    """
    @notice Nothing is liquidatable: every live beta is at or below x - mmr * P.
    """
    for side: uint256 in range(2):
        limit: int256 = now.q * book.sign(side) - maintenance
        if grid.beta_bound(side) > limit:
            grid.set_bound(side, limit)


@internal
def _top_up(keeper: address, amount: uint256) -> uint256:
    """
    @notice From the insurance fund's reserve; what that can't pay comes out of the market's cash, and so from the vault.
    """
    if amount == 0:
        return 0
    return amount - extcall IInsuranceFund(book.INSURANCE).pay_reward(keeper, amount)
