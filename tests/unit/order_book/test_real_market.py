"""The order book, the vault and the pool with the real market behind them."""

from __future__ import annotations

import boa
import pytest

from tests.system import World, build_world
from tests.unit.support import WAD


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


def _check_covered(world: World) -> None:
    assert world.token.balanceOf(world.pool.address) == world.pool.total()
    assert world.pool.balance_of(world.order_book.address) == 0


def test_open_and_close__through_the_book(world: World) -> None:
    unit = world.unit
    world.open("trader", 100 * WAD, 1_000 * unit)
    assert world.position("trader").units == 100 * WAD
    world.close("trader")
    assert world.position("trader").units == 0
    assert 0 < world.free("trader") < 1_000 * unit
    assert world.pool.balance_of(world.keeper) > 0
    _check_covered(world)


def test_margin__in_and_out(world: World) -> None:
    unit = world.unit
    world.open("trader", 100 * WAD, 1_000 * unit)
    trader = world.fund("trader", 300 * unit)
    before = world.free("trader")
    world.refresh()
    with boa.env.prank(trader):
        world.order_book.add_margin(world.market.address, 300 * unit)
        assert world.free("trader") == pytest.approx(before - 300 * unit, abs=40 * unit)  # whole ticks move
        world.order_book.remove_margin(world.market.address, 200 * unit)
    assert world.free("trader") >= before - 100 * unit
    _check_covered(world)


def test_execute__reduce_only_without_a_position__refunds(world: World) -> None:
    fee = world.order_book.keeper_fee()
    world.fund("trader", fee)
    assert world.trade("trader", -WAD, reduce_only=True) is False
    assert world.free("trader") == fee
    _check_covered(world)


def test_execute__every_gas_limit__fills_or_leaves_the_order(world: World) -> None:
    """Whoever executes chooses the gas. It must never be what ends an order."""
    world.fund("trader", 2_000 * world.unit)
    order = world.place("trader", 100 * WAD, 1_000 * world.unit)
    world.refresh()
    outcomes = set()
    for gas in [*range(30_000, 600_000, 6_000), 5_000_000]:
        with boa.env.anchor(), boa.env.prank(world.keeper):
            try:
                outcomes.add(world.order_book.execute(order, gas=gas))
            except boa.BoaError:
                outcomes.add(None)
                assert world.order_book.order_state(order).owner == world.account("trader")
    assert outcomes == {None, True}


def test_vault__deposit_and_redeem_around_a_position(world: World) -> None:
    unit, vault = world.unit, world.vault
    world.open("trader", 1_000 * WAD, 10_000 * unit)
    world.set_price(110 * WAD)
    owed, reserve, is_settled = world.market.vault_position()
    assert owed < 0, "the vault is short and the price rose"
    worth = vault.totalAssets()
    assert worth == world.pool.balance_of(vault.address) + owed - reserve
    assert is_settled
    world.crank()
    assert vault.totalAssets() == pytest.approx(worth, abs=1_000), "settling moves cash, not worth"

    lp = world.account("lp")
    with boa.env.prank(world.owner):
        world.token.mint(lp, 1_000 * unit)
    with boa.env.prank(lp):
        world.token.approve(vault.address, 2**256 - 1)
        shares = vault.deposit(1_000 * unit, lp)
        boa.env.time_travel(seconds=vault.unlocked_at(lp) - boa.env.timestamp)
        request = vault.request_redeem(shares)
    boa.env.time_travel(seconds=vault.cooldown())
    with boa.env.prank(lp), boa.reverts("wait: market not settled"):
        vault.redeem_request(request)  # the price is a day old
    world.set_price(110 * WAD)
    with boa.env.prank(lp):
        assert vault.redeem_request(request) == pytest.approx(1_000 * unit, rel=1e-3)
    _check_covered(world)
