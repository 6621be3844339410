"""A publisher over HTTP, and the clock its prices follow."""

import asyncio
import os
import time
from pathlib import Path
from random import Random

import aiohttp
import pytest
from eth_account import Account

from plimsoll.anvil import check_port
from plimsoll.bars import WAD, PricePath
from plimsoll.errors import PlimsollError
from plimsoll.keys import LocalSigner
from plimsoll.observation import Domain
from plimsoll.oracle import Endpoint, fetch
from plimsoll.publisher import NOISE_PPM, Publisher, app_of, replay_prices, with_noise
from plimsoll.replay import Clock, Replay, load_clock, save_clock
from plimsoll.service import serve
from plimsoll.sources.base import Computed, NoPriceError

ACCOUNT = Account.from_key("0x" + "42" * 32)
DOMAIN = Domain(31337, Account.from_key("0x" + "07" * 32).address)
FEEDS = ["BTC-USD", "ETH-USD"]


def publisher(source=lambda name, second: 100 * WAD) -> Publisher:
    return Publisher(LocalSigner(ACCOUNT), DOMAIN, FEEDS, Computed(source), "seed")


def test_observe__signs_every_feed_at_the_second() -> None:
    observations = asyncio.run(publisher().observe(1_000))
    assert len(observations) == 2
    assert all(DOMAIN.is_signed_by_its_signer(item) and item.published_at == 1_000 for item in observations)


def test_with_noise__stays_small_and_differs_between_publishers() -> None:
    prices = {with_noise(100 * WAD, Random(f"seed:{i}")) for i in range(5)}
    assert len(prices) == 5
    assert all(abs(price - 100 * WAD) * 1_000_000 <= NOISE_PPM * 100 * WAD for price in prices)


def test_clock__stands_before_the_start_and_at_the_end() -> None:
    clock = Clock(begin_ms=60_000, end_ms=120_000, speed_milli=2_000)
    assert clock.market_ms(10**12) == 60_000
    running = clock.started(1_000_000)
    assert [running.market_ms(1_000_000 + ms) for ms in (-5, 0, 1_000, 30_000, 99_999)] == [
        60_000,
        60_000,
        62_000,
        120_000,
        120_000,
    ]
    assert [running.progress_bps(1_000_000 + ms) for ms in (0, 15_000, 30_000)] == [0, 5_000, 10_000]
    assert running.wall_seconds() == 30


def test_replay_prices__follows_the_clock_file_as_it_changes(tmp_path: Path) -> None:
    replay_path, clock_path = tmp_path / "replay.json", tmp_path / "clock.json"
    Replay("test", {"BTC-USD": PricePath((0, 5_000), (10 * WAD, 20 * WAD))}, 1).save(replay_path)
    clock = Clock(0, 5_000, 1_000)
    save_clock(clock_path, clock)
    price = replay_prices(replay_path, clock_path)
    assert price("BTC-USD", 2_000) == 10 * WAD
    save_clock(clock_path, clock.started(1_000_000))
    os.utime(clock_path, ns=(1, 1))
    assert load_clock(clock_path).started_ms == 1_000_000
    assert price("BTC-USD", 1_004) == 10 * WAD
    assert price("BTC-USD", 1_005) == 20 * WAD


def test_serve__observations_health_and_long_polling() -> None:
    async def scenario() -> None:
        worker = publisher()
        runner = await serve(app_of(worker), 0)
        port = runner.addresses[0][1]
        endpoint = Endpoint(f"http://127.0.0.1:{port}", ACCOUNT.address)
        async with aiohttp.ClientSession() as session:
            found = await fetch(session, endpoint, 0, 5.0)
            assert await fetch(session, Endpoint("http://127.0.0.1:9", ACCOUNT.address), 0, 5.0) == []
            assert {item.feed for item in found} == set(worker.feeds.values())
            newest = max(item.published_at for item in found)
            later = await fetch(session, endpoint, newest, 5.0)
            assert max(item.published_at for item in later) == newest + 1
            assert time.time() >= newest + 1
            async with session.get(f"{endpoint.url}/health") as response:
                assert response.status == 200 and (await response.json())["ok"]
            async with session.get(f"{endpoint.url}/observations?after=x") as response:
                assert response.status == 400
        with pytest.raises(PlimsollError, match="already in use"):
            await serve(app_of(publisher()), port)
        with pytest.raises(PlimsollError, match=f"chain: port {port} of 127.0.0.1 is already in use"):
            check_port(port, "chain")
        await runner.cleanup()

    asyncio.run(scenario())


def test_run__a_failing_source__is_counted_and_does_not_end_it() -> None:
    async def scenario() -> None:
        def source(name: str, second: int) -> int:
            raise [OSError("gone"), OverflowError("int too big to convert")][second % 2]

        worker = publisher(source)
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while worker.errors < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert not worker.rounds and not task.done()
        task.cancel()

    asyncio.run(scenario())


def test_observe__a_feed_without_a_price__is_left_out_and_told() -> None:
    def source(name: str, second: int) -> int:
        if name == "ETH-USD":
            raise NoPriceError("ETH-USD: it jumped")
        return 100 * WAD

    async def scenario() -> None:
        worker = publisher(source)
        now = int(time.time())
        await worker.publish(now)
        assert [item.feed for item in worker.rounds[-1]] == [worker.feeds["BTC-USD"]]
        is_ok, body = worker.health()
        assert not is_ok and body["missing"] == {"ETH-USD": "ETH-USD: it jumped"}
        worker.source = Computed(lambda name, second: 100 * WAD)
        await worker.publish(now)
        assert worker.health()[0]
        assert worker.registry.get_sample_value("plimsoll_publisher_refused_total", {"feed": "ETH-USD"}) == 1

    asyncio.run(scenario())
