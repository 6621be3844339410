"""Session keys: what they may do, how much of it, and what never."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.order_book.conftest import Desk
from tests.unit.support import LIMIT, WAD, every_decimals, last_event

NOBODY = "0x" + "00" * 20
P = 100 * WAD


class Session:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.book = desk, desk.system.order_book
        self.key = desk.system.account("session key")
        self.market = desk.system.market.address

    def grant(self, market: str = NOBODY, lasts: int = 100, orders: int = 2, notional: int | None = None) -> None:
        notional = 1_000 * self.desk.system.unit if notional is None else notional
        terms = (self.key, market, boa.env.timestamp + lasts, orders, notional)
        self.desk.system.as_(self.desk.trader, self.book.set_delegate, *terms)

    def place(self, owner: str = "", **changes: Any) -> int:
        order = self.desk.order(**changes)
        return int(self.desk.system.as_(self.key, self.book.place_for, owner or self.desk.trader, order.tuple_))

    @property
    def left(self) -> tuple[str, int, int, int]:
        terms = tuple(self.book.delegate_terms(self.desk.trader, self.key))
        return terms  # type: ignore[return-value]


@pytest.fixture
def session(desk: Desk) -> Session:
    return Session(desk)


def test_set_delegate__tells_and_shows_the_terms(session: Session) -> None:
    session.grant(session.market, 100, 7, 9)
    event = last_event(session.book, "DelegateSet")
    until = boa.env.timestamp + 100
    assert (event.owner, event.delegate, event.market) == (session.desk.trader, session.key, session.market)
    assert (event.expires_at, event.orders, event.notional) == (until, 7, 9)
    assert session.left == (session.market, until, 7, 9)
    session.grant(NOBODY, 50, 1, 2)
    assert session.left == (NOBODY, boa.env.timestamp + 50, 1, 2)
    session.grant(NOBODY, 2**64 - 1 - boa.env.timestamp, 2**48 - 1, 2**128 - 1)
    assert session.left == (NOBODY, 2**64 - 1, 2**48 - 1, 2**128 - 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"delegate": NOBODY}, "bad delegate"),
        ({"delegate": "self"}, "bad delegate"),
        ({"market": "0x" + "11" * 20}, "unknown market"),
        ({"expires_at": 2**64}, "expires too late"),
        ({"orders": 2**48}, "too many orders"),
        ({"notional": 2**128}, "notional too big"),
    ],
)
def test_set_delegate__bad_input__says_what_is_wrong(session: Session, change: dict[str, Any], error: str) -> None:
    terms = {"delegate": session.key, "market": NOBODY, "expires_at": boa.env.timestamp + 9, "orders": 1, "notional": 1}
    terms |= {name: session.desk.trader if value == "self" else value for name, value in change.items()}
    with boa.reverts(error):
        session.desk.system.as_(session.desk.trader, session.book.set_delegate, *terms.values())


@every_decimals
def test_place_for__is_the_owners_order_and_counts(session: Session) -> None:
    desk, unit = session.desk, session.desk.system.unit
    session.grant(session.market, orders=2, notional=404 * unit)
    order_id = session.place()  # 2 units, acceptable price 101
    assert last_event(session.book, "OrderPlaced").owner == desk.trader
    assert session.book.order_state(order_id).owner == desk.trader
    assert session.left[2:] == (1, 202 * unit)
    assert desk.free(desk.trader) == 950 * unit - desk.fee
    assert desk.free(session.key) == 0
    session.place()
    assert session.left[2:] == (0, 0)
    with boa.reverts("delegate: no orders left"):
        session.place(size_delta=1)
    desk.new_price()
    assert desk.execute(order_id)
    assert desk.system.market.last_owner() == desk.trader


@pytest.mark.parametrize(
    ("terms", "price"),
    [
        ({"acceptable_price": 0}, P),
        ({"acceptable_price": 99 * WAD}, P),
        ({"acceptable_price": 0, "size_delta": -2 * WAD}, P),
        ({"acceptable_price": 150 * WAD}, 150 * WAD),
        ({"kind": LIMIT, "trigger_price": 170 * WAD, "acceptable_price": 0, "size_delta": -2 * WAD}, 170 * WAD),
    ],
    ids=["index", "index above acceptable", "sale", "acceptable", "trigger"],
)
def test_place_for__notional__at_the_highest_price(session: Session, terms: dict[str, Any], price: int) -> None:
    most = 2 * price * session.desk.system.unit // WAD
    session.grant(notional=most - 1)
    with boa.reverts("delegate: notional used up"):
        session.place(**terms)
    session.grant(notional=most)
    session.place(**terms)
    assert session.left[3] == 0


def test_place_for__notional__rounded_up(session: Session) -> None:
    session.grant(notional=0)
    with boa.reverts("delegate: notional used up"):
        session.place(size_delta=1)
    session.grant(notional=1)
    session.place(size_delta=1)
    assert session.left[3] == 0


def test_place_for__reduce_only__counts_as_an_order_alone(session: Session) -> None:
    session.grant(orders=1, notional=0)
    session.place(reduce_only=True, size_delta=-5 * WAD)
    assert session.left[2:] == (0, 0)


def test_place_for__market_scope(session: Session) -> None:
    other = session.desk.system.other_market.address
    session.grant(session.market)
    with boa.reverts("delegate: other market"):
        session.place(market=other)
    with boa.reverts("unknown market"):
        session.place(market=session.key)
    session.place()
    session.grant(NOBODY)
    session.place(market=other)


def test_place_for__expiry__good_in_that_second(session: Session) -> None:
    session.grant(lasts=10)
    boa.env.time_travel(seconds=10)
    session.place()
    boa.env.time_travel(seconds=1)
    assert session.left == (NOBODY, 0, 0, 0)
    with boa.reverts("not a delegate"):
        session.place()


@pytest.mark.parametrize("lasts", [0, -1])
def test_set_delegate__in_the_past__revokes_at_once(session: Session, lasts: int) -> None:
    session.grant()
    order_id = session.place()
    session.grant(lasts=lasts)
    assert session.left == (NOBODY, 0, 0, 0)
    with boa.reverts("not a delegate"):
        session.place()
    with boa.reverts("not your order"):
        session.desk.system.as_(session.key, session.book.cancel, order_id)
    with boa.reverts("not a delegate"):
        session.desk.system.as_(session.key, session.book.add_margin_for, session.desk.trader, session.market, 1)


def test_place_for__stranger_or_other_owner__reverts_and_moves_nothing(session: Session) -> None:
    desk = session.desk
    session.grant()
    other = desk.system.cash("other", 500)
    with boa.reverts("not a delegate"):
        session.place(owner=other)
    with boa.reverts("not a delegate"):
        desk.system.as_(other, session.book.place_for, desk.trader, desk.order().tuple_)
    assert (desk.free(other), desk.free(desk.trader), desk.escrow) == (500, 1_000 * desk.system.unit, 0)


def test_place_for__bad_order__reverts_as_placing_does(session: Session) -> None:
    session.grant()
    with boa.reverts("size is zero"):
        session.place(size_delta=0)
    with boa.reverts("size too big"):
        session.place(size_delta=-(2**255))
    with boa.reverts("not enough free balance"):
        session.place(margin=2_000 * session.desk.system.unit)
    assert session.left[2] == 2


def test_cancel__by_the_delegate__pays_the_owner(session: Session) -> None:
    desk = session.desk
    order_id = desk.place()
    foreign = desk.place(market=desk.system.other_market.address)
    session.grant(session.market, orders=0, notional=0)
    desk.system.as_(session.key, session.book.cancel, order_id)
    assert last_event(session.book, "OrderCancelled").owner == desk.trader
    assert desk.free(session.key) == 0
    with boa.reverts("not your order"):
        desk.system.as_(session.key, session.book.cancel, foreign)
    assert desk.free(desk.trader) == 950 * desk.system.unit - desk.fee


def test_add_margin_for__goes_from_the_owner_into_their_position(session: Session) -> None:
    desk, market = session.desk, session.desk.system.market
    session.grant(session.market)
    desk.system.as_(session.key, session.book.add_margin_for, desk.trader, session.market, 7)
    assert (market.last_owner(), market.last_margin_delta()) == (desk.trader, 7)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit - 7
    add = session.book.add_margin_for
    for args, error in (
        ((desk.trader, desk.system.other_market.address, 7), "not a delegate"),
        ((desk.keeper, session.market, 7), "not a delegate"),
        ((desk.trader, session.key, 7), "unknown market"),
        ((desk.trader, session.market, 0), "amount is zero"),
    ):
        with boa.reverts(error):
            desk.system.as_(session.key, add, *args)


def test_delegate__everything_else__is_for_itself_alone(session: Session) -> None:
    """The key's own account is what these functions touch, and it has nothing."""
    desk, pool = session.desk, session.desk.system.pool
    session.grant()
    before = desk.free(desk.trader)
    for call, args, error in (
        (pool.withdraw, (1, session.key), "not enough free balance"),
        (pool.collect, (desk.trader, 1), "only the order book"),
        (session.book.add_margin, (session.market, 1), "not enough free balance"),
        (session.book.place, (desk.order().tuple_,), "not enough free balance"),
    ):
        with boa.reverts(error):
            desk.system.as_(session.key, call, *args)
    assert desk.free(desk.trader) == before
