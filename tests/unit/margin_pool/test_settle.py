"""collect, allow_pull, settle and pay: how cash moves between accounts."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.support import System


def _escrow(system: System, amount: int) -> str:
    trader = system.cash("trader", amount)
    system.as_(system.order_book.address, system.pool.collect, trader, amount)
    return trader


@pytest.fixture(autouse=True)
def _one_transaction() -> Iterator[None]:
    """An allowance lives for one transaction."""
    boa.env.is_one_transaction = True
    yield
    boa.env.is_one_transaction = False


def _allow(system: System, amount: int) -> int:
    return int(system.as_(system.order_book.address, system.pool.allow_pull, system.market.address, amount))


def _settle(system: System, pulled: int, *payments: tuple[str, int]) -> None:
    system.as_(system.market.address, system.pool.settle, pulled, list(payments))


def test_collect__moves_into_escrow(system: System) -> None:
    trader = _escrow(system, 9)
    assert system.pool.balance_of(trader) == 0
    assert system.pool.balance_of(system.order_book.address) == 9
    assert system.pool.total() == 9


def test_collect__more_than_free__reverts(system: System) -> None:
    trader = system.cash("trader", 9)
    with boa.reverts("not enough free balance"):
        system.as_(system.order_book.address, system.pool.collect, trader, 10)


def test_allow_pull__returns_what_was_left(system: System) -> None:
    _escrow(system, 9)
    assert _allow(system, 9) == 0
    _settle(system, 4)
    assert _allow(system, 0) == 5
    assert _allow(system, 0) == 0


def test_settle__pulls_then_pays(system: System) -> None:
    trader = _escrow(system, 9)
    treasury = system.account("treasury")
    _allow(system, 9)

    _settle(system, 9, (trader, 2), (treasury, 1), (trader, 3))

    balance = system.pool.balance_of
    assert balance(system.order_book.address) == 0
    assert balance(system.market.address) == 3
    assert (balance(trader), balance(treasury)) == (5, 1)


@pytest.mark.parametrize("pulled", [5, 6])
def test_settle__pull_without_allowance__reverts(system: System, pulled: int) -> None:
    _escrow(system, 9)
    _allow(system, pulled - 1)
    with boa.reverts("pull not allowed"):
        _settle(system, pulled)


def test_settle__allowance_of_another_market__reverts(system: System) -> None:
    _escrow(system, 9)
    _allow(system, 9)
    with boa.reverts("pull not allowed"):
        system.as_(system.other_market.address, system.pool.settle, 1, [])


def test_settle__allowance_is_used_up(system: System) -> None:
    _escrow(system, 9)
    _allow(system, 5)
    _settle(system, 3)
    with boa.reverts("pull not allowed"):
        _settle(system, 3)


def test_settle__more_than_it_has__reverts(system: System) -> None:
    system.engine_cash(system.market, 3)
    system.cash("bystander", 100)
    with boa.reverts("not enough balance"):
        _settle(system, 0, (system.account("a"), 2), (system.account("b"), 2))


def test_settle__to_itself__changes_nothing(system: System) -> None:
    system.engine_cash(system.market, 3)
    _settle(system, 0, (system.market.address, 3))
    assert system.pool.balance_of(system.market.address) == system.pool.total() == 3


def test_pay__from_its_own_balance_only(system: System) -> None:
    system.engine_cash(system.insurance, 3)
    keeper = system.account("keeper")
    system.as_(system.insurance.address, system.pool.pay, keeper, 3)
    assert system.pool.balance_of(keeper) == 3
    with boa.reverts("not enough balance"):
        system.as_(system.insurance.address, system.pool.pay, keeper, 1)


STEP = st.tuples(
    st.sampled_from(["deposit", "withdraw", "collect", "pull", "settle", "pay", "draw"]),
    st.integers(0, 3),
    st.integers(0, 2_000),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=5, max_size=40))
def test_ledger__any_sequence__sums_to_total_and_is_covered(system: System, steps: list[tuple[str, int, int]]) -> None:
    names = ["trader", "maker", "keeper", "treasury"]
    for name in names:
        system.cash(name, 1_000)
    system.as_(system.owner, system.token.mint, system.vault.address, 5_000)
    system.as_(system.vault.address, system.token.approve, system.pool.address, 5_000)
    system.as_(system.vault.address, system.pool.deposit, 5_000, system.vault.address)
    pool = system.pool
    for step, who, amount in steps:
        account = system.account(names[who])
        calls = {
            "deposit": lambda a=account, n=amount, w=who: system.cash(names[w], n or 1),
            "withdraw": lambda a=account, n=amount: system.as_(a, pool.withdraw, n, a),
            "collect": lambda a=account, n=amount: system.as_(system.order_book.address, pool.collect, a, n),
            "pull": lambda a=account, n=amount: (_allow(system, n), _settle(system, n)),
            "settle": lambda a=account, n=amount: _settle(system, 0, (a, n), (system.vault.address, n // 2)),
            "pay": lambda a=account, n=amount: system.as_(system.order_book.address, pool.pay, a, n),
            "draw": lambda a=account, n=amount: system.as_(system.market.address, pool.draw, n),
        }
        try:
            calls[step]()
        except boa.BoaError as error:
            assert "not enough" in str(error)
        engines = [system.market, system.vault, system.order_book]
        held = [pool.balance_of(each.address) for each in engines]
        held += [pool.balance_of(system.account(name)) for name in names]
        assert sum(held) == pool.total() == system.token.balanceOf(pool.address)
        used = pool.mandate(system.market.address) - pool.mandate_left(system.market.address)
        assert 0 <= used <= pool.mandate(system.market.address)
