"""The mandate: a leaky bucket that payments to the vault give back and 24 hours refill."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.support import DAY, System, every_decimals


def _fund_vault(system: System, amount: int) -> None:
    system.engine_cash(system.vault, amount)


def _draw(system: System, amount: int, market: Any | None = None) -> int:
    return int(system.as_((market or system.market).address, system.pool.draw, amount))


@every_decimals
def test_draw__within_mandate_and_balance(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    assert _draw(system, 400 * system.unit) == 400 * system.unit
    assert system.pool.balance_of(system.market.address) == 400 * system.unit
    assert system.pool.balance_of(system.vault.address) == 4_600 * system.unit
    assert system.pool.mandate_left(system.market.address) == 600 * system.unit


def test_draw__more_than_the_mandate__pays_the_mandate(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    assert _draw(system, 1_000 * system.unit + 1) == 1_000 * system.unit
    assert _draw(system, 1) == 0
    assert _draw(system, 7, system.other_market) == 7, "another market has its own mandate"


def test_draw__more_than_the_vault_has__pays_what_is_there(system: System) -> None:
    _fund_vault(system, 30)
    assert _draw(system, 31) == 30
    assert system.pool.mandate_left(system.market.address) == 1_000 * system.unit - 30


@pytest.mark.parametrize("elapsed", [1, 3_600, DAY // 2, DAY - 1, DAY, 10 * DAY])
def test_mandate__refills_linearly_rounded_down(system: System, elapsed: int) -> None:
    mandate = 1_000 * system.unit + 7
    system.as_(system.owner, system.pool.set_mandate, system.market.address, mandate)
    _fund_vault(system, 5_000 * system.unit)
    _draw(system, mandate)
    boa.env.time_travel(seconds=elapsed)
    assert system.pool.mandate_left(system.market.address) == min(mandate, mandate * elapsed // DAY)


def test_mandate__refill_counts_from_the_last_draw_without_loss(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    _draw(system, 600 * system.unit)
    boa.env.time_travel(seconds=DAY // 10)
    _draw(system, 1)
    boa.env.time_travel(seconds=DAY // 10)
    assert system.pool.mandate_left(system.market.address) == 600 * system.unit - 1


@pytest.mark.parametrize("way", ["settle", "pay"])
def test_mandate__payment_to_the_vault__gives_back(system: System, way: str) -> None:
    _fund_vault(system, 5_000 * system.unit)
    vault, market = system.vault.address, system.market.address
    _draw(system, 500)
    if way == "settle":
        # two payments to the vault in one settlement both count
        system.as_(market, system.pool.settle, 0, [(vault, 100), (system.account("a"), 50), (vault, 20)])
    else:
        system.as_(market, system.pool.pay, vault, 120)
    assert system.pool.mandate_left(market) == 1_000 * system.unit - 380


def test_mandate__payment_to_others__gives_nothing_back(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    _draw(system, 500)
    system.as_(system.market.address, system.pool.settle, 0, [(system.account("a"), 500)])
    assert system.pool.mandate_left(system.market.address) == 1_000 * system.unit - 500


def test_mandate__profit_paid_first__is_no_credit(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    system.engine_cash(system.market, 900)
    system.as_(system.market.address, system.pool.pay, system.vault.address, 900)
    assert system.pool.mandate_left(system.market.address) == 1_000 * system.unit


def test_mandate__gives_back_no_more_than_was_drawn(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    system.engine_cash(system.market, 900)
    _draw(system, 10)
    system.as_(system.market.address, system.pool.pay, system.vault.address, 900)
    assert system.pool.mandate_left(system.market.address) == 1_000 * system.unit


def test_mandate__of_another_market__is_not_touched(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    _draw(system, 10)
    _draw(system, 20, system.other_market)
    system.as_(system.market.address, system.pool.pay, system.vault.address, 10)
    assert system.pool.mandate_left(system.market.address) == 1_000 * system.unit
    assert system.pool.mandate_left(system.other_market.address) == 1_000 * system.unit - 20


def test_set_mandate__cut__keeps_what_was_drawn(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    market = system.market.address
    _draw(system, 500)
    system.as_(system.owner, system.pool.set_mandate, market, 400)
    assert system.pool.mandate_left(market) == 0
    assert _draw(system, 1) == 0
    system.as_(market, system.pool.pay, system.vault.address, 150)
    assert system.pool.mandate_left(market) == 50


def test_set_mandate__zero__stops_drawing_not_paying(system: System) -> None:
    _fund_vault(system, 5_000 * system.unit)
    _draw(system, 500)
    system.as_(system.owner, system.pool.set_mandate, system.market.address, 0)
    assert _draw(system, 1) == 0
    system.as_(system.market.address, system.pool.settle, 0, [(system.account("a"), 500)])
    assert system.pool.balance_of(system.account("a")) == 500
