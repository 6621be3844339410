"""The meter counts what a transaction pays, and leaves the state as it should be."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from bench.exchange import USD, Bench
from bench.meter import SendError, intrinsic_gas, send, simulate
from plimsoll.revm import RevmEnv

RECEIVER = "0x" + "11" * 20
CHANGE, NEW, CLEARED = 2_900, 20_000, 4_800


@pytest.fixture
def bench() -> Iterator[Bench]:
    with boa.swap_env(RevmEnv()):
        yield Bench.build()


def test_intrinsic_gas__zero_and_other_bytes() -> None:
    assert intrinsic_gas(b"\0\0\1") == 21_000 + 4 + 4 + 16


def test_send__every_time_as_cold_as_the_first(bench: Bench) -> None:
    trader, token = bench.fund(0, USD), bench.contract("CollateralToken")
    token.mint(trader, 10 * USD, sender=token.owner())
    first, second, third = (send(token.transfer, RECEIVER, USD, sender=trader).gas for _ in range(3))
    # the first writes a balance that was zero
    assert first - second == NEW - CHANGE
    assert second == third
    assert token.balanceOf(RECEIVER) == 3 * USD


def test_send__clearing_a_slot__is_refunded(bench: Bench) -> None:
    trader, token = bench.fund(0, USD), bench.contract("CollateralToken")
    token.mint(trader, 2 * USD, sender=token.owner())
    token.mint(RECEIVER, USD, sender=token.owner())
    part = send(token.transfer, RECEIVER, USD, sender=trader).gas
    rest = send(token.transfer, RECEIVER, USD, sender=trader).gas
    assert part - rest == CLEARED


def test_simulate__leaves_the_state(bench: Bench) -> None:
    trader, pool = bench.fund(0, USD), bench.contract("MarginPool")
    before = simulate(pool.withdraw, USD, trader, sender=trader)
    assert pool.balance_of(trader) == USD
    assert send(pool.withdraw, USD, trader, sender=trader) == before
    assert pool.balance_of(trader) == 0


def test_send__reverts__raises_and_changes_nothing(bench: Bench) -> None:
    trader, pool = bench.fund(0, USD), bench.contract("MarginPool")
    with pytest.raises(SendError):
        send(pool.withdraw, 2 * USD, trader, sender=trader)
    assert pool.balance_of(trader) == USD


def test_send__gas_limit__counts_calldata_and_all_gas_before_refunds(bench: Bench) -> None:
    trader, token = bench.fund(0, USD), bench.contract("CollateralToken")
    token.mint(trader, 2 * USD, sender=token.owner())
    gas = simulate(token.transfer, RECEIVER, USD, sender=trader).gas
    with pytest.raises(SendError):
        send(token.transfer, RECEIVER, USD, sender=trader, gas_limit=gas - 1)
    assert send(token.transfer, RECEIVER, USD, sender=trader, gas_limit=gas).gas == gas
