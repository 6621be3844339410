"""Collecting what liquidation and ADL owe: by anyone, for anyone, once."""

from __future__ import annotations

import boa

from tests.system import WAD, World, check_books, events

USD = 10**6


def liquidated(world: World) -> str:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.set_price(world.position("loser").beta * 1_000 // 992)
    world.crank()
    return world.account("loser")


def test_sync__by_anyone__pays_the_owner(world: World) -> None:
    loser = liquidated(world)
    owed = world.position("loser").cash_owed
    assert owed > 0
    free = world.free("loser")
    with boa.env.prank(world.account("stranger")):
        assert world.market.sync(loser) == (owed, 0)
    (told,) = events(world.market, "Collected")
    assert (told.account, told.cash, told.claim) == (loser, owed, 0)
    assert world.free("loser") == free + owed
    assert world.free("stranger") == 0
    check_books(world)


def test_sync__twice__pays_once(world: World) -> None:
    loser = liquidated(world)
    world.market.sync(loser)
    assert world.market.sync(loser) == (0, 0)
    assert world.position("loser").cash_owed == 0


def test_sync__nothing_owed__is_no_error(world: World) -> None:
    assert world.market.sync(world.account("stranger")) == (0, 0)
    world.open("trader", 100 * WAD, 5_000 * USD)
    assert world.market.sync(world.account("trader")) == (0, 0)
    assert world.position("trader").units == 100 * WAD


def test_sync__stale_price_and_pause__still_pays(world: World) -> None:
    loser = liquidated(world)
    boa.env.time_travel(seconds=10_000)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    cash, _ = world.market.sync(loser)
    assert cash > 0


def test_trade__after_a_liquidation__pays_what_is_owed_with_it(world: World) -> None:
    loser = liquidated(world)
    owed = world.position("loser").cash_owed
    free = world.free("loser")
    world.open("loser", 100 * WAD, 5_000 * USD)
    assert world.free("loser") > free + owed
    assert world.market.sync(loser) == (0, 0)
    check_books(world)


def test_sync__nobody_can_pay__stays_owed_and_is_paid_later(world: World) -> None:
    loser = liquidated(world)
    owed = world.position("loser").cash_owed
    claimable = world.state().claimable
    cash = world.state().cash
    with boa.env.prank(world.vault.address):
        world.pool.pay(world.treasury, world.pool.balance_of(world.vault.address))
    with boa.env.prank(world.market.address):
        world.pool.settle(0, [(world.treasury, cash - owed // 3)])
    # what is there now, and not a coin twice
    assert world.market.sync(loser) == (owed // 3, 0)
    assert world.market.sync(loser) == (0, 0)
    assert world.position("loser").cash_owed == owed - owed // 3
    assert world.state().claimable == claimable - owed // 3
    with boa.env.prank(world.treasury):
        world.pool.withdraw(owed, world.treasury)
    with boa.env.anchor():
        # a liquidation later it is owed more, and the two are paid as one
        world.engine_cash(world.vault, 10_000 * USD)
        world.open("loser", 1_000 * WAD, 5_000 * USD)
        world.set_price(world.position("loser").beta * 1_000 // 992)
        world.crank()
        both = world.position("loser").cash_owed
        assert both > owed - owed // 3
        due = world.state().claimable
        free = world.free("loser")
        assert world.market.sync(loser) == (both, 0)
        assert world.state().claimable == due - both
        assert world.free("loser") == free + both
    world.engine_cash(world.vault, 10_000 * USD)
    assert world.market.sync(loser) == (owed - owed // 3, 0)
    assert world.position("loser").cash_owed == 0
    assert world.state().claimable == claimable - owed
