"""A withdrawal that somebody else sends: whoever came in without ETH gets out without it."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_account import Account

from plimsoll.signing import Signer
from tests.unit.support import System, every_decimals, last_event

KEY = Account.from_key(b"\x07" * 32)


def _terms(system: System, amount: int, /, **changes: Any) -> list[Any]:
    deadline, receiver = boa.env.timestamp + 60, system.account("receiver")
    by = Signer(KEY, "MarginPool", system.pool.address, boa.env.evm.patch.chain_id)
    terms = {"owner": KEY.address, "amount": amount, "receiver": receiver, "fee": 1, "nonce": 3, "deadline": deadline}
    signature = by.withdrawal(amount, receiver, 1, 3, deadline)
    return list((terms | {"signature": signature} | changes).values())


@pytest.fixture
def relayer(system: System) -> str:
    """With the key's balance of 100 units in the pool."""
    with boa.env.prank(system.owner):
        system.token.mint(system.owner, 100 * system.unit)
        system.token.approve(system.pool.address, 100 * system.unit)
        system.pool.deposit(100 * system.unit, KEY.address)
    return system.account("relayer")


@every_decimals
def test_withdraw_signed__pays_the_receiver_and_the_relayer(system: System, relayer: str) -> None:
    system.as_(relayer, system.pool.withdraw_signed, *_terms(system, 90 * system.unit))
    event = last_event(system.pool, "Withdrawn")
    receiver = system.account("receiver")
    assert (event.account, event.receiver, event.amount) == (KEY.address, receiver, 90 * system.unit)
    assert system.token.balanceOf(receiver) == 90 * system.unit
    assert system.pool.balance_of(KEY.address) == 10 * system.unit - 1
    assert system.pool.balance_of(relayer) == 1
    assert system.pool.total() == 10 * system.unit == system.token.balanceOf(system.pool.address)


def test_withdraw_signed__twice__reverts(system: System, relayer: str) -> None:
    terms = _terms(system, 5)
    system.as_(relayer, system.pool.withdraw_signed, *terms)
    with boa.reverts("nonce already used"):
        system.as_(relayer, system.pool.withdraw_signed, *terms)
    assert system.token.balanceOf(system.account("receiver")) == 5


def test_withdraw_signed__anything_changed__reverts(system: System, relayer: str) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"owner": system.account("other")},
        {"amount": 6},
        {"receiver": relayer},
        {"fee": 2},
        {"nonce": 4},
        {"deadline": boa.env.timestamp + 61},
        {"signature": b""},
    )
    system.cash("other", 100)
    for change in changes:
        with boa.reverts("bad signature"):
            system.as_(relayer, system.pool.withdraw_signed, *_terms(system, 5, **change))
    assert system.pool.balance_of(KEY.address) == 100 * system.unit


def test_withdraw_signed__a_deposits_signature__is_no_withdrawals(system: System, relayer: str) -> None:
    terms = _terms(system, 5)
    by = Signer(KEY, "MarginPool", system.pool.address, boa.env.evm.patch.chain_id)
    terms[-1] = by.deposit(5, 1, 3, terms[5])
    with boa.reverts("bad signature"):
        system.as_(relayer, system.pool.withdraw_signed, *terms)


def test_withdraw_signed__more_than_there_is__reverts_and_the_nonce_stays_good(system: System, relayer: str) -> None:
    # The relayer's fee comes on top.
    with boa.reverts("not enough free balance"):
        system.as_(relayer, system.pool.withdraw_signed, *_terms(system, 100 * system.unit))
    assert system.pool.nonces_used(KEY.address, 0) == 0
    assert system.pool.balance_of(relayer) == 0


def test_withdraw_signed__too_late__reverts(system: System, relayer: str) -> None:
    terms = _terms(system, 5)
    boa.env.time_travel(seconds=61)
    with boa.reverts("signature expired"):
        system.as_(relayer, system.pool.withdraw_signed, *terms)
