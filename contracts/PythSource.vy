# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title PythSource
@license AGPL-3.0-only
@notice See IPythSource.
"""
from snekmate.auth import ownable

from .interfaces import IPriceSource
from .interfaces import IPyth
from .interfaces import IPythSource
from .modules import fixed_point

implements: IPriceSource
implements: IPythSource
initializes: ownable
exports: (ownable.owner, ownable.transfer_ownership)

WAD_DECIMALS: constant(int256) = 18
# A price has 63 bits: with 18 + 18 more digits it stays below 2^184.
MAX_EXPONENT: constant(int256) = 18
MIN_EXPONENT: constant(int256) = -54
# what a market takes
MAX_PRICE: constant(uint256) = 2**90
MIN_AGE_LIMIT: constant(uint256) = 5
MAX_AGE_LIMIT: constant(uint256) = 2 * 86_400
MAX_CONFIDENCE_LIMIT_BPS: constant(uint256) = 1_000
MAX_INT64: constant(int256) = 2**63 - 1
MAX_UINT64: constant(uint256) = 2**64 - 1
PRICE_BYTES: constant(uint256) = 4 * 32

pyth: public(immutable(address))

feeds: public(HashMap[bytes32, IPythSource.Feed])


# An answer of `getPriceUnsafe`, each field as a full word
struct Answer:
    price: int256
    confidence: uint256
    exponent: int256
    published_at: uint256


@deploy
def __init__(pyth_: address):
    ownable.__init__()
    assert pyth_.is_contract, "pyth is not a contract"
    pyth = pyth_


# Anyone


@payable
@external
def update(updates: DynArray[Bytes[8_192], 8]) -> uint256:
    fee: uint256 = staticcall IPyth(pyth).getUpdateFee(updates)
    assert msg.value >= fee, "value below the fee"
    extcall IPyth(pyth).updatePriceFeeds(updates, value=fee)
    rest: uint256 = unsafe_sub(msg.value, fee)
    if rest > 0:
        success: bool = raw_call(msg.sender, b"", value=rest, revert_on_failure=False)
        assert success, "refund failed"
    return fee


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    f: IPythSource.Feed = self.feeds[feed]
    assert f.max_age != 0, "wait: no price"

    answer: Answer = self._latest(f.id)
    assert answer.published_at <= block.timestamp, "wait: price from the future"
    assert block.timestamp - answer.published_at <= f.max_age, "wait: stale price"
    assert answer.price > 0, "wait: price not positive"
    # The fields of Pyth's struct have 64 and 32 bits, and nothing more is taken from an answer.
    assert answer.price <= MAX_INT64 and answer.confidence <= MAX_UINT64, "wait: no answer"
    units: uint256 = convert(answer.price, uint256)
    # conf / price <= max_confidence, in the unit of both
    assert answer.confidence * fixed_point.BPS <= units * f.max_confidence_bps, "wait: price uncertain"

    assert answer.exponent >= MIN_EXPONENT and answer.exponent <= MAX_EXPONENT, "wait: price out of bounds"
    digits: int256 = WAD_DECIMALS + answer.exponent
    price: uint256 = 0
    if digits >= 0:
        price = units * 10 ** convert(digits, uint256)
    else:
        price = units // 10 ** convert(-digits, uint256)
    # min_price > 0
    assert price >= f.min_price and price <= f.max_price, "wait: price out of bounds"
    return price, answer.published_at


# The owner


@external
def set_feed(
    feed: bytes32, id: bytes32, max_age: uint256, max_confidence_bps: uint256, min_price: uint256, max_price: uint256
):
    ownable._check_owner()
    assert id != empty(bytes32), "id is zero"
    assert max_age >= MIN_AGE_LIMIT and max_age <= MAX_AGE_LIMIT, "max age out of bounds"
    assert max_confidence_bps > 0 and max_confidence_bps <= MAX_CONFIDENCE_LIMIT_BPS, "max confidence out of bounds"
    assert min_price > 0 and min_price < max_price and max_price <= MAX_PRICE, "bad price bounds"
    self.feeds[feed] = IPythSource.Feed(
        id=id, max_age=max_age, max_confidence_bps=max_confidence_bps, min_price=min_price, max_price=max_price
    )
    log IPythSource.FeedSet(
        feed=feed,
        id=id,
        max_age=max_age,
        max_confidence_bps=max_confidence_bps,
        min_price=min_price,
        max_price=max_price,
    )


@external
def remove_feed(feed: bytes32):
    ownable._check_owner()
    self.feeds[feed] = empty(IPythSource.Feed)
    log IPythSource.FeedRemoved(feed=feed)


# Inside


@view
@internal
def _latest(id: bytes32) -> Answer:
    """
    @dev Pyth reverts without a text where it has no price. That must read as a reason to wait, so it is decoded here.
    """
    success: bool = False
    response: Bytes[PRICE_BYTES] = b""
    success, response = raw_call(
        pyth,
        abi_encode(id, method_id=method_id("getPriceUnsafe(bytes32)")),
        max_outsize=PRICE_BYTES,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert success and len(response) == PRICE_BYTES, "wait: no answer"
    return abi_decode(response, Answer)
