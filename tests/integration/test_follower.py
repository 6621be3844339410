"""Following a real node: forward, through reorgs, behind itself, and onto another chain."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from plimsoll import artifacts
from plimsoll.anvil import rpc, start_anvil
from plimsoll.chain import Chain
from plimsoll.keeper import follower as follower_module
from plimsoll.keeper.follower import ChainReplacedError, Follower, LaggingNodeError
from plimsoll.processes import Children
from tests.integration.test_sender import RECEIVER, free_port, on_anvil

Rpc = Callable[..., Coroutine[Any, Any, Any]]


def following(folder: Path, scenario: Callable[[Follower, Rpc], Coroutine[None, None, None]]) -> None:
    """Runs `scenario` with a follower on an Anvil that has mined ten blocks."""

    async def main(connected: Chain, url: str) -> None:
        genesis = await connected.genesis_hash()
        connected.deployment = connected.deployment.model_copy(update={"genesis_hash": genesis})
        async with aiohttp.ClientSession() as session:

            async def call(method: str, *params: object) -> Any:
                return await rpc(session, url, method, *params)

            await call("anvil_mine", 10)
            await scenario(Follower(connected, RECEIVER), call)

    artifacts.compile_all(["OrderBook"])
    on_anvil(folder, main)


def test_advance__each_block_once(tmp_path: Path) -> None:
    async def scenario(follower: Follower, call: Rpc) -> None:
        step = await follower.advance()
        assert (step.head.number, step.rolled_back_to, follower.next_block) == (10, None, 11)
        assert (await follower.advance()).rolled_back_to is None
        await call("anvil_mine", 1)
        assert (await follower.advance()).head.number == 11
        await call("anvil_mine", 5)
        step = await follower.advance()
        assert (step.head.number, step.rolled_back_to) == (16, None)

    following(tmp_path, scenario)


def test_advance__reorg_of_five_blocks__rolls_back_to_the_last_common_one(tmp_path: Path) -> None:
    async def scenario(follower: Follower, call: Rpc) -> None:
        for _ in range(6):
            await follower.advance()
            await call("anvil_mine", 1)
        assert (await follower.advance()).head.number == 16
        await call("anvil_reorg", 5, [])
        step = await follower.advance()
        assert (step.head.number, step.rolled_back_to) == (16, 11)
        await call("anvil_mine", 1)
        assert (await follower.advance()).rolled_back_to is None

    following(tmp_path, scenario)


def test_advance__reorg_into_blocks_that_came_at_once__is_found_exactly(tmp_path: Path) -> None:
    async def scenario(follower: Follower, call: Rpc) -> None:
        await follower.advance()
        await call("anvil_mine", 6)
        assert (await follower.advance()).head.number == 16
        await call("anvil_reorg", 3, [])
        assert (await follower.advance()).rolled_back_to == 13

    following(tmp_path, scenario)


def test_advance__reorg_behind_all_that_is_kept__starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "KEPT_BLOCKS", 3)

    async def scenario(follower: Follower, call: Rpc) -> None:
        for _ in range(6):
            await follower.advance()
            await call("anvil_mine", 1)
        await follower.advance()
        assert follower.oldest_kept == 14
        await call("anvil_reorg", 5, [])
        step = await follower.advance()
        assert step.rolled_back_to == follower.chain.deployment.start_block - 1

    following(tmp_path, scenario)


def test_advance__node_behind_itself__is_not_believed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(follower: Follower, call: Rpc) -> None:
        await follower.advance()
        snapshot = await call("evm_snapshot")
        await call("anvil_mine", 2)
        assert (await follower.advance()).head.number == 12
        await call("evm_revert", snapshot)
        with pytest.raises(LaggingNodeError, match="2 blocks behind"):
            await follower.advance()
        monkeypatch.setattr(follower_module, "LAG_SECONDS", 0.0)
        step = await follower.advance()
        assert (step.head.number, step.rolled_back_to) == (10, 10)

    following(tmp_path, scenario)


def test_advance__another_chain__is_told(tmp_path: Path) -> None:
    async def scenario(follower: Follower, call: Rpc) -> None:
        await follower.advance()
        await asyncio.sleep(1.1)  # the genesis of a local chain differs from another by its second
        children, port = Children(tmp_path / "other"), free_port()
        await start_anvil(children, port)
        other = Chain(follower.chain.deployment.model_copy(update={"rpc_url": f"http://127.0.0.1:{port}"}))
        try:
            async with aiohttp.ClientSession() as session:
                await rpc(session, other.deployment.rpc_url, "evm_mine")
            follower.chain = other
            with pytest.raises(ChainReplacedError, match="deploy again"):
                await follower.advance()
        finally:
            await other.close()
            children.stop_all()

    following(tmp_path, scenario)
