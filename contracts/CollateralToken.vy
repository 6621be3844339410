# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title CollateralToken
@license AGPL-3.0-only
@notice See ICollateralToken. Not money.
"""
from snekmate.auth import ownable
from snekmate.tokens import erc20

from .interfaces import ICollateralToken

implements: ICollateralToken
initializes: ownable
initializes: erc20[ownable := ownable]
# The owner mints what a local network needs; that is what this token is for.
exports: erc20.__interface__

FAUCET_UNITS: constant(uint256) = 10_000

faucet_amount: public(immutable(uint256))
faucet_interval: public(constant(uint256)) = 3_600
next_faucet_at: public(HashMap[address, uint256])


@deploy
def __init__(name: String[25], symbol: String[5], decimals: uint8):
    ownable.__init__()
    erc20.__init__(name, symbol, decimals, name, "1")
    faucet_amount = FAUCET_UNITS * 10 ** convert(decimals, uint256)


@external
def faucet():
    assert block.timestamp >= self.next_faucet_at[msg.sender], "faucet: come back later"
    self.next_faucet_at[msg.sender] = block.timestamp + faucet_interval
    erc20._mint(msg.sender, faucet_amount)
    log ICollateralToken.Dispensed(receiver=msg.sender, amount=faucet_amount)
