# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Shares that are too fresh to move
@license AGPL-3.0-only
@notice Time is cut into periods as long as the lock. What arrives in a period is locked until the end of the next one, so for
        one to two lengths. An account has at most two parts that are still locked, each with an end of its own: whoever sends
        it more prolongs nothing that it holds already.
"""
SHARE_BITS: constant(uint256) = 216
MASK: constant(uint256) = 2**SHARE_BITS - 1

# shares 216 | locked until 40
newer: HashMap[address, uint256]
older: HashMap[address, uint256]


@internal
def _lock(account: address, shares: uint256, length: uint256) -> uint256:
    """
    @dev shares < 2^216
    @return Until when they are locked
    """
    until: uint256 = (block.timestamp // length + 2) * length
    newer: uint256 = self.newer[account]
    if newer >> SHARE_BITS == until:
        self.newer[account] = newer + shares
        return until
    # Of one length of lock, what is pushed out here is over. After a change of length it may end early.
    if newer >> SHARE_BITS > block.timestamp:
        self.older[account] = newer
    self.newer[account] = shares | (until << SHARE_BITS)
    return until


@view
@internal
def _locked(account: address) -> uint256:
    return self._part(self.newer[account]) + self._part(self.older[account])


@view
@internal
def _unlocked_at(account: address) -> uint256:
    """
    @notice When all of it can move; 0 if it can now.
    """
    last: uint256 = max(self.newer[account] >> SHARE_BITS, self.older[account] >> SHARE_BITS)
    if last <= block.timestamp:
        return 0
    return last


@view
@internal
def _part(word: uint256) -> uint256:
    if word >> SHARE_BITS <= block.timestamp:
        return 0
    return word & MASK
