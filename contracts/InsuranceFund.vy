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
from .interfaces import IRecoveryToken
from .modules import fixed_point
from .modules import market_list
from .modules import pool_account

implements: IInsuranceFund
initializes: ownable
initializes: market_list
initializes: pool_account
exports: (ownable.owner, ownable.transfer_ownership)

MAX_MARKETS: constant(uint256) = 16
MAX_DAILY_CAP_BPS: constant(uint256) = 5_000
MIN_COOLDOWN: constant(uint256) = 60
MAX_COOLDOWN: constant(uint256) = 30 * 86_400
UNSTAKE_WINDOW: constant(uint256) = 2 * 86_400
REWARD_CAP_BPS: constant(uint256) = 2_500

# Shares that nobody holds, against one base unit that nobody staked: whoever stakes first cannot inflate the price.
VIRTUAL_SHARES: constant(uint256) = 10**6
VIRTUAL_CASH: constant(uint256) = 1

CASH_BITS: constant(uint256) = 108
MAX_CASH: constant(uint256) = 2**CASH_BITS - 1

struct UnstakeRequest:
    shares: uint256
    ready_at: uint256

RECOVERY: immutable(address)

skin_in_the_game: public(uint256)
insurance: public(uint256)
reward_reserve: public(uint256)
recovery_pot: public(uint256)

# What a market has taken in a day that begins with its first claim: started_at 40 | cap 108 | used 108
cover_days: HashMap[address, uint256]
reward_days: HashMap[address, uint256]

shares_of: public(HashMap[address, uint256])
total_shares: public(uint256)
requests: HashMap[address, UnstakeRequest]

params: public(IInsuranceFund.Params)


@deploy
def __init__(pool: address, recovery_token: address, params: IInsuranceFund.Params):
    ownable.__init__()
    pool_account.__init__(pool)
    RECOVERY = recovery_token
    self._set_params(params)


# Markets. Nothing here may revert for lack of money: a market in distress must always get through.


@external
def cover(amount: uint256) -> (uint256, uint256):
    assert market_list.is_market[msg.sender], "only markets"
    skin: uint256 = self.skin_in_the_game
    insurance: uint256 = self.insurance
    if skin + insurance == 0:
        return 0, 0
    day: uint256 = self._day(self.cover_days[msg.sender], skin + insurance, self.params.daily_cap_bps)

    paid: uint256 = min(amount, min(skin + insurance, self._left(day)))
    from_skin: uint256 = min(paid, skin)
    from_insurance: uint256 = paid - from_skin
    if paid == 0:
        return 0, 0

    self.cover_days[msg.sender] = day + paid
    self.skin_in_the_game = skin - from_skin
    self.insurance = insurance - from_insurance
    extcall pool_account.POOL.pay(msg.sender, paid)
    log IInsuranceFund.LossCovered(market=msg.sender, skin_in_the_game=from_skin, insurance=from_insurance)
    return from_skin, from_insurance


@external
def return_cover(skin_in_the_game: uint256, insurance: uint256):
    assert market_list.is_market[msg.sender], "only markets"
    # Only what has arrived is booked, whatever the market says.
    arrived: uint256 = self._unbooked()
    to_insurance: uint256 = min(insurance, arrived)
    to_skin: uint256 = min(skin_in_the_game, arrived - to_insurance)
    self.insurance += to_insurance
    self.skin_in_the_game += to_skin

    day: uint256 = self.cover_days[msg.sender]
    self.cover_days[msg.sender] = day - min(day & MAX_CASH, to_insurance + to_skin)
    log IInsuranceFund.CoverReturned(market=msg.sender, skin_in_the_game=to_skin, insurance=to_insurance)


@external
def pay_reward(keeper: address, amount: uint256) -> uint256:
    assert market_list.is_market[msg.sender], "only markets"
    reserve: uint256 = self.reward_reserve
    day: uint256 = self._day(self.reward_days[msg.sender], reserve, REWARD_CAP_BPS)
    paid: uint256 = min(amount, min(reserve, self._left(day)))
    if paid == 0:
        return 0

    self.reward_days[msg.sender] = day + paid
    self.reward_reserve = reserve - paid
    extcall pool_account.POOL.pay(keeper, paid)
    log IInsuranceFund.RewardPaid(market=msg.sender, keeper=keeper, amount=paid)
    return paid


@external
def record_income(amount: uint256):
    assert market_list.is_market[msg.sender], "only markets"
    income: uint256 = min(amount, self._unbooked())

    # rounded down in favour of the stakers
    to_pot: uint256 = fixed_point.mul_div_down(income, self.params.recovery_share_bps, fixed_point.BPS)
    pot: uint256 = self.recovery_pot
    supply: uint256 = staticcall IERC20(RECOVERY).totalSupply()
    to_pot = min(to_pot, supply - min(supply, pot))

    reserve: uint256 = self.reward_reserve
    target: uint256 = self.params.reward_reserve_target
    to_reserve: uint256 = min(income - to_pot, target - min(target, reserve))
    to_insurance: uint256 = income - to_pot - to_reserve

    self.recovery_pot = pot + to_pot
    self.reward_reserve = reserve + to_reserve
    self.insurance += to_insurance
    log IInsuranceFund.IncomeReceived(
        market=msg.sender, insurance=to_insurance, recovery_pot=to_pot, reward_reserve=to_reserve
    )


@external
def issue_recovery(owner: address, amount: uint256):
    assert market_list.is_market[msg.sender], "only markets"
    extcall IRecoveryToken(RECOVERY).mint(owner, amount)
    log IInsuranceFund.RecoveryIssued(market=msg.sender, owner=owner, amount=amount)


