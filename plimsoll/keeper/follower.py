"""Follows the chain block by block and notices when it is another: a reorg, a node that lags, a new genesis."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from eth_typing import ChecksumAddress
from web3.exceptions import BlockNotFound
from web3.types import FilterParams

from plimsoll.chain import LOG_RANGE, Chain, Event, gather_limited
from plimsoll.errors import PlimsollError
from plimsoll.keeper.orders import ENDINGS

log = structlog.get_logger(__name__)
KEPT_BLOCKS = 256
FETCHED_BLOCKS = 16
LAG_SECONDS = 20.0
"""A node that stays behind for so long is believed: the chain was rolled back and mines no blocks."""


class LaggingNodeError(PlimsollError):
    """The node shows an older head than it showed before."""


class ChainReplacedError(PlimsollError):
    """The node runs another chain than before."""


@dataclass(frozen=True)
class Head:
    """A block at the end of the chain."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


@dataclass(frozen=True)
class Step:
    """What changed: first roll back to a block, if one is given, then take the events in."""

    head: Head
    rolled_back_to: int | None
    events: list[Event]
    times: dict[int, int]
    """Time of the blocks with orders that are open, or ended so late that a reorg may open them again."""
    is_newest: bool = True
    """False if there are more blocks: `advance` goes on from here."""


def placed_in(events: Sequence[Event], firm: int) -> list[int]:
    """The blocks in which orders were placed that did not end up to block `firm`, as far as `events` tell."""
    ended = {event.args["id"] for event in events if event.name in ENDINGS and event.block <= firm}
    placed = (event for event in events if event.name == "OrderPlaced" and event.args["id"] not in ended)
    return sorted({event.block for event in placed})


class Follower:
    """The order book's events, each once, with what has to be taken back."""

    def __init__(self, chain: Chain, address: ChecksumAddress) -> None:
        self.chain = chain
        self.address = address
        self.hashes: dict[int, bytes] = {}
        """Of the last block followed up to, and of others of the newest KEPT_BLOCKS."""
        self.next_block = chain.deployment.start_block
        self._lags_since: float | None = None

    @property
    def oldest_kept(self) -> int:
        """No reorg goes back behind this block without starting over."""
        return min(self.hashes, default=0)

    async def advance(self) -> Step:
        """To the newest block, or LOG_RANGE blocks nearer to it: whatever fails later, these are done.

        :raises LaggingNodeError: if the node is behind what it showed before.
        :raises ChainReplacedError: if it runs another chain.
        """
        head = await self._block("latest")
        if head is None:
            raise LaggingNodeError("the node shows no newest block")
        rolled_back_to = await self._common_with(head)
        if rolled_back_to is not None:
            self._forget_after(rolled_back_to)
        last = min(head.number, self.next_block + LOG_RANGE - 1)
        end = head if last == head.number else await self._block(last)
        events = await self._events(self.next_block, last)
        blocks = await gather_limited(self._block(number) for number in placed_in(events, head.number - KEPT_BLOCKS))
        again = await self._block(last)
        if end is None or again is None or again.hash != end.hash or None in blocks:
            raise LaggingNodeError("the chain changed while it was read")
        if end is head:
            await self._keep_hashes(head)
        self.hashes[end.number] = end.hash
        self.hashes = {number: hash_ for number, hash_ in self.hashes.items() if number > end.number - KEPT_BLOCKS}
        self.next_block = end.number + 1
        times = {block.number: block.timestamp for block in blocks if block is not None}
        return Step(end, rolled_back_to, events, times, end is head)

    async def _keep_hashes(self, head: Head) -> None:
        """Of the blocks that came since the last step too: the common block of a reorg is then found exactly."""
        missed = range(max(self.next_block, head.number - FETCHED_BLOCKS), head.number)
        for block in await asyncio.gather(*(self._block(number) for number in missed)):
            if block is not None:
                self.hashes[block.number] = block.hash

    async def _common_with(self, head: Head) -> int | None:
        """None if `head` goes on from where we are, else the newest block that both chains have."""
        if not self.hashes:
            return None
        last = self.next_block - 1
        known = self.hashes.get(head.number)
        if known == head.hash:
            if head.number == last:
                self._lags_since = None
                return None
            return self._believe(head)
        self._lags_since = None
        if head.number == self.next_block and head.parent == self.hashes[last]:
            return None
        for number, hash_ in sorted(self.hashes.items(), reverse=True):
            block = await self._block(number) if number <= head.number else None
            if block is not None and block.hash == hash_:
                return None if number == last else self._reorg(number)
        await self._check_genesis()
        return self._reorg(self.chain.deployment.start_block - 1)

    def _believe(self, head: Head) -> int:
        now = time.monotonic()
        self._lags_since = self._lags_since or now
        if now - self._lags_since < LAG_SECONDS:
            raise LaggingNodeError(
                f"the node is {self.next_block - 1 - head.number} blocks behind what it showed before"
            )
        self._lags_since = None
        return self._reorg(head.number)

    def _reorg(self, to_block: int) -> int:
        log.warning("reorg", common_block=to_block, blocks=self.next_block - 1 - to_block)
        return to_block

    async def _check_genesis(self) -> None:
        if await self.chain.genesis_hash() != self.chain.deployment.genesis_hash:
            raise ChainReplacedError("the node runs another chain than before: deploy again")

    def _forget_after(self, block: int) -> None:
        self.hashes = {number: hash_ for number, hash_ in self.hashes.items() if number <= block}
        self.next_block = block + 1

    async def _events(self, first: int, last: int) -> list[Event]:
        if last < first:
            return []
        query: FilterParams = {"fromBlock": first, "toBlock": last, "address": self.address}
        return self.chain.decode(await self.chain.w3.eth.get_logs(query))

    async def _block(self, which: Any) -> Head | None:
        try:
            block = await self.chain.w3.eth.get_block(which)
        except BlockNotFound:
            return None
        return Head(block["number"], bytes(block["hash"]), bytes(block["parentHash"]), block["timestamp"])
