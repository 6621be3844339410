# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title ChainlinkSource
@license AGPL-3.0-only
@notice See IChainlinkSource.
"""
from snekmate.auth import ownable

from .interfaces import IAggregatorV3
from .interfaces import IChainlinkSource
from .interfaces import IPriceSource

implements: IChainlinkSource
implements: IPriceSource
initializes: ownable
exports: (ownable.owner, ownable.transfer_ownership)

WAD_DECIMALS: constant(uint256) = 18
MAX_DECIMALS: constant(uint256) = 36
# what a market takes
MAX_PRICE: constant(uint256) = 2**90
# Scaled up by 10^18 < 2^60 at most. Room for MAX_PRICE with MAX_DECIMALS, which needs 2^150.
MAX_ANSWER: constant(uint256) = 2**192
MIN_AGE_LIMIT: constant(uint256) = 5
MAX_AGE_LIMIT: constant(uint256) = 2 * 86_400
MIN_GRACE_PERIOD: constant(uint256) = 60
MAX_GRACE_PERIOD: constant(uint256) = 86_400
ROUND_BYTES: constant(uint256) = 5 * 32

uptime_feed: public(immutable(address))
grace_period: public(immutable(uint256))

feeds: public(HashMap[bytes32, IChainlinkSource.Feed])


# An answer of `latestRoundData`, each field as a full word
struct Round:
    id: uint256
    answer: uint256
    started_at: uint256
    updated_at: uint256
    answered_in: uint256


@deploy
def __init__(uptime_feed_: address, grace_period_: uint256):
    ownable.__init__()
    if uptime_feed_ != empty(address):
        assert uptime_feed_.is_contract, "uptime feed is not a contract"
        assert grace_period_ >= MIN_GRACE_PERIOD and grace_period_ <= MAX_GRACE_PERIOD, "grace period out of bounds"
    uptime_feed = uptime_feed_
    grace_period = grace_period_
    log IChainlinkSource.SequencerSet(uptime_feed=uptime_feed_, grace_period=grace_period_)


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    f: IChainlinkSource.Feed = self.feeds[feed]
    assert f.aggregator != empty(address), "wait: no price"
    self._check_sequencer()

    round: Round = self._latest(f.aggregator)
    assert round.updated_at != 0 and round.answered_in >= round.id, "wait: round not complete"
    assert round.updated_at <= block.timestamp, "wait: answer from the future"
    assert block.timestamp - round.updated_at <= f.max_age, "wait: stale answer"
    # as a full word a negative answer is above every bound
    assert round.answer <= MAX_ANSWER, "wait: price out of bounds"
    price: uint256 = 0
    if f.decimals <= WAD_DECIMALS:
        price = round.answer * 10 ** (WAD_DECIMALS - f.decimals)
    else:
        price = round.answer // 10 ** (f.decimals - WAD_DECIMALS)
    # min_price > 0
    assert price >= f.min_price and price <= f.max_price, "wait: price out of bounds"
    return price, round.updated_at


# The owner


@external
def set_feed(feed: bytes32, aggregator: address, max_age: uint256, min_price: uint256, max_price: uint256):
    ownable._check_owner()
    decimals: uint256 = 0
    if aggregator != empty(address):
        assert aggregator.is_contract, "aggregator is not a contract"
        assert max_age >= MIN_AGE_LIMIT and max_age <= MAX_AGE_LIMIT, "max age out of bounds"
        assert min_price > 0 and min_price < max_price and max_price <= MAX_PRICE, "bad price bounds"
        decimals = convert(staticcall IAggregatorV3(aggregator).decimals(), uint256)
        assert decimals <= MAX_DECIMALS, "too many decimals"
    self.feeds[feed] = IChainlinkSource.Feed(
        aggregator=aggregator, decimals=decimals, max_age=max_age, min_price=min_price, max_price=max_price
    )
    log IChainlinkSource.FeedSet(
        feed=feed,
        aggregator=aggregator,
        decimals=decimals,
        max_age=max_age,
        min_price=min_price,
        max_price=max_price,
    )


# Inside


@view
@internal
def _check_sequencer():
    if uptime_feed == empty(address):
        return
    round: Round = self._latest(uptime_feed)
    # startedAt is zero as long as the first status has not reached the L2
    assert round.answer == 0 and round.started_at != 0, "wait: sequencer is down"
    # Where the clock of the L1 is ahead no time has passed.
    since: uint256 = block.timestamp - min(block.timestamp, round.started_at)
    assert since > grace_period, "wait: sequencer just restarted"


@view
@internal
def _latest(aggregator: address) -> Round:
    """
    @dev Whatever an aggregator reverts with must read as a reason to wait, so its answer is decoded here.
    """
    success: bool = False
    response: Bytes[ROUND_BYTES] = b""
    success, response = raw_call(
        aggregator,
        method_id("latestRoundData()"),
        max_outsize=ROUND_BYTES,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert success and len(response) == ROUND_BYTES, "wait: no answer"
    return abi_decode(response, Round)
