"""Observations from real publishers over HTTP: one that is silent does not hold up the others."""

import asyncio
import time
from collections.abc import Callable, Coroutine

from aiohttp import web
from eth_account import Account
from eth_account.signers.local import LocalAccount

from plimsoll.bars import WAD
from plimsoll.keeper.collector import HOLD_SECONDS, Collector
from plimsoll.keys import LocalSigner
from plimsoll.observation import Domain
from plimsoll.oracle import Endpoint
from plimsoll.publisher import Publisher, app_of
from plimsoll.service import serve
from plimsoll.sources.base import Computed

DOMAIN = Domain(31337, Account.from_key(b"\x07" * 32).address)
ACCOUNTS = [Account.from_key(bytes([i]) * 32) for i in range(1, 4)]


def publisher(account: LocalAccount) -> Publisher:
    return Publisher(LocalSigner(account), DOMAIN, ["BTC-USD"], Computed(lambda *_: 100 * WAD), "s")


def with_publishers(scenario: Callable[[Collector], Coroutine[None, None, None]]) -> None:
    """Two that publish, one that takes the connection and never answers, one that is not there."""

    async def main() -> None:
        async def hang(_: web.Request) -> web.Response:
            await asyncio.sleep(60)
            return web.Response()

        silent = web.Application()
        silent.add_routes([web.get("/observations", hang)])
        apps = [app_of(publisher(item)) for item in ACCOUNTS[:2]]
        runners = [await serve(app, 0) for app in [*apps, silent]]
        urls = [f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners] + ["http://127.0.0.1:9"]
        signers = [*ACCOUNTS, ACCOUNTS[0]]
        collector = Collector([Endpoint(url, item.address) for url, item in zip(urls, signers, strict=True)])
        task = asyncio.create_task(collector.run())
        try:
            await scenario(collector)
        finally:
            task.cancel()
            for runner in runners:
                await runner.cleanup()

    asyncio.run(main())


def test_wait__a_quorum_is_enough__whoever_is_silent() -> None:
    async def scenario(collector: Collector) -> None:
        await collector.wait(0, 2, 5.0)
        first = collector.quorum_second(2)
        assert first and {item.signer for item in collector.observations()} == {item.address for item in ACCOUNTS[:2]}
        began = time.monotonic()
        await collector.wait(first, 2, 5.0)
        assert collector.quorum_second(2) == first + 1
        assert time.monotonic() - began < HOLD_SECONDS
        assert collector.quorum_second(3) == 0

    with_publishers(scenario)


def test_wait__no_quorum__ends_with_the_time_or_the_hint() -> None:
    async def scenario(collector: Collector) -> None:
        await collector.wait(0, 3, 0.3)
        hint = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, hint.set)
        async with asyncio.timeout(5):
            await collector.wait(0, 3, 60.0, hint)
        assert hint.is_set()

    with_publishers(scenario)


def test_newest_second__what_lies_in_the_future__does_not_count() -> None:
    collector = Collector([Endpoint("http://127.0.0.1:9", ACCOUNTS[0].address)])
    now = int(time.time())
    observations = [DOMAIN.sign(ACCOUNTS[0], b"\1" * 32, WAD, second) for second in (now, now + 3_600)]
    collector._newest["http://127.0.0.1:9"] = observations
    assert collector.newest_second(collector.endpoints[0]) == now
