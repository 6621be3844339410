# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Delegates: what session keys may still do for an owner
@license AGPL-3.0-only
@notice Markets go by index, 0 is all of them. The caller does what was asked for; here it is only counted and checked.
"""
# market index 16 | expires_at 64 | orders left 48 | notional left 128. A single write revokes, an order costs one, too.
MAX_INDEX: constant(uint256) = 2**16 - 1
MAX_TIME: constant(uint256) = 2**64 - 1
MAX_ORDERS: constant(uint256) = 2**48 - 1
MAX_NOTIONAL: constant(uint256) = 2**128 - 1
ALL_MARKETS: constant(uint256) = 0

# by owner and delegate
grants: HashMap[address, HashMap[address, uint256]]


@internal
def set(owner: address, delegate: address, market_index: uint256, expires_at: uint256, orders: uint256, notional: uint256):
    """
    @dev Replaces what there was. An `expires_at` in the past revokes.
    """
    if expires_at <= block.timestamp:
        self.grants[owner][delegate] = 0
        return
    assert expires_at <= MAX_TIME, "expires too late"
    assert orders <= MAX_ORDERS, "too many orders"
    assert notional <= MAX_NOTIONAL, "notional too big"
    # a market's index is one of the order book's, which are smaller
    self.grants[owner][delegate] = (market_index << 240) | (expires_at << 176) | (orders << 128) | notional


@view
@internal
def is_allowed(owner: address, delegate: address, market_index: uint256) -> bool:
    """
    @notice If `delegate` may act for `owner` in this market at all.
    """
    grant: uint256 = self.grants[owner][delegate]
    return self._is_live(grant) and (grant >> 240 == ALL_MARKETS or grant >> 240 == market_index)


@internal
def count_order(owner: address, delegate: address, market_index: uint256, notional: uint256):
    """
    @notice Takes one order and its notional off the grant; reverts where it does not cover them.
    """
    grant: uint256 = self.grants[owner][delegate]
    assert self._is_live(grant), "not a delegate"
    assert grant >> 240 == ALL_MARKETS or grant >> 240 == market_index, "delegate: other market"
    assert (grant >> 128) & MAX_ORDERS > 0, "delegate: no orders left"
    assert notional <= grant & MAX_NOTIONAL, "delegate: notional used up"
    # neither borrows from the field above it
    self.grants[owner][delegate] = grant - (1 << 128) - notional


@view
@internal
def terms(owner: address, delegate: address) -> (uint256, uint256, uint256, uint256):
    """
    @notice market index, expires_at, orders and notional left; all zero when there is no grant or it has expired.
    """
    grant: uint256 = self.grants[owner][delegate]
    if not self._is_live(grant):
        return 0, 0, 0, 0
    return grant >> 240, (grant >> 176) & MAX_TIME, (grant >> 128) & MAX_ORDERS, grant & MAX_NOTIONAL


@view
@internal
def _is_live(grant: uint256) -> bool:
    # none expires at 0
    return (grant >> 176) & MAX_TIME >= block.timestamp
