"""The owner of a nonce at a node that fails it: what it gave up on does not stay in the way."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound, Web3RPCError

from plimsoll import sender as sender_module
from plimsoll.chain import Call
from plimsoll.errors import PlimsollError
from plimsoll.fees import GWEI, FeePolicy
from plimsoll.keys import LocalSigner
from plimsoll.sender import Sender

KEY = LocalSigner(Account.from_key("0x" + "42" * 32))
CALL = Call(Account.from_key("0x" + "43" * 32).address, "0x", 50_000)


class Node:
    """Mines what offers a tip of `wanted`. The next `unreached` transactions do not arrive, the next `lost` do, but the
    answer does not."""

    def __init__(self) -> None:
        self.pool: dict[int, tuple[bytes, int, int, bytes]] = {}
        self.receipts: dict[bytes, dict[str, Any]] = {}
        self.mined = 0
        self.wanted = 0
        self.lost = 0
        self.unreached = 0
        self.w3 = SimpleNamespace(eth=self)
        self.deployment = SimpleNamespace(chain_id=1)

    async def base_fee(self) -> int:
        return GWEI

    async def get_transaction_count(self, _: str, which: str) -> int:
        count = self.mined
        while which == "pending" and count in self.pool:
            count += 1
        return count

    async def send_raw_transaction(self, raw: bytes) -> HexBytes:
        if self.unreached:
            self.unreached -= 1
            raise TimeoutError
        fields = rlp.decode(raw[1:])
        nonce, tip, most = (int.from_bytes(fields[i]) for i in (1, 2, 3))
        if nonce < self.mined:
            raise Web3RPCError("nonce too low")
        old = self.pool.get(nonce)
        if old and (tip * 100 < old[1] * 110 or most * 100 < old[2] * 110):
            raise Web3RPCError("replacement transaction underpriced")
        self.pool[nonce] = keccak(raw), tip, most, fields[5]
        self.mine()
        if self.lost:
            self.lost -= 1
            raise TimeoutError
        return HexBytes(keccak(raw))

    def mine(self) -> None:
        while self.mined in self.pool and self.pool[self.mined][1] >= self.wanted:
            hash_, _, _, to = self.pool.pop(self.mined)
            self.receipts[hash_] = {"status": 1, "to": to_checksum_address(to)}
            self.mined += 1

    async def get_transaction_receipt(self, hash_: HexBytes) -> dict[str, Any]:
        if bytes(hash_) not in self.receipts:
            raise TransactionNotFound("no")
        return self.receipts[bytes(hash_)]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("REPLACE_AFTER_SECONDS", 0.06), ("LAST_SECONDS", 0.06), ("POLL_SECONDS", 0.01)):
        monkeypatch.setattr(sender_module, name, seconds)


async def freed(sender: Sender) -> None:
    """Clears until nothing is in the way."""
    async with asyncio.timeout(3):
        while sender.is_stuck:
            await sender.clear()
            await asyncio.sleep(0.02)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_send_and_wait__not_even_a_cancellation_is_mined__clears_it_at_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three replacements and a cancellation offered 2.44 of the tip: a cancellation that does not know is too cheap."""

    async def scenario() -> None:
        node = Node()
        node.wanted = 4 * GWEI
        sender = Sender(node, KEY, FeePolicy(tip=GWEI, cap=500 * GWEI))
        with pytest.raises(PlimsollError, match=r"nonce 0 of .* is stuck"):
            await sender.send_and_wait(CALL)
        assert sender.is_stuck and node.pool
        await freed(sender)
        assert not node.pool and node.mined == 1
        node.wanted = 0
        assert (await sender.send_and_wait(CALL))["status"] == 1

    run(scenario())


