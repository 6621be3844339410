from __future__ import annotations

import boa
import pytest

from tests.unit.support import System, deployer, every_decimals, last_event

ZERO = "0x" + "00" * 20


@every_decimals
def test_withdraw__pays_tokens_out(system: System) -> None:
    trader = system.cash("trader", 5 * system.unit)
    wallet = system.account("wallet")

    system.as_(trader, system.pool.withdraw, 2 * system.unit, wallet)

    event = last_event(system.pool, "Withdrawn")
    assert (event.account, event.receiver, event.amount) == (trader, wallet, 2 * system.unit)
    assert system.token.balanceOf(wallet) == 2 * system.unit
    assert system.pool.balance_of(trader) == system.pool.total() == 3 * system.unit


def test_withdraw__all__leaves_nothing(system: System) -> None:
    trader = system.cash("trader", 5)
    system.as_(trader, system.pool.withdraw, 5, trader)
    assert system.pool.balance_of(trader) == system.pool.total() == 0


def test_withdraw__one_too_many__reverts(system: System) -> None:
    trader = system.cash("trader", 5)
    system.cash("other", 100)
    with boa.reverts("not enough free balance"):
        system.as_(trader, system.pool.withdraw, 6, trader)


def test_withdraw__escrow_of_an_order__is_not_free(system: System) -> None:
    trader = system.cash("trader", 5)
    system.as_(system.order_book.address, system.pool.collect, trader, 4)
    with boa.reverts("not enough free balance"):
        system.as_(trader, system.pool.withdraw, 2, trader)


@pytest.mark.parametrize("receiver", ["zero", "pool"])
def test_withdraw__bad_receiver__reverts(system: System, receiver: str) -> None:
    trader = system.cash("trader", 5)
    with boa.reverts("bad receiver"):
        system.as_(trader, system.pool.withdraw, 5, ZERO if receiver == "zero" else system.pool.address)


def test_withdraw__token_without_return_value__works() -> None:
    token = deployer("OddToken").deploy(0, False)
    pool = deployer("MarginPool").deploy(token.address)
    trader = boa.env.generate_address()
    token.mint(trader, 10)
    with boa.env.prank(trader):
        pool.deposit(10, trader)
        pool.withdraw(10, trader)
    assert token.balanceOf(trader) == 10
