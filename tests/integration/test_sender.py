"""The owner of a nonce on a real node: many at once, and one that gets stuck."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
import pytest

from plimsoll import accounts, chain
from plimsoll.anvil import CHAIN_ID, rpc, start_anvil
from plimsoll.chain import Call, Chain, Sender
from plimsoll.deployments import Deployment
from plimsoll.processes import Children

GAS = 21_000
RECEIVER = accounts.dev_account(9).address


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


def test_send__many_at_once__each_has_its_own_nonce(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, accounts.dev_account(accounts.FUNDER))
        sent = await asyncio.gather(*(sender.send(Call(RECEIVER, "0x", GAS, value=1)) for _ in range(20)))
        receipts = await connected.receipts(sent, 10.0)
        assert len({item["transactionHash"] for item in receipts}) == 20
        assert all(item["status"] == 1 for item in receipts)
        assert await connected.w3.eth.get_transaction_count(sender.address) == 20

    on_anvil(tmp_path, scenario)


def test_send_and_wait__stuck__is_replaced_at_a_higher_fee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "REPLACE_AFTER_SECONDS", 0.5)

    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, accounts.dev_account(accounts.FUNDER))
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "evm_setAutomine", False)
            waiting = asyncio.create_task(sender.send_and_wait(Call(RECEIVER, "0x", GAS, value=1)))
            await asyncio.sleep(1.3)
            await rpc(session, url, "evm_mine")
            receipt = await asyncio.wait_for(waiting, 10)
        assert receipt["status"] == 1
        mined = await connected.w3.eth.get_transaction(receipt["transactionHash"])
        assert mined["nonce"] == 0 and mined["maxPriorityFeePerGas"] > chain.TIP_WEI
        assert await connected.w3.eth.get_transaction_count(sender.address) == 1

    on_anvil(tmp_path, scenario)


def test_send_and_wait__reverts__is_counted(tmp_path: Path) -> None:
    async def scenario(connected: Chain, url: str) -> None:
        sender = Sender(connected, accounts.dev_account(accounts.FUNDER))
        async with aiohttp.ClientSession() as session:
            await rpc(session, url, "anvil_setCode", RECEIVER, "0x60006000fd")
        receipt = await sender.send_and_wait(Call(RECEIVER, "0x", 50_000))
        assert receipt["status"] == 0 and sender.failed == 1

    on_anvil(tmp_path, scenario)
