from __future__ import annotations

import boa
import pytest

from tests.unit.support import System, deployer, every_decimals, last_event

ZERO = "0x" + "00" * 20


@every_decimals
def test_deposit__credits_the_receiver(system: System) -> None:
    trader = system.tokens("trader", 5 * system.unit)
    friend = system.account("friend")

    system.as_(trader, system.pool.deposit, 3 * system.unit, friend)

    event = last_event(system.pool, "Deposited")
    assert (event.payer, event.receiver, event.amount) == (trader, friend, 3 * system.unit)
    assert system.pool.balance_of(friend) == 3 * system.unit
    assert system.pool.balance_of(trader) == 0
    assert system.token.balanceOf(trader) == 2 * system.unit
    assert system.pool.total() == system.token.balanceOf(system.pool.address) == 3 * system.unit


def test_deposit__donation__is_credited_to_nobody(system: System) -> None:
    donor = system.tokens("donor", 7)
    system.as_(donor, system.token.transfer, system.pool.address, 7)
    trader = system.cash("trader", 5)

    assert system.pool.total() == 5
    assert system.pool.balance_of(trader) == 5
    assert system.token.balanceOf(system.pool.address) == 12


@pytest.mark.parametrize("receiver", ["zero", "pool"])
def test_deposit__bad_receiver__reverts(system: System, receiver: str) -> None:
    trader = system.tokens("trader", 5)
    with boa.reverts("bad receiver"):
        system.as_(trader, system.pool.deposit, 5, ZERO if receiver == "zero" else system.pool.address)


@pytest.mark.parametrize("engine", ["market", "vault", "insurance", "order_book"])
def test_deposit__for_an_engine__only_by_itself(system: System, engine: str) -> None:
    address = getattr(system, engine).address
    trader = system.tokens("trader", 5)
    with boa.reverts("receiver is an engine"):
        system.as_(trader, system.pool.deposit, 5, address)

    with boa.env.prank(system.owner):
        system.token.mint(address, 5)
    system.as_(address, system.token.approve, system.pool.address, 5)
    system.as_(address, system.pool.deposit, 5, address)
    assert system.pool.balance_of(address) == 5


def test_deposit__nothing__reverts(system: System) -> None:
    trader = system.tokens("trader", 5)
    with boa.reverts("nothing to deposit"):
        system.as_(trader, system.pool.deposit, 0, trader)


def test_deposit__without_allowance__reverts(system: System) -> None:
    trader = system.tokens("trader", 5)
    system.as_(trader, system.token.approve, system.pool.address, 4)
    with boa.reverts():
        system.as_(trader, system.pool.deposit, 5, trader)


def test_deposit__token_with_a_fee__credits_what_arrived() -> None:
    token = deployer("OddToken").deploy(100, False)
    pool = deployer("MarginPool").deploy(token.address)
    trader = boa.env.generate_address()
    token.mint(trader, 10_000)
    with boa.env.prank(trader):
        pool.deposit(10_000, trader)
    assert pool.balance_of(trader) == pool.total() == token.balanceOf(pool.address) == 9_900


def test_deposit__token_that_returns_false__reverts() -> None:
    token = deployer("OddToken").deploy(0, True)
    pool = deployer("MarginPool").deploy(token.address)
    trader = boa.env.generate_address()
    token.mint(trader, 10)
    with boa.env.prank(trader), boa.reverts("token transfer failed"):
        pool.deposit(10, trader)
