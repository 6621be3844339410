"""Orders as the keeper follows them."""

from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes

from plimsoll.chain import Event
from plimsoll.keeper.orders import LIMIT, MARKET, MAX_RETRY_SECONDS, STOP, Book, PendingOrder, is_ready

BTC_MARKET, OWNER = (Account.from_key(bytes([i]) * 32).address for i in (1, 2))
TIMES = {7: 70, 8: 80, 9: 90}


def event(name: str, block: int = 7, **args: Any) -> Event:
    return Event("OrderBook", BTC_MARKET, name, args, block, 0, HexBytes(b"\1" * 32))


def placed(id_: int, block: int = 7, **terms: int) -> Event:
    order = {"kind": 0, "size_delta": 1, "trigger_price": 0, "expires_at": 1_000} | terms
    return event("OrderPlaced", block, id=id_, owner=OWNER, market=BTC_MARKET, order=order)


@pytest.mark.parametrize("ending", ["OrderExecuted", "OrderCancelled", "OrderFailed"])
def test_follow__knows_what_is_open_from_events_alone(ending: str) -> None:
    book = Book()
    book.follow([placed(1), placed(2, 8, kind=STOP, size_delta=-5, trigger_price=9)], TIMES)
    assert book.open[1] == PendingOrder(1, BTC_MARKET, 70, 7, MARKET, True, 0, 1_000, owner=OWNER)
    assert book.open[2] == PendingOrder(2, BTC_MARKET, 80, 8, STOP, False, 9, 1_000, owner=OWNER)
    book.follow([event(ending, id=1), event(ending, id=55), event("MarketSet", market=BTC_MARKET)], {})
    assert list(book.open) == [2]


def test_attached__until_the_other_order_ends() -> None:
    book = Book()
    book.follow([placed(1), placed(2), event("OrderLinked", id=2, order_id=1, twin_id=0)], TIMES)
    assert book.attached(book.open[2]) and not book.attached(book.open[1])
    assert book.open[2].is_exit and not book.open[1].is_exit
    book.follow([event("OrderExecuted", id=1)], {})
    assert not book.attached(book.open[2])


def test_roll_back__orders_come_back_and_later_ones_go() -> None:
    book = Book()
    book.follow([placed(1), placed(2, 8), event("OrderExecuted", 8, id=1), placed(3, 9)], TIMES)
    book.roll_back(7)
    assert list(book.open) == [1] and not book.ended
    book.follow([event("OrderCancelled", 8, id=1)], {})
    book.roll_back(8)
    assert not book.open, "what ended in a block that stays is not opened again"


def test_forget_before__keeps_what_may_be_rolled_back() -> None:
    book = Book()
    book.follow([placed(1), placed(2), event("OrderExecuted", 8, id=1), event("OrderExecuted", 9, id=2)], TIMES)
    book.forget_before(9)
    assert list(book.ended) == [2]


def test_note_waiting__is_put_off_twice_as_long_each_time() -> None:
    book = Book()
    book.follow([placed(1)], TIMES)
    pauses = []
    for _ in range(9):
        book.note_waiting([1, 99], 1_000)
        pauses.append(book.open[1].retry_at - 1_000)
    assert pauses == [1, 2, 4, 8, 16, 32, MAX_RETRY_SECONDS, MAX_RETRY_SECONDS, MAX_RETRY_SECONDS]
    assert book.open[1].attempts == 9


def test_note_ready__since_when__and_anew_after_a_break() -> None:
    book = Book()
    book.follow([placed(1), placed(2)], TIMES)
    book.note_ready([1], 100)
    book.note_ready([1, 2], 105)
    assert (book.open[1].ready_since, book.open[2].ready_since) == (100, 105)
    book.note_ready([2], 106)
    book.note_ready([1, 2], 107)
    assert (book.open[1].ready_since, book.open[2].ready_since) == (107, 105)


@pytest.mark.parametrize(
    ("kind", "is_buy", "below", "at", "above"),
    [
        (MARKET, True, True, True, True),
        (LIMIT, True, True, True, False),
        (LIMIT, False, False, True, True),
        (STOP, True, False, True, True),
        (STOP, False, True, True, False),
    ],
)
def test_is_ready__trigger(kind: int, is_buy: bool, below: bool, at: bool, above: bool) -> None:
    order = PendingOrder(1, BTC_MARKET, 50, kind=kind, is_buy=is_buy, trigger_price=100)
    assert [is_ready(order, price, 51, 60) for price in (99, 100, 101)] == [below, at, above]


def test_is_ready__price_newer_than_the_order_and_not_put_off() -> None:
    order = PendingOrder(1, BTC_MARKET, 50, retry_at=60)
    assert not is_ready(order, 100, 50, 60)
    assert not is_ready(order, 100, 51, 59)
    assert is_ready(order, 100, 51, 60)


def test_is_ready__expired__so_that_it_is_refunded() -> None:
    order = PendingOrder(1, BTC_MARKET, 50, kind=LIMIT, trigger_price=1, expires_at=55)
    assert not is_ready(order, 100, 51, 55)
    assert is_ready(order, 100, 51, 56)
