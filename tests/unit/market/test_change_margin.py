"""Adding and removing margin moves the bucket and nothing else."""

from __future__ import annotations

import boa

from tests.system import WAD, World, check_books

USD = 10**6


def add(world: World, name: str, amount: int) -> None:
    with boa.env.prank(world.account(name)):
        world.order_book.add_margin(world.market.address, amount)


def remove(world: World, name: str, amount: int) -> None:
    with boa.env.prank(world.account(name)):
        world.order_book.remove_margin(world.market.address, amount)


def equity(world: World, name: str) -> int:
    position = world.position(name)
    adjusted = world.state().index_price - world.state().funding_index
    coordinate = adjusted if position.side == 0 else -adjusted
    return int(position.units * (coordinate - position.beta) // 10**30)


def test_add_margin__lowers_the_bankruptcy_price(world: World) -> None:
    world.open("trader", 1_000 * WAD, 5_000 * USD)
    before = world.position("trader")
    wealth = equity(world, "trader") + world.free("trader")
    world.fund("trader", 5_000 * USD)
    world.refresh()
    add(world, "trader", 5_000 * USD)
    after = world.position("trader")
    assert after.beta < before.beta
    assert after.units == before.units
    assert after.entry_price == before.entry_price
    assert after.basis > before.basis
    gained = equity(world, "trader") + world.free("trader") - wealth
    assert 5_000 * USD - 100_000 <= gained <= 5_000 * USD
    check_books(world)


def test_remove_margin__profit_first__keeps_the_basis(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    basis = world.position("trader").basis
    world.set_price(110 * WAD)
    remove(world, "trader", 5_000 * USD)
    assert 0 <= basis - world.position("trader").basis <= basis >> 34
    assert world.free("trader") >= 5_000 * USD
    check_books(world)


def test_remove_margin__beyond_the_initial_margin__reverts(world: World) -> None:
    world.open("trader", 1_000 * WAD, 5_000 * USD)
    world.refresh()
    with boa.reverts("below initial margin"):
        remove(world, "trader", 3_000 * USD)
    with boa.reverts("more than the position's equity"):
        remove(world, "trader", 30_000 * USD)
    check_books(world)


def test_change_margin__bad_input__reverts(world: World) -> None:
    world.fund("trader", USD)
    with boa.reverts("no position"):
        add(world, "trader", USD)
    with boa.reverts("amount is zero"):
        add(world, "trader", 0)
    with boa.reverts("not enough free balance"):
        add(world, "nobody", USD)


def test_remove_margin__stale_price_or_pause__reverts(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    boa.env.time_travel(seconds=100)
    with boa.reverts("wait: stale price"):
        remove(world, "trader", USD)
    world.refresh()
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    with boa.reverts("market is paused"):
        remove(world, "trader", USD)


def test_remove_margin__bankrupt_bucket_open__reverts(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.open("trader", 1_000 * WAD, 50_000 * USD)
    world.set_price(90 * WAD)
    with boa.reverts("wait: crank first"):
        remove(world, "trader", USD)
