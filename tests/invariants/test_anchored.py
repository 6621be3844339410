"""Sequences worth keeping: found by comparing market and model, or a layer that random play seldom reaches."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from plimsoll.reference import Params
from plimsoll.reference.market import FAIR_ADL
from tests.invariants.world import CASH, WAD, World

ODD = 1_234_567  # keeps coordinates off the ticks


@pytest.fixture(autouse=True)
def _rolled_back() -> Iterator[None]:
    with boa.env.anchor():
        yield


def build(vault: int, budget: int, **params: int) -> World:
    """A market at 100 USD without insurance; `vault` and `budget` in USD."""
    values = {"max_age": 3_600, "skew_scale": 10_000 * WAD, **params}
    world = World(Params(loss_budget=budget * CASH, **values), vault * CASH)
    for name in ("a", "b", "c", "d"):
        world.add_owner(name, 1_000_000 * CASH)
    move(world, 100 * WAD)
    return world


def move(world: World, price: int, chunk: int = 1_000) -> None:
    world.pass_time(60)
    world.set_price(price + ODD)
    world.crank(chunk)
    world.compare()


def test_adl__losers_have_equity_left__winners_are_closed_at_the_index_price() -> None:
    world = build(vault=100_000, budget=1_000)
    assert world.trade("a", 30 * WAD + 7, 95 * CASH)
    for _ in range(5):
        assert world.trade("b", -30 * WAD, 130 * CASH)
        assert world.trade("c", -30 * WAD, 170 * CASH)
        assert world.trade("a", 60 * WAD, 190 * CASH)
    # less than 1 % of equity is left
    move(world, WAD * 978 // 10, chunk=1)
    assert [d.loss_per_unit for d in world.model.deleveragings] == [0] * len(world.model.deleveragings)
    assert world.model.deleveragings and "a" not in world.model.positions


def test_fair_adl__interrupted_after_each_bucket__goes_on_to_the_backstop_capacity() -> None:
    world = build(vault=200_000, budget=10_000, adl_step_bps=1_000)
    assert world.trade("a", 170 * WAD + 7, 9_000 * CASH)
    assert world.trade("b", 130 * WAD + 7, 4_000 * CASH)
    move(world, 130 * WAD, chunk=1)
    assert {d.for_bucket for d in world.model.deleveragings} == {FAIR_ADL}
    assert {d.step for d in world.model.deleveragings} > {1}


def test_settling__everybody_leaves__in_any_order_with_the_same_part() -> None:
    world = build(vault=1_000, budget=100_000)
    assert world.trade("a", 700 * WAD + 7, 20_000 * CASH)
    assert world.trade("b", 300 * WAD + 7, 20_000 * CASH)
    assert world.trade("c", -200 * WAD - 7, 20_000 * CASH)
    move(world, 130 * WAD)
    assert world.model.is_settling
    assert 0 < world.model.coverage < 1
    part = world.model.coverage
    assert world.trade("b", -300 * WAD - 7, 0)
    world.compare()
    assert world.model.coverage == part
    assert world.trade("a", -300 * WAD, 0)
    assert world.trade("c", 200 * WAD + 7, 0)
    assert world.trade("a", -400 * WAD - 7, 0)
    world.compare()
    assert not world.model.positions


def test_close__vault_short_of_the_premium__is_not_blocked() -> None:
    world = build(vault=1_000, budget=100_000)
    assert world.trade("a", 1_000 * WAD, 20_000 * CASH)
    # the variation margin leaves the vault 30 USD; closing at the skew fill would bring the owner 5 % of notional
    move(world, 106 * WAD)
    assert not world.model.is_settling
    world.book.trade(world.market.address, world.owners["a"], -1_000 * WAD, 0, 0, True)
    assert world.market.position(world.owners["a"]).units == 0


def test_add_margin__still_below_the_initial_margin__is_taken() -> None:
    world = build(vault=100_000, budget=60_000)
    assert world.trade("a", 1_000 * WAD, 8_100 * CASH)
    assert world.trade("b", -1_000 * WAD, 20_000 * CASH)
    # 1.6 % of equity: neither liquidatable nor enough for a new position
    price = world.market.position(world.owners["a"]).beta * 1_000 // 984
    move(world, price)
    assert "a" in world.model.positions
    assert world.change_margin("a", 100 * CASH)


def half_deleveraged_bucket() -> World:
    """b and c share a bucket of shorts, of which half was deleveraged for a; d is a long that is in no danger."""
    world = build(vault=100_000, budget=1_000, skew_scale=10**9 * WAD, adl_step_bps=3_333)
    assert world.trade("a", 30 * WAD + 7, 75 * CASH)
    assert world.trade("b", -50 * WAD, 205 * CASH)
    assert world.trade("d", 45 * WAD + 7, 900 * CASH)
    assert world.trade("c", -40 * WAD, 164 * CASH)
    assert world.trade("a", 15 * WAD, 38 * CASH)
    assert world.model.positions["b"].bucket == world.model.positions["c"].bucket
    move(world, 95 * WAD, chunk=1)
    assert "a" not in world.model.positions
    assert {d.step for d in world.model.deleveragings} == {1, 2}
    assert 20 * WAD < world.model.positions["b"].units < 30 * WAD
    return world


def test_one_bucket__half_deleveraged__owners_leave_and_grow_with_their_parts() -> None:
    world = half_deleveraged_bucket()
    assert world.trade("c", 5 * WAD, 0)
    world.compare()
    assert world.trade("b", -5 * WAD, 60 * CASH)
    world.compare()
    world.sync("c")
    world.compare()
    for price in (96, 93, 97, 99):
        move(world, price * WAD, chunk=2)


def test_one_bucket__joined_after_deleveraging__shares_stand_for_fewer_units() -> None:
    world = half_deleveraged_bucket()
    bucket = world.model.positions["c"].bucket
    # one more unit with what a unit of the bucket is worth: out, and in again where a share is less than a unit
    assert world.trade("c", -1 * WAD, 10 * CASH)
    assert world.model.positions["c"].bucket == bucket
    held = world.market.bucket(bucket)
    assert held.shares > held.units + 20 * WAD
    world.compare()
    for price in (96, 93, 97, 110):
        move(world, price * WAD, chunk=2)
