"""A quote of a change of margin is what the change then does; its error is the market's own reason."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.system import WAD, World, build_world, floor_of

USD = 10**6


def quote(world: World, delta: int, name: str = "trader") -> Any:
    return world.lens.quote_margin(world.market.address, world.account(name), delta)


@pytest.mark.parametrize("delta", [40 * USD, 5_000 * USD, -40 * USD, -900 * USD])
def test_quote_margin__is_what_happens(world: World, delta: int) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    world.set_price(112 * WAD)
    told = quote(world, delta)
    assert told.error == ""
    account = world.fund("trader", abs(delta))
    before = world.free("trader")
    with boa.env.prank(account):
        if delta > 0:
            world.order_book.add_margin(world.market.address, delta)
        else:
            world.order_book.remove_margin(world.market.address, -delta)
    assert world.free("trader") - before == told.paid_out - max(0, delta)
    after = world.lens.position(world.market.address, account)
    assert (told.units_after, told.entry_price) == (after.units, after.entry_price)
    assert told.liquidation_price == after.liquidation_price
    assert 0 <= told.margin_locked - after.equity <= 1
    assert told.leverage == pytest.approx(after.leverage, rel=1e-8)
    assert (told.fill_price, told.premium, told.fee) == (0, 0, 0)
    assert told.rank.lights == after.lights


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        (0, "amount is zero"),
        (-1_000 * USD, "more than the position's equity"),
        (-(2**255), "amount out of range"),
        (2**255 - 1, "amount out of range"),
        (-790 * USD, "below initial margin"),
        (10**24, "margin per unit out of range"),
    ],
)
def test_quote_margin__refused__says_why(world: World, delta: int, reason: str) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    told = quote(world, delta)
    assert told.error == reason
    assert not any(told.rank)
    assert told.units_after == told.margin_locked == told.paid_out == 0


def test_quote_margin__into_a_class_of_wider_ticks__may_be_too_little(world: World) -> None:
    """A little short of the next class, at many prices: where beta would rise, lens and market refuse what is added."""
    margin = floor_of(133) * 100 // 10**12 - USD
    refused = 0
    for i in range(12):
        name = f"trader{i}"
        world.set_price(100 * WAD + i * WAD // 7)
        world.open(name, 100 * WAD, margin + 6 * USD)
        account = world.fund(name, 4 * USD)
        told = quote(world, 4 * USD, name)
        if told.error:
            refused += 1
            with boa.env.prank(account), boa.reverts("amount too small for its tick"):
                world.order_book.add_margin(world.market.address, 4 * USD)
            assert told.error == "amount too small for its tick"
        else:
            with boa.env.prank(account):
                world.order_book.add_margin(world.market.address, 4 * USD)
    assert 0 < refused < 12


def test_quote_margin__profit_out_of_the_reach_of_the_column__says_so(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    world.set_price(30_000 * WAD)
    # the margin that is left would do
    assert quote(world, -2_900_000 * USD).error == "bankruptcy price out of range"


def test_quote_margin__no_position__says_so(world: World) -> None:
    world.refresh()
    assert quote(world, USD, "nobody").error == "no position"


def test_quote_margin__stale_price__waits(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    boa.env.time_travel(seconds=61)
    assert quote(world, USD).error == "wait: stale price"


def test_quote_margin__bankrupt_bucket_open__waits(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.set_price(90 * WAD)
    assert quote(world, USD, "loser").error == "wait: crank first"


def test_quote_margin__paused__adds_only(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    world.refresh()
    assert quote(world, -USD).error == "market is paused"
    assert quote(world, 100 * USD).error == ""


def test_quote_margin__settling__says_close_instead(anchored: None) -> None:
    world = build_world(vault=20_000, loss_budget=100_000 * USD, skin=0, insurance=0)
    world.open("trader", 1_000 * WAD, 20_000 * USD)
    world.set_price(160 * WAD)
    world.crank()
    assert world.state().is_settling
    assert quote(world, USD).error == "market is settling: close instead"
