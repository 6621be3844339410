"""What the lens says there is to do is what crank then does."""

from __future__ import annotations

import boa

from tests.system import WAD, World, build_world, events

USD = 10**6


def test_work__nothing_to_do__is_nothing(world: World) -> None:
    world.open("long", 100 * WAD, 2_000 * USD)
    work = world.lens.work(world.market.address)
    assert not work.has_new_price and not work.is_adl_due
    assert work.liquidatable_buckets == work.bankrupt_buckets == work.buckets == 0


def test_work__new_price__is_told_until_it_is_taken(world: World) -> None:
    world.set_price(101 * WAD)
    assert world.lens.work(world.market.address).has_new_price
    world.crank()
    assert not world.lens.work(world.market.address).has_new_price


def test_work__old_price__is_stale(world: World) -> None:
    boa.env.time_travel(seconds=61)
    assert world.lens.work(world.market.address).is_stale


def test_work__fall__counts_liquidatable_and_bankrupt_buckets(world: World) -> None:
    for i, margin in enumerate((1_000, 1_500, 2_300, 4_000, 20_000)):
        world.open(f"long{i}", 400 * WAD, margin * USD)
    world.set_price(95 * WAD)
    work = world.lens.work(world.market.address)
    price = 95 * WAD - world.lens.market(world.market.address).funding_index
    betas = [world.position(f"long{i}").beta for i in range(5)]
    assert work.liquidatable_buckets == sum(price - beta < 95 * WAD // 100 for beta in betas) == 3
    assert work.bankrupt_buckets == sum(price < beta for beta in betas) == 2
    done = world.crank()
    assert len({e.bucket for e in events(world.market, "Liquidated")}) == 3
    assert done <= work.buckets
    assert world.lens.work(world.market.address).buckets == 0


def test_work__vault_above_its_trigger__is_due(anchored: None) -> None:
    world = build_world(vault=200_000, loss_budget=10_000 * USD, skin=0, insurance=0)
    world.open("long", 300 * WAD, 15_000 * USD)
    # 9,000 of the budget of 10,000 are used up: 300 units are worth 39,000, the trigger is at 1,000 / 5 % = 20,000
    world.set_price(130 * WAD)
    work = world.lens.work(world.market.address)
    assert work.is_adl_due and work.liquidatable_buckets == 0
    assert world.crank() > 0
    assert events(world.market, "Deleveraged")
    assert not world.lens.work(world.market.address).is_adl_due


def test_work__fair_adl_interrupted__is_still_due(anchored: None) -> None:
    world = build_world(vault=200_000, loss_budget=10_000 * USD, skin=0, insurance=0, adl_step_bps=1_000)
    world.open("long", 300 * WAD, 15_000 * USD)
    world.set_price(130 * WAD)
    done = 0
    while world.lens.work(world.market.address).is_adl_due:
        done += world.crank(1)
        assert done < 50
    assert world.crank() == 0
