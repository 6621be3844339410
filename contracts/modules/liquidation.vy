# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Liquidation and the waterfall: vault, skin in the game, insurance, ADL, vault of last resort
@license AGPL-3.0-only
@notice `crank` is a loop of small steps. What ADL does for a loser is written to the books once, when the loser is done or the
        crank ends, so that they are right after each call and an interrupted crank goes on where it stopped: crank(1) n
        times is crank(n).
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


struct Loser:
    id: uint256  # NOTHING: fair ADL, nobody is liquidated
    epoch: uint256
    units: uint256  # that still need a counterparty
    shares: uint256
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
    fill_price: uint256
    is_to_vault: bool
    skin: uint256
    insurance: uint256
    adl: uint256
    vault: uint256


# What ADL has done for the loser and is not in the books yet: they are written once, not at each winner's bucket
struct Tally:
    closing: Closing
    credited: uint256  # to each of the loser's shares
    weighted: int256  # sum of units * beta of the winners
    owed: uint256  # to the winners
    income: uint256  # of the insurance fund


struct Work:
    loser: Loser
    side: uint256  # of the winners
    tally: Tally
    buckets: uint256  # worked on so far
    reward: uint256  # the keeper's shares of penalties, already in the market's cash
    top_up: uint256  # up to the floor, from the insurance fund


@internal
def crank(max_buckets: uint256, keeper: address) -> uint256:
    """
    @dev Anyone may call.
    """
    assert max_buckets != 0, "max_buckets is zero"
    book.touch()
    if book.is_settling():
        book.settle_crank(keeper, 0, True)
        return 0
    assert book.is_fresh(), "stale price"

    now: book.Now = book.now()
    maintenance: int256 = book.maintenance(now.price)
    w: Work = empty(Work)
    is_fair: bool = False
    # nothing is left to do: not when max_buckets ends the crank
    is_over: bool = False
    # one key for each column with a liquidatable bucket: its worst. All that needs these two lists is in this function: a list
    # that is passed on is copied, and memory for 512 words more costs 5,000 gas
    worst: DynArray[uint256, 512] = []
    for side: uint256 in range(2):
        if grid.beta_bound(side) > now.q * book.sign(side) - maintenance:
            columns: uint256 = grid.live_columns[side]
            for n: uint256 in range(256):
                if columns == 0:
                    break
                index: uint256 = fp.msb(columns)
                columns ^= 1 << index
                key: uint256 = self._key_of(grid.highest((side << 24) | (index << 16)), now, maintenance)
                if key != 0:
                    worst.append(key)
    winners: DynArray[uint256, 256] = []
    winners_side: uint256 = NO_SIDE
    step: uint256 = 0
    part: uint256 = 0
    for turn: uint256 in range(MAX_TURNS):
        if w.buckets >= max_buckets:
            break
        if w.loser.units == 0:
            self._write(w, now)
            w.tally = empty(Tally)
            if len(worst) != 0:
                at: uint256 = 0
                highest: uint256 = 0
                i: uint256 = 0
                for key: uint256 in worst:
                    if key > highest:
                        highest = key
                        at = i
                    i += 1
                w.loser = self._loser(MASK_32 - (highest & MASK_32), now)
                w.side = 1 - grid.side_of(w.loser.id)
                if w.loser.units != 0 and not w.loser.is_under_way:
                    w = self._take_over(w, now)
                following: uint256 = self._key_of(grid.below(w.loser.id), now, maintenance)
                if following == 0:
                    following = worst[len(worst) - 1]
                    worst[at] = following
                    worst.pop()
                else:
                    worst[at] = following
            elif not is_fair:
                is_fair = True
                w.loser = empty(Loser)
                w.loser.id = NOTHING
                w.side, w.loser.units = self._fair_need(now.price_round)
            else:
                is_over = True
                break
            continue

        if winners_side != w.side:
            winners_side = w.side
            winners = []
            cursor: uint256 = 0
            drift: uint256 = 0
            cursor, drift = adl.begin(w.side, now)
            step = adl.step_of(w.side)
            part = adl.part_of(step)
            columns: uint256 = grid.live_columns[w.side]
            for n: uint256 in range(256):
                if columns == 0:
                    break
                index: uint256 = fp.msb(columns)
                columns ^= 1 << index
                key: uint256 = adl.first_candidate((w.side << 24) | (index << 16), cursor, drift, now)
                if key != 0:
                    winners.append(key)
        if len(winners) == 0:
            if adl.next_step(w.side):
                winners_side = NO_SIDE
            elif is_fair:
                is_over = True
                break
            else:
                self._write(w, now)
                w.tally = empty(Tally)
                w = self._last_resort(w, now)
            continue
        best: uint256 = 0
        at: uint256 = 0
        i: uint256 = 0
        for key: uint256 in winners:
            if key > best:
                best = key
                at = i
            i += 1
        is_done: bool = False
        is_done, w = self._deleverage(best, step, part, w, now)
        if is_done:
            following: uint256 = adl.next_candidate(adl.id_of(best), now)
            if following == 0:
                following = winners[len(winners) - 1]
                winners[at] = following
                winners.pop()
            else:
                winners[at] = following

    self._write(w, now)
    if not is_fair and w.loser.units != 0:
        book.hold_cover(w.loser.id, now.price_round, w.loser.skin, w.loser.insurance)
    if len(worst) == 0 and (is_fair or w.loser.units == 0):
        # nothing is liquidatable: every live beta is at or below x - mmr * P
        grid.lower_bounds(now.q - maintenance, -now.q - maintenance)
    if w.buckets != 0:
        topped_up: uint256 = self._top_up(keeper, w.top_up)
        paid: uint256 = book.settle_crank(keeper, w.reward + w.top_up - topped_up, is_over)
        log IMarket.RewardPaid(keeper=keeper, amount=topped_up + paid, buckets=w.buckets)
    else:
        book.settle_crank(keeper, 0, is_over)
    return w.buckets


