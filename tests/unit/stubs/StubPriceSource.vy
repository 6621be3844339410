# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A price source that says what it is told
@license AGPL-3.0-only
"""
from contracts.interfaces import IPriceSource

implements: IPriceSource

latest: uint256
published_at: uint256


@external
def set_price(latest: uint256, published_at: uint256):
    self.latest = latest
    self.published_at = published_at


@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    assert self.latest > 0, "wait: no price"
    return self.latest, self.published_at
