"""What a keeper does unpaid: which of it is due."""

from hexbytes import HexBytes

from plimsoll.chain import Event
from plimsoll.keeper.chores import MAX_LOOKS, free_standing_exits, in_turn
from plimsoll.keeper.orders import NOBODY, Book


def event(name: str, **args: object) -> Event:
    return Event("OrderBook", NOBODY, name, args, 7, 0, HexBytes(b"\1" * 32))


def test_free_standing_exits__not_while_their_order_is_open_and_no_plain_stops() -> None:
    book = Book()
    stop = {"kind": 2, "size_delta": -5, "trigger_price": 9, "expires_at": 1_000}
    placed = [event("OrderPlaced", id=id_, owner=NOBODY, market=NOBODY, order=stop) for id_ in (1, 2, 3, 4)]
    links = [event("OrderLinked", id=2, order_id=1, twin_id=0), event("OrderLinked", id=4, order_id=0, twin_id=0)]
    book.follow([*placed, *links], {7: 70})
    assert [order.id for order in free_standing_exits(book)] == [4]
    book.follow([event("OrderExecuted", id=1)], {})
    assert [order.id for order in free_standing_exits(book)] == [2, 4]


def test_in_turn__however_many__asks_for_few_and_for_everybody() -> None:
    ids, seen, last = set(range(1, 200)), [], 0
    for _ in range(4):
        turn = in_turn(ids, last)
        assert len(turn) == MAX_LOOKS
        seen += turn
        last = turn[-1]
    assert seen[:199] == sorted(ids), "each once before anybody twice"
    assert in_turn({5, 9}, 5) == [9, 5]
    assert in_turn({}, 5) == []