@view
@internal
def _key_of(id: uint256, now: book.Now, maintenance: int256) -> uint256:
    if id == NOTHING:
        return 0
    equity: int256 = now.q * book.sign(grid.side_of(id)) - grid.beta_of(id)
    if equity >= maintenance:
        return 0
    return (convert(OFFSET - equity, uint256) << 32) | (MASK_32 - id)


@view
@internal
def _loser(id: uint256, now: book.Now) -> Loser:
    loser: Loser = empty(Loser)
    loser.id = id
    loser.units, loser.shares, loser.epoch = buckets.units_shares_epoch(id)
    loser.beta = grid.beta_of(id)
    loser.x = now.q * book.sign(grid.side_of(id))
    loser.loss_per_unit = fp.positive(loser.beta - loser.x)
    loser.is_under_way, loser.skin, loser.insurance = book.cover_held(id, now.price_round)
    return loser


@internal
def _take_over(work: Work, now: book.Now) -> Work:
    """
    @notice The vault takes up to its room, at y = max(x_f, min(beta, x)): the skew fill, never better for the owners than
            beta, never worse for the vault than a fair price. A loss beta - y is paid by skin in the game, then insurance;
            the vault takes no more units than they cover, nor a part that is smaller than the smallest position. What
            cover is left is held for the units that go to ADL.
    """
    w: Work = work
    # of another bucket, if funding has moved this one to the front
    book.return_cover()
    sign: int256 = book.sign(grid.side_of(w.loser.id))
    skew: int256 = book.skew()
    room: uint256 = fp.positive(convert(book.capacity_units(parameters.SHOCK_BACKSTOP), int256) + sign * skew)
    c: Closing = empty(Closing)
    c.is_to_vault = True
    c.units = self._worthwhile(min(w.loser.units, room), w.loser.units, now.price)
    fill: int256 = book.fill_price(-sign * convert(c.units, int256), now.price, skew, parameters.skew_scale())
    y: int256 = max((fill - now.funding) * sign, min(w.loser.beta, w.loser.x))
    c.fill_price = fp.positive(y * sign + now.funding)
    per_unit: uint256 = fp.positive(w.loser.beta - y)
    loss: uint256 = fp.mul_div_up(c.units, per_unit, book.SCALE)
    wanted: uint256 = loss + fp.mul_div_up(w.loser.units - c.units, w.loser.loss_per_unit, book.SCALE)
    if wanted != 0:
        w.loser.skin, w.loser.insurance = extcall IInsuranceFund(book.INSURANCE).cover(wanted)
        if loss > w.loser.skin + w.loser.insurance:
            c.units = self._worthwhile(
                fp.mul_div_down(w.loser.skin + w.loser.insurance, book.SCALE, per_unit), w.loser.units, now.price
            )
            loss = fp.mul_div_up(c.units, per_unit, book.SCALE)
    c.skin = min(w.loser.skin, loss)
    c.insurance = loss - c.skin
    w.loser.skin -= c.skin
    w.loser.insurance -= c.insurance
    return self._close(w, c, y)


