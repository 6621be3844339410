# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title What the vault is worth, and how much of its cash no market's mandate needs
@license AGPL-3.0-only
"""
from ..interfaces import IMarket
from . import fixed_point
from . import market_list
from . import pool_account

uses: market_list
uses: pool_account


@view
@internal
def _net() -> (int256, bool):
    """
    @notice cash + sum over markets of (unsettled variation margin - P * K^2 / (2 * psi)), negative where the vault owes more
            than it has; and whether every market is settled.
    """
    net: int256 = convert(pool_account._balance(), int256)
    are_settled: bool = True
    for market: address in market_list.markets:
        owed: int256 = 0
        reserve: uint256 = 0
        is_settled: bool = False
        owed, reserve, is_settled = staticcall IMarket(market).vault_position()
        net += owed - convert(reserve, int256)
        are_settled = are_settled and is_settled
    return net, are_settled


@view
@internal
def _mandate(market: address) -> uint256:
    """
    @notice What a market may still make the vault lose: its loss budget in full, since time gives back what is used up, and no
            more than the pool lets it draw. Nothing once it has settled or nobody has a position.
    """
    state: IMarket.State = staticcall IMarket(market).state()
    if state.is_settling or state.units_long + state.units_short == 0:
        return 0
    params: IMarket.Params = staticcall IMarket(market).params()
    return min(params.loss_budget, staticcall pool_account.POOL.mandate(market))


@view
@internal
def _reserved(market: address, owed: int256, reserve: uint256) -> uint256:
    """
    @notice mandate + skew reserve + variation margin that the vault owes already
    """
    return self._mandate(market) + reserve + fixed_point.positive(-owed)


@view
@internal
def _net_and_free() -> (int256, bool, uint256):
    """
    @notice `_net`, and cash less what is reserved for the markets, never below zero. Free is at most the worth: what a market
            owes the vault counts when it has come home.
    """
    cash: uint256 = pool_account._balance()
    net: int256 = convert(cash, int256)
    are_settled: bool = True
    reserved: uint256 = 0
    for market: address in market_list.markets:
        owed: int256 = 0
        reserve: uint256 = 0
        is_settled: bool = False
        owed, reserve, is_settled = staticcall IMarket(market).vault_position()
        net += owed - convert(reserve, int256)
        are_settled = are_settled and is_settled
        reserved += self._reserved(market, owed, reserve)
    return net, are_settled, cash - min(cash, reserved)