def test_clear__of_a_fresh_sender__finds_out_what_the_earlier_life_offered() -> None:
    async def scenario() -> None:
        node = Node()
        node.wanted = 1_000 * GWEI
        policy = FeePolicy(tip=GWEI, cap=500 * GWEI)
        with pytest.raises(PlimsollError, match="stuck"):
            await Sender(node, KEY, policy).send_and_wait(CALL)
        offered = node.pool[0][1]
        fresh = Sender(node, KEY, policy)
        assert await fresh.clear() == 1
        assert node.pool[0][1] > offered and fresh.is_stuck
        node.wanted = 0
        node.mine()
        assert await fresh.clear() == 0 and not fresh.is_stuck

    run(scenario())


def test_send_and_wait__node_fails_while_it_replaces__goes_on() -> None:
    async def scenario() -> None:
        node = Node()
        node.wanted = int(1.5 * GWEI)
        sender = Sender(node, KEY, FeePolicy(tip=GWEI))
        waiting = asyncio.create_task(sender.send_and_wait(CALL))
        await asyncio.sleep(0.02)
        node.unreached = 1
        assert (await waiting)["to"] == CALL.to
        assert not sender.is_stuck and node.mined == 1

    run(scenario())


def test_send_and_wait__answer_to_a_replacement_is_lost__its_receipt_counts() -> None:
    async def scenario() -> None:
        node = Node()
        node.wanted = int(1.2 * GWEI)
        sender = Sender(node, KEY, FeePolicy(tip=GWEI))
        waiting = asyncio.create_task(sender.send_and_wait(CALL))
        await asyncio.sleep(0.02)
        node.lost = 1
        assert (await waiting)["to"] == CALL.to
        assert len(node.receipts) == 1

    run(scenario())


def test_send__answer_is_lost__is_in_the_way_until_it_is_mined_or_gone() -> None:
    async def scenario() -> None:
        node = Node()
        node.wanted = 2 * GWEI
        sender = Sender(node, KEY, FeePolicy(tip=GWEI))
        node.lost = 1
        with pytest.raises(TimeoutError):
            await sender.send_and_wait(CALL)
        assert await sender.clear() == 0 and sender.is_stuck, "it has a chance at what it offers"
        await freed(sender)
        node.unreached = 1
        with pytest.raises(TimeoutError):
            await sender.send_and_wait(CALL)
        assert sender.is_stuck and await sender.clear() == 0 and not sender.is_stuck, "it never arrived"

    run(scenario())


class PublicNode(Node):
    """Sees of what goes to a private node only what is mined."""

    def __init__(self, private: Node) -> None:
        super().__init__()
        self.private = private

    async def get_transaction_count(self, _: str, which: str) -> int:
        return self.private.mined

    async def get_transaction_receipt(self, hash_: HexBytes) -> dict[str, Any]:
        return await self.private.get_transaction_receipt(hash_)


def test_send_and_wait__private_endpoint__counts_what_the_chain_s_node_does_not_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender_module, "REPLACE_AFTER_SECONDS", 2.0)
    monkeypatch.setattr(sender_module, "GAP_SECONDS", 0.03)

    async def scenario() -> None:
        private = Node()
        private.wanted = 1_000 * GWEI
        sender = Sender(PublicNode(private), KEY, FeePolicy(tip=GWEI), SimpleNamespace(eth=private))
        waiting = [asyncio.create_task(sender.send_and_wait(CALL)) for _ in range(2)]
        await asyncio.sleep(0.15)
        sender.forget_nonce()
        waiting.append(asyncio.create_task(sender.send_and_wait(CALL)))
        await asyncio.sleep(0.15)
        private.wanted = 0
        private.mine()
        assert [item["status"] for item in await asyncio.gather(*waiting)] == [1, 1, 1]
        assert private.mined == 3

    run(scenario())


def test_clear__private_endpoint__what_was_given_up_is_cancelled() -> None:
    async def scenario() -> None:
        private = Node()
        private.wanted = 4 * GWEI
        sender = Sender(PublicNode(private), KEY, FeePolicy(tip=GWEI), SimpleNamespace(eth=private))
        with pytest.raises(PlimsollError, match="stuck"):
            await sender.send_and_wait(CALL)
        await freed(sender)
        assert private.mined == 1 and not private.pool

    run(scenario())
