"""The monitor's loop: what it does where a look ends badly."""

import asyncio
from types import SimpleNamespace

import pytest
from eth_account import Account
from web3.exceptions import ContractLogicError

from plimsoll.chain import Chain
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


def test_see__new_state_at_an_old_time__is_no_silent_node() -> None:
    class Mining(Chain):
        """A view of it fails once, as while a block is mined."""

        def __init__(self) -> None:
            self.deployment = monitor().chain.deployment
            self.w3, self.functions, self.calls = SimpleNamespace(eth=self), self, 0

        async def get_block(self, _: str) -> dict[str, int]:
            return {"number": 1, "timestamp": 1}

        def contract(self, _: str) -> "Mining":
            return self

        def insurance(self) -> "Mining":
            return self

        async def call(self) -> int:
            self.calls += 1
            if self.calls == 1:
                raise ContractLogicError("execution reverted, no data")
            return 42

    found = asyncio.run(Monitor(Mining(), Settings()).see(None))
    assert found.head_age is not None and found.insurance == 42
