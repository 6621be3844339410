"""The recovery pot is for those who have collected: a known limit (docs/security.md), pinned as it is."""

from __future__ import annotations

import boa
import pytest

from tests.regressions.support import USD, set_params
from tests.system import WAD, World, build_world

PAIRS = ("early", "late")


@pytest.fixture
def world() -> World:
    """Two equal winners, deleveraged for one loser whom nobody else covers: 7,566 owed to each, not collected yet."""
    world = build_world(vault=100_000, skin=0, insurance=0, reserve=10_000, loss_budget=100_000 * USD, funding_k_bps=0)
    for name in PAIRS:
        world.open(name, -1_000 * WAD, 3_000 * USD)
    world.open("loser", 2_000 * WAD, 5_000 * USD)
    set_params(world, loss_budget=0, shock_adl_bps=100)
    world.set_price(90 * WAD)
    world.crank()
    owed = {world.position(name).claim_owed for name in PAIRS}
    assert len(owed) == 1
    assert owed.pop() == pytest.approx(7_566 * USD, abs=USD)
    assert world.recovery.totalSupply() == 0
    return world


def fill(world: World, amount: int) -> None:
    """An income of which half goes to the pot, up to the supply."""
    world.engine_cash(world.market, amount)
    with boa.env.prank(world.market.address):
        world.pool.pay(world.insurance.address, amount)
        world.insurance.record_income(amount)


def redeem(world: World, name: str) -> int:
    world.market.sync(world.account(name))
    with boa.env.prank(world.account(name)):
        return int(world.insurance.redeem_recovery(world.recovery.balanceOf(world.account(name))))


def test_recovery__both_have_collected__the_pot_is_shared(world: World) -> None:
    for name in PAIRS:
        world.market.sync(world.account(name))
    fill(world, 10_000 * USD)
    paid = [redeem(world, name) for name in PAIRS]
    assert paid == pytest.approx([2_500 * USD, 2_500 * USD], abs=1)


def test_recovery__one_collects_and_redeems_first__gets_all_that_is_there(world: World) -> None:
    world.market.sync(world.account("early"))
    fill(world, 10_000 * USD)
    paid = [redeem(world, name) for name in PAIRS]
    assert paid == pytest.approx([5_000 * USD, 0], abs=1)


def test_recovery__anybody_collects_for_the_other__and_the_pot_is_shared(world: World) -> None:
    world.market.sync(world.account("early"))
    fill(world, 10_000 * USD)
    with boa.env.prank(world.keeper):
        world.market.sync(world.account("late"))
    paid = [redeem(world, name) for name in PAIRS]
    assert paid == pytest.approx([2_500 * USD, 2_500 * USD], abs=1)


def test_recovery__nobody_has_collected__the_pot_gets_nothing(world: World) -> None:
    fill(world, 10_000 * USD)
    assert world.insurance.recovery_pot() == 0
    assert [redeem(world, name) for name in PAIRS] == [0, 0]