@view
@internal
def _worthwhile(units: uint256, all_units: uint256, price: uint256) -> uint256:
    """
    @notice A part worth less than the smallest position is no piece of work: nobody is to be paid for dust.
    """
    if units < all_units and fp.mul_div_down(units, price, book.SCALE) < parameters.min_value():
        return 0
    return units


@internal
def _last_resort(work: Work, now: book.Now) -> Work:
    """
    @notice No profitable winner is left: the vault takes the units at the index price and bears what is uncovered.
    """
    w: Work = work
    c: Closing = empty(Closing)
    c.is_to_vault = True
    c.units = w.loser.units
    c.fill_price = now.price
    c.skin, c.insurance, c.vault = self._at_index(w.loser, c.units)
    w = self._close(w, c, w.loser.x)
    book.drop_cover()
    return w


@internal
def _close(work: Work, closing: Closing, coordinate: int256) -> Work:
    """
    @notice The vault takes units of a liquidatable bucket.
    """
    w: Work = work
    c: Closing = closing
    if c.units != 0:
        income: uint256 = 0
        w.buckets += 1
        if coordinate > w.loser.beta:
            keeper_share: uint256 = 0
            c.paid, c.penalty, keeper_share, income = self._left_over(c.units, convert(coordinate - w.loser.beta, uint256))
            w.reward += keeper_share
            w.top_up += fp.positive(convert(parameters.reward_floor(), int256) - convert(keeper_share, int256))
        else:
            w.top_up += parameters.reward_floor()
        book.remove_units(grid.side_of(w.loser.id), c.units, convert(c.units, int256) * w.loser.beta)
        book.owe(c.paid, income, 0)
        buckets.close(w.loser.id, c.units, buckets.cash_per_share(w.loser.id, w.loser.shares, c.paid))
        w.loser.units -= c.units
        self._log(w.loser, c)
    return w


