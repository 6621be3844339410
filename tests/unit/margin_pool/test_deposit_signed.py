"""A deposit that somebody else sends: the owner signs for it and needs no ETH."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_account import Account

from plimsoll.signing import Signer
from tests.unit.support import System, every_decimals, last_event, sign_permit

KEY = Account.from_key(b"\x07" * 32)
NO_PERMIT = 27, bytes(32), bytes(32)


def _terms(system: System, size: int, /, relayer_fee: int = 0, permit: bool = True, **changes: Any) -> list[Any]:
    deadline = boa.env.timestamp + 60
    by = Signer(KEY, "MarginPool", system.pool.address, boa.env.evm.patch.chain_id)
    signature = by.deposit(size, relayer_fee, 0, deadline)
    v, r, s = sign_permit(KEY, system.token, system.pool.address, size, deadline) if permit else NO_PERMIT
    terms = {"owner": KEY.address, "amount": size, "fee": relayer_fee, "nonce": 0, "deadline": deadline}
    return list((terms | {"signature": signature, "v": v, "r": r, "s": s} | changes).values())


def _mint(system: System, amount: int) -> str:
    with boa.env.prank(system.owner):
        system.token.mint(KEY.address, amount)
    return system.account("relayer")


@every_decimals
def test_deposit_signed__credits_the_owner_and_pays_the_relayer(system: System) -> None:
    unit = system.unit
    relayer = _mint(system, 9 * unit)
    system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9 * unit, unit))
    event = last_event(system.pool, "Deposited")
    assert (event.payer, event.receiver, event.amount) == (KEY.address, KEY.address, 9 * unit)
    assert system.pool.balance_of(KEY.address) == 8 * unit
    assert system.pool.balance_of(relayer) == unit
    assert system.pool.total() == 9 * unit
    assert system.pool.nonces_used(KEY.address, 0) == 1


def test_deposit_signed__twice__reverts(system: System) -> None:
    relayer = _mint(system, 18)
    terms = _terms(system, 9)
    system.as_(relayer, system.pool.deposit_signed, *terms)
    with boa.env.prank(KEY.address):
        system.token.approve(system.pool.address, 9)
    with boa.reverts("nonce already used"):
        system.as_(relayer, system.pool.deposit_signed, *terms)


def test_deposit_signed__permit_submitted_before__still_works(system: System) -> None:
    relayer = _mint(system, 9)
    terms = _terms(system, 9)
    system.token.permit(KEY.address, system.pool.address, 9, terms[4], *terms[6:])
    system.as_(relayer, system.pool.deposit_signed, *terms)
    assert system.pool.balance_of(KEY.address) == 9


def test_deposit_signed__standing_allowance__is_no_authority(system: System) -> None:
    """Whoever approved the pool for all time has not asked to be moved in."""
    relayer = _mint(system, 9)
    with boa.env.prank(KEY.address):
        system.token.approve(system.pool.address, 2**256 - 1)
    for change in ({"owner": system.account("other")}, {"amount": 8}, {"fee": 1}, {"nonce": 1}, {"signature": b""}):
        with boa.reverts("bad signature"):
            system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9, permit=False, **change))
    assert system.token.balanceOf(KEY.address) == 9
    system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9, permit=False))
    assert system.pool.balance_of(KEY.address) == 9


def test_deposit_signed__without_permit_and_allowance__reverts(system: System) -> None:
    relayer = _mint(system, 9)
    with pytest.raises(boa.BoaError):
        system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9, permit=False))
    assert system.pool.nonces_used(KEY.address, 0) == 0


def test_deposit_signed__fee_above_the_deposit__reverts(system: System) -> None:
    relayer = _mint(system, 9)
    system.cash("other", 100)
    with boa.reverts("relayer fee above the deposit"):
        system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9, relayer_fee=10))
    system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9, relayer_fee=9))
    assert system.pool.balance_of(relayer) == 9


def test_deposit_signed__too_late__reverts(system: System) -> None:
    relayer = _mint(system, 9)
    terms = _terms(system, 9)
    boa.env.time_travel(seconds=61)
    with boa.reverts("signature expired"):
        system.as_(relayer, system.pool.deposit_signed, *terms)


def test_deposit_signed__invalidated__reverts(system: System) -> None:
    relayer = _mint(system, 9)
    with boa.env.prank(KEY.address):
        system.pool.invalidate_nonces(0, 1)
    with boa.reverts("nonce already used"):
        system.as_(relayer, system.pool.deposit_signed, *_terms(system, 9))
