"""What a keeper does unpaid: which of it is due."""

import asyncio
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError

from plimsoll.chain import Call, Event
from plimsoll.keeper import chores as chores_module
from plimsoll.keeper.chores import (
    FIRM_BLOCKS,
    KEEP_SECONDS,
    MAX_CALLS,
    MAX_LOOKS,
    Chores,
    free_standing_exits,
    in_turn,
)
from plimsoll.keeper.metrics import Metrics
from plimsoll.keeper.orders import NOBODY, Book

NOW, DAY = 1_000_000, 86_400
OWNERS = sorted(Account.from_key(i.to_bytes(32)).address for i in range(1, 41))
Request = namedtuple("Request", "shares ready_at lapses_at")
NONE = Request(0, 0, 0)


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


class Fund:
    """The parts of a chain that chores ask, with an insurance fund whose stakers want to leave."""

    def __init__(self) -> None:
        self.head = 500
        self.now = NOW
        self.events: list[Event] = []
        self.requests: dict[str, Request] = {}
        self.reverting: set[str] = set()
        self.asked: list[tuple[int, int]] = []
        eth = SimpleNamespace(call=self._simulate, get_block=self._get_block, get_logs=self._get_logs)
        self.w3 = SimpleNamespace(eth=eth)
        self.deployment = SimpleNamespace(start_block=1)

    def ask(self, owner: str, block: int, ready_at: int) -> None:
        self.requests[owner] = Request(5, ready_at, ready_at + 2 * DAY)
        self.log("UnstakeRequested", block, owner=owner, shares=5, min_amount=0, ready_at=ready_at)

    def log(self, name: str, block: int, **args: object) -> None:
        self.events.append(Event("InsuranceFund", NOBODY, name, args, block, 0, HexBytes(b"\1" * 32)))

    def contract(self, name: str) -> Any:
        def answer(value: object) -> Any:
            async def call() -> object:
                return value

            return SimpleNamespace(call=call)

        functions = SimpleNamespace(
            next_request_id=lambda: answer(1), unstake_request=lambda owner: answer(self.requests.get(owner, NONE))
        )
        return SimpleNamespace(address=name, functions=functions)

    def call(self, contract: Any, function: str, args: list[Any], gas: int) -> Call:
        return Call(contract.address, f"{function} {args[0] if args else contract.address}", gas)

    async def _get_block(self, _: str) -> dict[str, int]:
        return {"number": self.head, "timestamp": self.now}

    async def _get_logs(self, query: dict[str, Any]) -> list[Event]:
        first, last = query["fromBlock"], query["toBlock"]
        self.asked.append((first, last))
        return [item for item in self.events if first <= item.block <= last]

    def decode(self, logs: list[Event]) -> list[Event]:
        return logs

    async def _simulate(self, transaction: dict[str, Any], _: str) -> None:
        function, of = transaction["data"].split()
        if of in self.reverting:
            raise ContractLogicError("wait: market not settled")
        if function == "keep_requests" and not self.reverting:
            raise ContractLogicError("markets are settled")


def due(chores: Chores) -> list[str]:
    return [call.data for call in asyncio.run(chores.due(NOBODY))]


def test_unstakes__ripe_and_not_lapsed__are_carried_out() -> None:
    fund = Fund()
    chores = Chores(fund, Book(), [], Metrics())
    ripe, early, lapsed, back, gone, unsettled = OWNERS[:6]
    for owner in (ripe, back, gone, unsettled):
        fund.ask(owner, 10, NOW - DAY)
    fund.ask(early, 10, NOW + 1)
    fund.ask(lapsed, 10, NOW - 3 * DAY)
    fund.log("UnstakeRequested", 11, owner=back, shares=0, min_amount=0, ready_at=NOW + DAY)
    fund.log("Unstaked", 499, owner=gone, amount=1, shares=5)
    fund.requests |= {back: NONE, gone: NONE}
    fund.reverting = {unsettled}
    assert due(chores) == [f"unstake {ripe}", "keep_requests InsuranceFund"]
    fund.reverting = set()
    assert sorted(due(chores)) == sorted(f"unstake {owner}" for owner in (ripe, unsettled))
    fund.now += 1
    assert f"unstake {early}" in due(chores)


def test_unstakes__execution_undone_by_a_reorg__are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores_module, "LOG_RANGE", 100)
    fund = Fund()
    chores = Chores(fund, Book(), [], Metrics())
    fund.ask(OWNERS[0], 10, NOW - DAY)
    request, fund.requests = fund.requests, {}
    fund.log("Unstaked", 499, owner=OWNERS[0], amount=1, shares=5)
    assert due(chores) == []
    fund.events.pop()
    fund.requests = request
    fund.asked.clear()
    assert due(chores) == [f"unstake {OWNERS[0]}"]
    assert fund.asked == [(500 - FIRM_BLOCKS + 1, 500)], "what is firm is read once"


def test_unstakes__many_that_revert__do_not_keep_another_from_its_turn() -> None:
    fund = Fund()
    for owner in OWNERS:
        fund.ask(owner, 10, NOW - DAY)
    fund.reverting = set(OWNERS[:-1])
    assert len(fund.reverting) > MAX_CALLS
    assert due(Chores(fund, Book(), [], Metrics()))[0] == f"unstake {OWNERS[-1]}"


def test_keep__markets_unsettled__is_said_every_six_hours_while_somebody_waits() -> None:
    fund = Fund()
    chores = Chores(fund, Book(), [], Metrics())
    fund.reverting = {"anybody"}
    assert due(chores) == [], "nobody waits"
    fund.head = 700
    fund.ask(OWNERS[0], 600, NOW + 10 * DAY)
    assert due(chores) == ["keep_requests InsuranceFund"]
    fund.now += KEEP_SECONDS - 1
    assert due(chores) == []
    fund.now += 1
    assert due(chores) == ["keep_requests InsuranceFund"]
    fund.now += KEEP_SECONDS
    fund.reverting = set()
    assert due(chores) == [], "settled again: the call is refused"
