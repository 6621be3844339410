"""Positions and free balance of an owner over all listed markets."""

from __future__ import annotations

import boa

from tests.system import SHORT, WAD, World

USD = 10**6


def position(world: World, name: str) -> object:
    return world.lens.position(world.market.address, world.account(name))


def test_account__positions_in_two_markets__are_both_there(world: World) -> None:
    world.open("trader", 100 * WAD, 2_000 * USD)
    world.open("trader", -50 * WAD, 1_000 * USD, market=1)
    free, positions = world.lens.account(world.account("trader"))
    assert free == world.free("trader")
    assert [p.market for p in positions] == [m.address for m in world.markets]
    assert [p.side for p in positions] == [0, SHORT]


def test_account__nothing__is_empty(world: World) -> None:
    assert world.lens.account(world.account("nobody")) == (0, [])


def test_account__liquidated__stays_until_it_is_collected(world: World) -> None:
    world.open("trader", 1_000 * WAD, 5_000 * USD)
    world.set_price(world.position("trader").beta * 1_000 // 992)
    world.crank()
    _, (view,) = world.lens.account(world.account("trader"))
    assert view.units == 0
    assert view.cash_owed > 0
    world.market.sync(world.account("trader"))
    assert world.lens.account(world.account("trader"))[1] == []


def test_position__at_liquidation_price__turns_liquidatable(world: World) -> None:
    for name, size in (("long", 1_000), ("short", -1_000)):
        world.open(name, size * WAD, 5_000 * USD)
    for name, sign in (("long", 1), ("short", -1)):
        price = position(world, name).liquidation_price
        with boa.env.anchor():
            world.set_price(price + sign * WAD // 10_000, after=0)
            assert not position(world, name).is_liquidatable
        with boa.env.anchor():
            world.set_price(price - sign * WAD // 10_000)
            assert position(world, name).is_liquidatable


def test_position__at_bankruptcy_price__has_no_equity(world: World) -> None:
    world.open("long", 1_000 * WAD, 5_000 * USD)
    price = position(world, "long").bankruptcy_price
    world.set_price(price)
    view = position(world, "long")
    # a second's funding
    assert view.equity < USD
    world.set_price(price - WAD)
    view = position(world, "long")
    assert view.equity == 0
    assert view.leverage == 2**256 - 1


def test_position__new_price__has_equity_pnl_and_leverage_of_it(world: World) -> None:
    world.open("long", 100 * WAD, 2_000 * USD)
    before = position(world, "long")
    world.set_price(110 * WAD)
    after = position(world, "long")
    assert after.index_price == 110 * WAD
    assert after.notional == 11_000 * USD
    assert abs(after.equity - before.equity - 1_000 * USD) < USD // 100
    assert abs(after.pnl - before.pnl - 1_000 * USD) <= 1
    assert after.leverage == after.notional * WAD // after.equity
    world.set_price(95 * WAD)
    assert position(world, "long").pnl < 0


def test_position__none__is_empty(world: World) -> None:
    view = position(world, "nobody")
    assert view.units == view.equity == view.liquidation_price == view.lights == 0
