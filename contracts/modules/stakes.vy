# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The stakers' layer of the insurance fund: what is in it, whose it is, and what of it is not earned yet
@license AGPL-3.0-only
@notice Income is earned evenly over a vesting period, by whoever is there. Who enters pays for all that is in the layer and on
        its way there; who leaves gives up what is not earned yet, and earns nothing from the request on. Losses are borne at
        once, until the shares are burnt.
"""
from ..interfaces import IInsuranceFund
from . import exit_window
from . import fixed_point as fp

uses: exit_window

# Shares that nobody holds, against one base unit that nobody staked: whoever stakes first cannot inflate the price.
VIRTUAL_SHARES: constant(uint256) = 10**6
VIRTUAL_CASH: constant(uint256) = 1

# Losses make shares cheap. Beyond so many for a base unit all shares shrink alike, so that no loss makes them overflow.
MAX_SHARES_PER_UNIT: constant(uint256) = 10**18
SHRINK_BITS: constant(uint256) = 40

MASK_96: constant(uint256) = 2**96 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_24: constant(uint256) = 2**24 - 1
SHARE_BITS: constant(uint256) = 192
MASK_SHARES: constant(uint256) = 2**SHARE_BITS - 1


struct Request:
    scaled: uint256
    min_amount: uint256
    max_amount: uint256  # what the shares were worth at the request
    ready_at: uint256


# insurance 96 | unvested 96 | as of 40 | seconds until all of it is vested 24
_layer: uint256
total_shares: uint256
# how many times shares have shrunk
scale: uint256
# shares 192 | the scale they are in 64
_held: HashMap[address, uint256]
_requests: HashMap[address, Request]


@view
@internal
def insurance() -> uint256:
    return self._layer & MASK_96


@view
@internal
def unvested() -> uint256:
    """
    @notice Income that is not earned yet, rounded up against those who leave.
    """
    return self._unvested(self._layer)


@view
@internal
def _unvested(layer: uint256) -> uint256:
    seconds: uint256 = layer >> 232
    elapsed: uint256 = block.timestamp - ((layer >> 192) & MASK_40)
    if elapsed >= seconds:
        return 0
    return fp.mul_div_up((layer >> 96) & MASK_96, seconds - elapsed, seconds)


@view
@internal
def _seconds_left(layer: uint256) -> uint256:
    seconds: uint256 = layer >> 232
    return seconds - min(seconds, block.timestamp - ((layer >> 192) & MASK_40))


@view
@internal
def vested_at() -> uint256:
    """
    @notice When all income so far is or was earned.
    """
    layer: uint256 = self._layer
    return ((layer >> 192) & MASK_40) + (layer >> 232)


@internal
def _put(insurance: uint256, unvested: uint256, seconds: uint256):
    assert insurance <= MASK_96, "insurance out of range"
    self._layer = insurance | (unvested << 96) | (block.timestamp << 192) | (seconds << 232)


@internal
def lose(amount: uint256):
    """
    @notice Out of what is earned first: so each share bears the same, and what comes back of a cover was earned before.
    @dev amount <= insurance
    """
    layer: uint256 = self._layer
    left: uint256 = (layer & MASK_96) - amount
    # beyond that what is lost vests for nobody
    self._put(left, min(left, self._unvested(layer)), self._seconds_left(layer))


@internal
def give_back(amount: uint256):
    layer: uint256 = self._layer
    self._put((layer & MASK_96) + amount, self._unvested(layer), self._seconds_left(layer))


@internal
def earn(amount: uint256, vesting_period: uint256):
    """
    @notice Vests with what is vesting, over the mean of the times left, weighted by the amounts and rounded down: a small income
            does not put off a large one, however often it comes.
    """
    if amount == 0:
        return
    layer: uint256 = self._layer
    vesting: uint256 = self._unvested(layer)
    weighted: uint256 = vesting * self._seconds_left(layer) + amount * vesting_period
    self._put((layer & MASK_96) + amount, vesting + amount, weighted // (vesting + amount))


@view
@internal
def shares_of(owner: address) -> uint256:
    return self._unscaled(self._held[owner])


@view
@internal
def _unscaled(scaled: uint256) -> uint256:
    """
    @dev Rounded down: the shares of all owners stay within `total_shares`.
    """
    return (scaled & MASK_SHARES) >> (SHRINK_BITS * (self.scale - (scaled >> SHARE_BITS)))


@view
@internal
def _scaled(shares: uint256) -> uint256:
    # a share is at least 10^-18 of a base unit, and there are less than 2^96 of those
    assert shares <= MASK_SHARES
    return shares | (self.scale << SHARE_BITS)


@view
@internal
def shares_for(amount: uint256, on_its_way: uint256) -> uint256:
    """
    @notice amount * (all shares) / (insurance + on_its_way), rounded down in favour of those who are in.
    """
    layer: uint256 = self.insurance() + on_its_way
    shrunk: uint256 = SHRINK_BITS * self._shrinks(layer)
    return fp.mul_div_down(amount, (self.total_shares >> shrunk) + VIRTUAL_SHARES, layer + VIRTUAL_CASH)


@view
@internal
def _shrinks(layer: uint256) -> uint256:
    """
    @notice How many times shares have to shrink before somebody enters.
    """
    shares: uint256 = self.total_shares
    for count: uint256 in range(5):
        if shares <= MAX_SHARES_PER_UNIT * (layer + VIRTUAL_CASH):
            return count
        shares >>= SHRINK_BITS
    return 5


@internal
def enter(owner: address, amount: uint256, on_its_way: uint256) -> uint256:
    shrinks: uint256 = self._shrinks(self.insurance() + on_its_way)
    shares: uint256 = self.shares_for(amount, on_its_way)
    assert shares > 0, "amount too small"
    if shrinks != 0:
        self.scale += shrinks
        self.total_shares >>= SHRINK_BITS * shrinks
        log IInsuranceFund.SharesShrunk(scale=self.scale, total_shares=self.total_shares)

    self.total_shares += shares
    self._held[owner] = self._scaled(self.shares_of(owner) + shares)
    # principal: earned from the first moment
    self.give_back(amount)
    return shares


@internal
def request(
    owner: address, shares: uint256, min_amount: uint256, cooldown: uint256, cover: uint256
) -> (uint256, uint256):
    """
    @param cover Held by markets for a liquidation under way: it may come back, and that is no income.
    @return Shares asked out, when that is ready
    """
    held: uint256 = self.shares_of(owner)
    assert shares <= held, "not enough shares"
    held -= self._let_go(owner, held)
    asked: uint256 = min(shares, held)
    ready_at: uint256 = block.timestamp + cooldown
    self._requests[owner] = Request(
        scaled=self._scaled(asked),
        min_amount=min_amount,
        max_amount=self._value(asked, self._earned() + cover),
        ready_at=ready_at,
    )
    return asked, ready_at


@internal
def _let_go(owner: address, held: uint256) -> uint256:
    """
    @notice Once it can be carried out a request is an option on leaving, and whoever lets it go pays those who stay.
    @return Shares burnt, rounded up in their favour
    """
    request: Request = self._requests[owner]
    if block.timestamp < request.ready_at:
        return 0
    # no more than were asked out, and those are held still
    fee: uint256 = fp.mul_div_up(self._unscaled(request.scaled), exit_window.LATE_CANCEL_FEE_BPS, fp.BPS)
    if fee != 0:
        self._held[owner] = self._scaled(held - fee)
        self.total_shares -= fee
        log IInsuranceFund.UnstakeLetGo(owner=owner, fee_shares=fee)
    return fee


@view
@internal
def request_of(owner: address) -> IInsuranceFund.UnstakeRequest:
    request: Request = self._requests[owner]
    shares: uint256 = self._unscaled(request.scaled)
    if shares == 0:
        return empty(IInsuranceFund.UnstakeRequest)
    return IInsuranceFund.UnstakeRequest(
        shares=shares,
        min_amount=request.min_amount,
        max_amount=request.max_amount,
        ready_at=request.ready_at,
        lapses_at=exit_window._lapses_at(request.ready_at),
    )


@internal
def leave(owner: address) -> (uint256, uint256):
    """
    @dev Duty of the caller: no loss stands in a market that is not booked yet.
    @return amount, shares
    """
    request: IInsuranceFund.UnstakeRequest = self.request_of(owner)
    assert request.shares > 0, "nothing requested"
    assert block.timestamp >= request.ready_at, "wait: cooldown"
    assert block.timestamp <= request.lapses_at, "request lapsed"
    amount: uint256 = min(self.value_of(request.shares), request.max_amount)
    assert amount >= request.min_amount, "below minimum"

    self._requests[owner] = empty(Request)
    self._held[owner] = self._scaled(self.shares_of(owner) - request.shares)
    self.total_shares -= request.shares
    # amount <= earned <= insurance
    self.lose(amount)
    return amount, request.shares


@view
@internal
def value_of(shares: uint256) -> uint256:
    """
    @notice What the shares have earned up to now.
    """
    return self._value(shares, self._earned())


@view
@internal
def _earned() -> uint256:
    layer: uint256 = self._layer
    return (layer & MASK_96) - self._unvested(layer)


@view
@internal
def _value(shares: uint256, cash: uint256) -> uint256:
    """
    @notice shares * cash / (all shares), rounded down in favour of those who stay.
    """
    return fp.mul_div_down(shares, cash + VIRTUAL_CASH, self.total_shares + VIRTUAL_SHARES)
