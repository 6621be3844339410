# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title SourceRouter
@license AGPL-3.0-only
@notice See ISourceRouter.
"""
from snekmate.auth import ownable

from .interfaces import IPriceSource
from .interfaces import ISourceRouter

implements: IPriceSource
implements: ISourceRouter
initializes: ownable
exports: (ownable.owner, ownable.transfer_ownership)

MIN_DELAY: constant(uint256) = 60
MAX_DELAY: constant(uint256) = 30 * 86_400

delay: public(immutable(uint256))


struct Route:
    source: address
    next: address
    next_at: uint256  # zero: no change


routes: HashMap[bytes32, Route]


@deploy
def __init__(delay_: uint256):
    ownable.__init__()
    assert delay_ >= MIN_DELAY and delay_ <= MAX_DELAY, "delay out of bounds"
    delay = delay_


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    source: address = self._source(feed)
    assert source != empty(address), "wait: no price"
    return staticcall IPriceSource(source).price(feed)


# The owner


@external
def announce_source(feed: bytes32, source: address):
    ownable._check_owner()
    assert source.is_contract and source != self, "source is not a contract"
    current: address = self._source(feed)
    if current == empty(address):
        self.routes[feed] = Route(source=source, next=empty(address), next_at=0)
        log ISourceRouter.SourceAnnounced(feed=feed, source=source, effective_at=block.timestamp)
        return
    effective_at: uint256 = block.timestamp + delay
    self.routes[feed] = Route(source=current, next=source, next_at=effective_at)
    log ISourceRouter.SourceAnnounced(feed=feed, source=source, effective_at=effective_at)


@external
def cancel_change(feed: bytes32):
    ownable._check_owner()
    assert self.routes[feed].next_at > block.timestamp, "nothing announced"
    log ISourceRouter.ChangeCancelled(feed=feed, source=self.routes[feed].next)
    self.routes[feed].next = empty(address)
    self.routes[feed].next_at = 0


# Views


@view
@external
def source(feed: bytes32) -> address:
    return self._source(feed)


@view
@external
def announced(feed: bytes32) -> (address, uint256):
    route: Route = self.routes[feed]
    if route.next_at <= block.timestamp:
        return empty(address), 0
    return route.next, route.next_at


@view
@internal
def _source(feed: bytes32) -> address:
    route: Route = self.routes[feed]
    if route.next_at != 0 and block.timestamp >= route.next_at:
        return route.next
    return route.source
