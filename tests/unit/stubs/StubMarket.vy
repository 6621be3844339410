# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A market that does what the test tells it, with the pool, the order book and the price source for real
@license AGPL-3.0-only
"""
from contracts.interfaces import IMarginPool
from contracts.interfaces import IMarket
from contracts.interfaces import IPriceSource

POOL: immutable(IMarginPool)
price_source: public(immutable(address))
feed: public(immutable(bytes32))

FILL: constant(uint256) = 0
REVERT_WITH_REASON: constant(uint256) = 1
REVERT_WITH_NOTHING: constant(uint256) = 2
REVERT_WITH_JUNK: constant(uint256) = 3
BURN_GAS: constant(uint256) = 4

mode: uint256
reason: String[96]
junk: Bytes[256]
pull_bps: uint256
paid_out: uint256

last_owner: public(address)
last_size_delta: public(int256)
last_margin: public(uint256)
last_acceptable_price: public(uint256)
last_is_reduce_only: public(bool)
last_newer_than: public(uint256)
last_margin_delta: public(int256)

owed: int256
reserve: uint256
is_settled: bool
units: uint256
is_settling: bool
loss_budget: uint256

income: uint256
skin: uint256
insurance: uint256

reward: uint256
crank_result: uint256
published_at: public(uint256)


@deploy
def __init__(pool: address, price_source_: address, feed_: bytes32):
    POOL = IMarginPool(pool)
    price_source = price_source_
    feed = feed_
    self.is_settled = True
    self.pull_bps = 10_000


@external
def will_fill(pull_bps: uint256, paid_out: uint256):
    self.mode = FILL
    self.pull_bps = pull_bps
    self.paid_out = paid_out


@external
def will_revert(reason: String[96]):
    self.mode = REVERT_WITH_REASON
    self.reason = reason


@external
def will_revert_with(junk: Bytes[256]):
    self.mode = REVERT_WITH_JUNK
    self.junk = junk


@external
def will_revert_silently():
    self.mode = REVERT_WITH_NOTHING


@external
def will_burn_gas():
    self.mode = BURN_GAS


@external
def set_vault_position(owed: int256, reserve: uint256, is_settled: bool):
    self.owed = owed
    self.reserve = reserve
    self.is_settled = is_settled


@external
def set_open(units: uint256, loss_budget: uint256, is_settling: bool):
    self.units = units
    self.loss_budget = loss_budget
    self.is_settling = is_settling


@external
def set_published_at(published_at: uint256):
    self.published_at = published_at


@view
@external
def state() -> IMarket.State:
    state: IMarket.State = empty(IMarket.State)
    state.units_long = self.units
    state.is_settling = self.is_settling
    return state


@view
@external
def params() -> IMarket.Params:
    params: IMarket.Params = empty(IMarket.Params)
    params.loss_budget = self.loss_budget
    return params


@external
def set_owed_to_insurance(income: uint256, skin: uint256, insurance: uint256):
    self.income = income
    self.skin = skin
    self.insurance = insurance


@external
def set_crank(result: uint256, reward: uint256):
    self.crank_result = result
    self.reward = reward


@view
@external
def vault_position() -> (int256, uint256, bool):
    return self.owed, self.reserve, self.is_settled


@view
@external
def owed_to_insurance() -> (uint256, uint256, uint256):
    return self.income, self.skin, self.insurance


@external
def trade(
    owner: address,
    size_delta: int256,
    margin: uint256,
    acceptable_price: uint256,
    is_reduce_only: bool,
    newer_than: uint256,
) -> IMarket.Fill:
    self._fail_if_told()
    price: uint256 = 0
    published_at: uint256 = 0
    price, published_at = staticcall IPriceSource(price_source).price(feed)
    assert published_at > newer_than, "wait: price not newer than the order"

    self.last_owner = owner
    self.last_size_delta = size_delta
    self.last_margin = margin
    self.last_acceptable_price = acceptable_price
    self.last_is_reduce_only = is_reduce_only
    self.last_newer_than = newer_than
    pulled: uint256 = margin * self.pull_bps // 10_000
    extcall POOL.settle(pulled, [IMarginPool.Payment(receiver=owner, amount=self.paid_out)])
    return IMarket.Fill(
        fill_price=price, units_delta=size_delta, fee=7, premium=-3, paid_out=self.paid_out, realised=11
    )


@external
def change_margin(owner: address, margin_delta: int256):
    self._fail_if_told()
    self.last_owner = owner
    self.last_margin_delta = margin_delta
    if margin_delta > 0:
        extcall POOL.settle(convert(margin_delta, uint256) * self.pull_bps // 10_000, [])
    else:
        extcall POOL.settle(0, [IMarginPool.Payment(receiver=owner, amount=convert(-margin_delta, uint256))])


@external
def crank(max_buckets: uint256) -> uint256:
    self._fail_if_told()
    extcall POOL.pay(msg.sender, self.reward)
    return min(max_buckets, self.crank_result)


@internal
def _fail_if_told():
    if self.mode == REVERT_WITH_REASON:
        assert False, self.reason
    if self.mode == REVERT_WITH_NOTHING:
        raw_revert(b"")
    if self.mode == REVERT_WITH_JUNK:
        raw_revert(self.junk)
    if self.mode == BURN_GAS:
        for i: uint256 in range(max_value(uint256)):
            self.reward = i
