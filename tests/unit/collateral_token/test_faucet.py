from __future__ import annotations

import boa
import pytest
from eth_account import Account

from tests.unit.support import System, deployer, every_decimals, last_event, sign_permit


@every_decimals
def test_collateral_token__is_described(system: System) -> None:
    token = system.token
    assert (token.name(), token.symbol(), token.decimals()) == ("USD Coin", "USDC", system.decimals)
    assert token.faucet_amount() == 10_000 * system.unit
    assert token.faucet_interval() == 3_600


def test_faucet__anyone_once_an_hour(system: System) -> None:
    token, trader = system.token, system.account("trader")
    system.as_(trader, token.faucet)
    event = last_event(token, "Dispensed")
    assert (event.receiver, event.amount) == (trader, 10_000 * system.unit)
    assert token.next_faucet_at(trader) == boa.env.timestamp + 3_600
    boa.env.time_travel(seconds=3_599)
    with boa.reverts("faucet: come back later"):
        system.as_(trader, token.faucet)
    system.as_(system.account("other"), token.faucet)
    boa.env.time_travel(seconds=1)
    system.as_(trader, token.faucet)
    assert token.balanceOf(trader) == 20_000 * system.unit


def test_mint__owner_only(system: System) -> None:
    with boa.reverts("erc20: access is denied"):
        system.as_(system.account("trader"), system.token.mint, system.account("trader"), 1)


def test_permit__works(system: System) -> None:
    key, spender = Account.from_key(b"\x0c" * 32), system.account("spender")
    deadline = boa.env.timestamp + 60
    signature = sign_permit(key, system.token, spender, 9, deadline)
    system.token.permit(key.address, spender, 9, deadline, *signature)
    assert system.token.allowance(key.address, spender) == 9
    with boa.reverts("erc20: invalid signature"):
        system.token.permit(key.address, spender, 9, deadline, *signature)


@pytest.mark.parametrize("digits", [0, 18])
def test_constructor__decimals(digits: int) -> None:
    assert deployer("CollateralToken").deploy("T", "T", digits).faucet_amount() == 10_000 * 10**digits
