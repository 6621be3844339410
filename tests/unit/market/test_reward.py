"""A reward that nobody can pay."""

from __future__ import annotations

import boa

from tests.system import WAD, World, build_world, check_books, events

USD = 10**6


def empty_the_vault(world: World) -> None:
    cash = world.pool.balance_of(world.vault.address)
    with boa.env.prank(world.vault.address):
        world.pool.pay(world.treasury, cash)


def lose(world: World, cash: int) -> None:
    """The market's cash shrinks: how its books come out does not depend on why."""
    with boa.env.prank(world.market.address):
        world.pool.settle(0, [(world.treasury, cash)])


def test_reward__market_covered_to_the_coin_and_nobody_has_more__is_cut_and_settles_nothing(anchored: None) -> None:
    world = build_world(vault=100_000, skin=0, insurance=0, reserve=0, loss_budget=5_000 * USD)
    world.open("loser", 10 * WAD, 40 * USD)
    world.open("winner", -10 * WAD, 130 * USD)
    params = world.market.params()._replace(loss_budget=10_000, adl_step_bps=10_000)
    with boa.env.prank(world.owner):
        world.market.set_params(params)
    # longs and shorts are even: a price costs the vault nothing, and winners bear what the loser lacks
    world.set_price(90 * WAD)
    empty_the_vault(world)
    with boa.env.anchor():
        before = world.pool.balance_of(world.keeper)
        world.crank()
        assert events(world.market, "Deleveraged")
        dust = world.pool.balance_of(world.keeper) - before
    # what rounding left
    assert 0 < dust < 10
    for taken, is_settling in ((dust - 1, False), (dust, False), (dust + 1, True)):
        with boa.env.anchor():
            lose(world, taken)
            before = world.pool.balance_of(world.keeper)
            world.crank()
            assert world.state().is_settling == is_settling
            if not is_settling:
                assert world.pool.balance_of(world.keeper) - before == dust - taken
                check_books(world)
