"""A served API on the database of a whole story, which an indexer could still write to."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plimsoll.api.server import Api
from plimsoll.indexer.store import Store
from plimsoll.service import serve
from tests.indexer.story import Story, played
from tests.indexer.support import ANCHOR, clear, fill


@dataclass
class Answer:
    """Status, headers, and the body as text."""

    status: int
    headers: Any
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass
class Served:
    """An API in a thread, its store, and the story behind it."""

    url: str
    store: Store
    story: Story

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request, whatever comes of it."""
        request = urllib.request.Request(self.url + path, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def found(self, path: str) -> Any:
        """The body of a 200."""
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return answer.body


def serve_in_thread(api: Api) -> tuple[str, Any]:
    """The address, and what stops it."""
    loop = asyncio.new_event_loop()
    runner = loop.run_until_complete(serve(api.app(), 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def stop() -> None:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)

    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}", stop


def served_in(folder: Path, database: str = "") -> Iterator[Served]:
    """On SQLite in `folder`, or on another, empty database."""
    story = played()
    database = database or f"sqlite:///{folder}/index.sqlite"
    store = Store(database, story.deployment(), "test")
    store.begin(ANCHOR)
    fill(store, story.blocks())
    url, stop = serve_in_thread(Api(story.deployment, database))
    yield Served(url, store, story)
    stop()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For tests that only read. On PostgreSQL if PLIMSOLL_TEST_POSTGRESQL names a server."""
    database = os.environ.get("PLIMSOLL_TEST_POSTGRESQL", "")
    if database:
        clear(database, played().deployment())
    yield from served_in(tmp_path_factory.mktemp("api"), database)


@pytest.fixture
def own_api(tmp_path: Path) -> Iterator[Served]:
    """For tests that write to the store."""
    yield from served_in(tmp_path)
