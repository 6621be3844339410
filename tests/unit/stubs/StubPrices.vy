# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A price source for several feeds that says what it is told
@license AGPL-3.0-only
"""
from contracts.interfaces import IPriceSource

implements: IPriceSource

latest: HashMap[bytes32, uint256]
published_at: HashMap[bytes32, uint256]


@external
def set_price_of(feed: bytes32, latest: uint256, published_at: uint256):
    self.latest[feed] = latest
    self.published_at[feed] = published_at


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    assert self.latest[feed] > 0, "wait: no price"
    return self.latest[feed], self.published_at[feed]
