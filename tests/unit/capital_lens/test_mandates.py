from __future__ import annotations

import boa
import pytest

from tests.system import WAD
from tests.unit.capital_lens.conftest import Desk

USD = 10**6
BUDGET = 1_000_000 * USD
MANDATE = 5_000_000 * USD


def test_mandates__one_for_each_market(desk: Desk) -> None:
    views = desk.lens.mandates()
    assert [view.market for view in views] == [market.address for market in desk.world.markets]
    for view in views:
        assert (view.loss_budget, view.budget_left, view.refill_per_second) == (BUDGET, BUDGET, BUDGET // 86_400)
        assert view.open_capacity == view.open_room == BUDGET * 10 // 3
        assert (view.backstop_capacity, view.adl_trigger) == (BUDGET * 10, BUDGET * 20)
        assert (view.skew_notional, view.use_bps, view.loss_at_open_shock) == (0, 0, 0)
        assert (view.owed, view.skew_reserve, view.reserved) == (0, 0, 0)
        assert (view.pool_mandate, view.pool_mandate_left) == (MANDATE, MANDATE)
        assert view.most_in_a_day == 2 * MANDATE
        assert not view.is_settling


@pytest.mark.parametrize("size", [20_000, -20_000])
def test_mandates__skew__uses_the_room(desk: Desk, size: int) -> None:
    desk.world.open("trader", size * WAD, 100_000 * USD)
    view, other = desk.lens.mandates()
    assert view.skew_notional == 2_000_000 * USD
    assert view.open_room == view.open_capacity - view.skew_notional
    assert view.use_bps == 6_001  # of 3,333,333: rounded up
    assert view.loss_at_open_shock == 600_000 * USD
    owed, reserve, _ = desk.world.market.vault_position()
    assert (view.owed, view.skew_reserve) == (owed, reserve)
    assert view.reserved == desk.vault.reserved(view.market) == BUDGET + reserve + max(0, -owed)
    assert other.reserved == other.skew_notional == 0


def test_mandates__room_at_most__a_trade_that_fills_it_passes_and_no_more(desk: Desk) -> None:
    world = desk.world
    world.open("first", 20_000 * WAD, 100_000 * USD)
    room = desk.lens.mandates()[0].open_room
    with boa.env.anchor():
        world.fund("second", 200_000 * USD)
        assert not world.trade("second", (room // USD + 1) * WAD // 100, 100_000 * USD)
        assert world.failure() == "market is at its open capacity"
    world.fund("second", 200_000 * USD)
    assert world.trade("second", (room // USD - 1) * WAD // 100, 100_000 * USD)


def test_mandates__loss__uses_the_budget_and_the_pools_mandate(desk: Desk) -> None:
    world = desk.world
    world.open("long", 20_000 * WAD, 100_000 * USD)
    cash = world.pool.balance_of(desk.vault.address)
    world.set_price(110 * WAD)
    assert desk.lens.mandates()[0].owed < -199_000 * USD
    world.crank()
    view = desk.lens.mandates()[0]
    assert view.owed == 0
    assert BUDGET * 79 // 100 < view.budget_left < BUDGET * 81 // 100
    paid = cash - world.pool.balance_of(desk.vault.address)
    assert view.pool_mandate_left == MANDATE - paid
    assert view.most_in_a_day == min(2 * MANDATE - paid, cash - paid)
    assert view.reserved == BUDGET + view.skew_reserve, "in full: time gives it back"
