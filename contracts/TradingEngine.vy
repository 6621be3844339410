# pragma version ==0.4.3
# pragma nonreentrancy on
# pragma optimize gas
"""
@title TradingEngine
@license AGPL-3.0-only
@author Plimsoll
@notice The part of a Market that trades and moves margin.
        Runs by delegatecall on the storage of the Market that names it; called directly it finds an empty market that the pool does
        not know, and reverts. The Market holds the reentrancy lock, so the functions here are marked `@reentrant`.
"""
from .interfaces import IMarket
from .modules import book
from .modules import buckets
from .modules import grid
from .modules import parameters
from .modules import positions
from .modules import trading

# the Market's storage: the same modules, in the same order
initializes: parameters
initializes: grid
initializes: buckets[grid := grid]
initializes: book[grid := grid, parameters := parameters]
initializes: positions[book := book, buckets := buckets, parameters := parameters]
initializes: trading[book := book, parameters := parameters, positions := positions]


@deploy
def __init__(wiring: IMarket.Wiring):
    grid.__init__()
    book.__init__(wiring)
    buckets.__init__(book.SCALE)


@external
@reentrant
def trade(
    owner: address,
    size_delta: int256,
    margin: uint256,
    acceptable_price: uint256,
    is_reduce_only: bool,
    newer_than: uint256,
) -> IMarket.Fill:
    assert msg.sender == book.ORDER_BOOK  # the Market has said so already
    return trading.trade(owner, size_delta, margin, acceptable_price, is_reduce_only, newer_than)


@external
@reentrant
def change_margin(owner: address, margin_delta: int256):
    assert msg.sender == book.ORDER_BOOK  # the Market has said so already
    trading.change_margin(owner, margin_delta)
