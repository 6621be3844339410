"""The monitor at a real set-up, with a webhook that fails now and then."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from plimsoll import accounts, artifacts
from plimsoll.chain import Chain
from plimsoll.config import Monitor as Settings
from plimsoll.monitor.service import Monitor
from plimsoll.service import serve
from tests.integration.site import Site, working

KEEPER = accounts.dev_account(accounts.KEEPER).address


class Webhook:
    """Keeps what it got; answers 503 while `is_broken`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.is_broken = False
        self.refused = 0

    async def start(self) -> str:
        app = web.Application()
        app.add_routes([web.post("/alerts", self._take)])
        self.runner = await serve(app, 0)
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/alerts"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["text"] and body["since"] > 0
        if self.is_broken:
            self.refused += 1
            return web.Response(status=503)
        self.got.append((body["status"], body["alert"]))
        return web.Response()


async def until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def test_monitor__each_trouble_once_when_it_begins_and_once_when_it_ends(tmp_path: Path) -> None:
    artifacts.compile_all()

    async def scenario() -> None:
        async with working(tmp_path) as site:
            hook = Webhook()
            settings = Settings(webhook=await hook.start(), keepers=[KEEPER], publisher_seconds=5, poll_seconds="0.5")
            monitor = Monitor(Chain(site.deployment), settings)
            task = asyncio.create_task(monitor.run())
            try:
                await watch(site, hook, monitor)
            finally:
                task.cancel()
                await monitor.chain.close()
                await hook.runner.cleanup()

    asyncio.run(scenario())


async def watch(site: Site, hook: Webhook, monitor: Monitor) -> None:
    await until(lambda: monitor.health()[0])
    await asyncio.sleep(1.5)
    assert hook.got == [] and monitor.health()[1] == {"firing": [], "unsent": 0}

    silent = f"publisher:{site.deployment.publishers[4].url}"
    await site.publishers.stop_one(4)
    await until(lambda: ("firing", silent) in hook.got)

    hook.is_broken = True
    balance = await site.rpc("eth_getBalance", KEEPER, "latest")
    await site.rpc("anvil_setBalance", KEEPER, hex(10**16))
    await until(lambda: hook.refused >= 2)
    hook.is_broken = False
    await until(lambda: ("firing", f"keeper:{KEEPER}") in hook.got)

    await site.rpc("anvil_setBalance", KEEPER, balance)
    await site.publishers.start_one(4)
    await until(lambda: len(hook.got) == 4)
    assert set(hook.got[2:]) == {("resolved", silent), ("resolved", f"keeper:{KEEPER}")}
    assert monitor.registry.get_sample_value("plimsoll_monitor_alert", {"alert": silent}) == 0

    site.children.stop(site.anvil)
    await until(lambda: ("firing", "node") in hook.got)
    await asyncio.sleep(1.5)
    assert len(hook.got) == 5, "a trouble that goes on is told once"
