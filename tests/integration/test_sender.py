"""The owner of a nonce on a real node: many at once, and one that gets stuck."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
import pytest

from plimsoll import accounts
from plimsoll import sender as sender_module
from plimsoll.anvil import CHAIN_ID, rpc, start_anvil
from plimsoll.chain import Call, Chain, client
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.fees import GWEI, FeePolicy
from plimsoll.keys import LocalSigner
from plimsoll.processes import Children
from plimsoll.sender import FeeAboveCapError, NonceGapError, Sender

GAS = 21_000
RECEIVER = accounts.dev_account(9).address
KEY = LocalSigner(accounts.dev_account(accounts.FUNDER))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_anvil(folder: Path, scenario: Callable[[Chain, str], Coroutine[None, None, None]]) -> None:
    """Runs `scenario` against an Anvil of its own."""

    async def main() -> None:
        children, port = Children(folder), free_port()
        await start_anvil(children, port)
        url = f"http://127.0.0.1:{port}"
        deployment = Deployment(
            network="local",
            chain_id=CHAIN_ID,
            genesis_hash="0x" + "0" * 64,
            start_block=1,
            rpc_url=url,
            collateral={"symbol": "USDC", "decimals": 6},
            contracts={},
            markets={},
            publishers=[],
            treasury=RECEIVER,
            parameters={},
        )
        connected = Chain(deployment)
        try:
            await scenario(connected, url)
        finally:
            await connected.close()
            children.stop_all()

    asyncio.run(main())


async def until_replaced(sender: Sender, times: int) -> None:
    async with asyncio.timeout(20):
        while sender.replaced < times:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_send__many_at_once__each_has_its_own_nonce(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        sent = await asyncio.gather(*(sender.send(Call(RECEIVER, "0x", GAS, value=1)) for _ in range(20)))
        receipts = await connected.receipts(sent, 10.0)
        assert len({item["transactionHash"] for item in receipts}) == 20
        assert all(item["status"] == 1 for item in receipts)
        assert await connected.w3.eth.get_transaction_count(sender.address) == 20

    on_anvil(tmp_path, scenario)


def test_send_and_wait__stuck__is_replaced_at_a_higher_fee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "REPLACE_AFTER_SECONDS", 0.5)

    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "evm_setAutomine", False)
            waiting = asyncio.create_task(sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))
            await until_replaced(sender, 1)
            await rpc(session, url, "evm_mine")
            receipt = await asyncio.wait_for(waiting, 10)
        assert receipt["status"] == 1
        mined = await connected.w3.eth.get_transaction(receipt["transactionHash"])
        assert mined["nonce"] == 0 and mined["maxPriorityFeePerGas"] > GWEI
        assert await connected.w3.eth.get_transaction_count(sender.address) == 1

    on_anvil(tmp_path, scenario)


def test_send_and_wait__reverts__is_counted(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "anvil_setCode", RECEIVER, "0x60006000fd")
        receipt = await sender.send_and_wait(Call(RECEIVER, "0x", 50_000))
        assert receipt["status"] == 0 and sender.failed == 1

    on_anvil(tmp_path, scenario)


def test_send_and_wait__stuck_for_good__is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "REPLACE_AFTER_SECONDS", 0.3)

    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        before = await connected.w3.eth.get_balance(RECEIVER)
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "evm_setAutomine", False)
            waiting = asyncio.create_task(sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))
            await until_replaced(sender, sender_module.REPLACEMENTS + 1)
            await rpc(session, url, "evm_mine")
            with pytest.raises(PlimsollError, match=r"nonce 0 of .* was stuck and is cancelled"):
                await asyncio.wait_for(waiting, 10)
            await rpc(session, url, "evm_setAutomine", True)
        assert (sender.replaced, sender.cancelled) == (sender_module.REPLACEMENTS + 1, 1)
        assert await connected.w3.eth.get_balance(RECEIVER) == before
        assert (await sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))["status"] == 1

    on_anvil(tmp_path, scenario)


def test_clear__what_an_earlier_run_left__is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "REPLACE_AFTER_SECONDS", 0.3)

    async def scenario(connected: Chain, url: str) -> None:
        before = await connected.w3.eth.get_balance(RECEIVER)
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "evm_setAutomine", False)
            for _ in range(2):
                await Sender(connected, KEY).send(Call(RECEIVER, "0x", GAS, value=1))
            fresh = Sender(connected, KEY)
            assert await fresh.clear() == 2
            await rpc(session, url, "evm_setAutomine", True)
            await rpc(session, url, "evm_mine")
        assert await connected.w3.eth.get_balance(RECEIVER) == before
        assert await fresh.clear() == 0
        assert (await fresh.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))["status"] == 1
        assert await connected.w3.eth.get_transaction_count(fresh.address) == 3

    on_anvil(tmp_path, scenario)


def test_send__base_fee_above_the_cap__is_not_sent(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))
            await rpc(session, url, "evm_mine")
        sender = Sender(connected, KEY, FeePolicy(cap=100 * GWEI))
        with pytest.raises(FeeAboveCapError, match="above the cap of 100000000000 wei"):
            await sender.send(Call(RECEIVER, "0x", GAS))
        assert not await sender.can_pay(GAS)
        assert await Sender(connected, KEY, FeePolicy(cap=300 * GWEI)).can_pay(GAS)

    on_anvil(tmp_path, scenario)


def test_can_pay__depends_on_the_balance(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        assert await sender.can_pay(GAS)
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "anvil_setBalance", sender.address, hex(GAS))
        assert not await sender.can_pay(GAS)
        with pytest.raises(PlimsollError, match="the node refused a transaction"):
            await sender.send(Call(RECEIVER, "0x", GAS))

    on_anvil(tmp_path, scenario)


def test_send__private_endpoint__alone_gets_the_transaction(tmp_path: Path) -> None:
    """Two nodes of one chain id: what goes to the private one is not in the mempool of the other."""

    async def scenario(connected: Chain, url: str) -> None:
        children, port = Children(tmp_path / "private"), free_port()
        await start_anvil(children, port)
        private = client(f"http://127.0.0.1:{port}")
        try:
            sender = Sender(connected, KEY, submit_to=private)
            sent = await sender.send(Call(RECEIVER, "0x", GAS, value=1))
            assert (await private.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.05))["status"] == 1
            assert await connected.w3.eth.get_transaction_count(sender.address, "pending") == 0
        finally:
            await private.provider.disconnect()
            children.stop_all()

    on_anvil(tmp_path, scenario)


def test_send_and_wait__transactions_before_it_are_undone__is_told_soon(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, KEY)
        async with aiohttp.ClientSession() as session:
            snapshot = await rpc(session, url, "evm_snapshot")
            for _ in range(2):
                await sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1))
            await rpc(session, url, "evm_revert", snapshot)
        with pytest.raises(NonceGapError, match=r"nonce 2 of .* came too early: the chain knows 0"):
            await asyncio.wait_for(sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)), 6)
        assert (await sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))["status"] == 1

    on_anvil(tmp_path, scenario)
