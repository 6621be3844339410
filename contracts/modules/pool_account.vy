# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title The account of an engine in the MarginPool, and the way of tokens into it
@license AGPL-3.0-only
"""
from ethereum.ercs import IERC20

from ..interfaces import IMarginPool

POOL: immutable(IMarginPool)
TOKEN: immutable(IERC20)


@deploy
def __init__(pool: address):
    POOL = IMarginPool(pool)
    TOKEN = IERC20(staticcall POOL.token())
    # The pool takes tokens from its caller only, so this lets nobody else take any.
    success: bool = extcall TOKEN.approve(pool, max_value(uint256), default_return_value=True)
    assert success, "token approval failed"


@view
@internal
def _balance() -> uint256:
    return staticcall POOL.balance_of(self)


@internal
def _pull(payer: address, amount: uint256) -> uint256:
    """
    @notice Moves tokens of `payer` into this contract's pool balance.
    @return What arrived there: less than `amount` if the token takes a fee.
    """
    held: uint256 = staticcall TOKEN.balanceOf(self)
    success: bool = extcall TOKEN.transferFrom(payer, self, amount, default_return_value=True)
    assert success, "token transfer failed"
    received: uint256 = staticcall TOKEN.balanceOf(self) - held

    before: uint256 = self._balance()
    extcall POOL.deposit(received, self)
    return self._balance() - before
