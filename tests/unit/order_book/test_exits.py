"""Take-profit and stop-loss, and closing all that is there."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.system import World, build_world
from tests.unit.order_book.conftest import Desk, Order
from tests.unit.support import LIMIT, STOP, WAD, last_event

P = 100 * WAD
CLOSE_LONG, CLOSE_SHORT = -(2**255), 2**255 - 1


def take_profit(desk: Desk, **changes: Any) -> Order:
    terms = {"kind": LIMIT, "size_delta": -2 * WAD, "margin": 0, "trigger_price": 120 * WAD, "acceptable_price": 0}
    return desk.order(**{**terms, "reduce_only": True, **changes})


def stop_loss(desk: Desk, **changes: Any) -> Order:
    return take_profit(desk, **{"kind": STOP, "trigger_price": 90 * WAD, **changes})


def attach(desk: Desk, *exits: Order, by: str = "", **changes: Any) -> int:
    return place_exits(desk, desk.order(**changes), *exits, by=by)


def place_exits(desk: Desk, *exits: Order, by: str = "") -> int:
    place = desk.system.order_book.place_linked
    return int(desk.system.as_(by or desk.trader, place, desk.trader, [e.tuple_ for e in exits]))


def both(desk: Desk) -> tuple[Order, Order]:
    return take_profit(desk), stop_loss(desk)


def is_there(desk: Desk, *ids: int) -> list[bool]:
    return [desk.system.order_book.order(each).expires_at != 0 for each in ids]


def linked(desk: Desk) -> list[tuple[int, int, int]]:
    logs = desk.system.order_book.get_logs()
    return [(e.id, e.order_id, e.twin_id) for e in logs if type(e).__name__ == "OrderLinked"]


def test_place_linked__escrows_three_fees_and_says_what_hangs_together(desk: Desk) -> None:
    book, unit = desk.system.order_book, desk.system.unit
    exits = both(desk)
    order_id = attach(desk, *exits)
    assert linked(desk) == [(2, 1, 3), (3, 1, 2)]
    assert [tuple(book.order_state(i))[-2:] for i in (1, 2, 3)] == [(0, 0), (1, 3), (1, 2)]
    assert order_id == 1
    assert [tuple(book.order(i)) for i in (2, 3)] == [each.tuple_ for each in exits]
    assert desk.escrow == 50 * unit + 3 * desk.fee
    assert [book.order_state(i).owner for i in (1, 2, 3)] == [desk.trader] * 3


def test_place_linked__pair_and_single(desk: Desk) -> None:
    book = desk.system.order_book
    assert place_exits(desk, *both(desk)) == 1
    assert linked(desk) == [(1, 0, 2), (2, 0, 1)]
    assert place_exits(desk, stop_loss(desk)) == 3
    assert [tuple(book.order_state(i))[-2:] for i in (1, 2, 3)] == [(0, 2), (0, 1), (0, 0)]


def test_attached__wait_until_the_order_has_filled(desk: Desk) -> None:
    order_id = attach(desk, *both(desk))
    desk.new_price(80 * WAD)
    with boa.reverts("wait: attached to an order not filled"):
        desk.execute(order_id + 2)
    assert desk.execute(order_id)
    assert is_there(desk, 1, 2, 3) == [False, True, True]
    assert desk.execute(order_id + 2)
    assert desk.system.market.last_size_delta() == -2 * WAD
    assert is_there(desk, 1, 2, 3) == [False] * 3


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("is_attached", [True, False])
def test_exits__one_fills__the_other_is_cancelled_and_refunded(desk: Desk, which: int, is_attached: bool) -> None:
    unit = desk.system.unit
    first = attach(desk, *both(desk)) + 1 if is_attached else place_exits(desk, *both(desk))
    if is_attached:
        desk.new_price()
        desk.execute(first - 1)
    before, earned = desk.free(desk.trader), desk.free(desk.keeper)
    desk.new_price([121 * WAD, 89 * WAD][which])
    with boa.env.anchor(), boa.reverts("wait: trigger not reached"):
        desk.execute(first + 1 - which)
    assert desk.execute(first + which)
    assert last_event(desk.system.order_book, "OrderCancelled").id == first + 1 - which
    assert is_there(desk, first, first + 1) == [False, False]
    assert desk.free(desk.trader) == before + desk.fee
    assert desk.free(desk.keeper) == earned + desk.fee
    assert desk.escrow == 0 and unit


def test_exits__one_fails__the_other_stays(desk: Desk) -> None:
    first = place_exits(desk, *both(desk))
    desk.system.market.will_revert("price above the acceptable price")
    desk.new_price(121 * WAD)
    assert desk.execute(first) is False
    assert is_there(desk, first, first + 1) == [False, True]
    desk.system.market.will_fill(10_000, 0)
    desk.new_price(89 * WAD)
    assert desk.execute(first + 1)
    assert desk.escrow == 0


def test_exits__one_cancelled__the_other_fills_alone(desk: Desk) -> None:
    first = place_exits(desk, *both(desk))
    neighbour = desk.place(margin=1)
    desk.system.as_(desk.trader, desk.system.order_book.cancel, first)
    assert is_there(desk, first, first + 1, neighbour) == [False, True, True]
    desk.new_price(89 * WAD)
    assert desk.execute(first + 1)
    assert is_there(desk, neighbour) == [True]


@pytest.mark.parametrize("end", ["cancel", "fail", "expire"])
@pytest.mark.parametrize("count", [1, 2])
def test_attached__order_ends_without_a_fill__goes_with_it(desk: Desk, end: str, count: int) -> None:
    before = desk.place(margin=1)
    order_id = attach(desk, *both(desk)[:count], expires_at=boa.env.timestamp + 10)
    after = place_exits(desk, *both(desk))
    if end == "cancel":
        desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)
    else:
        desk.system.market.will_revert("no")
        desk.new_price(after=11 if end == "expire" else 1)
        assert desk.execute(order_id) is False
    assert is_there(desk, *range(order_id, order_id + 1 + count)) == [False] * (1 + count)
    assert is_there(desk, before, after, after + 1) == [True] * 3
    assert desk.free(desk.trader) == 1_000 * desk.system.unit - 1 - 3 * desk.fee


def test_attached__exit_already_cancelled__order_ends_all_the_same(desk: Desk) -> None:
    cancel = desk.system.order_book.cancel
    order_id = attach(desk, *both(desk))
    desk.system.as_(desk.trader, cancel, order_id + 1)
    desk.system.as_(desk.trader, cancel, order_id)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
    assert desk.escrow == 0


def test_attached__order_waits__exits_wait_with_it(desk: Desk) -> None:
    order_id = attach(desk, *both(desk))
    desk.system.market.will_revert("wait: crank first")
    desk.new_price()
    with boa.reverts("wait: crank first"):
        desk.execute(order_id)
    assert is_there(desk, 1, 2, 3) == [True] * 3


def test_exits__buy_side(desk: Desk) -> None:
    terms = {"size_delta": 2 * WAD}
    exits = take_profit(desk, trigger_price=90 * WAD, **terms), stop_loss(desk, trigger_price=110 * WAD, **terms)
    order_id = attach(desk, *exits, size_delta=-2 * WAD, acceptable_price=0)
    desk.new_price()
    desk.execute(order_id)
    desk.new_price(110 * WAD)
    assert desk.execute(order_id + 2)


@pytest.mark.parametrize(
    ("tp", "sl", "error"),
    [
        ({"reduce_only": False}, {}, "exits: only reduce, at a trigger"),
        ({"size_delta": WAD}, {}, "exits: wrong side"),
        ({}, {"size_delta": WAD}, "exits: wrong side"),
        ({"market": "other"}, {}, "exits: other market"),
        ({"kind": STOP}, {}, "exits: take-profit, then stop-loss"),
        ({}, {"kind": LIMIT}, "exits: take-profit, then stop-loss"),
        ({"trigger_price": 90 * WAD}, {}, "exits: triggers on the wrong sides"),
        ({"trigger_price": 80 * WAD}, {}, "exits: triggers on the wrong sides"),
        ({"size_delta": 0}, {}, "size is zero"),
        ({}, {"expires_at": 0}, "already expired"),
    ],
)
@pytest.mark.parametrize("is_attached", [True, False])
def test_exits__bad_input__says_what_is_wrong_and_moves_nothing(
    desk: Desk, tp: dict[str, Any], sl: dict[str, Any], error: str, is_attached: bool
) -> None:
    tp = {name: desk.system.other_market.address if value == "other" else value for name, value in tp.items()}
    exits = take_profit(desk, **tp), stop_loss(desk, **sl)
    if not is_attached and tp.get("size_delta") == WAD:
        return  # then the first says which side is meant
    if not is_attached and "reduce_only" in tp:
        return
    if not is_attached and "market" in tp:
        return
    with boa.reverts(error):
        attach(desk, *exits) if is_attached else place_exits(desk, *exits)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
    assert desk.system.order_book.next_id() == 1


@pytest.mark.parametrize("kind", [LIMIT, STOP])
@pytest.mark.parametrize("side", [1, -1])
def test_attached__exit_on_the_wrong_side_of_the_order__would_fill_at_once_and_is_refused(
    desk: Desk, kind: int, side: int
) -> None:
    def exit_at(exit_kind: int, offset: int) -> Order:
        return take_profit(desk, kind=exit_kind, size_delta=-2 * WAD * side, trigger_price=P + side * offset)

    lead = {"kind": kind, "size_delta": 2 * WAD * side, "trigger_price": P, "acceptable_price": 0}
    for exits in (
        [exit_at(LIMIT, 0)],
        [exit_at(LIMIT, -1)],
        [exit_at(STOP, 0)],
        [exit_at(STOP, 20 * WAD)],
        [exit_at(LIMIT, -10 * WAD), exit_at(STOP, -20 * WAD)],
        [exit_at(LIMIT, 20 * WAD), exit_at(STOP, 10 * WAD)],
    ):
        with boa.reverts("exits: trigger on the wrong side of the order"):
            attach(desk, *exits, **lead)
    attach(desk, exit_at(LIMIT, 1), exit_at(STOP, -1), **lead)
    # a market order has no trigger to compare with
    attach(desk, exit_at(STOP, 20 * WAD), size_delta=2 * WAD * side, acceptable_price=0)


def test_exits__none_or_without_trigger_or_of_a_reduction__reverts(desk: Desk) -> None:
    with boa.reverts("no exits"):
        attach(desk)
    with boa.reverts("no exits"):
        place_exits(desk)
    with boa.reverts("exits: only reduce, at a trigger"):
        place_exits(desk, take_profit(desk, kind=0, trigger_price=0))
    with boa.reverts("too many exits"):
        attach(desk, *both(desk), reduce_only=True)


def test_exits__of_somebody_else__need_a_grant(desk: Desk) -> None:
    key = desk.system.account("session key")
    for place in (attach, place_exits):
        with boa.reverts("not a delegate"):
            place(desk, *both(desk), by=key)
    grant = desk.system.order_book.set_delegate
    terms = (key, desk.system.market.address, boa.env.timestamp + 99)
    desk.system.as_(desk.trader, grant, *terms, 2, 202 * desk.system.unit)
    with boa.reverts("delegate: no orders left"):
        attach(desk, *both(desk), by=key)
    desk.system.as_(desk.trader, grant, *terms, 5, 202 * desk.system.unit)
    attach(desk, *both(desk), by=key)
    place_exits(desk, *both(desk), by=key)
    assert tuple(desk.system.order_book.delegate_terms(desk.trader, key))[2:] == (0, 0)


@pytest.mark.parametrize("size", [CLOSE_LONG, CLOSE_SHORT])
def test_full_close__keeps_its_size_and_asks_for_more_than_there_can_be(desk: Desk, size: int) -> None:
    order = desk.order(size_delta=size, reduce_only=True, acceptable_price=0)
    order_id = desk.place(order)
    assert tuple(desk.system.order_book.order(order_id)) == order.tuple_
    desk.new_price()
    assert desk.execute(order_id)
    assert desk.system.market.last_size_delta() == (2**112 - 1 if size > 0 else 1 - 2**112)
    assert desk.system.market.last_is_reduce_only()


@pytest.mark.parametrize("size", [CLOSE_LONG, CLOSE_SHORT])
def test_full_close__must_only_reduce(desk: Desk, size: int) -> None:
    with boa.reverts("size too big"):
        desk.place(size_delta=size)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


@pytest.mark.parametrize("side", [1, -1])
def test_full_close__leaves_nothing_behind(world: World, side: int) -> None:
    """Whatever came to the position after the order was placed."""
    world.open("trader", side * 100 * WAD, 1_000 * world.unit)
    world.fund("trader", world.unit)
    order = world.place("trader", CLOSE_LONG if side > 0 else CLOSE_SHORT, 0, reduce_only=True)
    world.open("trader", side * 33 * WAD + side * 7, 1_000 * world.unit)
    world.refresh()
    assert world.execute(order)
    assert world.position("trader").units == 0
    assert world.state().units_long == world.state().units_short == 0
    assert world.pool.balance_of(world.order_book.address) == 0


def test_exits__position_closed_meanwhile__cancels_itself_and_refunds(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * world.unit)
    trader = world.fund("trader", world.unit)
    later = boa.env.timestamp + 10_000
    exit_ = (world.market.address, STOP, CLOSE_LONG, 0, 95 * WAD, 0, True, later)
    with boa.env.prank(trader):
        exit_id = world.order_book.place_linked(trader, [exit_])
    world.close("trader")
    before = world.free("trader")
    world.set_price(94 * WAD)
    assert world.execute(exit_id) is False
    assert world.failure() == "nothing to reduce"
    assert world.free("trader") == before + world.order_book.keeper_fee()


def test_exits__owner_liquidated_before__refunds(world: World) -> None:
    world.open("trader", 100 * WAD, 300 * world.unit)
    world.open("other", -200 * WAD, 10_000 * world.unit)
    trader = world.fund("trader", world.unit)
    exit_ = (world.market.address, STOP, CLOSE_LONG, 0, 99 * WAD, 0, True, boa.env.timestamp + 10_000)
    with boa.env.prank(trader):
        exit_id = world.order_book.place_linked(trader, [exit_])
    world.set_price(90 * WAD)
    with boa.reverts("wait: crank first"):
        world.execute(exit_id)
    world.crank()
    before = world.free("trader")
    assert world.execute(exit_id) is False
    assert world.free("trader") >= before + world.order_book.keeper_fee()
    assert world.position("trader").units == 0


def test_stop__gaps_through__fills_at_the_first_price_beyond(world: World) -> None:
    world.open("trader", 100 * WAD, 3_000 * world.unit)
    trader = world.fund("trader", world.unit)
    exit_ = (world.market.address, STOP, CLOSE_LONG, 0, 95 * WAD, 0, True, boa.env.timestamp + 10_000)
    with boa.env.prank(trader):
        exit_id = world.order_book.place_linked(trader, [exit_])
    world.set_price(96 * WAD)
    with boa.reverts("wait: trigger not reached"):
        world.execute(exit_id)
    world.set_price(85 * WAD)
    assert world.execute(exit_id)
    fill = [e for e in world.order_book.get_logs() if type(e).__name__ == "OrderExecuted"][-1].fill_price
    assert fill == pytest.approx(85 * WAD, rel=1e-3)


def place_exit(world: World, *lead: tuple[object, ...], trigger: int = 90 * WAD) -> int:
    """A stop-loss for the trader's long, alone or behind `lead`; its id."""
    trader = world.fund("trader", 2_000 * world.unit)
    exit_ = (world.market.address, STOP, CLOSE_LONG, 0, trigger, 0, True, boa.env.timestamp + 10_000)
    with boa.env.prank(trader):
        return int(world.order_book.place_linked(trader, [*lead, exit_])) + len(lead)


