from __future__ import annotations

import boa

from tests.regressions.support import USD, add_margin, equity, quote_error, refused, remove_margin
from tests.regressions.traps import trap
from tests.system import WAD, World, build_world, check_books, events

DAY = 86_400


def least_margin(world: World, name: str, size: int) -> int:
    """The least margin with which an order would be filled now, in base units."""
    low, high = 0, abs(size) * 100 // 10**12
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if not quote_error(world, name, size, middle) else (middle + 1, high)
    return low


@trap("opened and liquidatable at once")
def test_open__with_the_least_margin__is_healthy_at_that_price(world: World) -> None:
    for name, size in (("long", 1_000 * WAD), ("short", -700 * WAD)):
        least = least_margin(world, name, size)
        world.fund(name, least + world.order_book.keeper_fee())
        assert world.trade(name, size, least), world.failure()
        notional = abs(size) * world.state().index_price // 10**30
        assert equity(world, name) >= notional * 2 // 100
        assert world.crank() == 0
        assert world.position(name).units == abs(size)
        world.close(name)


@trap("margin removed against equity from before the accrual")
def test_remove_margin__allowed_yesterday__is_refused_after_a_day_of_funding(world: World) -> None:
    world.open("trader", 20_000 * WAD, 100_000 * USD)
    # to the coin what can be taken out now
    low, high = 0, 100_000 * USD
    while low < high:
        middle = (low + high + 1) // 2
        with boa.env.anchor():
            try:
                remove_margin(world, "trader", middle)
                low = middle
            except boa.BoaError:
                high = middle - 1
    assert low > 10_000 * USD
    boa.env.time_travel(seconds=5 * DAY)
    world.refresh()
    with boa.reverts("below initial margin"):
        remove_margin(world, "trader", low)


@trap("leverage measured against the wrong thing")
def test_remove_margin__after_a_doubled_price__initial_margin_is_of_the_notional_now(world: World) -> None:
    world.open("trader", 100 * WAD, 2_000 * USD)
    world.set_price(200 * WAD)
    worth = equity(world, "trader")
    assert worth > 11_900 * USD
    # two percent of 20,000, not of the 10,000 at entry, and not of the margin paid in
    with boa.reverts("below initial margin"):
        remove_margin(world, "trader", worth - 390 * USD)
    remove_margin(world, "trader", worth - 440 * USD)
    assert 400 * USD <= equity(world, "trader") <= 440 * USD


@trap("leverage measured against the wrong thing")
def test_open__profit_counts_and_loss_counts__as_margin(world: World) -> None:
    world.open("trader", 100 * WAD, 500 * USD)
    world.set_price(110 * WAD)
    # 1,500 of equity carry 500 units at 110 (1,100 of initial margin) without another coin
    world.fund("trader", world.order_book.keeper_fee())
    assert world.trade("trader", 400 * WAD, 0), world.failure()
    world.set_price(109 * WAD)
    world.fund("trader", world.order_book.keeper_fee())
    assert refused(world, "trader", 400 * WAD) == "below initial margin"


