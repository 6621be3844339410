# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Guardian
@license AGPL-3.0-only
@notice See IGuardian. Markets name this contract as their guardian, so a key is replaced in one place.
"""
from snekmate.auth import ownable

from .interfaces import IGuardian
from .interfaces import IMarket
from .interfaces import IOrderBook

implements: IGuardian
initializes: ownable
exports: (ownable.owner, ownable.transfer_ownership)

# as many as the order book can know
MAX_MARKETS: constant(uint256) = 2**10 - 1

order_book: public(immutable(address))

is_guardian: public(HashMap[address, bool])


@deploy
def __init__(order_book_: address):
    ownable.__init__()
    assert order_book_.is_contract, "order book is not a contract"
    order_book = order_book_


# Guardians


@external
def pause(market: address):
    self._check_guardian()
    extcall IMarket(market).set_increase_paused(True)


@external
def pause_all() -> uint256:
    self._check_guardian()
    paused: uint256 = 0
    count: uint256 = staticcall IOrderBook(order_book).market_count()
    for i: uint256 in range(count, bound=MAX_MARKETS):
        market: address = staticcall IOrderBook(order_book).market_at(i + 1)
        is_done: bool = raw_call(
            market,
            abi_encode(True, method_id=method_id("set_increase_paused(bool)")),
            revert_on_failure=False,
        )
        paused += convert(is_done, uint256)
    return paused


# The owner


@external
def set_guardian(account: address, is_guardian: bool):
    ownable._check_owner()
    self.is_guardian[account] = is_guardian
    log IGuardian.GuardianSet(account=account, is_guardian=is_guardian)


# Inside


@view
@internal
def _check_guardian():
    assert self.is_guardian[msg.sender], "only guardians"
