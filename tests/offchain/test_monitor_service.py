"""The monitor's loop: what it does where a look ends badly."""

import asyncio
from types import SimpleNamespace

import pytest
from eth_account import Account

from plimsoll.config import Monitor as Settings
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.monitor.service import Monitor

ADDRESS = Account.from_key("0x" + "42" * 32).address
NAMES = ("InsuranceFund", "Lens", "MarginPool", "PriceFeed")


def monitor(names: tuple[str, ...] = NAMES) -> Monitor:
    deployment = Deployment(
        network="local",
        chain_id=31337,
        genesis_hash="0x" + "0" * 64,
        start_block=1,
        rpc_url="http://127.0.0.1:9",
        collateral={"symbol": "USDC", "decimals": 6},
        contracts=dict.fromkeys(names, ADDRESS),
        markets={},
        publishers=[],
        treasury=ADDRESS,
        parameters={},
    )
    return Monitor(SimpleNamespace(deployment=deployment), Settings(poll_seconds=0.01))


def test_run__look_that_ends_badly__is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        found, looks = monitor(), asyncio.Semaphore(0)

        async def look(_: object) -> None:
            looks.release()
            raise KeyError("timestamp")

        monkeypatch.setattr(found, "look", look)
        task = asyncio.create_task(found.run())
        for _ in range(3):
            await asyncio.wait_for(looks.acquire(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())


def test_monitor__contract_missing_in_the_file__is_one_line() -> None:
    with pytest.raises(PlimsollError, match="the deployments file has no contract Lens"):
        monitor(("InsuranceFund", "MarginPool", "PriceFeed"))
