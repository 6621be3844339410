# pragma version ==0.4.3
# pragma nonreentrancy on
# pragma optimize gas
"""
@title Market
@license AGPL-3.0-only
@author Plimsoll
@notice One perpetual market, deployed from a blueprint. It spends its own balance in the pool, draws variation margin from the
        vault and cover from the insurance fund within its mandate, and can never debit a trader. See IMarket.
"""
from snekmate.auth import ownable

from .interfaces import IMarket
from .modules import adl
from .modules import book
from .modules import buckets
from .modules import grid
from .modules import liquidation
from .modules import parameters
from .modules import positions
from .modules import trading

implements: IMarket

# TradingEngine and RiskEngine run on this contract's storage: the same modules, in the same order
initializes: parameters
initializes: grid
initializes: buckets[grid := grid]
initializes: book[grid := grid, parameters := parameters]
initializes: positions[book := book, buckets := buckets, parameters := parameters]
initializes: adl[book := book, grid := grid, parameters := parameters]
initializes: liquidation[adl := adl, book := book, buckets := buckets, grid := grid, parameters := parameters]
initializes: trading[book := book, parameters := parameters, positions := positions]
initializes: ownable

exports: (ownable.owner, ownable.transfer_ownership)


# Its code in two more contracts, fixed at deployment: one does not fit 22,000 bytes
TRADING_ENGINE: immutable(address)
RISK_ENGINE: immutable(address)

FILL_SIZE: constant(uint256) = 6 * 32

# behind all that the engines know
guardian: public(address)


@deploy
def __init__(
    wiring: IMarket.Wiring, trading_engine: address, risk_engine: address, owner: address, params: IMarket.Params
):
    assert trading_engine.is_contract and risk_engine.is_contract, "engines first"
    TRADING_ENGINE = trading_engine
    RISK_ENGINE = risk_engine
    ownable.__init__()
    ownable._transfer_ownership(owner)
    grid.__init__()
    book.__init__(wiring)
    buckets.__init__(book.SCALE)
    adl.__init__()
    parameters.set(params, 10**36 // book.SCALE)
    if self.is_contract:
        # never: this is the constructor
        self._declare_events()


# The order book's door


@external
def trade(
    owner: address,
    size_delta: int256,
    margin: uint256,
    acceptable_price: uint256,
    is_reduce_only: bool,
    newer_than: uint256,
) -> IMarket.Fill:
    assert msg.sender == book.ORDER_BOOK, "only the order book"
    if book.is_settling():
        return trading.exit(owner, size_delta, margin)
    fill: Bytes[FILL_SIZE] = raw_call(
        TRADING_ENGINE, slice(msg.data, 0, 4 + 6 * 32), max_outsize=FILL_SIZE, is_delegate_call=True
    )
    return abi_decode(fill, IMarket.Fill)


@external
def change_margin(owner: address, margin_delta: int256):
    assert msg.sender == book.ORDER_BOOK, "only the order book"
    raw_call(TRADING_ENGINE, slice(msg.data, 0, 4 + 2 * 32), is_delegate_call=True)


# Anyone


@external
def crank(max_buckets: uint256) -> uint256:
    done: Bytes[32] = raw_call(RISK_ENGINE, slice(msg.data, 0, 4 + 32), max_outsize=32, is_delegate_call=True)
    return abi_decode(done, uint256)


@external
def sync(account: address) -> (uint256, uint256):
    return positions.collect(account)


# The owner


@external
def set_params(params: IMarket.Params):
    ownable._check_owner()
    # what has accrued so far accrues at the old rate
    book.touch()
    parameters.set(params, 10**36 // book.SCALE)


@external
def set_guardian(guardian: address):
    ownable._check_owner()
    self.guardian = guardian
    log IMarket.GuardianSet(guardian=guardian)


# The owner, and the guardian as far as it lowers risk


@external
def set_increase_paused(is_paused: bool):
    if not is_paused or msg.sender != self.guardian:
        ownable._check_owner()
    book.set_increase_paused(is_paused)
    log IMarket.IncreasePaused(is_paused=is_paused)


# Views


@view
@external
def params() -> IMarket.Params:
    return parameters.all()


@view
@external
def state() -> IMarket.State:
    return book.state()


@view
@external
def published_at() -> uint256:
    return book.published_at()


@view
@external
def funding_index_now() -> int256:
    return book.funding_index() + book.funding_accrued()


@view
@external
def position(account: address) -> IMarket.Position:
    return positions.position(account)


@view
@external
def bucket(id: uint256) -> IMarket.Bucket:
    return buckets.bucket(id)


@view
@external
def columns(side: uint256) -> uint256:
    return grid.live_columns[side]


@view
@external
def next_bucket(id: uint256, is_upward: bool) -> uint256:
    if is_upward:
        return grid.at_or_above(id)
    return grid.at_or_below(id)


@view
@external
def is_fair_adl_begun() -> bool:
    return liquidation.is_fair_adl_begun()


@view
@external
def vault_position() -> (int256, uint256, bool):
    return book.vault_position()


@view
@external
def owed_to_insurance() -> (uint256, uint256, uint256):
    return book.owed_to_insurance()


@view
@external
def feed() -> bytes32:
    return book.FEED


@view
@external
def price_source() -> address:
    return book.SOURCE


@view
@external
def pool() -> address:
    return book.POOL


@view
@external
def insurance() -> address:
    return book.INSURANCE


# An ABI lists the events that constructor and functions can reach. The engines log these from this contract's address, so
# that is where a client looks them up; being reachable from the constructor alone, this costs no runtime code.


@internal
def _declare_events():
    log IMarket.Traded(
        account=self,
        bucket=0,
        units_delta=0,
        units_after=0,
        fill_price=0,
        margin=0,
        paid_out=0,
        fee=0,
        premium=0,
        realised=0,
    )
    log IMarket.MarginChanged(account=self, bucket=0, margin_delta=0, units=0)
    log IMarket.BucketChanged(bucket=0, epoch=0, units_delta=0, shares_delta=0)
    log IMarket.Liquidated(
        bucket=0,
        epoch=0,
        units=0,
        units_left=0,
        index_price=0,
        fill_price=0,
        to_vault=False,
        paid=0,
        penalty=0,
        loss=0,
        skin_in_the_game=0,
        insurance=0,
        adl=0,
        vault=0,
    )
    log IMarket.Deleveraged(
        bucket=0,
        for_bucket=0,
        epoch=0,
        price_round=0,
        step=0,
        index_price=0,
        funding_index=0,
        score=0,
        units=0,
        units_left=0,
        paid_per_unit=0,
        loss_per_unit=0,
        paid=0,
        claim=0,
    )
    log IMarket.RewardPaid(keeper=self, amount=0, buckets=0)
    log IMarket.VariationMargin(amount=0)
    log IMarket.Settling(index_price=0, funding_index=0, missing=0)
