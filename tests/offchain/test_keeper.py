"""The keeper's shell around its decisions: what it follows, and that it goes on after a failure."""

import asyncio
from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes

from plimsoll import artifacts, keeper
from plimsoll.chain import Chain, Event
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.keeper import Book, Keeper, act_arguments
from plimsoll.keeper_core import Plan, Policy
from plimsoll.observation import Observation

KEEPER = Account.from_key("0x" + "42" * 32)
MARKET, OWNER, FEED_CONTRACT = (Account.from_key(bytes([i]) * 32).address for i in (1, 2, 3))
FEED = b"\7" * 32


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    artifacts.compile_all(["PriceFeed", "Relay", "OrderBook"])
    return Deployment(
        network="local",
        chain_id=31337,
        genesis_hash="0x" + "0" * 64,
        start_block=5,
        rpc_url="http://127.0.0.1:9",
        collateral={"symbol": "USDC", "decimals": 6},
        contracts=dict.fromkeys(("PriceFeed", "Relay", "OrderBook"), FEED_CONTRACT),
        markets={"BTC": {"address": MARKET, "feed": "0x" + FEED.hex(), "feed_name": "BTC-USD", "params": {}}},
        publishers=[],
        treasury=OWNER,
        parameters={},
    )


def event(name: str, args: dict[str, Any], block: int = 7, contract: str = "OrderBook") -> Event:
    return Event(contract, FEED_CONTRACT, name, args, block, 0, HexBytes(b"\1" * 32))


@pytest.mark.parametrize("ending", ["OrderExecuted", "OrderCancelled", "OrderFailed"])
def test_book__knows_what_is_open_from_events_alone(ending: str) -> None:
    book = Book()
    book.follow(
        [event("OrderPlaced", {"id": 1, "market": MARKET}), event("OrderPlaced", {"id": 2, "market": MARKET})], {7: 99}
    )
    assert {order.placed_at for order in book.orders.values()} == {99}
    book.follow([event(ending, {"id": 1}), event(ending, {"id": 55})], {})
    assert list(book.orders) == [2]


def test_act_arguments__in_the_order_of_the_contract() -> None:
    observation = Observation(FEED, 5, 6, 27, b"\1" * 32, b"\2" * 32, OWNER)
    arguments = act_arguments(Plan((observation,), (MARKET,), 9, (3, 4), 1))
    assert arguments == [[(FEED, 5, 6, 27, b"\1" * 32, b"\2" * 32)], [MARKET], 9, [3, 4]]


def test_run__a_failed_round__is_counted_and_tried_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        worker = Keeper(Chain(deployment), KEEPER, [], Policy())
        pauses: list[float] = []
        rounds = 0
        done = asyncio.Event()

        async def round_(session: object) -> None:
            nonlocal rounds
            rounds += 1
            if rounds <= 3:
                raise [ConnectionError("gone"), PlimsollError("refused"), RuntimeError("a surprise")][rounds - 1]
            done.set()
            await asyncio.sleep(60)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        monkeypatch.setattr(worker, "round", round_)
        monkeypatch.setattr(keeper, "pause", pause)
        task = asyncio.create_task(worker.run())
        await asyncio.wait_for(done.wait(), 10)
        task.cancel()
        assert pauses == [0.5, 1.0, 2.0]
        assert worker.metrics.registry.get_sample_value("plimsoll_keeper_errors_total") == 3
        await asyncio.gather(task, return_exceptions=True)
        await worker.chain.close()

    asyncio.run(scenario())


def test_connect__no_chain__is_one_line(deployment: Deployment) -> None:
    async def scenario() -> None:
        chain = Chain(deployment)
        with pytest.raises(PlimsollError, match=r"no chain answers at http://127\.0\.0\.1:9"):
            await chain.connect()
        await chain.close()

    asyncio.run(scenario())
