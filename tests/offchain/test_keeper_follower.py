"""The first look at a chain with a long history: in ranges, few requests at once, and none for orders that are gone."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hexbytes import HexBytes

from plimsoll.chain import AT_ONCE, LOG_RANGE, Event
from plimsoll.keeper import follower as follower_module
from plimsoll.keeper.follower import KEPT_BLOCKS, Follower, Step
from plimsoll.keeper.orders import NOBODY, Book

ORDER = {"kind": 0, "size_delta": 1, "trigger_price": 0, "expires_at": 1_000}


class Node:
    """A chain with an order placed in every block; all but every hundredth end in the next block."""

    def __init__(self, blocks: int, fails_at: int = -1) -> None:
        self.blocks = blocks
        self.fails_at = fails_at
        self.at_once = self.most_at_once = 0
        self.asked: list[int] = []
        self.ranges: list[tuple[int, int]] = []
        self.w3 = SimpleNamespace(eth=self)
        self.deployment = SimpleNamespace(start_block=1)

    async def get_block(self, which: Any) -> dict[str, Any]:
        number = self.blocks if which == "latest" else which
        self.asked.append(number)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return {
            "number": number,
            "hash": number.to_bytes(32),
            "parentHash": (number - 1).to_bytes(32),
            "timestamp": number * 10,
        }

    async def get_logs(self, query: dict[str, Any]) -> list[Event]:
        first, last = query["fromBlock"], query["toBlock"]
        if first <= self.fails_at <= last:
            self.fails_at = -1
            raise TimeoutError
        self.ranges.append((first, last))
        found = []
        for block in range(first, last + 1):
            found.append(event("OrderPlaced", block, id=block, owner=NOBODY, market=NOBODY, order=ORDER))
            if (block - 1) % 100:
                found.append(event("OrderExecuted", block, id=block - 1))
        return found

    def decode(self, logs: list[Event]) -> list[Event]:
        return logs


def event(name: str, block: int, **args: object) -> Event:
    return Event("OrderBook", NOBODY, name, args, block, 0, HexBytes(b"\1" * 32))


async def follow(follower: Follower, book: Book) -> Step:
    while True:
        step = await follower.advance()
        if step.rolled_back_to is not None:
            book.roll_back(step.rolled_back_to)
        book.follow(step.events, step.times)
        book.forget_before(follower.oldest_kept)
        if step.is_newest:
            return step


def test_advance__long_history__asks_little_and_knows_what_is_open() -> None:
    async def scenario() -> None:
        blocks = 5 * LOG_RANGE + 7
        node, book = Node(blocks), Book()
        follower = Follower(node, NOBODY)
        step = await follow(follower, book)
        assert step.head.number == blocks
        still_open = [*range(100, blocks, 100), blocks]
        assert sorted(book.open) == still_open
        assert all(order.placed_at == 10 * id_ for id_, order in book.open.items())
        assert len(node.ranges) == 6 and all(last - first < LOG_RANGE for first, last in node.ranges)
        assert node.most_at_once <= AT_ONCE
        assert len(node.asked) < len(still_open) + KEPT_BLOCKS + 100

    asyncio.run(scenario())


def test_advance__node_fails_half_way__what_was_read_stays_read() -> None:
    async def scenario() -> None:
        node, book = Node(5 * LOG_RANGE, fails_at=3 * LOG_RANGE), Book()
        follower = Follower(node, NOBODY)
        with pytest.raises(TimeoutError):
            await follow(follower, book)
        assert follower.next_block == 2 * LOG_RANGE + 1
        await follow(follower, book)
        firsts = [first for first, _ in node.ranges]
        assert firsts == sorted(set(firsts)), "no range is read twice"
        assert sorted(book.open) == list(range(100, 5 * LOG_RANGE + 1, 100))

    asyncio.run(scenario())


def test_advance__orders_that_ended_lately__come_back_with_a_reorg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "KEPT_BLOCKS", 16)

    async def scenario() -> None:
        node, book = Node(150), Book()
        follower = Follower(node, NOBODY)
        await follow(follower, book)
        book.roll_back(follower.oldest_kept)
        assert sorted(book.open) == [100, follower.oldest_kept]

    asyncio.run(scenario())
