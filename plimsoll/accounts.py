"""Keys of a local chain, derived from the well-known development mnemonic. Never use them for anything of value."""

from functools import cache

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

DEV_MNEMONIC = "test test test test test test test test test test test junk"

DEPLOYER = 0
KEEPER = 1
TREASURY = 2
LP = 3
STAKER = 4
FUNDER = 5
"""Pays the gas money of the crowd."""
GUARDIAN = 6
"""Pauses increases, and can do nothing else."""
FIRST_PUBLISHER = 10

Account.enable_unaudited_hdwallet_features()


@cache
def dev_account(index: int) -> LocalAccount:
    """Account `index` of the development mnemonic; anvil funds the first ones with ETH."""
    return Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")


def derived_account(label: str) -> LocalAccount:
    """An account whose key is keccak256 of `label`: the same label gives the same account on every run."""
    return Account.from_key(keccak(text=f"plimsoll local key: {label}"))
