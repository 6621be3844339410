# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A Pyth contract that takes unsigned updates
@license AGPL-3.0-only
@notice An update is abi_encode(id, price, conf, expo, publishTime), and padding. As with Pyth it is ignored when it is not newer, each costs a
        fee, and the errors are Pyth's own.
"""
from contracts.interfaces import IPyth

implements: IPyth

# PriceFeedNotFound() and InsufficientFee()
NOT_FOUND: constant(Bytes[4]) = x"14aebe68"
INSUFFICIENT_FEE: constant(Bytes[4]) = x"025dbdd4"

fee: public(uint256)
prices: HashMap[bytes32, IPyth.Price]


@deploy
def __init__(fee: uint256):
    self.fee = fee


@view
@external
def getPriceUnsafe(id: bytes32) -> IPyth.Price:
    price: IPyth.Price = self.prices[id]
    if price.publishTime == 0:
        raw_revert(NOT_FOUND)
    return price


@view
@external
def getUpdateFee(updateData: DynArray[Bytes[8_192], 8]) -> uint256:
    return self.fee * len(updateData)


@payable
@external
def updatePriceFeeds(updateData: DynArray[Bytes[8_192], 8]):
    if msg.value < self.fee * len(updateData):
        raw_revert(INSUFFICIENT_FEE)
    for update: Bytes[8_192] in updateData:
        id: bytes32 = empty(bytes32)
        price: IPyth.Price = empty(IPyth.Price)
        id, price = abi_decode(slice(update, 0, 5 * 32), (bytes32, IPyth.Price))
        if price.publishTime > self.prices[id].publishTime:
            self.prices[id] = price
