# pragma version ==0.4.3
# pragma nonreentrancy on
# pragma optimize gas
"""
@title RiskEngine
@license AGPL-3.0-only
@author Plimsoll
@notice The part of a Market that liquidates and deleverages.
        Runs by delegatecall on the storage of the Market that names it; called directly it finds an empty market that the pool does
        not know, and reverts. The Market holds the reentrancy lock, so the functions here are marked `@reentrant`.
"""
from .interfaces import IMarket
from .modules import adl
from .modules import book
from .modules import buckets
from .modules import grid
from .modules import liquidation
from .modules import parameters
from .modules import positions

# the Market's storage: the same modules, in the same order
initializes: parameters
initializes: grid
initializes: buckets[grid := grid]
initializes: book[grid := grid, parameters := parameters]
initializes: positions[book := book, buckets := buckets, parameters := parameters]
initializes: adl[book := book, grid := grid, parameters := parameters]
initializes: liquidation[adl := adl, book := book, buckets := buckets, grid := grid, parameters := parameters]


@deploy
def __init__(wiring: IMarket.Wiring):
    grid.__init__()
    book.__init__(wiring)
    buckets.__init__(book.SCALE)
    adl.__init__()


@external
@reentrant
def crank(max_buckets: uint256) -> uint256:
    return liquidation.crank(max_buckets, msg.sender)