@trap("liquidation goes on while closing is stopped")
def test_stale_price__stops_liquidation_with_closing(world: World) -> None:
    world.open("trader", 1_000 * WAD, 3_000 * USD)
    world.fund("trader", world.order_book.keeper_fee())
    order = world.place("trader", -1_000 * WAD, 0, reduce_only=True)
    world.set_price(world.position("trader").beta * 1_000 // 995)
    boa.env.time_travel(seconds=61)
    with boa.reverts("wait: stale price"):
        world.execute(order)
    with boa.reverts("stale price"):
        world.crank()


@trap("liquidation goes on while closing is stopped")
def test_below_maintenance_and_paused__owner_closes_or_adds_margin_first(world: World) -> None:
    world.open("trader", 1_000 * WAD, 3_000 * USD)
    world.set_price(world.position("trader").beta * 1_000 // 995)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    with boa.env.anchor():
        world.close("trader")
        assert world.free("trader") > 0
        assert world.crank() == 0
    world.fund("trader", 3_000 * USD)
    add_margin(world, "trader", 3_000 * USD)
    assert world.crank() == 0
    assert world.position("trader").units == 1_000 * WAD


@trap("pending orders or fees left out of health")
def test_pending_order__its_escrow_is_neither_margin_nor_free(world: World) -> None:
    world.open("trader", 1_000 * WAD, 3_000 * USD)
    world.fund("trader", 5_000 * USD + world.order_book.keeper_fee())
    left = world.free("trader") - 5_000 * USD - world.order_book.keeper_fee()
    world.place("trader", WAD, 5_000 * USD)
    with boa.env.prank(world.account("trader")), boa.reverts("not enough free balance"):
        world.pool.withdraw(left + 1, world.account("trader"))
    world.set_price(world.position("trader").beta * 1_000 // 995)
    assert world.crank() == 1
    assert world.position("trader").units == 0


@trap("pending orders or fees left out of health")
def test_open__initial_margin_without_fee_and_premium__is_refused(world: World) -> None:
    size, margin = 1_000 * WAD, 2_000 * USD
    world.fund("trader", 2 * margin)
    assert refused(world, "trader", size, margin) == "below initial margin"
    # fee 50 USD, premium 5 USD, and what the tick takes
    least = least_margin(world, "trader", size)
    assert margin + 55 * USD <= least <= margin + 200 * USD


@trap("the liquidator chooses how much is closed")
def test_crank__by_one__takes_the_worst_bucket_whole_whoever_calls(world: World) -> None:
    for name, margin in (("safer", 4_000), ("worst", 2_500), ("middle", 3_000)):
        world.open(name, 1_000 * WAD, margin * USD)
    worst = world.position("worst")
    world.set_price(world.position("safer").beta * 1_000 // 995)
    with boa.env.prank(world.account("worst's rival")):
        assert world.market.crank(1) == 1
    (event,) = events(world.market, "Liquidated")
    assert (event.bucket, event.units, event.units_left) == (worst.bucket, 1_000 * WAD, 0)
    assert world.position("middle").units == world.position("safer").units == 1_000 * WAD


@trap("a partial close is booked off by its fee")
def test_decrease__half__pays_its_share_less_the_fee_and_leaves_the_other_half_alone(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    world.set_price(103 * WAD)
    position = world.position("trader")
    world.fund("trader", world.order_book.keeper_fee())
    free = world.free("trader") - world.order_book.keeper_fee()
    assert world.trade("trader", -500 * WAD, 0, reduce_only=True), world.failure()
    (event,) = events(world.order_book, "OrderExecuted")
    funding = world.state().funding_index
    gross = 500 * (event.fill_price - funding - position.beta) // 10**12
    # taker or maker, of 51,500 USD of notional
    assert event.fee == 51_500 * USD * 2 // 10_000
    assert gross - event.fee == event.paid_out == world.free("trader") - free
    half = 500 * (103 * WAD - funding - position.beta) // 10**12
    assert half - 1 <= equity(world, "trader") <= half
    assert world.position("trader").beta == position.beta
    check_books(world)


@trap("no reward for the keeper when nothing is left")
def test_crank__bankrupt_bucket_and_no_reserve__still_pays_the_floor() -> None:
    for reserve in (1_000, 0):
        with boa.env.anchor():
            world = build_world(reserve=reserve)
            world.open("loser", 100 * WAD, 500 * USD)
            world.set_price(world.position("loser").beta - WAD)
            before = world.pool.balance_of(world.keeper)
            assert world.crank() == 1
            (event,) = events(world.market, "Liquidated")
            assert event.penalty == 0
            assert world.pool.balance_of(world.keeper) - before == world.market.params().reward_floor
            check_books(world)
