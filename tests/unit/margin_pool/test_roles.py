"""Who may call what, and what the owner cannot do."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.support import System, deployer, every_decimals, last_event

ZERO = "0x" + "00" * 20
CALLERS = ["trader", "owner", "order_book", "vault", "insurance", "market"]


def _calls(pool: Any, trader: str) -> dict[str, tuple[Any, ...]]:
    return {
        "collect": (pool.collect, trader, 1),
        "allow_pull": (pool.allow_pull, trader, 1),
        "pay": (pool.pay, trader, 0),
        "settle": (pool.settle, 0, []),
        "draw": (pool.draw, 0),
        "set_roles": (pool.set_roles, trader, trader),
        "set_engine": (pool.set_engine, trader, True),
        "set_mandate": (pool.set_mandate, trader, 1),
    }


ALLOWED = {
    "collect": ({"order_book"}, "only the order book"),
    "allow_pull": ({"order_book"}, "only the order book"),
    "pay": ({"order_book", "vault", "insurance", "market"}, "only engines"),
    "settle": ({"market"}, "only markets"),
    "draw": ({"market"}, "only markets"),
    "set_engine": ({"owner"}, "ownable: caller is not the owner"),
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("function", sorted(ALLOWED))
def test_roles__each_function__only_its_callers(system: System, function: str, caller: str) -> None:
    trader = system.cash("trader", 10)
    address = {"trader": trader, "owner": system.owner}.get(caller) or getattr(system, caller).address
    call, *args = _calls(system.pool, trader)[function]
    allowed, error = ALLOWED[function]
    if caller in allowed:
        system.as_(address, call, *args)
    else:
        with boa.reverts(error):
            system.as_(address, call, *args)


@pytest.mark.parametrize("function", ["set_roles", "set_engine", "set_mandate"])
def test_roles__owner_functions__not_for_others(system: System, function: str) -> None:
    stranger = system.account("stranger")
    call, *args = _calls(system.pool, stranger)[function]
    with boa.reverts("ownable: caller is not the owner"):
        system.as_(stranger, call, *args)


def test_set_roles__twice__reverts(system: System) -> None:
    with boa.reverts("roles already set"):
        system.as_(system.owner, system.pool.set_roles, system.market.address, system.vault.address)


@pytest.mark.parametrize("pair", ["no_code", "same"])
def test_set_roles__bad_role__reverts(system: System, pair: str) -> None:
    pool = deployer("MarginPool").deploy(system.token.address)
    book = system.order_book.address
    with boa.reverts("bad role"):
        pool.set_roles(book, book if pair == "same" else system.account("nobody"))


def test_set_roles__says_so(system: System) -> None:
    pool = deployer("MarginPool").deploy(system.token.address)
    pool.set_roles(system.order_book.address, system.vault.address)
    event = last_event(pool, "RolesSet")
    assert (event.order_book, event.vault) == (system.order_book.address, system.vault.address)
    assert (pool.order_book(), pool.vault()) == (system.order_book.address, system.vault.address)


def test_set_engine__removes_an_engine_that_holds_nothing(system: System) -> None:
    system.as_(system.owner, system.pool.set_engine, system.market.address, False)
    assert last_event(system.pool, "EngineSet").is_engine is False
    assert not system.pool.is_engine(system.market.address)
    assert not system.pool.is_market(system.market.address)
    assert system.pool.mandate_left(system.market.address) == 0
    with boa.reverts("only markets"):
        system.as_(system.market.address, system.pool.settle, 0, [])


def test_set_engine__engine_with_cash__cannot_be_removed(system: System) -> None:
    system.engine_cash(system.market, 1)
    with boa.reverts("engine holds cash"):
        system.as_(system.owner, system.pool.set_engine, system.market.address, False)


def test_set_engine__again__keeps_the_mandate(system: System) -> None:
    system.as_(system.owner, system.pool.set_engine, system.market.address, True)
    assert system.pool.is_market(system.market.address)
    assert system.pool.mandate(system.market.address) == 1_000 * system.unit


@pytest.mark.parametrize("engine", ["zero", "pool"])
def test_set_engine__bad_engine__reverts(system: System, engine: str) -> None:
    with boa.reverts("bad engine"):
        address = ZERO if engine == "zero" else system.pool.address
        system.as_(system.owner, system.pool.set_engine, address, True)


def test_set_mandate__not_an_engine__reverts(system: System) -> None:
    with boa.reverts("not an engine"):
        system.as_(system.owner, system.pool.set_mandate, system.account("stranger"), 1)


@every_decimals
def test_set_mandate__bound(system: System) -> None:
    most = 10**9 * system.unit
    system.as_(system.owner, system.pool.set_mandate, system.market.address, most)
    assert system.pool.mandate_left(system.market.address) == most
    with boa.reverts("mandate too big"):
        system.as_(system.owner, system.pool.set_mandate, system.market.address, most + 1)


def test_constructor__token_without_code__reverts(system: System) -> None:
    with boa.reverts("token is not a contract"):
        deployer("MarginPool").deploy(system.account("nobody"))
