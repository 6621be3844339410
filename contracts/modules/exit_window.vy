# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title For how long a request to leave that is ready can be carried out
@license AGPL-3.0-only
@notice Two days: a request that waits for the day of the crash would be an option on leaving. While nobody can be paid, or not
        everybody, those that have not lapsed yet are kept, and count their two days from then.
"""
from . import market_list

uses: market_list

LENGTH: constant(uint256) = 2 * 86_400
# of a request that is ready and is let go, in shares, to those who stay
LATE_CANCEL_FEE_BPS: constant(uint256) = 10

# Requests were kept from, and until, a time; never for longer than LENGTH without a word in between.
kept_since: uint256
kept_until: uint256


@internal
def _keep(until: uint256):
    if block.timestamp > self.kept_until + LENGTH:
        self.kept_since = block.timestamp
    self.kept_until = max(self.kept_until, until)


@internal
def _keep_while_unsettled() -> uint256:
    """
    @return Until when no request lapses that has not lapsed yet.
    """
    assert not self._is_open(), "markets are settled"
    self._keep(block.timestamp)
    return self.kept_until + LENGTH


@view
@internal
def _lapses_at(ready_at: uint256) -> uint256:
    lapses_at: uint256 = ready_at + LENGTH
    # what had lapsed before stays so
    if lapses_at < self.kept_since:
        return lapses_at
    return max(lapses_at, self.kept_until + LENGTH)


@view
@internal
def _is_open() -> bool:
    """
    @notice Whether every market is settled. One that does not answer, because its price source does not, is not.
    """
    for market: address in market_list.markets:
        is_answered: bool = False
        answer: Bytes[96] = b""
        is_answered, answer = raw_call(
            market,
            method_id("vault_position()"),
            max_outsize=96,
            is_static_call=True,
            revert_on_failure=False,
        )
        # Nobody makes one up by giving little gas: a call that ran out of it leaves a sixty-fourth, too little to write.
        # The third word:
        if not is_answered or convert(slice(answer, 64, 32), uint256) == 0:
            return False
    return True
