from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.regressions.support import USD, set_params
from tests.regressions.traps import trap
from tests.system import NONE, SHORT, WAD, World, beta_of, build_world, check_books, events, floor_of


@pytest.fixture(scope="module")
def crowded() -> World:
    """Longs that a fall to 90 bankrupts against shorts of every leverage; no capital stands between them."""
    world = build_world(vault=100_000, skin=0, insurance=0, loss_budget=5_000 * USD)
    for i in range(6):
        world.open(f"long {i}", 10 * WAD, (30 + 3 * i) * USD)
        world.open(f"short {i}", -10 * WAD, (40 + 60 * i) * USD)
    return world


def close_the_vault(world: World) -> None:
    """From the next price on it takes no distressed flow worth speaking of."""
    set_params(world, loss_budget=10_000)


def ceil_of(bucket: int) -> int:
    return floor_of((bucket >> 16 & 255) + 1)


def deleveraged(world: World) -> list[Any]:
    return events(world.market, "Deleveraged")


@trap("no bound on the price that a deleveraged owner gets")
def test_price__uncovered_losses__cost_profit_and_never_margin(crowded: World) -> None:
    world = crowded
    before = {f"short {i}": world.position(f"short {i}") for i in range(6)}
    close_the_vault(world)
    world.set_price(90 * WAD)
    world.crank()
    hits = deleveraged(world)
    assert hits
    losses = sum(event.adl for event in events(world.market, "Liquidated"))
    assert sum(hit.claim for hit in hits) == losses > 0
    for hit in hits:
        per_unit = -(hit.index_price - hit.funding_index) - beta_of(hit.bucket)
        full = hit.units * per_unit // 10**30
        # today's fair price less what the shortfall needs, for which there is a claim; the ceiling is above the basis
        assert abs(full - hit.paid - hit.claim) <= 1
        assert hit.paid >= hit.units * ceil_of(hit.bucket) // 10**30
    for name, held in before.items():
        after = world.position(name)
        closed = held.units - after.units
        assert after.cash_owed + 1 >= closed * held.basis // 10**30
        world.market.sync(world.account(name))
        assert world.recovery.balanceOf(world.account(name)) == after.claim_owed
    check_books(world)


@trap("the victim is no candidate any more")
def test_victim__leaves_just_before__the_next_in_order_gives(crowded: World) -> None:
    world = crowded
    world.set_price(98 * WAD + WAD // 2)
    first, second, *_ = world.lens.queue(world.market.address, SHORT, 6)
    (leaver,) = [f"short {i}" for i in range(6) if world.position(f"short {i}").bucket == first.bucket]
    world.fund(leaver, world.order_book.keeper_fee())
    order = world.place(leaver, 10 * WAD, 0, reduce_only=True)
    world.refresh()
    assert world.execute(order), world.failure()
    close_the_vault(world)
    world.set_price(90 * WAD)
    world.crank()
    hits = deleveraged(world)
    assert hits[0].bucket == second.bucket
    assert first.bucket not in {hit.bucket for hit in hits}
    assert world.position(leaver).units == 0
    check_books(world)


@trap("the victim is no candidate any more")
def test_victim__not_in_profit__is_never_touched(crowded: World) -> None:
    world = crowded
    world.open("late short", -10 * WAD, 400 * USD)
    late = world.position("late short")
    close_the_vault(world)
    world.set_price(95 * WAD)
    assert -(95 * WAD) - late.beta < ceil_of(late.bucket)
    world.crank()
    assert deleveraged(world)
    assert world.position("late short").units == late.units
    assert world.position("late short").cash_owed == 0


@trap("decided by a state of an older block")
def test_state__price_came_back_before_the_crank__nobody_is_closed(crowded: World) -> None:
    world = crowded
    close_the_vault(world)
    with boa.env.anchor():
        world.set_price(90 * WAD)
        assert world.lens.work(world.market.address).bankrupt_buckets > 0
    units = world.state().units_short
    # the keeper saw the crash and sends its crank; in its block the price is back
    world.set_price(90 * WAD)
    world.set_price(100 * WAD)
    assert world.crank() == 0
    assert not deleveraged(world)
    assert world.state().units_short == units


@trap("the order is not enforced")
def test_order__hostile_keepers_crank_one_by_one__best_score_gives_first(crowded: World) -> None:
    world = crowded
    close_the_vault(world)
    world.set_price(90 * WAD)
    queue = [item.bucket for item in world.lens.queue(world.market.address, SHORT, 6)]
    hits = []
    for turn in range(60):
        with boa.env.prank(world.account(f"keeper {turn % 3}")):
            done = world.market.crank(1)
        hits += deleveraged(world)
        if not done:
            break
    assert hits
    for step in {hit.step for hit in hits}:
        scores = [hit.score for hit in hits if hit.step == step and hit.for_bucket != NONE]
        assert scores == sorted(scores, reverse=True)
    seen = list(dict.fromkeys(hit.bucket for hit in hits if hit.step == 1 and hit.for_bucket != NONE))
    assert seen == queue[: len(seen)]


@trap("the order is not enforced")
def test_order__split_account__gives_the_same_fraction_as_one(crowded: World) -> None:
    world = crowded
    given = {}
    for names in (("whole",), ("part 1", "part 2", "part 3", "part 4")):
        with boa.env.anchor():
            for name in names:
                world.open(name, -8 * WAD // len(names), 80 * USD // len(names))
            close_the_vault(world)
            before = sum(world.position(name).units for name in names)
            world.set_price(90 * WAD)
            world.crank()
            given[names] = before - sum(world.position(name).units for name in names)
    whole, parts = given.values()
    assert whole > 0
    # parts pay slightly different premiums, so they may end up a tick apart
    assert abs(whole - parts) <= whole // 20
