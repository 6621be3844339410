from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.order_book.conftest import Desk, Order
from tests.unit.support import LIMIT, MARKET, STOP, deployer, every_decimals, last_event

MAX_SIZE = 2**127 - 1


@every_decimals
def test_place__escrows_margin_and_keeper_fee(desk: Desk) -> None:
    unit, book = desk.system.unit, desk.system.order_book
    order = desk.order()

    order_id = desk.place(order)

    event = last_event(book, "OrderPlaced")
    assert (event.id, event.owner, event.market, event.keeper_fee) == (1, desk.trader, order.market, unit // 10)
    assert tuple(event.order) == order.tuple_
    assert order_id == 1
    assert book.next_id() == 2
    assert desk.free(desk.trader) == 1_000 * unit - 50 * unit - unit // 10
    assert desk.escrow == 50 * unit + unit // 10
    assert tuple(book.order(1)) == order.tuple_
    assert (book.order_state(1).owner, book.order_state(1).placed_at) == (desk.trader, boa.env.timestamp)
    assert book.order_state(1).keeper_fee == unit // 10


def test_place__ids__count_up(desk: Desk) -> None:
    assert [desk.place(margin=1) for _ in range(3)] == [1, 2, 3]


ORDERS = st.builds(
    lambda kind, size, margin, trigger, acceptable, reduce_only, lasts: {
        "kind": kind,
        "size_delta": size,
        "margin": margin,
        "trigger_price": 0 if kind == MARKET else trigger,
        "acceptable_price": acceptable,
        "reduce_only": reduce_only,
        "lasts": lasts,
    },
    st.sampled_from([MARKET, LIMIT, STOP]),
    st.one_of(
        st.integers(-MAX_SIZE, MAX_SIZE).filter(bool),
        st.sampled_from([1, -1, 2**96 - 1, 2**96, -(2**96), MAX_SIZE, -MAX_SIZE]),
    ),
    st.one_of(st.integers(0, 2**128 - 1), st.sampled_from([0, 2**80 - 1, 2**80, 2**128 - 1])),
    st.integers(1, 2**96 - 1),
    st.one_of(st.integers(0, 2**96 - 1), st.sampled_from([0, 2**80 - 1, 2**80, 2**96 - 1])),
    st.booleans(),
    st.integers(1, 10**9),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=ORDERS)
def test_place__packing__loses_nothing_and_cancel_clears_every_slot(desk: Desk, fields: dict[str, int]) -> None:
    book = desk.system.order_book
    lasts = fields.pop("lasts")
    order = desk.order(**fields, expires_at=boa.env.timestamp + lasts)
    desk.system.cash("trader", order.margin or 1)

    neighbour = desk.place(margin=3)
    order_id = desk.place(order)
    assert tuple(book.order(order_id)) == order.tuple_
    assert book.order_state(order_id).owner == desk.trader
    before = desk.free(desk.trader)
    desk.system.as_(desk.trader, book.cancel, order_id)
    assert desk.free(desk.trader) == before + order.margin + desk.fee
    assert book.order(order_id).expires_at == 0
    assert book.order(neighbour).margin == 3


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"market": "0x" + "11" * 20}, "unknown market"),
        ({"kind": 3}, "unknown kind"),
        ({"size_delta": 0}, "size is zero"),
        ({"size_delta": MAX_SIZE + 1}, "size too big"),
        ({"size_delta": -MAX_SIZE - 1}, "size too big"),
        ({"size_delta": -(2**255)}, "size too big"),
        ({"margin": 2**128}, "margin too big"),
        ({"margin": 2**256 - 1}, "margin too big"),
        ({"trigger_price": 1}, "trigger does not fit the kind"),
        ({"kind": LIMIT}, "trigger does not fit the kind"),
        ({"kind": STOP}, "trigger does not fit the kind"),
        ({"kind": LIMIT, "trigger_price": 2**96}, "price too big"),
        ({"acceptable_price": 2**96}, "price too big"),
        ({"expires_at": 2**32}, "expires too late"),
    ],
)
def test_place__bad_input__says_what_is_wrong(desk: Desk, changes: dict[str, object], error: str) -> None:
    with boa.reverts(error):
        desk.place(**changes)


