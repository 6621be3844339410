from __future__ import annotations

import boa
import pytest

from tests.regressions.support import USD, Desk, build_desk
from tests.regressions.traps import trap
from tests.system import WAD, build_world, events
from tests.unit import support

GAS = 30_000_000
CANNOT_APPLY = {
    "calldata is not paid for": (
        "nothing is refunded by gas measured in the call: floor and order fee are fixed amounts of the currency, and "
        "whether they cover a whole transaction, calldata included, the keeper weighs before it sends"
    ),
}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return build_desk()


def with_work(desk: Desk) -> tuple[int, object]:
    """A bucket to liquidate in the market of the desk, and a report that makes it so."""
    world = desk.world
    account = world.fund("loser", 3_000 * USD + world.order_book.keeper_fee())
    market = world.markets[-1]
    order = (market.address, 0, 1_000 * WAD, 3_000 * USD, 0, 0, False, boa.env.timestamp + 600)
    with boa.env.prank(account):
        id_ = int(world.order_book.place(order))
    boa.env.time_travel(seconds=1)
    assert desk.act(desk.report(100 * WAD), orders=[id_]).orders_filled == 1
    boa.env.time_travel(seconds=1)
    return market.position(account).beta * 1_000 // 995, market


@trap("a hostile contract or its revert data blocks a batch")
@pytest.mark.parametrize("mode", ["revert with text", "revert with junk", "burn", "no code", "a token"])
def test_batch__hostile_market_in_front__the_others_are_served(desk: Desk, mode: str) -> None:
    price, market = with_work(desk)
    world = desk.world
    hostile = support.deployer("StubMarket").deploy(world.pool.address, desk.feed.address, support.FEED)
    if mode == "revert with text":
        hostile.will_revert("x" * 96)
    elif mode == "revert with junk":
        hostile.will_revert_with(b"\xff" * 256)
    elif mode == "burn":
        hostile.will_burn_gas()
    address = {"no code": world.account("nobody"), "a token": world.token.address}.get(mode, hostile.address)
    results = desk.act(desk.report(price), [address, market], orders=[2**64, 0], gas=GAS)
    assert results.buckets == [0, 1]
    assert results.orders_waiting == 2
    assert results.reward >= world.market.params().reward_floor
    assert world.pool.balance_of(desk.relay.address) == 0


@trap("empty lists earn a fee")
def test_empty__nothing_to_do__earns_nothing(desk: Desk) -> None:
    before = desk.world.pool.balance_of(desk.world.keeper)
    assert desk.act().reward == 0
    boa.env.time_travel(seconds=1)
    assert desk.act(desk.report(100 * WAD), desk.world.markets * 4, 1_000).reward == 0
    for market in range(len(desk.world.markets)):
        assert desk.world.crank(market=market) == 0
    assert desk.world.pool.balance_of(desk.world.keeper) == before


@trap("a fee fixed when placing strands the order")
def test_fee__raised_after_placing__order_pays_the_old_one_and_its_owner_can_execute_it() -> None:
    world = build_world()
    old = world.order_book.keeper_fee()
    account = world.fund("trader", 500 * USD + old)
    order = world.place("trader", WAD, 500 * USD)
    with boa.env.prank(world.owner):
        world.order_book.set_keeper_fee(10 * USD)
    assert world.order_book.order_state(order).keeper_fee == old
    world.refresh()
    # no keeper wants it for that: the owner does it and keeps the fee
    free = world.free("trader")
    with boa.env.prank(account):
        assert world.order_book.execute(order)
    assert world.free("trader") >= free + old
    assert world.position("trader").units == WAD


@trap("a paused market blocks the others")
def test_pause__of_one_market__leaves_the_other_alone() -> None:
    world = build_world(markets=2)
    relay = support.deployer("Relay").deploy(world.source.address, world.order_book.address, world.pool.address)
    with boa.env.prank(world.owner):
        world.pool.set_engine(relay.address, True)
        world.markets[0].set_increase_paused(True)
    orders = []
    for market in (0, 1):
        world.fund("trader", 500 * USD + world.order_book.keeper_fee())
        orders.append(world.place("trader", WAD, 500 * USD, market))
    for market in (0, 1):
        world.refresh(market)
    with boa.env.prank(world.keeper):
        results = relay.act([], [each.address for each in world.markets], 10, orders, gas=GAS)
    assert (results.orders_filled, results.orders_failed) == (1, 1)
    assert world.position("trader", 1).units == WAD
    # the order for the paused market is over, and its escrow is back
    assert world.free("trader") >= 500 * USD


@trap("a spike of the gas price strands orders")
def test_spike__nobody_executes__escrow_comes_back_to_whom_it_belongs() -> None:
    world = build_world()
    fee = world.order_book.keeper_fee()
    account = world.fund("trader", 500 * USD + fee)
    with boa.env.prank(account):
        order = (world.market.address, 0, WAD, 500 * USD, 0, 0, False, boa.env.timestamp + 60)
        id_ = world.order_book.place(order)
    with boa.env.anchor(), boa.env.prank(account):
        world.order_book.cancel(id_)
        assert world.free("trader") == 500 * USD + fee
    boa.env.time_travel(seconds=61)
    # expired: anybody may clear it away
    with boa.env.prank(world.account("passer-by")):
        world.order_book.cancel(id_)
    assert world.free("trader") == 500 * USD + fee


@trap("a spike of the gas price strands orders")
def test_spike__keeper_saves_on_gas__cannot_end_the_order() -> None:
    world = build_world()
    world.fund("trader", 500 * USD + world.order_book.keeper_fee())
    order = world.place("trader", WAD, 500 * USD)
    world.refresh()
    ended = 0
    for gas in range(60_000, 420_000, 15_000):
        with boa.env.anchor(), boa.env.prank(world.keeper):
            try:
                world.order_book.execute(order, gas=gas)
            except boa.BoaError:
                continue
            ended += 1
            assert events(world.order_book, "OrderExecuted"), gas
    assert ended > 0


@trap("a spike of the gas price strands orders", "a fee fixed when placing strands the order")
def test_spike__order_topped_up__pays_its_keeper_more() -> None:
    world = build_world()
    fee = world.order_book.keeper_fee()
    world.fund("trader", 500 * USD + fee)
    friend = world.fund("friend", 40 * USD)
    order = world.place("trader", WAD, 500 * USD)
    with boa.env.prank(friend):
        world.order_book.top_up(order, 40 * USD)
    world.refresh()
    assert world.execute(order)
    # all of it: no price of gas is set here
    assert world.pool.balance_of(world.keeper) == fee + 40 * USD
    assert world.position("trader").units == WAD
