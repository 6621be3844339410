from __future__ import annotations

import boa
import pytest
from eth_account import Account

from tests.unit.support import System, deployer, every_decimals, last_event, sign_permit


@every_decimals
def test_recovery_token__is_described(system: System) -> None:
    token = system.recovery
    assert (token.name(), token.symbol(), token.decimals()) == ("Plimsoll Recovery", "RECOVER", system.decimals)
    assert token.minter() == system.insurance.address


@pytest.mark.parametrize("caller", ["owner", "holder", "market"])
@pytest.mark.parametrize("function", ["mint", "burn"])
def test_mint_and_burn__only_the_minter(system: System, caller: str, function: str) -> None:
    addresses = {"owner": system.owner, "holder": system.account("holder"), "market": system.market.address}
    with boa.reverts("only the minter"):
        system.as_(addresses[caller], getattr(system.recovery, function), system.account("holder"), 1)


def test_mint__then_burn(system: System) -> None:
    token, holder = system.recovery, system.account("holder")
    system.as_(system.insurance.address, token.mint, holder, 5)
    system.as_(system.insurance.address, token.burn, holder, 2)
    assert token.balanceOf(holder) == token.totalSupply() == 3
    with boa.reverts("erc20: burn amount exceeds balance"):
        system.as_(system.insurance.address, token.burn, holder, 4)


def test_set_minter__once(system: System) -> None:
    with boa.reverts("minter already set"):
        system.as_(system.owner, system.recovery.set_minter, system.owner)


def test_set_minter__fresh_token(system: System) -> None:
    token = deployer("RecoveryToken").deploy(6)
    with boa.env.prank(system.account("stranger")), boa.reverts("ownable: caller is not the owner"):
        token.set_minter(system.account("stranger"))
    with boa.reverts("minter is zero"):
        token.set_minter("0x" + "00" * 20)
    with boa.reverts("only the minter"):
        token.mint(system.owner, 1)
    token.set_minter(system.account("fund"))
    assert last_event(token, "MinterSet").minter == system.account("fund")


def test_deployer__has_no_other_way_to_mint_or_burn(system: System) -> None:
    for name in ("burn_from", "is_minter", "renounce_ownership"):
        assert not hasattr(system.recovery, name)


def test_transfer__and_permit(system: System) -> None:
    token, key = system.recovery, Account.from_key(b"\x0b" * 32)
    spender = system.account("spender")
    system.as_(system.insurance.address, token.mint, key.address, 5)
    deadline = boa.env.timestamp + 60
    token.permit(key.address, spender, 4, deadline, *sign_permit(key, token, spender, 4, deadline))
    system.as_(spender, token.transferFrom, key.address, spender, 4)
    assert (token.balanceOf(key.address), token.balanceOf(spender)) == (1, 4)
