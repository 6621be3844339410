"""The doors that take tokens by an ERC-2612 permit: one signature, one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_account import Account

from tests.unit.support import System, last_event, sign_permit

OWNER = Account.from_key(b"\x0a" * 32)
AMOUNT = 1_000
NO_PERMIT = 27, bytes(32), bytes(32)
NO_ALLOWANCE = "erc20: insufficient allowance"


@dataclass
class Door:
    """A contract that takes the caller's tokens, and what it did with them."""

    system: System
    contract: Any
    function: str
    has_receiver: bool
    bounds: tuple[int, ...]
    event: str

    def permit(self, amount: int = AMOUNT, spender: str = "", lasts: int = 60) -> tuple[Any, ...]:
        """deadline, v, r, s, signed by OWNER."""
        deadline = boa.env.timestamp + lasts
        signature = sign_permit(OWNER, self.system.token, spender or self.contract.address, amount, deadline)
        return deadline, *signature

    def enter(self, permit: tuple[Any, ...], amount: int = AMOUNT, caller: str = OWNER.address) -> None:
        where = (caller,) if self.has_receiver else ()
        call = getattr(self.contract, self.function)
        self.system.as_(caller, call, amount, *where, *self.bounds, *permit)

    @property
    def allowance(self) -> int:
        return int(self.system.token.allowance(OWNER.address, self.contract.address))

    @property
    def held(self) -> int:
        return int(self.system.token.balanceOf(OWNER.address))


@pytest.fixture(params=["pool", "vault", "insurance"])
def door(system: System, request: pytest.FixtureRequest) -> Door:
    with boa.env.prank(system.owner):
        system.token.mint(OWNER.address, 3 * AMOUNT)
    return {
        "pool": Door(system, system.pool, "deposit_with_permit", True, (), "Deposited"),
        "vault": Door(system, system.vault, "deposit_with_permit", True, (AMOUNT * 10**6,), "Deposit"),
        "insurance": Door(system, system.insurance, "stake_with_permit", False, (AMOUNT * 10**6,), "Staked"),
    }[request.param]


def test_permit__takes_what_was_signed__and_leaves_no_allowance(door: Door) -> None:
    door.enter(door.permit())
    assert AMOUNT in tuple(last_event(door.contract, door.event))
    assert (door.held, door.allowance) == (2 * AMOUNT, 0)


def test_permit__somebody_submitted_it_first__still_works(door: Door) -> None:
    permit = door.permit()
    front_runner = door.system.account("front runner")
    call = door.system.token.permit
    door.system.as_(front_runner, call, OWNER.address, door.contract.address, AMOUNT, *permit)
    door.enter(permit)
    assert (door.held, door.allowance) == (2 * AMOUNT, 0)


def test_permit__used_twice__gives_no_second_allowance(door: Door) -> None:
    permit = door.permit()
    door.enter(permit)
    with boa.reverts(NO_ALLOWANCE):
        door.enter(permit)
    assert door.held == 2 * AMOUNT


def test_permit__up_to_its_deadline(door: Door) -> None:
    permit = door.permit(lasts=60)
    boa.env.time_travel(seconds=60)
    with boa.env.anchor():
        door.enter(permit)
    boa.env.time_travel(seconds=1)
    with boa.reverts(NO_ALLOWANCE):
        door.enter(permit)
    assert door.held == 3 * AMOUNT


def test_permit__of_somebody_else__takes_nothing_of_theirs(door: Door) -> None:
    thief = door.system.tokens("thief", AMOUNT)
    door.system.as_(thief, door.system.token.approve, door.contract.address, 0)
    with boa.reverts(NO_ALLOWANCE):
        door.enter(door.permit(), caller=thief)
    assert (door.held, door.allowance) == (3 * AMOUNT, 0)


@pytest.mark.parametrize("signed", [AMOUNT - 1, AMOUNT + 1])
def test_permit__for_another_amount__is_void(door: Door, signed: int) -> None:
    with boa.reverts(NO_ALLOWANCE):
        door.enter(door.permit(amount=signed))


def test_permit__for_another_spender__is_void(door: Door) -> None:
    with boa.reverts(NO_ALLOWANCE):
        door.enter(door.permit(spender=door.system.order_book.address))


@pytest.mark.parametrize(("allowance", "is_enough"), [(AMOUNT, True), (AMOUNT - 1, False)])
def test_permit__void__leaves_the_allowance_as_it_is(door: Door, allowance: int, is_enough: bool) -> None:
    door.system.as_(OWNER.address, door.system.token.approve, door.contract.address, allowance)
    void = (boa.env.timestamp + 60, *NO_PERMIT)
    if is_enough:
        door.enter(void)
        assert (door.held, door.allowance) == (2 * AMOUNT, 0)
    else:
        with boa.reverts(NO_ALLOWANCE):
            door.enter(void)


@pytest.mark.parametrize("door", ["vault", "insurance"], indirect=True)
def test_permit__less_than_the_minimum_of_shares__reverts_and_takes_no_allowance(door: Door) -> None:
    door.bounds = (AMOUNT * 10**6 + 1,)
    with boa.reverts("below minimum"):
        door.enter(door.permit())
    assert (door.held, door.allowance) == (3 * AMOUNT, 0)


def test_permit__deposit_for_a_receiver(system: System) -> None:
    """The payer is the caller, whoever gets the shares."""
    with boa.env.prank(system.owner):
        system.token.mint(OWNER.address, AMOUNT)
    deadline = boa.env.timestamp + 60
    signature = sign_permit(OWNER, system.token, system.vault.address, AMOUNT, deadline)
    friend = system.account("friend")
    shares = system.as_(OWNER.address, system.vault.deposit_with_permit, AMOUNT, friend, 0, deadline, *signature)
    assert system.vault.balanceOf(friend) == shares > 0
    assert system.vault.balanceOf(OWNER.address) == 0
    assert system.token.balanceOf(OWNER.address) == 0
