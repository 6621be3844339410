"""The keeper's shell around its decisions: what it follows, and that it goes on after a failure."""

import asyncio

import pytest
from eth_account import Account

from plimsoll import artifacts
from plimsoll.chain import Chain
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.fees import Fees
from plimsoll.keeper import worker as worker_module
from plimsoll.keeper.core import Plan, Policy
from plimsoll.keeper.worker import Keeper, StuckKeyError
from plimsoll.keys import LocalSigner
from plimsoll.observation import Observation
from plimsoll.sender import Flight, Sender

KEEPER = Account.from_key("0x" + "42" * 32)
MARKET, OWNER, FEED_CONTRACT = (Account.from_key(bytes([i]) * 32).address for i in (1, 2, 3))
FEED = b"\7" * 32


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    artifacts.compile_all(["PriceFeed", "Relay", "OrderBook", "Vault"])
    return Deployment(
        network="local",
        chain_id=31337,
        genesis_hash="0x" + "0" * 64,
        start_block=5,
        rpc_url="http://127.0.0.1:9",
        collateral={"symbol": "USDC", "decimals": 6},
        contracts=dict.fromkeys(("PriceFeed", "Relay", "OrderBook", "Vault"), FEED_CONTRACT),
        markets={"BTC": {"address": MARKET, "feed": "0x" + FEED.hex(), "feed_name": "BTC-USD", "params": {}}},
        publishers=[],
        treasury=OWNER,
        parameters={},
    )


def test_act_arguments__in_the_order_of_the_contract() -> None:
    observation = Observation(FEED, 5, 6, 27, b"\1" * 32, b"\2" * 32, OWNER)
    assert Plan((observation,), (MARKET,), 9, (3, 4), 1).arguments() == [
        [(FEED, 5, 6, 27, b"\1" * 32, b"\2" * 32)],
        [MARKET],
        9,
        [3, 4],
    ]


def test_run__a_failed_round__is_counted_and_tried_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        worker = Keeper(chain, [Sender(chain, LocalSigner(KEEPER))], [], Policy())
        pauses: list[float] = []
        rounds = 0
        done = asyncio.Event()

        async def round_() -> None:
            nonlocal rounds
            rounds += 1
            if rounds <= 3:
                raise [ConnectionError("gone"), PlimsollError("refused"), RuntimeError("a surprise")][rounds - 1]
            done.set()
            await asyncio.sleep(60)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        async def at_once(*_: object) -> None:
            pass

        monkeypatch.setattr(worker, "round", round_)
        monkeypatch.setattr(worker, "wait", at_once)
        monkeypatch.setattr(worker, "_clear_keys", at_once)
        monkeypatch.setattr(worker_module, "pause", pause)
        task = asyncio.create_task(worker.run())
        await asyncio.wait_for(done.wait(), 10)
        task.cancel()
        assert pauses == [0.5, 1.0, 2.0]
        kinds = ("ConnectionError", "PlimsollError", "RuntimeError")
        values = [worker.metrics.registry.get_sample_value("plimsoll_keeper_errors_total", {"kind": k}) for k in kinds]
        assert values == [1, 1, 1]
        is_ok, body = worker.health()
        assert not is_ok and body["trouble"] == "RuntimeError: a surprise"
        await asyncio.gather(task, return_exceptions=True)
        await chain.close()

    asyncio.run(scenario())


def test_connect__no_chain__is_one_line(deployment: Deployment) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        with pytest.raises(PlimsollError, match=r"no chain answers at http://127\.0\.0\.1:9"):
            await chain.connect()
        await chain.close()

    asyncio.run(scenario())


def test_keeper__contract_missing_in_the_file__is_one_line(deployment: Deployment) -> None:
    chain = Chain(deployment.model_copy(update={"contracts": {}}))
    with pytest.raises(PlimsollError, match="the deployments file has no contract OrderBook"):
        Keeper(chain, [Sender(chain, LocalSigner(KEEPER))], [], Policy())


def test_run__node_answers_nonsense_after_a_failure__goes_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        worker = Keeper(chain, [Sender(chain, LocalSigner(KEEPER))], [], Policy())
        asked = asyncio.Semaphore(0)

        async def fail(*_: object) -> str:
            asked.release()
            raise KeyError("hash")

        async def pause(_: float) -> None:
            await asyncio.sleep(0)

        monkeypatch.setattr(chain, "genesis_hash", fail)
        monkeypatch.setattr(worker, "_clear_keys", fail)
        monkeypatch.setattr(worker_module, "pause", pause)
        task = asyncio.create_task(worker.run())
        for _ in range(4):
            await asyncio.wait_for(asked.acquire(), 5)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await chain.close()

    asyncio.run(scenario())


def test_run__a_part_that_ends_unexpectedly__ends_it_with_the_reason(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        worker = Keeper(chain, [Sender(chain, LocalSigner(KEEPER))], [], Policy())

        async def fail() -> None:
            raise RuntimeError("a surprise")

        monkeypatch.setattr(worker.collector, "run", fail)
        with pytest.raises(RuntimeError, match="a surprise"):
            await asyncio.wait_for(worker.run(), 5)
        await chain.close()

    asyncio.run(scenario())


def test_payer__key_with_a_stuck_transaction__is_passed_over(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        senders = [Sender(chain, LocalSigner(Account.from_key(bytes([i]) * 32))) for i in (8, 9)]
        worker = Keeper(chain, senders, [], Policy())

        async def can_pay(*_: object) -> bool:
            return True

        monkeypatch.setattr(Sender, "can_pay", can_pay)
        senders[0]._left[3] = Flight(Fees(1, 1), 0.0, [])
        assert await worker._payer(senders, 1) is senders[1]
        assert await worker._able() == senders[1:]
        senders[1]._left[0] = Flight(Fees(1, 1), 0.0, [])
        with pytest.raises(StuckKeyError, match="stuck in the mempool"):
            await worker._payer(senders, 1)
        await chain.close()

    asyncio.run(scenario())


def test_keep_gas_price__rounds_do_not_wait_for_it(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        policy = Policy(does=frozenset({"gas_price"}))
        worker = Keeper(chain, [Sender(chain, LocalSigner(KEEPER))], [], policy, poll_seconds=0.01)
        rounds = 0
        asked: list[int] = []

        async def nothing(*_: object) -> None:
            await asyncio.sleep(0)

        async def round_() -> None:
            nonlocal rounds
            rounds += 1
            await asyncio.sleep(0.01)

        async def refresh() -> None:
            asked.append(rounds)
            if len(asked) < 3:
                raise ConnectionError("gone")
            await asyncio.sleep(60)  # as one that is not mined

        monkeypatch.setattr(worker_module, "GAS_PRICE_SECONDS", 0.01)
        monkeypatch.setattr(worker, "_clear_keys", nothing)
        monkeypatch.setattr(worker, "wait", nothing)
        monkeypatch.setattr(worker, "round", round_)
        monkeypatch.setattr(worker, "_refresh_gas_price", refresh)
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while len(asked) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert asked[0] >= 1, "keys are clear only after a round"
            begun = rounds
            while rounds < begun + 20:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await chain.close()

    asyncio.run(scenario())
