"""A publisher: one key that signs what it sees of every feed, once a second, and serves it over HTTP.

`GET /observations?after=<Unix seconds>` answers as soon as there is something published after that, or after
HOLD_SECONDS with what there is. `GET /health` tells whether it is publishing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from aiohttp import web
from eth_account.signers.local import LocalAccount

from plimsoll.errors import PlimsollError
from plimsoll.observation import Domain, Observation, feed_id
from plimsoll.replay import Clock, Replay, load_clock

log = logging.getLogger(__name__)
NOISE_PPM = 150
"""Each publisher's own error, uniform within +- this many millionths of the price."""
HOLD_SECONDS = 2.0
KEPT_ROUNDS = 3

Source = Callable[[str, int], int]
"""Price (WAD) of a feed by name at a Unix second."""


def replay_source(replay_path: Path, clock_path: Path) -> Source:
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
        account: LocalAccount,
        domain: Domain,
        feeds: Sequence[str],
        source: Source,
        seed: str,
        noise_ppm: int = NOISE_PPM,
    ) -> None:
        self.account = account
        self.domain = domain
        self.feeds = {name: feed_id(name) for name in feeds}
        self.source = source
        self.rng = Random(seed)
        self.noise_ppm = noise_ppm
        self.rounds: list[list[Observation]] = []
        self.changed = asyncio.Condition()
        self.errors = 0

    @property
    def published_at(self) -> int:
        """The second of the newest round, 0 before the first."""
        return self.rounds[-1][0].published_at if self.rounds else 0

    def observe(self, second: int) -> list[Observation]:
        """Signs every feed as of `second`."""
        return [
            self.domain.sign(
                self.account, feed, with_noise(self.source(name, second), self.rng, self.noise_ppm), second
            )
            for name, feed in self.feeds.items()
        ]

    async def publish(self, second: int) -> None:
        """Adds a round and wakes who waits for it."""
        observations = self.observe(second)
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
            except (OSError, PlimsollError, KeyError, TypeError, ValueError) as error:
                self.errors += 1
                log.warning("no observation at %s: %s", second, error)

    async def newer_than(self, after: int) -> list[Observation]:
        """All kept observations, as soon as the newest is later than `after` or HOLD_SECONDS are over."""
        async with self.changed:
            try:
                async with asyncio.timeout(HOLD_SECONDS):
                    await self.changed.wait_for(lambda: self.published_at > after)
            except TimeoutError:
                pass
            return [item for observations in self.rounds for item in observations]


def app_of(publisher: Publisher) -> web.Application:
    """The HTTP side."""

    async def observations(request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            return web.json_response({"error": "after must be Unix seconds"}, status=400)
        found = await publisher.newer_than(int(after))
        items = [item.to_json() for item in found]
        return web.json_response({"publisher": publisher.account.address, "observations": items})

    async def health(_: web.Request) -> web.Response:
        age = int(time.time()) - publisher.published_at
        is_ok = bool(publisher.rounds) and age <= 5
        body = {"ok": is_ok, "published_at": publisher.published_at, "errors": publisher.errors}
        return web.json_response(body, status=200 if is_ok else 503)

    async def lifetime(_: web.Application):
        task = asyncio.create_task(publisher.run())
        yield
        task.cancel()

    app = web.Application()
    app.add_routes([web.get("/observations", observations), web.get("/health", health)])
    app.cleanup_ctx.append(lifetime)
    return app
