"""Cover that is drawn for a bucket and not used up: held for the rest of it, then back to where it came from."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.system import WAD, World, build_world, check_books, events

USD = 10**6


def interrupted(skin: int, insurance: int) -> tuple[World, list[Any]]:
    """A bankrupt long of 10 units, for which the vault has no room, after the first winner's part of the crank that
    closes it, and what was told of that."""
    world = build_world(vault=100_000, skin=skin, insurance=insurance, loss_budget=5_000 * USD)
    for name, units, margin in (("loser", 10, 30), ("first winner", -6, 60), ("second winner", -6, 90)):
        world.open(name, units * WAD, margin * USD)
    params = world.market.params()._replace(loss_budget=10_000, adl_step_bps=10_000)
    with boa.env.prank(world.owner):
        world.market.set_params(params)
    world.set_price(90 * WAD)
    closes: list[Any] = []
    while not closes or closes[-1].to_vault:
        assert world.crank(1) == 1
        closes = events(world.market, "Liquidated")
    assert world.position("loser").units > 0
    return world, closes


def fund(world: World) -> tuple[int, int]:
    return world.insurance.skin_in_the_game(), world.insurance.insurance()


@pytest.mark.parametrize(("skin", "insurance"), [(0, 200), (200, 0), (40, 300)])
def test_cover__new_price_before_the_end__goes_back_where_it_came_from(
    anchored: None, skin: int, insurance: int
) -> None:
    world, _ = interrupted(skin, insurance)
    before, owed = fund(world), world.state().claimable
    world.set_price(90 * WAD + 1)
    # takes the price in and touches no bucket
    with boa.env.prank(world.owner):
        world.market.set_params(world.market.params())
    back = [after - was for after, was in zip(fund(world), before, strict=True)]
    assert sum(back) > 0
    assert [amount > 0 for amount in back] == [skin > 0, insurance > 0]
    assert owed - world.state().claimable == sum(back)
    check_books(world)


def test_cover__same_price__is_drawn_once_and_used_in_equal_parts(anchored: None) -> None:
    world, closes = interrupted(40, 300)
    before = fund(world)
    while world.position("loser").units:
        assert world.crank(1) == 1
        closes += events(world.market, "Liquidated")
    assert all(after >= was for after, was in zip(fund(world), before, strict=True))
    first, second = (close for close in closes if close.units > WAD)
    # to a coin the same for each unit
    for part in ("skin_in_the_game", "insurance"):
        one, two = getattr(first, part) * second.units, getattr(second, part) * first.units
        assert abs(one - two) <= 2 * max(first.units, second.units)
    check_books(world)
