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
MAX_ADDRESS: constant(uint256) = 2**160 - 1

# The publishers stand as data in the code of an account of their own, sorted, one word each, then words above any
# address: one cold account costs less to read than one cold storage slot for each signer.
LIST_LENGTH: constant(uint256) = MAX_PUBLISHERS + 1
LIST_BYTES: constant(uint256) = 32 * LIST_LENGTH
# PUSH2 544 DUP1 PUSH1 10 RETURNDATASIZE CODECOPY RETURNDATASIZE RETURN: deploys what follows it. An address padded to a
# word begins with the opcode STOP, so the data cannot be run.
DEPLOY_LIST: constant(Bytes[10]) = x"61022080600a3d393df3"

CHAIN_ID: immutable(uint256)
# 0x1901 and the domain separator
DIGEST_PREFIX: immutable(Bytes[34])

# unused 40 | max_spread_bps 16 | max_age 32 | quorum 8 | account with the list of publishers 160
config: uint256
# published_at 160 | price 96, by feed
prices: HashMap[bytes32, uint256]


@deploy
def __init__(publishers: DynArray[address, MAX_PUBLISHERS], quorum: uint256, max_age: uint256, max_spread_bps: uint256):
    ownable.__init__()
    eip712_domain_separator.__init__("Plimsoll PriceFeed", "1")
    CHAIN_ID = chain.id
    DIGEST_PREFIX = concat(x"1901", eip712_domain_separator._domain_separator_v4())
    self._set_publishers(publishers, quorum)
    self._set_limits(max_age, max_spread_bps)


# Anyone


# Calls nothing but a precompile: a lock would guard nothing. One function, because an array that is passed on is copied.
@reentrant
@external
def update(observations: DynArray[IPriceFeed.SignedObservation, MAX_PUBLISHERS]) -> bool:
    # The prefix holds for one chain: after a fork the other one needs a feed of its own.
    assert chain.id == CHAIN_ID, "wrong chain"
    config: uint256 = self.config
    count: uint256 = len(observations)
    assert count >= (config >> 160) & 255, "below quorum"
    feed: bytes32 = observations[0].feed
    stored_at: uint256 = self.prices[feed] >> 96
    # max_age is an hour at most, and the stored time is not in the future
    earliest: uint256 = max(unsafe_add(stored_at, 1), unsafe_sub(block.timestamp, (config >> 168) & MAX_UINT32))
    span: uint256 = unsafe_sub(unsafe_add(block.timestamp, 1), earliest)

    publishers: Bytes[LIST_BYTES] = slice(convert(config & MAX_ADDRESS, address).code, 0, LIST_BYTES)
    place: uint256 = 0
    known: uint256 = 0
    signer: uint256 = 0
    oldest: uint256 = max_value(uint256)
    prices: uint256[LIST_LENGTH] = empty(uint256[LIST_LENGTH])
    for i: uint256 in range(count, bound=MAX_PUBLISHERS):
        observation: IPriceFeed.SignedObservation = observations[i]
        # earliest <= published_at <= block.timestamp in one comparison
        if unsafe_sub(observation.published_at, earliest) >= span:
            assert observation.published_at <= block.timestamp, "from the future"
            assert observation.published_at <= stored_at, "stale observation"
            # A replay ends here, mostly before any signature costs: no revert, nothing changed.
            return False
        if observation.published_at < oldest:
            oldest = observation.published_at

        assert convert(observation.s, uint256) <= HALF_CURVE_ORDER, "bad signature"
        struct_hash: bytes32 = keccak256(
            abi_encode(OBSERVATION_TYPE_HASH, feed, observation.price, observation.published_at)
        )
        digest: bytes32 = keccak256(concat(DIGEST_PREFIX, struct_hash))
        # zero unless v is 27 or 28
        signer = convert(ecrecover(digest, observation.v, observation.r, observation.s), uint256)
        # Both lists increase, so one pass over the publishers finds every signer; the last entry is above them all.
        known = extract32(publishers, place, output_type=uint256)
        place = unsafe_add(place, 32)
        if known < signer:
            for _: uint256 in range(MAX_PUBLISHERS):
                known = extract32(publishers, place, output_type=uint256)
                place = unsafe_add(place, 32)
                if known >= signer:
                    break
        if known != signer:
            assert signer != 0, "bad signature"
            assert observation.feed == feed, "one feed per update"
            # the publisher before `known` signed the observation before this one, or comes after `signer`
            is_behind: bool = place > 32 and extract32(publishers, place - 64, output_type=uint256) >= signer
            assert not is_behind, "signers not increasing"
            raise "unknown signer"

        # insertion into prices[1:i + 1], which is sorted; prices[0] stays zero and ends every search
        slot: uint256 = i
        for _: uint256 in range(MAX_PUBLISHERS):
            below: uint256 = prices[slot]
            if below <= observation.price:
                break
            prices[unsafe_add(slot, 1)] = below
            slot = unsafe_sub(slot, 1)
        prices[unsafe_add(slot, 1)] = observation.price

    lowest: uint256 = prices[1]
    highest: uint256 = prices[count]
    assert lowest > 0 and highest <= MAX_PRICE, "price out of bounds"
    # prices < 2^96 and count > 0: no sum, difference or product leaves 256 bits
    # the middle one, or for an even count the mean of the two, rounded down
    median: uint256 = unsafe_add(prices[unsafe_add(count, 1) >> 1], prices[unsafe_add(count >> 1, 1)]) >> 1
    # (max - min) / median <= max_spread
    spread: uint256 = unsafe_mul(unsafe_sub(highest, lowest), fixed_point.BPS)
    assert spread <= unsafe_mul(median, config >> 200), "spread too wide"

    self.prices[feed] = median | (oldest << 96)
    log IPriceFeed.PriceUpdated(feed=feed, price=median, published_at=oldest)
    return True


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

    words: uint256[LIST_LENGTH] = empty(uint256[LIST_LENGTH])
    last: uint256 = 0
    for i: uint256 in range(LIST_LENGTH):
        words[i] = max_value(uint256)
        if i < count:
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
    assert stored != 0, "wait: no price"
    return stored & MAX_PRICE, stored >> 96


@view
@external
def publishers() -> DynArray[address, MAX_PUBLISHERS]:
    publishers: DynArray[address, MAX_PUBLISHERS] = []
    words: uint256[LIST_LENGTH] = abi_decode(slice(convert(self.config & MAX_ADDRESS, address).code, 0, LIST_BYTES), uint256[LIST_LENGTH])
    for publisher: uint256 in words:
        if publisher == max_value(uint256):
            break
        publishers.append(convert(publisher, address))
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
