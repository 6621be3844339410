# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The markets that an engine answers to, as a list short enough to walk
@license AGPL-3.0-only
"""
from ..interfaces import IMarket

MAX_MARKETS: constant(uint256) = 16

markets: DynArray[address, MAX_MARKETS]
is_market: HashMap[address, bool]


@internal
def _set(market: address, is_market: bool, most: uint256):
    assert market.is_contract, "unknown market"
    assert self.is_market[market] != is_market, "market already set"
    self.is_market[market] = is_market
    count: uint256 = len(self.markets)
    if is_market:
        assert count < most, "too many markets"
        self.markets.append(market)
        return

    last: address = self.markets.pop()
    for i: uint256 in range(count - 1, bound=MAX_MARKETS):
        if self.markets[i] == market:
            self.markets[i] = last
            break


@view
@internal
def _are_settled() -> bool:
    for market: address in self.markets:
        owed: int256 = 0
        reserve: uint256 = 0
        is_settled: bool = False
        owed, reserve, is_settled = staticcall IMarket(market).vault_position()
        if not is_settled:
            return False
    return True


@view
@internal
def _check_settled():
    """
    @dev Nobody joins or leaves at the cost of others while a loss stands in a market that the books don't show yet.
    """
    assert self._are_settled(), "wait: market not settled"
