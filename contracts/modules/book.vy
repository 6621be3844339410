# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The books of one market: price, funding, open interest, what is owed, and the vault
@license AGPL-3.0-only
@notice Clean means that no live bucket is bankrupt. At a clean moment and after each call C = U + E, where C is the market's
        balance in the pool, U what is fixed and not yet collected, E the equity of all open positions, rounded up.
"""
from ethereum.ercs import IERC20Detailed

from ..interfaces import IInsuranceFund
from ..interfaces import IMarginPool
from ..interfaces import IMarket
from ..interfaces import IPriceSource
from . import fixed_point as fp
from . import grid
from . import parameters

uses: grid
uses: parameters

MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_57: constant(uint256) = 2**57 - 1
MASK_80: constant(uint256) = 2**80 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_112: constant(uint256) = 2**112 - 1
MASK_128: constant(uint256) = 2**128 - 1
MAX_PRICE: constant(uint256) = 2**90
SETTLING_BIT: constant(uint256) = 1 << 208
PAUSED_BIT: constant(uint256) = 1 << 209
COVER_BIT: constant(uint256) = 1 << 210

POOL: immutable(address)
VAULT: immutable(address)
INSURANCE: immutable(address)
ORDER_BOOK: immutable(address)
TREASURY: immutable(address)
SOURCE: immutable(address)
FEED: immutable(bytes32)
SCALE: immutable(uint256)  # 10**(36 - decimals)

# Price, funding and round, read once by what works on many buckets
struct Now:
    price: uint256
    price_round: uint256
    funding: int256
    q: int256  # Q = P - F


_head: uint256  # index_price 96 | published_at 40 | funded_at 40 | price_round 32 | is_settling 1 | is_paused 1 | has_cover 1
_wind: int256  # funding_index, signed 128 | budget_left 128
_interest: uint256  # units long 112 | units short 112 | joins 32
_beta_sum: int256  # B_long + B_short = sum of units * beta, WAD x WAD
_dues: uint256  # owed to owners 96 | to insurance 80 | to treasury 80
_cover: uint256  # a liquidation under way: bucket 25 | price round 32 | skin in the game 96 | insurance 96


@deploy
def __init__(wiring: IMarket.Wiring):
    POOL = wiring.pool
    VAULT = wiring.vault
    INSURANCE = wiring.insurance
    ORDER_BOOK = wiring.order_book
    TREASURY = wiring.treasury
    SOURCE = wiring.price_source
    FEED = wiring.feed
    decimals: uint8 = staticcall IERC20Detailed(staticcall IMarginPool(wiring.pool).token()).decimals()
    assert decimals <= 18, "more than 18 decimals"
    SCALE = 10 ** (36 - convert(decimals, uint256))
    # so that no crank pays for the first write; without the bit in `_head` it holds nothing
    self._cover = 1


# Price, funding, loss budget


@view
@internal
def index_price() -> uint256:
    return self._head & MASK_96


@view
@internal
def published_at() -> uint256:
    return (self._head >> 96) & MASK_40


@view
@internal
def price_round() -> uint256:
    return (self._head >> 176) & MASK_32


@view
@internal
def is_settling() -> bool:
    return self._head & SETTLING_BIT != 0


@view
@internal
def is_increase_paused() -> bool:
    return self._head & PAUSED_BIT != 0


@internal
def set_increase_paused(is_paused: bool):
    self._head = (self._head & ~PAUSED_BIT) | (convert(is_paused, uint256) * PAUSED_BIT)


@view
@internal
def is_fresh() -> bool:
    return block.timestamp <= self.published_at() + parameters.bps(parameters.MAX_AGE)


@view
@internal
def funding_index() -> int256:
    return self._wind >> 128


@view
@internal
def budget_left() -> uint256:
    return convert(self._wind & convert(MASK_128, int256), uint256)


@view
@internal
def adjusted_price() -> int256:
    """
    @notice Q = P - F
    """
    return convert(self.index_price(), int256) - self.funding_index()


@view
@internal
def now() -> Now:
    head: uint256 = self._head
    price: uint256 = head & MASK_96
    funding: int256 = self.funding_index()
    return Now(
        price=price, price_round=(head >> 176) & MASK_32, funding=funding, q=convert(price, int256) - funding
    )


@view
@internal
def coordinate(side: uint256) -> int256:
    """
    @notice x = Q for longs, -Q for shorts
    """
    return self.adjusted_price() * self.sign(side)


@pure
@internal
def sign(side: uint256) -> int256:
    return 1 - 2 * convert(side, int256)


@view
@internal
def funding_accrued() -> int256:
    """
    @notice dF = P * clamp(k * K / psi, -r_max, r_max) * dt, at the price and skew in force since the last interaction.
    """
    head: uint256 = self._head
    elapsed: uint256 = block.timestamp - ((head >> 136) & MASK_40)
    if elapsed == 0 or head & MASK_96 == 0 or head & SETTLING_BIT != 0:
        return 0
    psi: uint256 = 0
    k: uint256 = 0
    r_max: uint256 = 0
    psi, k, r_max = parameters.funding()
    limit: int256 = convert(r_max * psi, int256)
    rate: int256 = min(max(convert(k, int256) * self.skew(), -limit), limit)
    return fp.floor_div(
        convert((head & MASK_96) * elapsed, int256) * rate, convert(psi * fp.BPS * fp.DAY, int256)
    )


@view
@internal
def largest_funding() -> uint256:
    """
    @notice The most that F can have moved since the present price, rounded up
    """
    r_max: uint256 = 0
    psi: uint256 = 0
    k: uint256 = 0
    psi, k, r_max = parameters.funding()
    return fp.mul_div_up(self.index_price() * r_max, block.timestamp - self.published_at(), fp.BPS * fp.DAY)


@internal
def touch():
    """
    @notice Accrues funding by the second, then takes the newest price in. A new price starts a new price round, for
            which the loss budget, and so every limit on the vault, is worked out once.
    """
    head: uint256 = self._head
    if head & SETTLING_BIT != 0:
        return
    price: uint256 = 0
    published_at: uint256 = 0
    price, published_at = staticcall IPriceSource(SOURCE).price(FEED)
    accrued: int256 = self.funding_accrued()
    wind: int256 = self._wind
    funding: int256 = (wind >> 128) + accrued
    budget: uint256 = convert(wind & convert(MASK_128, int256), uint256)
    old_price: uint256 = head & MASK_96
    old_published_at: uint256 = (head >> 96) & MASK_40
    if published_at <= old_published_at:
        self._head = (head & ~(MASK_40 << 136)) | (block.timestamp << 136)
        if accrued != 0:
            self._wind = (funding << 128) | convert(budget, int256)
        return
    assert price != 0 and price <= MAX_PRICE, "price out of bounds"
    price_round: uint256 = ((head >> 176) & MASK_32) + 1
    self._head = price | (published_at << 96) | (block.timestamp << 136) | (price_round << 176) | (head & (PAUSED_BIT | COVER_BIT))
    margin: int256 = 0
    if old_price != 0:
        margin = fp.ceil_div(
            self.skew() * (convert(price, int256) - convert(old_price, int256) - accrued), convert(SCALE, int256)
        )
    budget = self._budget_after(budget, margin, published_at - old_published_at, convert(price, int256) - funding)
    self._wind = (funding << 128) | convert(budget, int256)
    log IMarket.PriceRound(
        price_round=price_round,
        index_price=price,
        published_at=published_at,
        funding_index=funding,
        variation_margin=margin,
        budget_left=budget,
    )
    self.return_cover()


@internal
def _budget_after(left: uint256, margin: int256, elapsed: uint256, q: int256) -> uint256:
    full: uint256 = parameters.loss_budget()
    refilled: uint256 = min(full, left + fp.mul_div_down(full, min(elapsed, fp.DAY), fp.DAY))
    if margin >= 0:
        return refilled - min(refilled, convert(margin, uint256))
    if refilled == full or not self._is_clean_at(q):
        return refilled
    return min(full, refilled + convert(-margin, uint256))


# Open interest


@view
@internal
def units(side: uint256) -> uint256:
    return (self._interest >> (side * 112)) & MASK_112


@view
@internal
def skew() -> int256:
    """
    @notice K = L - S
    """
    interest: uint256 = self._interest
    return convert(interest & MASK_112, int256) - convert((interest >> 112) & MASK_112, int256)


@view
@internal
def joins() -> uint256:
    return self._interest >> 224


@internal
def count_join():
    """
    @dev Duty of whoever adds to a bucket in profit: ADL may have passed it at this price. Starts over after 2^32.
    """
    self._interest = unsafe_add(self._interest, 1 << 224)


@internal
def add_units(side: uint256, units: uint256, beta: int256):
    assert self.units(side) + units <= MASK_112, "open interest out of range"
    self._interest += units << (side * 112)
    self._beta_sum += convert(units, int256) * beta


@internal
def remove_units(side: uint256, units: uint256, weighted: int256):
    """
    @param weighted Sum of units * beta over what goes
    """
    assert units <= self.units(side)  # no bucket holds more than its side
    self._interest -= units << (side * 112)
    self._beta_sum -= weighted


@view
@internal
def trader_equity() -> int256:
    """
    @notice E in cash, rounded up against the vault
    """
    return self._equity_at(self.adjusted_price())


@view
@internal
def _equity_at(q: int256) -> int256:
    # E = L * Q - B_long - S * Q - B_short = K * Q - B
    return fp.ceil_div(self.skew() * q - self._beta_sum, convert(SCALE, int256))


@internal
def is_clean() -> bool:
    return self._is_clean_at(self.adjusted_price())


@internal
def _is_clean_at(q: int256) -> bool:
    return grid.is_all_at_or_below(grid.LONG, q) and grid.is_all_at_or_below(grid.SHORT, -q)


@pure
@internal
def fill_price(size_delta: int256, index_price: uint256, skew: int256, skew_scale: uint256) -> int256:
    """
    @notice P_f = P * (1 + (K + d / 2) / psi), rounded against whoever trades with the vault
    """
    price: int256 = convert(index_price, int256)
    slope: int256 = price * (2 * skew + size_delta)
    psi: int256 = convert(2 * skew_scale, int256)
    if size_delta > 0:
        return price + fp.ceil_div(slope, psi)
    return price + fp.floor_div(slope, psi)


@view
@internal
def maintenance(price: uint256) -> int256:
    """
    @notice A bucket is liquidatable when x - beta < mmr * P, that is below this, rounded up.
    """
    return convert(fp.mul_div_up(price, parameters.bps(parameters.MAINTENANCE_MARGIN), fp.BPS), int256)


@view
@internal
def capacity_units(shock: uint256) -> uint256:
    """
    @notice The skew that the budget left covers for a move of `shock`: budget / shock / P, in units, rounded down
    """
    capacity: uint256 = fp.mul_div_down(self.budget_left(), fp.BPS, parameters.bps(shock))
    return fp.mul_div_down(capacity, SCALE, self.index_price())


# What is owed


@view
@internal
def claimable() -> uint256:
    """
    @notice U: fixed for owners, insurance and treasury and not yet collected, and cover held for a liquidation under way
    """
    dues: uint256 = self._dues
    cover: uint256 = self._held()
    return (
        (dues & MASK_96)
        + ((dues >> 96) & MASK_80)
        + (dues >> 176)
        + ((cover >> 57) & MASK_96)
        + (cover >> 153)
    )


@internal
def owe(owners: uint256, insurance: uint256, treasury: uint256):
    dues: uint256 = self._dues
    assert (dues & MASK_96) + owners <= MASK_96 and ((dues >> 96) & MASK_80) + insurance <= MASK_80, "dues out of range"
    self._dues = dues + (owners | (insurance << 96)) + (treasury << 176)


@internal
def collected(owner_cash: uint256):
    self._dues -= owner_cash


@internal
def owe_fee(fee: uint256):
    """
    @notice The vault's share stays in the market's cash, from where it is settled with the variation margin.
    """
    if fee != 0:
        vault_bps: uint256 = 0
        insurance_bps: uint256 = 0
        vault_bps, insurance_bps = parameters.bps_pair(parameters.FEE_VAULT_SHARE)
        insurance_share: uint256 = fp.mul_div_down(fee, insurance_bps, fp.BPS)
        self.owe(0, insurance_share, fee - fp.mul_div_down(fee, vault_bps, fp.BPS) - insurance_share)


# Cover of a liquidation under way


@view
@internal
def _held() -> uint256:
    if self._head & COVER_BIT == 0:
        return 0
    return self._cover


@view
@internal
def cover_held(id: uint256, price_round: uint256) -> (bool, uint256, uint256):
    """
    @notice Whether the vault has already had its turn with bucket `id` at this price; skin in the game and insurance held
            for what is left of it.
    """
    cover: uint256 = self._held()
    if cover & MASK_57 != id | (price_round << 25):
        return False, 0, 0
    return True, (cover >> 57) & MASK_96, cover >> 153


@internal
def hold_cover(id: uint256, price_round: uint256, skin: uint256, insurance: uint256):
    self._cover = id | (price_round << 25) | (skin << 57) | (insurance << 153)
    self._head |= COVER_BIT


@internal
def drop_cover():
    """
    @notice The liquidation is done. Rounding dust of the cover stays in the market's cash and so goes to the vault.
    """
    if self._head & COVER_BIT != 0:
        self._head &= ~COVER_BIT


@internal
def return_cover():
    """
    @notice A new price makes the cover of an unfinished liquidation a new question, and so does another bucket that
            funding has moved to the front: it goes back where it came from.
    """
    cover: uint256 = self._held()
    if cover == 0:
        return
    self.drop_cover()
    skin: uint256 = (cover >> 57) & MASK_96
    insurance: uint256 = cover >> 153
    if skin + insurance == 0:
        return
    cash: uint256 = self.cash_for(skin + insurance)
    insurance = min(insurance, cash)
    skin = min(skin, cash - insurance)
    extcall IMarginPool(POOL).settle(0, [IMarginPool.Payment(receiver=INSURANCE, amount=skin + insurance)])
    extcall IInsuranceFund(INSURANCE).return_cover(skin, insurance)


# Views for others


@view
@internal
def state() -> IMarket.State:
    return IMarket.State(
        index_price=self.index_price(),
        published_at=self.published_at(),
        price_round=self.price_round(),
        funding_index=self.funding_index(),
        funded_at=(self._head >> 136) & MASK_40,
        units_long=self.units(grid.LONG),
        units_short=self.units(grid.SHORT),
        cash=self.cash(),
        claimable=self.claimable(),
        trader_equity=self.trader_equity(),
        budget_left=self.budget_left(),
        is_settling=self.is_settling(),
        is_increase_paused=self.is_increase_paused(),
    )


@view
@internal
def vault_position() -> (int256, uint256, bool):
    """
    @notice Unsettled variation margin C - U - E at the source's price, skew reserve P * K^2 / (2 psi) rounded up, and whether
            the price is fresh and no bucket is liquidatable at it: what the vault loses or earns by a liquidation that
            everybody sees coming is nobody's to time. A market that has settled asks no source for its price, which stands
            still: its exits are paid no premium, so nothing is reserved, and it liquidates nothing, so clean is enough.
    """
    price: uint256 = self.index_price()
    reserve: uint256 = 0
    margin: int256 = 0
    is_fresh: bool = True
    if not self.is_settling():
        published_at: uint256 = 0
        price, published_at = staticcall IPriceSource(SOURCE).price(FEED)
        is_fresh = block.timestamp <= published_at + parameters.bps(parameters.MAX_AGE)
        margin = self.maintenance(price)
        size: uint256 = convert(abs(self.skew()), uint256)
        # P * K first: P * K^2 may exceed 256 bits
        reserve = fp.mul_div_up(fp.mul_div_up(price, size, 2 * parameters.skew_scale()), size, SCALE)
    q: int256 = convert(price, int256) - self.funding_index() - self.funding_accrued()
    owed: int256 = convert(self.cash(), int256) - convert(self.claimable(), int256) - self._equity_at(q)
    return owed, reserve, is_fresh and self._is_all_below(q, margin)


@view
@internal
def _is_all_below(q: int256, margin: int256) -> bool:
    """
    @notice Whether every live bucket's beta is at or below x - margin. A view can't tighten the bound that blocks.
    """
    for side: uint256 in range(2):
        limit: int256 = q * self.sign(side) - margin
        if grid.beta_bound(side) > limit and grid.highest_beta(side) > limit:
            return False
    return True


@view
@internal
def owed_to_insurance() -> (uint256, uint256, uint256):
    cover: uint256 = self._held()
    return (self._dues >> 96) & MASK_80, (cover >> 57) & MASK_96, cover >> 153


# Cash


@view
@internal
def cash() -> uint256:
    """
    @notice C
    """
    return staticcall IMarginPool(POOL).balance_of(self)


@internal
def cash_for(amount: uint256) -> uint256:
    """
    @notice What can be paid towards `amount`: own cash, then the vault's.
    """
    cash: uint256 = self.cash()
    if cash < amount:
        drawn: uint256 = extcall IMarginPool(POOL).draw(amount - cash)
        cash += drawn
        if drawn != 0:
            log IMarket.VariationMargin(amount=convert(drawn, int256))
    return min(cash, amount)


@internal
def draw_missing() -> bool:
    """
    @notice On a clean market: draws what C is short of U + E; whether the vault could pay it.
    """
    surplus: int256 = self.surplus()
    if surplus >= 0:
        return True
    drawn: uint256 = extcall IMarginPool(POOL).draw(convert(-surplus, uint256))
    if drawn != 0:
        log IMarket.VariationMargin(amount=convert(drawn, int256))
    return surplus + convert(drawn, int256) == 0


@view
@internal
def surplus() -> int256:
    """
    @notice C - U - E: what the market owes the vault (+) or the vault the market (-)
    """
    return convert(self.cash(), int256) - convert(self.claimable(), int256) - self.trader_equity()


@internal
def settle_trade(pulled: uint256, owner: address, payout: uint256, bonus: uint256) -> uint256:
    """
    @notice Takes margin in, pays the owner, and pays or draws the variation margin, so that C = U + E.
    @param bonus What of `payout` is premium that a close earns from the vault: where the vault can't pay that, the owner
           gets the index price, and is not kept from closing.
    @return What the owner was paid.
    """
    paid: uint256 = payout
    surplus: int256 = self.surplus() + convert(pulled, int256) - convert(payout, int256)
    payments: DynArray[IMarginPool.Payment, 6] = []
    if surplus > 0:
        payments.append(IMarginPool.Payment(receiver=VAULT, amount=convert(surplus, uint256)))
    elif surplus < 0:
        short: uint256 = convert(-surplus, uint256)
        drawn: uint256 = extcall IMarginPool(POOL).draw(short)
        # beyond the bonus it is variation margin that the vault can't pay: crank declares the settlement
        assert short - drawn <= min(bonus, payout), "wait: crank first"
        paid -= short - drawn
        surplus = -convert(drawn, int256)
    if paid != 0:
        payments.append(IMarginPool.Payment(receiver=owner, amount=paid))
    if surplus != 0:
        log IMarket.VariationMargin(amount=-surplus)
    extcall IMarginPool(POOL).settle(pulled, payments)
    return paid


@internal
def settle_crank(keeper: address, reward: uint256, is_over: bool) -> uint256:
    """
    @notice Pays the keeper; once the market is clean also the variation margin, insurance and treasury. Where the vault
            can't pay the variation margin and all other work is done, the market is settled at this price: an interrupted
            crank leaves that to the one that ends it. While the market is not clean none moves.
    @return What the keeper was paid: where the vault can pay the variation margin, but not the reward on top of it, the
            reward is cut. It settles no market.
    """
    payments: DynArray[IMarginPool.Payment, 6] = []
    income: uint256 = 0
    paid: uint256 = reward
    if self.is_clean():
        surplus: int256 = self.surplus() - convert(reward, int256)
        moved: int256 = surplus
        missing: uint256 = 0
        if surplus > 0:
            payments.append(IMarginPool.Payment(receiver=VAULT, amount=convert(surplus, uint256)))
        elif surplus < 0:
            moved = -convert(extcall IMarginPool(POOL).draw(convert(-surplus, uint256)), int256)
            missing = convert(moved - surplus, uint256)
            if missing <= reward:
                paid -= missing
                missing = 0
        if moved != 0:
            log IMarket.VariationMargin(amount=-moved)
        if missing == 0:
            dues: uint256 = self._dues
            income = (dues >> 96) & MASK_80
            if dues >> 176 != 0:
                payments.append(IMarginPool.Payment(receiver=TREASURY, amount=dues >> 176))
            self._dues = dues & MASK_96
        elif is_over and not self.is_settling():
            self._head |= SETTLING_BIT
            log IMarket.Settling(
                index_price=self.index_price(),
                funding_index=self.funding_index(),
                missing=missing,
            )
    if income != 0:
        payments.append(IMarginPool.Payment(receiver=INSURANCE, amount=income))
    if paid != 0:
        paid = self.cash_for(paid)
        payments.append(IMarginPool.Payment(receiver=keeper, amount=paid))
    if len(payments) != 0:
        extcall IMarginPool(POOL).settle(0, payments)
    if income != 0:
        extcall IInsuranceFund(INSURANCE).record_income(income)
    return paid


@view
@internal
def covered(equity: uint256) -> uint256:
    """
    @notice In settlement: equity * coverage, coverage = min(1, (C - U) / E), rounded down.
    """
    left: uint256 = fp.positive(convert(self.cash(), int256) - convert(self.claimable(), int256))
    total: uint256 = fp.positive(self.trader_equity())
    if left >= total:
        return equity
    return fp.mul_div_down(equity, left, total)


@internal
def pay(owner: address, amount: uint256):
    """
    @notice Pays an owner outside a trade. `amount` comes from `cash_for` or `covered`.
    """
    if amount != 0:
        extcall IMarginPool(POOL).settle(0, [IMarginPool.Payment(receiver=owner, amount=amount)])
