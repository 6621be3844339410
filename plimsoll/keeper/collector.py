"""Keeps the newest observations of every publisher at hand: one long poll each, so that none holds up the others."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import aiohttp

from plimsoll.observation import Observation
from plimsoll.oracle import Endpoint, fetch
from plimsoll.service import Backoff

HOLD_SECONDS = 4.0
"""Longer than a publisher holds an answer back."""
STRAGGLER_SECONDS = 0.12
"""How long a quorum waits for the rest of its second."""
WORTH_SECONDS = 120
"""Observations older than this are of no use to anybody."""


class Collector:
    """The publishers of one deployment."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = list(endpoints)
        self._newest: dict[str, list[Observation]] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Polls until cancelled, also where there is nobody to poll: prices may come from elsewhere."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            for endpoint in self.endpoints:
                group.create_task(self._poll(session, endpoint))
            await asyncio.Event().wait()

    async def _poll(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        backoff = Backoff(0.2, 5.0)
        while True:
            seen = self.newest_second(endpoint)
            found = await fetch(session, endpoint, seen, HOLD_SECONDS)
            if any(item.published_at > seen for item in found):
                self._newest[endpoint.url] = found
                backoff.reset()
                self._changed.set()
            else:
                await asyncio.sleep(backoff.next())

    def newest_second(self, endpoint: Endpoint) -> int:
        """When a publisher last published, 0 if it never did. What lies in the future does not count: it would hide
        everything a publisher says until then."""
        limit = int(time.time()) + 2
        seconds = (item.published_at for item in self._newest.get(endpoint.url, []))
        return max((second for second in seconds if second <= limit), default=0)

    def observations(self) -> list[Observation]:
        """The newest of all publishers."""
        earliest = int(time.time()) - WORTH_SECONDS
        return [item for found in self._newest.values() for item in found if item.published_at > earliest]

    async def wait(self, after: int, quorum: int, seconds: float, hint: asyncio.Event | None = None) -> None:
        """Until `quorum` publishers have published after `after` and the others had a moment to follow; at most
        `seconds`, and no longer than until `hint` is set."""
        try:
            async with asyncio.timeout(seconds):
                while self._count(after) < quorum:
                    self._changed.clear()
                    if await self._first(hint):
                        return
        except TimeoutError:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STRAGGLER_SECONDS):
                while self._count(after) < self._count(after - WORTH_SECONDS):
                    self._changed.clear()
                    await self._changed.wait()

    async def _first(self, hint: asyncio.Event | None) -> bool:
        """Waits for a new observation or for the hint; whether it was the hint."""
        if hint is None:
            await self._changed.wait()
            return False
        if hint.is_set():
            return True
        waits = [asyncio.create_task(event.wait()) for event in (self._changed, hint)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for item in waits:
                item.cancel()
        return hint.is_set() and not self._changed.is_set()

    def quorum_second(self, quorum: int) -> int:
        """The latest second that `quorum` publishers have reached, 0 if none."""
        seconds = sorted((self.newest_second(endpoint) for endpoint in self.endpoints), reverse=True)
        return seconds[quorum - 1] if len(seconds) >= quorum else 0

    def _count(self, after: int) -> int:
        return sum(self.newest_second(endpoint) > after for endpoint in self.endpoints)
