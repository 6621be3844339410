"""A quote is what the trade then does; its error is the market's own reason."""

from __future__ import annotations

import boa
import pytest

from tests.system import WAD, World, build_world, events

USD = 10**6


def quote(world: World, name: str, size: int, margin: int) -> object:
    return world.lens.quote(world.market.address, world.account(name), size, margin)


def check(world: World, name: str, size: int, margin: int) -> None:
    """Quote, trade, compare."""
    world.fund(name, margin + int(world.order_book.keeper_fee()))
    order = world.place(name, size, margin)
    world.refresh()
    told = quote(world, name, size, margin)
    assert told.error == ""
    before = world.free(name)
    assert world.execute(order)
    (fill,) = events(world.market, "Traded") or events(world.order_book, "Traded")
    assert (told.fill_price, told.fee, told.premium) == (fill.fill_price, fill.fee, fill.premium)
    assert world.free(name) - before == told.paid_out
    after = world.lens.position(world.market.address, world.account(name))
    assert told.units_after == (after.units if after.side == 0 else -after.units)
    assert told.liquidation_price == after.liquidation_price
    # the market keeps 45 bits of it
    assert 0 <= told.entry_price - after.entry_price <= told.entry_price >> 44
    assert told.leverage == pytest.approx(after.leverage, rel=1e-6)


def test_quote__open_increase_reduce_flip_close__is_what_happens(world: World) -> None:
    world.open("other", -700 * WAD, 20_000 * USD)
    check(world, "trader", 300 * WAD, 3_000 * USD)
    check(world, "trader", 200 * WAD, 1_500 * USD)
    world.set_price(102 * WAD)
    check(world, "trader", -150 * WAD, 0)
    check(world, "trader", -600 * WAD, 4_000 * USD)
    check(world, "trader", 250 * WAD, 0)


@pytest.mark.parametrize(("lots", "size"), [(300, -(2**255)), (-300, 2**255 - 1)])
def test_quote__full_close__is_that_of_all_units(world: World, lots: int, size: int) -> None:
    world.open("trader", lots * WAD, 3_000 * USD)
    world.refresh()
    told = quote(world, "trader", size, 0)
    assert told.error == "" and told.units_after == 0 and told.paid_out > 0
    assert told == quote(world, "trader", -lots * WAD, 0)
    # nothing there, or on the other side
    assert quote(world, "trader", -size - 1, 0).error == "nothing to reduce"
    assert quote(world, "nobody", size, 0).error == "nothing to reduce"


@pytest.mark.parametrize(
    ("size", "margin", "reason"),
    [
        (0, 100, "size is zero"),
        (2**112, 100, "size out of range"),
        (100 * WAD, 150, "below initial margin"),
        (100 * WAD, 1, "margin does not cover premium and fee"),
        (WAD // 10, 10, "position below the smallest value"),
        (40_000 * WAD, 1_000_000, "market is at its open capacity"),
        (WAD, 10**15, "margin per unit out of range"),
    ],
)
def test_quote__refused__says_why(world: World, size: int, margin: int, reason: str) -> None:
    world.refresh()
    assert quote(world, "trader", size, margin * USD).error == reason


def test_quote__bankrupt_bucket_open__says_crank_first(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.set_price(90 * WAD)
    assert quote(world, "trader", WAD, 100 * USD).error == "wait: crank first"


def test_quote__stale_price__says_so(world: World) -> None:
    boa.env.time_travel(seconds=61)
    assert quote(world, "trader", WAD, 100 * USD).error == "wait: stale price"


def test_quote__paused__only_reduces(world: World) -> None:
    world.open("trader", 100 * WAD, 2_000 * USD)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    world.refresh()
    assert quote(world, "trader", WAD, 100 * USD).error == "market is paused"
    assert quote(world, "trader", -WAD, 0).error == ""


def test_quote__settling__pays_its_part_of_the_equity(anchored: None) -> None:
    world = build_world(vault=20_000, loss_budget=100_000 * USD, skin=0, insurance=0)
    world.open("trader", 1_000 * WAD, 20_000 * USD)
    world.set_price(160 * WAD)
    world.crank()
    assert world.state().is_settling
    told = quote(world, "trader", -1_000 * WAD, 0)
    assert told.error == ""
    assert told.paid_out < world.lens.position(world.market.address, world.account("trader")).equity
    before = world.free("trader")
    world.close("trader")
    assert world.free("trader") - before == told.paid_out
    assert quote(world, "trader", WAD, 0).error == "nothing to reduce"
