"""A publisher: one key that signs what it sees of every feed, once a second, and serves it over HTTP.

`GET /observations?after=<Unix seconds>` answers as soon as there is something published after that, or after
HOLD_SECONDS with what there is. `GET /health` tells whether it is publishing every feed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from plimsoll.keys import Signer
from plimsoll.observation import Domain, Observation, feed_id
from plimsoll.replay import Clock, Replay, load_clock
from plimsoll.service import add_operation
from plimsoll.sources.base import NoPriceError, Source

log = structlog.get_logger(__name__)
NOISE_PPM = 150
"""Each publisher's own error, uniform within +- this many millionths of the price."""
HOLD_SECONDS = 2.0
KEPT_ROUNDS = 3
LATE_SECONDS = 5


def replay_prices(replay_path: Path, clock_path: Path) -> Callable[[str, int], int]:
    """Prices of a replay file at the position that the clock file gives; both are read again when they change."""
    cache: dict[Path, tuple[int, Replay | Clock]] = {}

    def fresh(path: Path, load: Callable[[Path], Replay | Clock]) -> Replay | Clock:
        changed_ns = path.stat().st_mtime_ns
        if path not in cache or cache[path][0] != changed_ns:
            cache[path] = changed_ns, load(path)
        return cache[path][1]

    def price(feed_name: str, second: int) -> int:
        replay, clock = fresh(replay_path, Replay.load), fresh(clock_path, load_clock)
        return replay.price(feed_name, clock.market_ms(second * 1000))

    return price


def with_noise(price: int, rng: Random, noise_ppm: int = NOISE_PPM) -> int:
    """`price` as one publisher sees it."""
    return price + price * rng.randint(-noise_ppm, noise_ppm) // 1_000_000


class Publisher:
    """Signs one round a second and keeps the last KEPT_ROUNDS of them."""

    def __init__(
        self,
        signer: Signer,
        domain: Domain,
        feeds: Sequence[str],
        source: Source,
        seed: str,
        noise_ppm: int = NOISE_PPM,
    ) -> None:
        self.signer = signer
        self.domain = domain
        self.feeds = {name: feed_id(name) for name in feeds}
        self.source = source
        self.rng = Random(seed)
        self.noise_ppm = noise_ppm
        self.rounds: list[list[Observation]] = []
        self.missing: dict[str, str] = {}
        """Why the newest round lacks a feed, by feed."""
        self.changed = asyncio.Condition()
        self.errors = 0
        self.registry = CollectorRegistry()
        self._signed = Counter("plimsoll_publisher_observations", "Signed", ["feed"], registry=self.registry)
        self._refused = Counter("plimsoll_publisher_refused", "Not signed", ["feed"], registry=self.registry)
        self._round = Gauge("plimsoll_publisher_round", "Second of the newest round", registry=self.registry)

    @property
    def published_at(self) -> int:
        """The second of the newest round, 0 before the first."""
        return self.rounds[-1][0].published_at if self.rounds else 0

    async def observe(self, second: int) -> list[Observation]:
        """Signs every feed that has a price as of `second`."""
        found, missing = [], {}
        for name, feed in self.feeds.items():
            try:
                price = with_noise(self.source.price(name, second), self.rng, self.noise_ppm)
            except NoPriceError as error:
                missing[name] = str(error)
                self._refused.labels(name).inc()
                continue
            found.append(await self.domain.observe(self.signer, feed, price, second))
            self._signed.labels(name).inc()
        if missing != self.missing:
            log.warning("feeds without a price", missing=missing) if missing else log.info("every feed has a price")
        self.missing = missing
        return found

    async def publish(self, second: int) -> None:
        """Adds a round and wakes who waits for it."""
        observations = await self.observe(second)
        if not observations:
            return
        self._round.set(second)
        async with self.changed:
            self.rounds = [*self.rounds, observations][-KEPT_ROUNDS:]
            self.changed.notify_all()

    async def run(self) -> None:
        """Publishes at every full second until cancelled; what goes wrong with one round does not stop the next."""
        while True:
            now = time.time()
            second = int(now) + 1
            await asyncio.sleep(second - now)
            try:
                await self.publish(second)
            except Exception as error:
                self.errors += 1
                log.warning("no observation", second=second, error=f"{type(error).__name__}: {error}")

    async def newer_than(self, after: int) -> list[Observation]:
        """All kept observations, as soon as the newest is later than `after` or HOLD_SECONDS are over."""
        async with self.changed:
            try:
                async with asyncio.timeout(HOLD_SECONDS):
                    await self.changed.wait_for(lambda: self.published_at > after)
            except TimeoutError:
                pass
            return [item for observations in self.rounds for item in observations]

    def health(self) -> tuple[bool, dict[str, Any]]:
        """For /health."""
        is_ok = bool(self.rounds) and int(time.time()) - self.published_at <= LATE_SECONDS and not self.missing
        return is_ok, {"published_at": self.published_at, "errors": self.errors, "missing": self.missing}


def app_of(publisher: Publisher) -> web.Application:
    """The HTTP side."""

    async def observations(request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            return web.json_response({"error": "after must be Unix seconds"}, status=400)
        found = await publisher.newer_than(int(after))
        items = [item.to_json() for item in found]
        return web.json_response({"publisher": publisher.signer.address, "observations": items})

    async def lifetime(_: web.Application):
        tasks = [asyncio.create_task(item.run()) for item in (publisher.source, publisher)]
        yield
        for task in tasks:
            task.cancel()

    app = add_operation(web.Application(), publisher.health, publisher.registry)
    app.add_routes([web.get("/observations", observations)])
    app.cleanup_ctx.append(lifetime)
    return app
