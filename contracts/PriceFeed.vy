# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title PriceFeed
@license AGPL-3.0-only
@notice See IPriceFeed.
"""
from snekmate.auth import ownable
from snekmate.utils import eip712_domain_separator

from .interfaces import IPriceFeed
from .interfaces import IPriceSource
from .modules import fixed_point

implements: IPriceFeed
implements: IPriceSource
initializes: ownable
initializes: eip712_domain_separator
exports: (ownable.owner, ownable.transfer_ownership, eip712_domain_separator.eip712Domain)

OBSERVATION_TYPE_HASH: constant(bytes32) = keccak256("Observation(bytes32 feed,uint256 price,uint64 published_at)")
HALF_CURVE_ORDER: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

MAX_PUBLISHERS: constant(uint256) = 16
MAX_PRICE: constant(uint256) = 2**96 - 1
MIN_AGE_LIMIT: constant(uint256) = 5
MAX_AGE_LIMIT: constant(uint256) = 3_600
MAX_SPREAD_LIMIT_BPS: constant(uint256) = 1_000

MAX_UINT32: constant(uint256) = 2**32 - 1

# The publishers stand as data in the code of an account of their own, sorted, one word each and zeros behind them: one
# cold account costs less to read than one cold storage slot for each signer.
LIST_BYTES: constant(uint256) = 32 * MAX_PUBLISHERS
# PUSH2 512 DUP1 PUSH1 10 RETURNDATASIZE CODECOPY RETURNDATASIZE RETURN: deploys what follows it. An address padded to a
# word begins with the opcode STOP, so the data cannot be run.
DEPLOY_LIST: constant(Bytes[10]) = x"61020080600a3d393df3"

# unused 40 | max_spread_bps 16 | max_age 32 | quorum 8 | account with the list of publishers 160
config: uint256
# published_at 160 | price 96, by feed
prices: HashMap[bytes32, uint256]


@deploy
def __init__(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256, max_age: uint256, max_spread_bps: uint256):
    ownable.__init__()
    eip712_domain_separator.__init__("Plimsoll PriceFeed", "1")
    self._set_publishers(publishers, quorum)
    self._set_limits(max_age, max_spread_bps)


# Anyone


@external
def update(observations: DynArray[IPriceFeed.SignedObservation, MAX_PUBLISHERS]) -> bool:
    config: uint256 = self.config
    count: uint256 = len(observations)
    assert count >= (config >> 160) & 255, "below quorum"
    feed: bytes32 = observations[0].feed

    oldest: uint256 = max_value(uint256)
    for observation: IPriceFeed.SignedObservation in observations:
        published_at: uint256 = convert(observation.published_at, uint256)
        assert observation.feed == feed, "one feed per update"
        assert unsafe_sub(observation.price, 1) < MAX_PRICE, "price out of bounds"
        assert published_at <= block.timestamp, "from the future"
        oldest = min(oldest, published_at)

    # A replay ends here, before its signatures cost anything: no revert, nothing changed.
    if oldest <= self.prices[feed] >> 96:
        return False
    assert oldest + ((config >> 168) & MAX_UINT32) >= block.timestamp, "stale observation"

    median: uint256 = self._checked_median(observations, config)
    self.prices[feed] = median | (oldest << 96)
    log IPriceFeed.PriceUpdated(feed=feed, price=median, published_at=oldest, signers=count)
    return True


@internal
@view
def _checked_median(
    observations: DynArray[IPriceFeed.SignedObservation, MAX_PUBLISHERS], config: uint256
) -> uint256:
    """
    @dev Every signature must be a publisher's. For an even count the mean of the two middle prices, rounded down.
    """
    publishers: Bytes[LIST_BYTES] = slice(self._list(config).code, 0, LIST_BYTES)
    place: uint256 = 0
    last: uint256 = 0
    count: uint256 = 0
    prices: uint256[MAX_PUBLISHERS] = empty(uint256[MAX_PUBLISHERS])
    for observation: IPriceFeed.SignedObservation in observations:
        signer: uint256 = self._signer(observation)
        assert signer > last, "signers not increasing"
        last = signer
        # Both lists increase, so one pass over the publishers finds every signer.
        is_known: bool = False
        for _: uint256 in range(MAX_PUBLISHERS):
            if is_known or place == LIST_BYTES:
                break
            is_known = extract32(publishers, place, output_type=uint256) == signer
            place = unsafe_add(place, 32)
        assert is_known, "unknown signer"

        # insertion into prices[:count], which is sorted
        slot: uint256 = count
        for _: uint256 in range(MAX_PUBLISHERS):
            if slot == 0 or prices[unsafe_sub(slot, 1)] <= observation.price:
                break
            prices[slot] = prices[unsafe_sub(slot, 1)]
            slot = unsafe_sub(slot, 1)
        prices[slot] = observation.price
        count = unsafe_add(count, 1)

    # prices < 2^96 and count > 0: no sum, difference or product leaves 256 bits
    highest: uint256 = prices[unsafe_sub(count, 1)]
    median: uint256 = unsafe_add(prices[unsafe_sub(count, 1) >> 1], prices[count >> 1]) >> 1
    # (max - min) / median <= max_spread
    spread: uint256 = unsafe_mul(unsafe_sub(highest, prices[0]), fixed_point.BPS)
    assert spread <= unsafe_mul(median, (config >> 200)), "spread too wide"
    return median


@internal
@view
def _signer(observation: IPriceFeed.SignedObservation) -> uint256:
    assert convert(observation.s, uint256) <= HALF_CURVE_ORDER, "bad signature"
    struct_hash: bytes32 = keccak256(
        abi_encode(OBSERVATION_TYPE_HASH, observation.feed, observation.price, observation.published_at)
    )
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(struct_hash)
    # zero unless v is 27 or 28
    signer: address = ecrecover(digest, observation.v, observation.r, observation.s)
    assert signer != empty(address), "bad signature"
    return convert(signer, uint256)


# The owner


@external
def set_publishers(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256):
    ownable._check_owner()
    self._set_publishers(publishers, quorum)


@external
def set_limits(max_age: uint256, max_spread_bps: uint256):
    ownable._check_owner()
    self._set_limits(max_age, max_spread_bps)


@internal
def _set_publishers(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256):
    count: uint256 = len(publishers)
    # at least two thirds, rounded up
    assert quorum > 0 and quorum <= count and 3 * quorum >= 2 * count, "bad quorum"

    words: uint256[MAX_PUBLISHERS] = empty(uint256[MAX_PUBLISHERS])
    last: uint256 = 0
    for i: uint256 in range(count, bound=MAX_PUBLISHERS):
        words[i] = convert(publishers[i], uint256)
        assert words[i] > last, "publishers not increasing"
        last = words[i]

    deployed: address = raw_create(concat(DEPLOY_LIST, abi_encode(words)))
    limits: uint256 = (self.config >> 168) << 168
    self.config = limits | (quorum << 160) | convert(deployed, uint256)
    log IPriceFeed.PublishersSet(publishers=publishers, quorum=quorum)


@internal
def _set_limits(max_age: uint256, max_spread_bps: uint256):
    assert max_age >= MIN_AGE_LIMIT and max_age <= MAX_AGE_LIMIT, "max age out of bounds"
    assert max_spread_bps > 0 and max_spread_bps <= MAX_SPREAD_LIMIT_BPS, "max spread out of bounds"
    publishers: uint256 = self.config & (2**168 - 1)
    self.config = publishers | (max_age << 168) | (max_spread_bps << 200)
    log IPriceFeed.LimitsSet(max_age=max_age, max_spread_bps=max_spread_bps)


# Views


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    stored: uint256 = self.prices[feed]
    assert stored != 0, "no price"
    return stored & MAX_PRICE, stored >> 96


@view
@external
def publishers() -> DynArray[address, MAX_PUBLISHERS]:
    data: Bytes[LIST_BYTES] = slice(self._list(self.config).code, 0, LIST_BYTES)
    publishers: DynArray[address, MAX_PUBLISHERS] = []
    for i: uint256 in range(MAX_PUBLISHERS):
        publisher: address = extract32(data, 32 * i, output_type=address)
        if publisher == empty(address):
            break
        publishers.append(publisher)
    return publishers


@view
@external
def quorum() -> uint256:
    return (self.config >> 160) & 255


@view
@external
def max_age() -> uint256:
    return (self.config >> 168) & MAX_UINT32


@view
@external
def max_spread_bps() -> uint256:
    return self.config >> 200


@pure
@internal
def _list(config: uint256) -> address:
    return convert(config & (2**160 - 1), address)