@pytest.mark.parametrize("lead", [-1, 0])
def test_place__already_expired__reverts(desk: Desk, lead: int) -> None:
    with boa.reverts("already expired"):
        desk.place(expires_at=boa.env.timestamp + lead)


def test_place__more_than_free__reverts(desk: Desk) -> None:
    most = 1_000 * desk.system.unit - desk.fee
    with boa.reverts("not enough free balance"):
        desk.place(margin=most + 1)
    desk.place(margin=most)
    assert desk.free(desk.trader) == 0


def test_place__market_off_the_list__only_reduces(desk: Desk) -> None:
    book = desk.system.order_book
    desk.system.as_(desk.system.owner, book.set_market, desk.system.market.address, False)
    with boa.reverts("market only reduces"):
        desk.place()
    assert desk.place(reduce_only=True) == 1


def test_set_market__only_the_owner(desk: Desk) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        desk.system.as_(desk.trader, desk.system.order_book.set_market, desk.system.market.address, False)


def test_set_market__unknown__cannot_be_taken_off(desk: Desk) -> None:
    book = desk.system.order_book
    with boa.reverts("unknown market"):
        desk.system.as_(desk.system.owner, book.set_market, desk.keeper, False)
    with boa.reverts("unknown market"):
        desk.system.as_(desk.system.owner, book.set_market, desk.keeper, True)


def test_set_market__again__keeps_its_index(desk: Desk) -> None:
    system, book = desk.system, desk.system.order_book
    for is_market in (False, True):
        system.as_(system.owner, book.set_market, system.other_market.address, is_market)
        event = last_event(book, "MarketSet")
        assert (event.market, event.is_market) == (system.other_market.address, is_market)
        assert book.is_listed(system.other_market.address) is is_market
    assert book.market_count() == 2
    assert [book.market_at(i) for i in (1, 2)] == [system.market.address, system.other_market.address]


def test_set_keeper_fee__orders_keep_theirs(desk: Desk) -> None:
    system, book = desk.system, desk.system.order_book
    first = desk.place(margin=1)
    system.as_(system.owner, book.set_keeper_fee, 3 * system.unit)
    assert last_event(book, "KeeperFeeSet").keeper_fee == 3 * system.unit
    second = desk.place(margin=1)
    system.as_(system.owner, book.set_keeper_fee, 0)
    third = desk.place(margin=1)
    assert [book.order_state(i).keeper_fee for i in (first, second, third)] == [system.unit // 10, 3 * system.unit, 0]
    assert book.keeper_fee() == 0
    assert (first, second, third) == (1, 2, 3)
    for order_id in (first, second, third):
        system.as_(desk.trader, book.cancel, order_id)
    assert desk.free(desk.trader) == 1_000 * system.unit
    assert desk.escrow == 0


def test_set_keeper_fee__bound(desk: Desk) -> None:
    system, book = desk.system, desk.system.order_book
    with boa.reverts("keeper fee too big"):
        system.as_(system.owner, book.set_keeper_fee, 10 * system.unit + 1)
    system.as_(system.owner, book.set_keeper_fee, 10 * system.unit)
    with boa.reverts("ownable: caller is not the owner"):
        system.as_(desk.trader, book.set_keeper_fee, 0)


def test_constructor__keeper_fee_bound(desk: Desk) -> None:
    with boa.reverts("keeper fee too big"):
        deployer("OrderBook").deploy(desk.system.pool.address, 10 * desk.system.unit + 1)


def test_order__none__is_empty(desk: Desk) -> None:
    book = desk.system.order_book
    empty = Order("0x" + "00" * 20, size_delta=0, margin=0, acceptable_price=0)
    assert tuple(book.order(7)) == empty.tuple_
    assert book.order_state(7).owner == empty.market