@view
@internal
def _left_over(units: uint256, per_unit: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @notice What is left of the margin of liquidated units: for their owners after the penalty, the penalty, and of it the
            keeper's and the insurance fund's shares. The vault's share stays in the market's cash.
    """
    gross: uint256 = fp.mul_div_down(units, per_unit, book.SCALE)
    rate: uint256 = fp.mul_div_up(book.index_price(), parameters.bps(parameters.PENALTY), fp.BPS)
    penalty: uint256 = min(gross, fp.mul_div_up(units, rate, book.SCALE))
    keeper_bps: uint256 = 0
    insurance_bps: uint256 = 0
    keeper_bps, insurance_bps = parameters.bps_pair(parameters.PENALTY_KEEPER_SHARE)
    return (
        gross - penalty,
        penalty,
        fp.mul_div_down(penalty, keeper_bps, fp.BPS),
        fp.mul_div_down(penalty, insurance_bps, fp.BPS),
    )


@view
@internal
def _at_index(loser: Loser, units: uint256) -> (uint256, uint256, uint256):
    """
    @notice The loss of closing `units` at the index price: what skin in the game and insurance held for them pay, and what
            is uncovered.
    """
    if loser.loss_per_unit == 0:
        return 0, 0, 0
    loss: uint256 = fp.mul_div_up(units, loser.loss_per_unit, book.SCALE)
    if loser.skin + loser.insurance == 0:
        return 0, 0, loss
    skin: uint256 = min(loss, fp.mul_div_down(loser.skin, units, loser.units))
    insurance: uint256 = min(loss - skin, fp.mul_div_down(loser.insurance, units, loser.units))
    return skin, insurance, loss - skin - insurance


@internal
def _deleverage(key: uint256, step: uint256, part: uint256, work: Work, now: book.Now) -> (bool, Work):
    """
    @notice One winner's bucket gives units at one step, until `part` of its base is given: at the index price, less h = min(l, p) of profit per unit.
    @return Whether the bucket has given its step, and the work.
    """
    w: Work = work
    id: uint256 = adl.id_of(key)
    b: buckets.Words = buckets.load(id)
    packed: uint256 = buckets.packed_base(b, now.price_round)
    available: uint256 = adl.available(b.units, buckets.unpacked(packed), part)
    given: uint256 = min(w.loser.units, available)
    if given == 0:
        # it has given its step, or was liquidated since the candidates were loaded
        return True, w
    beta: int256 = grid.beta_of(id)
    # in profit, so x > beta
    equity: uint256 = convert(now.q * book.sign(w.side) - beta, uint256)
    profit: uint256 = fp.mul_div_down(given, equity - grid.ceil_of(id), book.SCALE)
    skin: uint256 = 0
    insurance: uint256 = 0
    uncovered: uint256 = 0
    skin, insurance, uncovered = self._at_index(w.loser, given)
    claim: uint256 = min(uncovered, profit)
    fee: uint256 = min(profit - claim, self._adl_fee(given, now.price))
    paid: uint256 = fp.mul_div_down(given, equity, book.SCALE) - claim - fee
    loss_per_unit: uint256 = 0
    if claim != 0:
        loss_per_unit = fp.mul_div_down(claim, book.SCALE, given)
    score: uint256 = adl.score_of(key)
    adl.move_cursor(w.side, score)
    buckets.give(id, b, given, paid, claim, packed, now.price_round)
    log IMarket.Deleveraged(
        bucket=id,
        for_bucket=w.loser.id,
        epoch=b.epoch,
        price_round=now.price_round,
        step=step,
        index_price=now.price,
        funding_index=now.funding,
        score=score,
        units=given,
        units_left=b.units - given,
        paid_per_unit=fp.mul_div_down(paid, book.SCALE, given),
        loss_per_unit=loss_per_unit,
        paid=paid,
        claim=claim,
    )

    w.buckets += 1
    keeper_share: uint256 = 0
    if w.loser.x > w.loser.beta:
        owners: uint256 = 0
        penalty: uint256 = 0
        income: uint256 = 0
        owners, penalty, keeper_share, income = self._left_over(given, convert(w.loser.x - w.loser.beta, uint256))
        w.tally.closing.paid += owners
        w.tally.closing.penalty += penalty
        w.tally.credited += buckets.cash_per_share(w.loser.id, w.loser.shares, owners)
        w.tally.income += income
        w.reward += keeper_share
    w.top_up += fp.positive(convert(parameters.reward_floor(), int256) - convert(keeper_share, int256))
    w.tally.closing.units += given
    w.tally.closing.skin += skin
    w.tally.closing.insurance += insurance
    w.tally.closing.adl += claim
    w.tally.closing.vault += uncovered - claim
    w.tally.weighted += convert(given, int256) * beta
    w.tally.owed += paid
    w.tally.income += fee
    w.loser.units -= given
    w.loser.skin -= skin
    w.loser.insurance -= insurance
    return given == available, w


@internal
def _write(w: Work, now: book.Now):
    """
    @notice Brings the books up to what ADL has done for the loser.
    """
    c: Closing = w.tally.closing
    if c.units == 0:
        return
    book.remove_units(w.side, c.units, w.tally.weighted)
    book.owe(c.paid + w.tally.owed, w.tally.income, 0)
    if w.loser.id != NOTHING:
        book.remove_units(1 - w.side, c.units, convert(c.units, int256) * w.loser.beta)
        buckets.close(w.loser.id, c.units, w.tally.credited)
        c.fill_price = now.price
        self._log(w.loser, c)
        if w.loser.units == 0:
            book.drop_cover()


@internal
def _log(loser: Loser, c: Closing):
    """
    @dev `loser` as it is after the units in `c` were closed.
    """
    log IMarket.Liquidated(
        bucket=loser.id,
        epoch=loser.epoch,
        units=c.units,
        units_left=loser.units,
        index_price=book.index_price(),
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
def _adl_fee(units: uint256, price: uint256) -> uint256:
    rate: uint256 = parameters.bps(parameters.ADL_FEE)
    if rate == 0:
        return 0
    return fp.mul_div_up(units, price * rate, book.SCALE * fp.BPS)


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
    least: uint256 = book.capacity_units(parameters.SHOCK_BACKSTOP)
    if size <= least:
        return 0, 0
    if not self.is_fair_adl_begun():
        if size <= book.capacity_units(parameters.SHOCK_ADL) or not book.draw_missing():
            # within its mandate; or nobody may be paid in full while the vault can't pay everybody: settlement
            return 0, 0
        self._fair_round = price_round
    return convert(skew < 0, uint256), size - least


@internal
def _top_up(keeper: address, amount: uint256) -> uint256:
    """
    @notice From the insurance fund's reserve; what that can't pay comes out of the market's cash, and so from the vault.
    @return What the reserve has paid.
    """
    if amount == 0:
        return 0
    return extcall IInsuranceFund(book.INSURANCE).pay_reward(keeper, amount)
