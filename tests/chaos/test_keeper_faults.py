"""The keeper under faults: whatever happens to it, the contracts end in the state of the undisturbed run."""

import asyncio
import time
from typing import Any

import pytest

from plimsoll.observation import feed_id
from tests.chaos.base import FIRST_PRICES
from tests.chaos.conftest import Runs, one_keeper
from tests.chaos.proxy import DroppingRelay, RpcProxy
from tests.chaos.stage import CRASH, KEEPERS, MIDDLE, Stage

ETH = 10**18
DEPTH = 5


def test_undisturbed__liquidates_and_deleverages__the_same_each_time(undisturbed: dict[str, Any], runs: Runs) -> None:
    assert undisturbed["recovery"] > 0, "a winner gave up profit: the crash went through every layer"
    assert runs.play("undisturbed, again") == undisturbed


def test_kill__with_a_transaction_under_way__and_restart(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def fault(stage: Stage) -> None:
        async with asyncio.timeout(20):
            while int((await stage.rpc("txpool_status"))["pending"], 16) == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        stage.kill()
        await asyncio.sleep(1.5)
        stage.keep("keeper again")

    assert runs.play("kill -9 and restart", {MIDDLE: fault}) == undisturbed


def test_reorg__five_blocks_across_a_liquidation(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def fault(stage: Stage) -> None:
        await stage.settle()
        head = await stage.chain.w3.eth.block_number
        while head - DEPTH < stage.closed_in:
            await asyncio.sleep(0.3)
            head = await stage.chain.w3.eth.block_number
        names = [event.name for event in await stage.chain.events(head - DEPTH + 1, head)]
        assert "Liquidated" in names and "OrderPlaced" not in names
        await stage.rpc("anvil_reorg", DEPTH, [])
        await stage.rpc("evm_setTime", int(time.time()))  # Anvil sets its clock back with the blocks
        lens = stage.chain.contract("Lens").functions
        assert (await stage.chain.read(lens.work(stage.chain.deployment.markets["BTC"].address))).buckets == 0
        assert (await stage.chain.price(feed_id("BTC-USD")))[0] != stage.publishers.prices["BTC-USD"]

    async def check(stage: Stage) -> None:
        assert "reorg" in stage.log_of()

    assert runs.play("reorg of 5 blocks", {MIDDLE: fault}, check=check) == undisturbed


def test_two_keepers__a_whole_replay(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def prepare(stage: Stage) -> None:
        for index in range(2):
            stage.keep(f"keeper {index}", index, PLIMSOLL_KEEPER__JITTER_MS="300")

    assert runs.play("two keepers", prepare=prepare) == undisturbed


@pytest.mark.slow
def test_two_keepers__without_jitter__only_cost_more(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def prepare(stage: Stage) -> None:
        for index in range(2):
            stage.keep(f"keeper {index}", index)

    assert runs.play("two keepers, no jitter", prepare=prepare) == undisturbed


@pytest.mark.slow
def test_shards__one_of_two_is_silent__the_other_takes_its_orders(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def prepare(stage: Stage) -> None:
        for index in range(2):
            stage.keep(f"keeper {index}", index, PLIMSOLL_KEEPER__SHARD=f'{{"index": {index}, "count": 2, "grace": 2}}')

    async def fault(stage: Stage) -> None:
        next_id = await stage.chain.contract("OrderBook").functions.next_id().call()
        stage.kill(f"keeper {next_id % 2}")

    assert runs.play("silent shard", {1: fault}, prepare) == undisturbed


@pytest.mark.slow
def test_chain__started_anew__the_same_process_goes_on_there(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def fault(stage: Stage) -> None:
        await stage.settle()
        old = stage.chain.deployment.genesis_hash
        stage.children.stop(stage.anvil)
        await stage.chain.close()
        await asyncio.sleep(2.0)
        stage.publishers.prices = dict(FIRST_PRICES)
        await stage.start_chain()
        assert stage.chain.deployment.genesis_hash != old
        await stage.play()
        raise Restarted

    class Restarted(Exception):  # noqa: N818
        """The whole crash has been played on the new chain."""

    async def prepare(stage: Stage) -> None:
        await one_keeper(stage)
        play = stage.play

        async def play_twice(faults: Any = None) -> None:
            try:
                await play(faults)
            except Restarted:
                return

        stage.play = play_twice  # type: ignore[method-assign]

    async def check(stage: Stage) -> None:
        assert stage.keepers["keeper"].is_running
        assert "another chain than before" in stage.log_of()

    assert runs.play("new genesis", {MIDDLE: fault}, prepare, check) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["stall", "error", "refuse"])
def test_rpc__fails_for_a_while(undisturbed: dict[str, Any], runs: Runs, mode: str) -> None:
    async def fault(stage: Stage) -> None:
        stage.proxy.mode = mode
        await asyncio.sleep(6.0)
        assert stage.proxy.spoilt >= 2
        stage.proxy.mode = "pass"

    assert runs.play(f"rpc: {mode}", {MIDDLE: fault}, behind_proxy, stop_proxy) == undisturbed


@pytest.mark.slow
def test_rpc__shows_old_heads_now_and_then(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def fault(stage: Stage) -> None:
        async def alternate() -> None:
            stage.proxy.blocks_behind = 3
            while True:
                for mode in ("old", "pass"):
                    stage.proxy.mode = mode
                    await asyncio.sleep(1.3)

        stage.background.append(asyncio.create_task(alternate()))

    async def check(stage: Stage) -> None:
        assert stage.proxy.spoilt > 10
        assert "blocks behind" in stage.log_of()
        await stop_proxy(stage)

    assert runs.play("rpc: old heads", {1: fault}, behind_proxy, check) == undisturbed


async def behind_proxy(stage: Stage) -> None:
    """A keeper that knows the chain through a proxy alone."""
    stage.proxy = RpcProxy(stage.url)
    await stage.proxy.start()
    stage.keep(PLIMSOLL_NETWORK__RPC_URL=stage.proxy.url, PLIMSOLL_KEEPER__RPC_TIMEOUT="2")


async def stop_proxy(stage: Stage) -> None:
    await stage.proxy.stop()


@pytest.mark.slow
def test_websocket__drops_every_two_seconds(undisturbed: dict[str, Any], runs: Runs) -> None:
    relays = []

    async def prepare(stage: Stage) -> None:
        relay = DroppingRelay(stage.port, 2.0)
        await relay.start()
        relays.append(relay)
        stage.keep(PLIMSOLL_KEEPER__WS_URL=f"ws://127.0.0.1:{relay.port}")

    async def check(stage: Stage) -> None:
        assert relays[0].dropped >= 2
        assert "no head hints" in stage.log_of()
        await relays[0].stop()

    assert runs.play("websocket drops", prepare=prepare, check=check) == undisturbed


@pytest.mark.slow
def test_publishers__two_down_and_one_lies__nothing_moves_until_there_is_a_quorum(
    undisturbed: dict[str, Any], runs: Runs
) -> None:
    async def fault(stage: Stage) -> None:
        stage.publishers.lies_percent[0] = 10
        before = await stage.chain.price(feed_id("BTC-USD"))
        for index in (3, 4):
            await stage.publishers.stop_one(index)
        await asyncio.sleep(1.5)  # observations from before
        stage.publishers.prices["BTC-USD"] += 1
        await asyncio.sleep(4.0)
        assert (await stage.chain.price(feed_id("BTC-USD")))[0] in (before[0], stage.publishers.prices["BTC-USD"] - 1)
        stage.publishers.prices["BTC-USD"] -= 1
        for index in (3, 4):
            await stage.publishers.start_one(index)

    assert runs.play("two publishers down, one lies", {MIDDLE: fault}) == undisturbed


@pytest.mark.slow
def test_wallet__empty_for_a_while(undisturbed: dict[str, Any], runs: Runs) -> None:
    async def fault(stage: Stage) -> None:
        keeper = stage.address_of(KEEPERS[0])
        await stage.rpc("anvil_setBalance", keeper, "0x0")
        await asyncio.sleep(4.0)
        assert (await stage.chain.price(feed_id(CRASH[MIDDLE][0])))[0] != stage.publishers.prices[CRASH[MIDDLE][0]]
        await stage.rpc("anvil_setBalance", keeper, hex(ETH))

    async def check(stage: Stage) -> None:
        assert "too little ETH to pay for gas" in stage.log_of()

    assert runs.play("empty wallet", {MIDDLE: fault}, check=check) == undisturbed
