# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title InsuranceFund
@license AGPL-3.0-only
@notice See IInsuranceFund. At every moment skin + insurance + reward reserve + recovery pot <= its balance in the pool.
"""
from ethereum.ercs import IERC20
from snekmate.auth import ownable

from .interfaces import IInsuranceFund
from .interfaces import IMarket
from .interfaces import IRecoveryToken
from .modules import allowance
from .modules import exit_window
from .modules import fixed_point
from .modules import market_list
from .modules import permits
from .modules import pool_account
from .modules import stakes

implements: IInsuranceFund
initializes: ownable
initializes: market_list
initializes: pool_account
initializes: exit_window[market_list := market_list]
initializes: stakes[exit_window := exit_window]
exports: (ownable.owner, ownable.transfer_ownership)

MAX_MARKETS: constant(uint256) = 16
MAX_DAILY_CAP_BPS: constant(uint256) = 5_000
MIN_COOLDOWN: constant(uint256) = 60
MAX_COOLDOWN: constant(uint256) = 30 * 86_400
MAX_VESTING_PERIOD: constant(uint256) = 90 * 86_400
REWARD_CAP_BPS: constant(uint256) = 2_500

MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_128: constant(uint256) = 2**128 - 1
MAX_CASH: constant(uint256) = 2**96 - 1

# allowance.over(0), which no listed market has
UNLISTED: constant(uint256) = 1 << 192

RECOVERY: immutable(address)

# skin in the game 128 | reward reserve 128: a crank needs both
_own: uint256
recovery_pot: public(uint256)

# see allowance.vy; not zero for every market that has ever been listed, and UNLISTED once it is on the list no more
cover_days: HashMap[address, uint256]
reward_days: HashMap[address, uint256]
recovery_days: HashMap[address, uint256]

# RECOVER that a market owes an owner beyond what it may have issued in a day
unissued: public(HashMap[address, HashMap[address, uint256]])

skin_request: public(IInsuranceFund.SkinRequest)

# daily cap 16 | recovery share 16 | skin floor 16 | cooldown 24 | vesting period 24 | reserve target 96
_params: uint256


@deploy
def __init__(pool: address, recovery_token: address, params: IInsuranceFund.Params):
    ownable.__init__()
    pool_account.__init__(pool)
    RECOVERY = recovery_token
    self._set_params(params)


# Markets. Nothing here may revert for lack of money or because the owner has taken a market off the list: a market in
# distress must always get through, and so must those who leave it.


@external
def cover(amount: uint256) -> (uint256, uint256):
    if not self._check_market():
        return 0, 0
    own: uint256 = self._own
    skin: uint256 = own & MASK_128
    insurance: uint256 = stakes.insurance()
    if skin + insurance == 0:
        return 0, 0
    day: uint256 = self._cover_day(msg.sender, skin + insurance)

    paid: uint256 = min(amount, min(skin + insurance, allowance.left(day)))
    from_skin: uint256 = min(paid, skin)
    from_insurance: uint256 = paid - from_skin
    if paid == 0:
        return 0, 0

    self.cover_days[msg.sender] = day + paid
    if from_skin != 0:
        # from_skin <= skin
        self._own = own - from_skin
    if from_insurance != 0:
        stakes.lose(from_insurance)
    extcall pool_account.POOL.pay(msg.sender, paid)
    log IInsuranceFund.LossCovered(market=msg.sender, skin_in_the_game=from_skin, insurance=from_insurance)
    return from_skin, from_insurance


@external
def return_cover(skin_in_the_game: uint256, insurance: uint256):
    self._check_market()
    # Only what has arrived is booked, whatever the market says.
    arrived: uint256 = self._unbooked()
    to_insurance: uint256 = min(insurance, arrived)
    to_skin: uint256 = min(skin_in_the_game, arrived - to_insurance)
    stakes.give_back(to_insurance)
    self._own += to_skin

    day: uint256 = self.cover_days[msg.sender]
    self.cover_days[msg.sender] = day - min(allowance.used(day), to_insurance + to_skin)
    log IInsuranceFund.CoverReturned(market=msg.sender, skin_in_the_game=to_skin, insurance=to_insurance)


@external
def pay_reward(keeper: address, amount: uint256) -> uint256:
    if not self._check_market():
        return 0
    own: uint256 = self._own
    reserve: uint256 = own >> 128
    day: uint256 = self.reward_days[msg.sender]
    if allowance.is_over(day):
        day = allowance.begun(fixed_point.mul_div_down(reserve, REWARD_CAP_BPS, fixed_point.BPS))
    paid: uint256 = min(amount, min(reserve, allowance.left(day)))
    if paid == 0:
        return 0

    self.reward_days[msg.sender] = day + paid
    # paid <= reserve
    self._own = own - (paid << 128)
    extcall pool_account.POOL.pay(keeper, paid)
    log IInsuranceFund.RewardPaid(market=msg.sender, keeper=keeper, amount=paid)
    return paid


@external
def record_income(amount: uint256):
    self._check_market()
    to_pot: uint256 = 0
    to_reserve: uint256 = 0
    to_insurance: uint256 = 0
    to_pot, to_reserve, to_insurance = self._split(min(amount, self._unbooked()))

    if to_pot != 0:
        self.recovery_pot += to_pot
    # to its target at most, of 96 bits
    self._own += to_reserve << 128
    stakes.earn(to_insurance, self._vesting_period())
    log IInsuranceFund.IncomeReceived(
        market=msg.sender, insurance=to_insurance, recovery_pot=to_pot, reward_reserve=to_reserve
    )


@external
def issue_recovery(owner: address, amount: uint256):
    issued: uint256 = self._issue(msg.sender, owner, amount)
    if issued < amount:
        self.unissued[msg.sender][owner] += amount - issued
        log IInsuranceFund.RecoveryDeferred(market=msg.sender, owner=owner, amount=amount - issued)


# Anyone, with their own tokens


@external
def fund_skin(amount: uint256):
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    assert self._skin() + arrived <= MASK_128  # of which no token has as much
    self._own += arrived
    log IInsuranceFund.SkinFunded(payer=msg.sender, amount=arrived)


@external
def fund_reward_reserve(amount: uint256):
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    # the shift and the sum revert beyond 128 bits
    self._own += arrived * 2**128
    log IInsuranceFund.RewardReserveFunded(payer=msg.sender, amount=arrived)


@external
def fund_recovery_pot(amount: uint256):
    supply: uint256 = staticcall IERC20(RECOVERY).totalSupply()
    arrived: uint256 = pool_account._pull(msg.sender, min(amount, supply - self.recovery_pot))
    self.recovery_pot += arrived
    log IInsuranceFund.RecoveryPotFunded(payer=msg.sender, amount=arrived)


@external
def donate(amount: uint256):
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    stakes.earn(arrived, self._vesting_period())
    log IInsuranceFund.Donated(payer=msg.sender, amount=arrived)


@external
def stake(amount: uint256, min_shares: uint256 = 0) -> uint256:
    return self._stake(amount, min_shares)


@external
def stake_with_permit(
    amount: uint256, min_shares: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    permits.use(pool_account.TOKEN, msg.sender, amount, deadline, v, r, s)
    return self._stake(amount, min_shares)


@internal
def _stake(amount: uint256, min_shares: uint256) -> uint256:
    market_list._check_settled()
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    shares: uint256 = stakes.enter(msg.sender, arrived, self._on_its_way())
    assert shares >= min_shares, "below minimum"
    log IInsuranceFund.Staked(owner=msg.sender, amount=arrived, shares=shares)
    return shares


# Stakers


@external
def request_unstake(shares: uint256, min_amount: uint256 = 0):
    income: uint256 = 0
    cover: uint256 = 0
    income, cover = self._owed()
    asked: uint256 = 0
    ready_at: uint256 = 0
    asked, ready_at = stakes.request(msg.sender, shares, min_amount, self._cooldown(), cover)
    log IInsuranceFund.UnstakeRequested(
        owner=msg.sender, shares=asked, min_amount=min_amount, ready_at=ready_at
    )


@external
def unstake(owner: address = msg.sender) -> uint256:
    # Open to anyone: a request that only its owner could carry out would be an option on leaving.
    market_list._check_settled()
    amount: uint256 = 0
    shares: uint256 = 0
    amount, shares = stakes.leave(owner)
    extcall pool_account.POOL.withdraw(amount, owner)
    log IInsuranceFund.Unstaked(owner=owner, amount=amount, shares=shares)
    return amount


@external
def keep_requests() -> uint256:
    lapse_at: uint256 = exit_window._keep_while_unsettled()
    log IInsuranceFund.RequestsKept(lapse_at=lapse_at)
    return lapse_at


# Holders of RECOVER


@external
def issue_rest(market: address, owner: address) -> uint256:
    rest: uint256 = self.unissued[market][owner]
    issued: uint256 = self._issue(market, owner, rest)
    self.unissued[market][owner] = rest - issued
    return issued


@external
def redeem_recovery(amount: uint256, min_paid: uint256 = 0) -> uint256:
    paid: uint256 = self._redeemable(amount)
    assert paid >= min_paid, "below minimum"
    extcall IRecoveryToken(RECOVERY).burn(msg.sender, amount)
    # amount <= supply now, so paid <= pot
    self.recovery_pot -= paid
    extcall pool_account.POOL.pay(msg.sender, paid)
    log IInsuranceFund.RecoveryRedeemed(owner=msg.sender, amount=amount, paid=paid)
    return paid


# The owner


@external
def request_skin(amount: uint256, receiver: address):
    ownable._check_owner()
    assert receiver not in [empty(address), self, pool_account.POOL.address], "bad receiver"
    ready_at: uint256 = block.timestamp + self._cooldown()
    self.skin_request = IInsuranceFund.SkinRequest(amount=amount, receiver=receiver, ready_at=ready_at)
    log IInsuranceFund.SkinRequested(receiver=receiver, amount=amount, ready_at=ready_at)


@external
def release_skin() -> uint256:
    ownable._check_owner()
    request: IInsuranceFund.SkinRequest = self.skin_request
    assert request.amount > 0, "nothing requested"
    assert block.timestamp >= request.ready_at, "wait: cooldown"
    assert block.timestamp <= exit_window._lapses_at(request.ready_at), "request lapsed"
    market_list._check_settled()

    amount: uint256 = min(request.amount, self._free_skin())
    assert amount > 0, "skin is at its floor"
    self.skin_request = empty(IInsuranceFund.SkinRequest)
    # amount <= skin
    self._own -= amount
    extcall pool_account.POOL.withdraw(amount, request.receiver)
    log IInsuranceFund.SkinReleased(receiver=request.receiver, amount=amount)
    return amount


@external
def set_params(params: IInsuranceFund.Params):
    ownable._check_owner()
    self._set_params(params)


@external
def set_market(market: address, is_market: bool):
    ownable._check_owner()
    market_list._set(market, is_market, MAX_MARKETS)
    is_new: bool = self.cover_days[market] == 0
    self.cover_days[market] = UNLISTED
    if is_market:
        self.cover_days[market] = allowance.over(1)
    if is_new:
        self.reward_days[market] = allowance.over(0)
        self.recovery_days[market] = allowance.over(0)
    log IInsuranceFund.MarketSet(market=market, is_market=is_market)


@external
def set_recovery_cap(market: address, cap: uint256):
    ownable._check_owner()
    day: uint256 = self.recovery_days[market]
    assert day != 0, "unknown market"
    assert cap <= MAX_CASH, "recovery cap out of bounds"
    # a day begins anew: what was used of the old cap says nothing about the new one
    self.recovery_days[market] = allowance.over(cap)
    log IInsuranceFund.RecoveryCapSet(market=market, cap=cap)


@internal
def _set_params(params: IInsuranceFund.Params):
    assert params.daily_cap_bps <= MAX_DAILY_CAP_BPS, "daily cap out of bounds"
    assert params.recovery_share_bps <= fixed_point.BPS, "recovery share out of bounds"
    assert params.reward_reserve_target <= MAX_CASH, "reserve target out of bounds"
    assert params.cooldown >= MIN_COOLDOWN and params.cooldown <= MAX_COOLDOWN, "cooldown out of bounds"
    # shorter, and who comes for a known income leaves with all of it
    assert (
        params.vesting_period >= params.cooldown and params.vesting_period <= MAX_VESTING_PERIOD
    ), "vesting period out of bounds"
    assert params.skin_floor_bps <= fixed_point.BPS, "skin floor out of bounds"
    self._params = (
        params.daily_cap_bps
        | (params.recovery_share_bps << 16)
        | (params.skin_floor_bps << 32)
        | (params.cooldown << 48)
        | (params.vesting_period << 72)
        | (params.reward_reserve_target << 96)
    )
    log IInsuranceFund.ParamsSet(params=params)


# Views


@view
@external
def params() -> IInsuranceFund.Params:
    params: uint256 = self._params
    return IInsuranceFund.Params(
        daily_cap_bps=params & MASK_16,
        recovery_share_bps=(params >> 16) & MASK_16,
        reward_reserve_target=params >> 96,
        cooldown=self._cooldown(),
        vesting_period=self._vesting_period(),
        skin_floor_bps=(params >> 32) & MASK_16,
    )


@view
@external
def skin_in_the_game() -> uint256:
    return self._skin()


@view
@external
def reward_reserve() -> uint256:
    return self._own >> 128


@view
@external
def insurance() -> uint256:
    return stakes.insurance()


@view
@external
def unvested() -> uint256:
    return stakes.unvested()


@view
@external
def vested_at() -> uint256:
    return stakes.vested_at()


@view
@external
def on_its_way() -> uint256:
    return self._on_its_way()


@view
@external
def shares_of(owner: address) -> uint256:
    return stakes.shares_of(owner)


@view
@external
def total_shares() -> uint256:
    return stakes.total_shares


@view
@external
def value_of(shares: uint256) -> uint256:
    return stakes.value_of(shares)


@view
@external
def preview_stake(amount: uint256) -> uint256:
    return stakes.shares_for(amount, self._on_its_way())


@view
@external
def unstake_request(owner: address) -> IInsuranceFund.UnstakeRequest:
    return stakes.request_of(owner)


@view
@external
def free_skin() -> uint256:
    return self._free_skin()


@view
@external
def coverable(market: address) -> uint256:
    if not market_list.is_market[market]:
        return 0
    fund: uint256 = self._skin() + stakes.insurance()
    return min(fund, allowance.left(self._cover_day(market, fund)))


@view
@external
def cover_day(market: address) -> IInsuranceFund.Day:
    return self._told(self.cover_days[market])


@view
@external
def reward_day(market: address) -> IInsuranceFund.Day:
    return self._told(self.reward_days[market])


@view
@external
def recovery_day(market: address) -> IInsuranceFund.Day:
    return self._told(self.recovery_days[market])


@view
@external
def recovery() -> IInsuranceFund.Recovery:
    supply: uint256 = staticcall IERC20(RECOVERY).totalSupply()
    pot: uint256 = self.recovery_pot
    price: uint256 = fixed_point.WAD
    if supply > pot:
        price = fixed_point.mul_div_down(pot, fixed_point.WAD, supply)
    return IInsuranceFund.Recovery(pot=pot, supply=supply, price_wad=price)


@view
@external
def redeemable(amount: uint256) -> uint256:
    return self._redeemable(amount)


@view
@external
def is_market(market: address) -> bool:
    return market_list.is_market[market]


@view
@external
def recovery_token() -> address:
    return RECOVERY


@view
@external
def pool() -> address:
    return pool_account.POOL.address


# Inside


@view
@internal
def _check_market() -> bool:
    """
    @notice Whether the caller is on the list; reverts if it never was.
    """
    day: uint256 = self.cover_days[msg.sender]
    assert day != 0, "only markets"
    return day != UNLISTED


@view
@internal
def _skin() -> uint256:
    return self._own & MASK_128


@view
@internal
def _cooldown() -> uint256:
    return (self._params >> 48) & MASK_24


@view
@internal
def _vesting_period() -> uint256:
    return (self._params >> 72) & MASK_24


@view
@internal
def _cover_day(market: address, fund: uint256) -> uint256:
    """
    @dev The cap is a share of what was in the fund when the day began.
    """
    day: uint256 = self.cover_days[market]
    if allowance.is_over(day):
        return allowance.begun(fixed_point.mul_div_down(fund, self._params & MASK_16, fixed_point.BPS))
    return day


@pure
@internal
def _told(day: uint256) -> IInsuranceFund.Day:
    return IInsuranceFund.Day(started_at=day >> 192, cap=allowance.cap(day), used=allowance.used(day))


@view
@internal
def _unbooked() -> uint256:
    own: uint256 = self._own
    booked: uint256 = (own & MASK_128) + (own >> 128) + stakes.insurance() + self.recovery_pot
    return pool_account._balance() - booked


@view
@internal
def _split(income: uint256) -> (uint256, uint256, uint256):
    """
    @notice What of an income goes to the recovery pot until pot = supply, to the reward reserve up to its target, and to the
            stakers, in whose favour the pot's share is rounded.
    """
    params: uint256 = self._params
    pot: uint256 = self.recovery_pot
    supply: uint256 = staticcall IERC20(RECOVERY).totalSupply()
    to_pot: uint256 = fixed_point.mul_div_down(income, (params >> 16) & MASK_16, fixed_point.BPS)
    to_pot = min(to_pot, supply - min(supply, pot))
    reserve: uint256 = self._own >> 128
    target: uint256 = params >> 96
    to_reserve: uint256 = min(income - to_pot, target - min(target, reserve))
    return to_pot, to_reserve, income - to_pot - to_reserve


@view
@internal
def _owed() -> (uint256, uint256):
    """
    @notice Income that markets have not passed on yet, and cover of the stakers that they still hold.
    """
    income: uint256 = 0
    cover: uint256 = 0
    for market: address in market_list.markets:
        owed: uint256 = 0
        skin: uint256 = 0
        insurance: uint256 = 0
        owed, skin, insurance = staticcall IMarket(market).owed_to_insurance()
        income += owed
        cover += insurance
    return income, cover


@view
@internal
def _on_its_way() -> uint256:
    income: uint256 = 0
    cover: uint256 = 0
    income, cover = self._owed()
    to_pot: uint256 = 0
    to_reserve: uint256 = 0
    to_insurance: uint256 = 0
    to_pot, to_reserve, to_insurance = self._split(income)
    return to_insurance + cover


@view
@internal
def _free_skin() -> uint256:
    """
    @notice What of the skin in the game is above its floor, a share of the stakers' insurance. The floor is rounded up.
    """
    floor_bps: uint256 = (self._params >> 32) & MASK_16
    least: uint256 = fixed_point.mul_div_up(stakes.insurance(), floor_bps, fixed_point.BPS)
    skin: uint256 = self._skin()
    return skin - min(skin, least)


@internal
def _issue(market: address, owner: address, amount: uint256) -> uint256:
    """
    @notice Mints up to what the market may still have issued today, and returns that. Never reverts for a market, listed or
            not: a claim must not keep anybody from leaving it.
    """
    day: uint256 = self.recovery_days[market]
    assert day != 0, "only markets"
    day = allowance.renewed(day)
    issued: uint256 = min(amount, allowance.left(day))
    if issued != 0:
        self.recovery_days[market] = day + issued
        extcall IRecoveryToken(RECOVERY).mint(owner, issued)
        log IInsuranceFund.RecoveryIssued(market=market, owner=owner, amount=issued)
    return issued


@view
@internal
def _redeemable(amount: uint256) -> uint256:
    """
    @dev amount * min(1, pot / supply), rounded down in favour of the holders that stay.
    """
    supply: uint256 = staticcall IERC20(RECOVERY).totalSupply()
    pot: uint256 = self.recovery_pot
    if pot >= supply:
        return amount
    return fixed_point.mul_div_down(amount, pot, supply)
