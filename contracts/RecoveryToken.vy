# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title RecoveryToken
@license AGPL-3.0-only
@notice See IRecoveryToken.
"""
from snekmate.auth import ownable
from snekmate.tokens import erc20

from .interfaces import IRecoveryToken

implements: IRecoveryToken
initializes: ownable
initializes: erc20[ownable := ownable]
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    # ERC-20. Not its mint, burn and minter role: those give the deployer a right to mint for good.
    erc20.name,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    # ERC-2612
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

# longer than the five characters that the module has room for
symbol: public(constant(String[7])) = "RECOVER"

minter: public(address)


@deploy
def __init__(decimals: uint8):
    ownable.__init__()
    erc20.__init__("Plimsoll Recovery", "RECOV", decimals, "Plimsoll Recovery", "1")


@external
def mint(owner: address, amount: uint256):
    assert msg.sender == self.minter, "only the minter"
    erc20._mint(owner, amount)


@external
def burn(owner: address, amount: uint256):
    assert msg.sender == self.minter, "only the minter"
    erc20._burn(owner, amount)


@external
def set_minter(minter: address):
    ownable._check_owner()
    assert self.minter == empty(address), "minter already set"
    assert minter != empty(address), "minter is zero"
    self.minter = minter
    log IRecoveryToken.MinterSet(minter=minter)
