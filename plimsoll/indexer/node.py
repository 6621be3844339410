"""What the indexer asks of a node, and how it makes sure that an answer is whole and of one chain."""

from collections.abc import Iterable, Sequence
from typing import Any

import aiohttp
from eth_typing import ChecksumAddress

from plimsoll.anvil import rpc
from plimsoll.chain import gather_limited
from plimsoll.errors import PlimsollError
from plimsoll.indexer.decoding import RawLog
from plimsoll.indexer.store import Header


class TornError(PlimsollError):
    """Answers that do not belong together: the chain moved in between, or the node is not up to date. Ask again."""


class Node:
    """One JSON-RPC endpoint. Methods raise what aiohttp and asyncio raise where a connection fails, PlimsollError where
    the node answers with an error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, *params: Any) -> Any:
        """One call."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return await rpc(self._session, self.url, method, *params)

    async def header(self, number: int | str) -> tuple[Header, bool] | None:
        """A block by number or "latest", and whether its bloom filter allows for logs; None if the node has none."""
        name = number if isinstance(number, str) else hex(number)
        block = await self.ask("eth_getBlockByNumber", name, False)
        if block is None:
            return None
        header = Header(int(block["number"], 16), block["hash"], block["parentHash"], int(block["timestamp"], 16))
        return header, int(block.get("logsBloom") or "0x1", 16) != 0

    async def one_by_one(
        self, before: Header, last: int, addresses: Sequence[ChecksumAddress]
    ) -> tuple[list[Header], list[RawLog]]:
        """The blocks after `before` up to `last`, each linked to its parent, with the logs of exactly these blocks.

        :raises TornError: if a block is not there or not linked. That of the first may be a reorganised `before`.
        """
        found = await gather_limited(self.header(number) for number in range(before.number + 1, last + 1))
        headers: list[Header] = []
        busy: list[str] = []
        parent = before.hash
        for item in found:
            if item is None or item[0].parent_hash != parent:
                break
            headers.append(item[0])
            parent = item[0].hash
            if item[1]:
                busy.append(item[0].hash)
        if not headers:
            raise TornError(f"block {before.number + 1} is not there, or not the child of the block before")
        # By hash: a node that does not know the block says so, instead of telling of another one or of no logs
        answers = await gather_limited(
            self.ask("eth_getLogs", {"blockHash": block_hash, "address": list(addresses)}) for block_hash in busy
        )
        return headers, self._checked([item for answer in answers for item in answer], headers)

    async def in_range(
        self, before: Header, last: int, addresses: Sequence[ChecksumAddress]
    ) -> tuple[list[Header], list[RawLog]]:
        """The logs after `before` up to `last` in one answer, with the headers of blocks that have any, and of `last`.
        For blocks that are old enough not to be reorganised while this is asked.

        :raises TornError: if the answers do not belong together.
        """
        first, end = before.number + 1, await self.header(last)
        head = await self.header(first)
        if end is None or head is None or head[0].parent_hash != before.hash:
            raise TornError(f"block {last} is not there, or {first} not the child of the block before")
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        answer = await self.ask("eth_getLogs", query)
        numbers = {int(item["blockNumber"], 16) for item in answer} - {last}
        found = await gather_limited(self.header(number) for number in sorted(numbers))
        headers = [item[0] for item in found if item is not None] + [end[0]]
        again = await self.header(last)
        if again is None or again[0].hash != end[0].hash:
            raise TornError(f"block {last} changed meanwhile")
        return headers, self._checked(answer, headers)

    def _checked(self, answer: Iterable[dict[str, Any]], headers: Sequence[Header]) -> list[RawLog]:
        hashes = {header.number: header.hash for header in headers}
        logs = [RawLog.from_rpc(item) for item in answer if not item.get("removed")]
        for log in logs:
            if hashes.get(log.block) != log.block_hash:
                raise TornError(f"a log of block {log.block} is of another block than its header")
        return sorted(logs, key=lambda log: (log.block, log.index))
