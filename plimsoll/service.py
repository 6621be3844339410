"""What every service does alike: run until told to stop, serve /health and /metrics, wait longer after each failure."""

import asyncio
import errno
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from plimsoll.errors import PlimsollError

Told = tuple[bool, dict[str, Any]]
Health = Callable[[], Told | Awaitable[Told]]
"""Whether the service does its work, and what to tell of it."""


def run_until_stopped(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a service until it ends, or until SIGINT or SIGTERM, which is a clean end."""

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await start()
        except asyncio.CancelledError:
            return

    asyncio.run(main())


class Backoff:
    """Pauses that double from `first` to `longest` seconds until `reset`."""

    def __init__(self, first: float = 0.5, longest: float = 15.0) -> None:
        self.first = first
        self.longest = longest
        self._next = first

    def next(self) -> float:
        """The seconds to wait now."""
        seconds, self._next = self._next, min(self.longest, self._next * 2)
        return seconds

    def reset(self) -> None:
        """After a success."""
        self._next = self.first


def add_operation(app: web.Application, health: Health, registry: CollectorRegistry) -> web.Application:
    """Adds `GET /health`, 200 or 503 with JSON that begins with `ok`, and `GET /metrics` for Prometheus."""

    async def health_of(_: web.Request) -> web.Response:
        told = health()
        is_ok, body = told if isinstance(told, tuple) else await told
        return web.json_response({"ok": is_ok, **body}, status=200 if is_ok else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    app.add_routes([web.get("/health", health_of), web.get("/metrics", metrics)])
    return app


async def serve(app: web.Application, port: int, host: str = "127.0.0.1") -> web.AppRunner:
    """Serves `app`; PlimsollError if the port is taken. The caller cleans the runner up."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        if error.errno == errno.EADDRINUSE:
            raise PlimsollError(f"port {port} of {host} is already in use") from None
        raise PlimsollError(f"cannot listen on port {port} of {host}: {error.strerror}") from None
    return runner
