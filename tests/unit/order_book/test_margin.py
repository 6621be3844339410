from __future__ import annotations

import boa
import pytest

from tests.unit.order_book.conftest import Desk
from tests.unit.support import every_decimals


@every_decimals
def test_add_margin__moves_free_balance_into_the_market(desk: Desk) -> None:
    system = desk.system
    system.as_(desk.trader, system.order_book.add_margin, system.market.address, 7 * system.unit)
    assert (system.market.last_owner(), system.market.last_margin_delta()) == (desk.trader, 7 * system.unit)
    assert desk.free(desk.trader) == 993 * system.unit
    assert desk.free(system.market.address) == 7 * system.unit
    assert desk.escrow == 0


def test_add_margin__more_than_free__reverts(desk: Desk) -> None:
    system = desk.system
    with boa.reverts("not enough free balance"):
        system.as_(desk.trader, system.order_book.add_margin, system.market.address, 1_000 * system.unit + 1)


def test_add_margin__market_says_no__reverts_with_its_reason(desk: Desk) -> None:
    system = desk.system
    system.market.will_revert("no position")
    with boa.reverts("no position"):
        system.as_(desk.trader, system.order_book.add_margin, system.market.address, 1)
    assert desk.free(desk.trader) == 1_000 * system.unit


def test_add_margin__market_takes_less__reverts(desk: Desk) -> None:
    system = desk.system
    system.market.will_fill(5_000, 0)
    with boa.reverts():
        system.as_(desk.trader, system.order_book.add_margin, system.market.address, 100)


def test_remove_margin__reaches_the_free_balance(desk: Desk) -> None:
    system = desk.system
    system.engine_cash(system.market, 9)
    system.as_(desk.trader, system.order_book.remove_margin, system.market.address, 4)
    assert (system.market.last_owner(), system.market.last_margin_delta()) == (desk.trader, -4)
    assert desk.free(desk.trader) == 1_000 * system.unit + 4


@pytest.mark.parametrize("function", ["add_margin", "remove_margin"])
def test_margin__bad_input__says_what_is_wrong(desk: Desk, function: str) -> None:
    system = desk.system
    call = getattr(system.order_book, function)
    with boa.reverts("unknown market"):
        system.as_(desk.trader, call, desk.keeper, 1)
    with boa.reverts("amount is zero"):
        system.as_(desk.trader, call, system.market.address, 0)


@pytest.mark.parametrize("function", ["add_margin", "remove_margin"])
def test_margin__market_off_the_list__still_works(desk: Desk, function: str) -> None:
    system = desk.system
    system.engine_cash(system.market, 9)
    system.as_(system.owner, system.order_book.set_market, system.market.address, False)
    system.as_(desk.trader, getattr(system.order_book, function), system.market.address, 2)


def test_remove_margin__amount_beyond_int256__reverts(desk: Desk) -> None:
    with boa.reverts():
        desk.system.as_(desk.trader, desk.system.order_book.remove_margin, desk.system.market.address, 2**255)