def test_exits__position_gone__anyone_clears_them_away(world: World) -> None:
    """Or they would close the owner's next position."""
    world.open("trader", 100 * WAD, 1_000 * world.unit)
    exit_id, stranger = place_exit(world), world.account("stranger")
    with boa.reverts("not your order"), boa.env.prank(stranger):
        world.order_book.cancel(exit_id)
    world.close("trader")
    before = world.free("trader")
    with boa.env.prank(stranger):
        world.order_book.cancel(exit_id)
    assert world.free("trader") == before + world.order_book.keeper_fee()
    assert world.free("stranger") == 0


def test_exits__entry_not_filled_yet__are_nobody_elses_to_clear(world: World) -> None:
    later = boa.env.timestamp + 10_000
    entry = (world.market.address, LIMIT, 100 * WAD, 1_000 * world.unit, 95 * WAD, 0, False, later)
    exit_id = place_exit(world, entry)
    stranger = world.account("stranger")
    for id_ in (exit_id - 1, exit_id):
        with boa.reverts("not your order"), boa.env.prank(stranger):
            world.order_book.cancel(id_)


def test_stop__plain_and_without_a_position__is_nobody_elses_to_clear(world: World) -> None:
    """It may be there for an order that has yet to fill."""
    trader = world.fund("trader", world.unit)
    stop = (world.market.address, STOP, CLOSE_LONG, 0, 90 * WAD, 0, True, boa.env.timestamp + 10_000)
    with boa.env.prank(trader):
        id_ = world.order_book.place(stop)
    with boa.reverts("not your order"), boa.env.prank(world.account("stranger")):
        world.order_book.cancel(id_)