# Anyone, with their own tokens


@external
def fund_skin(amount: uint256):
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    self.skin_in_the_game += arrived
    log IInsuranceFund.SkinFunded(payer=msg.sender, amount=arrived)


@external
def fund_reward_reserve(amount: uint256):
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    self.reward_reserve += arrived
    log IInsuranceFund.RewardReserveFunded(payer=msg.sender, amount=arrived)


@external
def stake(amount: uint256) -> uint256:
    insurance: uint256 = self.insurance
    total_shares: uint256 = self.total_shares
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    # shares = arrived * (all shares) / insurance, rounded down in favour of those who are in
    shares: uint256 = fixed_point.mul_div_down(arrived, total_shares + VIRTUAL_SHARES, insurance + VIRTUAL_CASH)
    assert shares > 0, "amount too small"

    self.insurance = insurance + arrived
    self.total_shares = total_shares + shares
    self.shares_of[msg.sender] += shares
    log IInsuranceFund.Staked(owner=msg.sender, amount=arrived, shares=shares)
    return shares


# Stakers


@external
def request_unstake(shares: uint256):
    assert shares <= self.shares_of[msg.sender], "not enough shares"
    ready_at: uint256 = block.timestamp + self.params.cooldown
    self.requests[msg.sender] = UnstakeRequest(shares=shares, ready_at=ready_at)
    log IInsuranceFund.UnstakeRequested(owner=msg.sender, shares=shares, ready_at=ready_at)


@external
def unstake() -> uint256:
    request: UnstakeRequest = self.requests[msg.sender]
    assert request.shares > 0, "nothing requested"
    assert block.timestamp >= request.ready_at, "wait: cooldown"
    # A request that waits for the day of the crash would be an option on leaving.
    assert block.timestamp <= request.ready_at + UNSTAKE_WINDOW, "request lapsed"
    market_list._check_settled()

    amount: uint256 = self._value_of(request.shares)
    self.requests[msg.sender] = empty(UnstakeRequest)
    self.shares_of[msg.sender] -= request.shares
    self.total_shares -= request.shares
    self.insurance -= amount
    extcall pool_account.POOL.withdraw(amount, msg.sender)
    log IInsuranceFund.Unstaked(owner=msg.sender, amount=amount, shares=request.shares)
    return amount


# Holders of RECOVER


@external
def redeem_recovery(amount: uint256) -> uint256:
    paid: uint256 = self._redeemable(amount)
    extcall IRecoveryToken(RECOVERY).burn(msg.sender, amount)
    # amount <= supply now, so paid <= pot
    self.recovery_pot -= paid
    extcall pool_account.POOL.pay(msg.sender, paid)
    log IInsuranceFund.RecoveryRedeemed(owner=msg.sender, amount=amount, paid=paid)
    return paid


# The owner


@external
def set_params(params: IInsuranceFund.Params):
    ownable._check_owner()
    self._set_params(params)


@external
def set_market(market: address, is_market: bool):
    ownable._check_owner()
    market_list._set(market, is_market, MAX_MARKETS)
    if self.cover_days[market] == 0:
        # days that are over, so that no crank pays for the first write
        self.cover_days[market] = 1 << CASH_BITS
        self.reward_days[market] = 1 << CASH_BITS
    log IInsuranceFund.MarketSet(market=market, is_market=is_market)


@internal
def _set_params(params: IInsuranceFund.Params):
    assert params.daily_cap_bps <= MAX_DAILY_CAP_BPS, "daily cap out of bounds"
    assert params.recovery_share_bps <= fixed_point.BPS, "recovery share out of bounds"
    assert params.reward_reserve_target <= MAX_CASH, "reserve target out of bounds"
    assert params.cooldown >= MIN_COOLDOWN and params.cooldown <= MAX_COOLDOWN, "cooldown out of bounds"
    self.params = params
    log IInsuranceFund.ParamsSet(params=params)


# Views


@view
@external
def coverable(market: address) -> uint256:
    if not market_list.is_market[market]:
        return 0
    fund: uint256 = self.skin_in_the_game + self.insurance
    return min(fund, self._left(self._day(self.cover_days[market], fund, self.params.daily_cap_bps)))


@view
@external
def value_of(shares: uint256) -> uint256:
    return self._value_of(shares)


@view
@external
def unstake_request(owner: address) -> (uint256, uint256):
    request: UnstakeRequest = self.requests[owner]
    return request.shares, request.ready_at


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
def _day(day: uint256, fund: uint256, cap_bps: uint256) -> uint256:
    """
    @dev `day`, or a new one if it is over. The cap is a share of what was in the fund when the day began.
    """
    if block.timestamp < (day >> (2 * CASH_BITS)) + fixed_point.DAY:
        return day
    cap: uint256 = fixed_point.mul_div_down(min(fund, MAX_CASH), cap_bps, fixed_point.BPS)
    return (block.timestamp << (2 * CASH_BITS)) | (cap << CASH_BITS)


@pure
@internal
def _left(day: uint256) -> uint256:
    # used <= cap
    return ((day >> CASH_BITS) & MAX_CASH) - (day & MAX_CASH)


@view
@internal
def _unbooked() -> uint256:
    booked: uint256 = self.skin_in_the_game + self.insurance + self.reward_reserve + self.recovery_pot
    return pool_account._balance() - booked


@view
@internal
def _value_of(shares: uint256) -> uint256:
    """
    @dev shares * insurance / (all shares), rounded down in favour of those who stay.
    """
    return fixed_point.mul_div_down(shares, self.insurance + VIRTUAL_CASH, self.total_shares + VIRTUAL_SHARES)


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
