"""Follows one chain into one store: catches up in ranges, goes on block by block, and undoes what the chain undoes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from eth_utils.address import to_checksum_address

from plimsoll.chain import Event
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.indexer.decoding import RawLog, decode, shapes
from plimsoll.indexer.node import Node, TornError
from plimsoll.indexer.store import Header, Store

log = structlog.get_logger(__name__)
WINDOW = 64
"""The last blocks are taken one by one with their parents: as deep as a chain is expected to be reorganised."""
FIRST_RANGE, LEAST_RANGE, MOST_RANGE = 500, 10, 10_000
GOOD_SECONDS = 2.0
GOOD_EVENTS = 20_000


class ReplacedError(PlimsollError):
    """The node runs another chain than the one in the store."""


@dataclass
class Progress:
    """What a step saw and did."""

    head: int = 0
    indexed: int = 0
    events: int = 0
    reorgs: int = 0
    deepest_reorg: int = 0


class Follower:
    """Takes one step at a time; every step ends with a store that is whole."""

    def __init__(self, node: Node, store: Store, deployment: Deployment) -> None:
        self.node = node
        self.store = store
        self.deployment = deployment
        self.progress = Progress()
        self.range = FIRST_RANGE
        self.on_rollback: Callable[[int], None] = lambda depth: None
        self._names: dict[str, str] = {address: name for name, address in deployment.contracts.items()}
        self._names |= {item.address: "Market" for item in deployment.markets.values()}
        self._created = next(topic for topic, shape in shapes("MarketFactory").items() if shape.name == "MarketCreated")
        self._head: Header | None = None

    def reset(self) -> None:
        """Asks the store where it is before the next step: after an error."""
        self._head = None

    async def start(self) -> Header:
        """The head of the store, which is begun if it is new.

        :raises ReplacedError: if the node runs another chain than the deployment's.
        """
        await self.check_genesis()
        head = await asyncio.to_thread(self.store.head)
        if head is None:
            first = max(0, self.deployment.start_block - 1)
            found = await self.node.header(first)
            if found is None:
                raise TornError(f"the node has no block {first} yet, where the deployment begins")
            await asyncio.to_thread(self.store.begin, found[0])
            head = found[0]
        for address in await asyncio.to_thread(self.store.markets):
            self._names[address] = "Market"
        self._head = head
        self.progress.indexed = head.number
        return head

    async def check_genesis(self) -> None:
        """ReplacedError if block 0 is not the deployment's."""
        found = await self.node.header(0)
        if found is None or found[0].hash.lower() != self.deployment.genesis_hash:
            raise ReplacedError("the node runs another chain than the one that was deployed to")

    async def step(self) -> bool:
        """Goes forward by one range or a few blocks, or back to where store and chain part; whether there was
        anything to do. Raises what the node raises, TornError to be asked again, ReplacedError for another chain."""
        before = self._head or await self.start()
        newest = await self.node.header("latest")
        if newest is None:
            raise TornError("the node has no blocks")
        self.progress.head = max(self.progress.head, newest[0].number)
        if not await self._is_canonical(before, newest[0]):
            await self._go_back(before)
            return True
        last = newest[0].number
        if last <= before.number:
            return False
        if last - before.number > WINDOW:
            await self._catch_up(before, last - WINDOW)
        else:
            await self._append(before, *await self._with_new_markets(before, last, self.node.one_by_one))
        return True

    async def _is_canonical(self, before: Header, newest: Header) -> bool:
        """Whether the store's head is on the node's chain. A node that is merely behind does not know the block yet:
        that proves nothing, unless what it does know is different."""
        found = await self.node.header(before.number)
        if found is not None:
            return found[0].hash == before.hash
        kept = await asyncio.to_thread(self.store.hashes, newest.number, newest.number)
        if newest.number in kept:
            return kept[newest.number] == newest.hash
        await self.check_genesis()
        return True

    async def _go_back(self, before: Header) -> None:
        await self.check_genesis()
        kept = await asyncio.to_thread(self.store.hashes, 0, before.number)
        for number, block_hash in kept.items():
            found = await self.node.header(number)
            if found is not None and found[0].hash == block_hash:
                await asyncio.to_thread(self.store.rollback, before, found[0])
                depth = before.number - number
                self._head = found[0]
                self.progress.indexed = number
                self.progress.reorgs += 1
                self.progress.deepest_reorg = max(self.progress.deepest_reorg, depth)
                log.warning("chain reorganised", from_block=before.number, back_to=number, depth=depth)
                self.on_rollback(depth)
                return
        raise ReplacedError("no block of the index is on the node's chain any more")

    async def _catch_up(self, before: Header, end: int) -> None:
        last = min(end, before.number + self.range)
        began = time.monotonic()
        try:
            headers, logs = await self._with_new_markets(before, last, self.node.in_range)
        except Exception:
            self.range = max(LEAST_RANGE, self.range // 2)
            raise
        took = time.monotonic() - began
        await self._append(before, headers, logs)
        if took < GOOD_SECONDS and len(logs) < GOOD_EVENTS:
            self.range = min(MOST_RANGE, self.range * 2)
        elif took > 2 * GOOD_SECONDS or len(logs) > 2 * GOOD_EVENTS:
            self.range = max(LEAST_RANGE, self.range // 2)

    async def _with_new_markets(self, before: Header, last: int, fetch: Callable) -> tuple[list[Header], list[RawLog]]:
        """What `fetch` gives, once more if a market was created in these blocks: its first events are in them."""
        while True:
            headers, logs = await fetch(before, last, list(self._names))
            created = {
                to_checksum_address(item.topics[1][-20:]) for item in logs if item.topics[:1] == (self._created,)
            }
            if created <= self._names.keys():
                return headers, logs
            self._names |= dict.fromkeys(created, "Market")

    async def _append(self, before: Header, headers: list[Header], logs: list[RawLog]) -> None:
        events = await asyncio.to_thread(self._decode, logs)
        await asyncio.to_thread(self.store.append, before, headers, events)
        self._head = headers[-1]
        self.progress.indexed = headers[-1].number
        self.progress.events += len(events)
        log.debug("indexed", block=headers[-1].number, events=len(events))

    def _decode(self, logs: list[RawLog]) -> list[Event]:
        events = (decode(self._names[item.address], item) for item in logs if item.address in self._names)
        return [event for event in events if event is not None]
