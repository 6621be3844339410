"""The indexer as a process, on a real node, while things break: in the end its rows are those of an undisturbed run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plimsoll import deployments
from plimsoll.artifacts import ROOT
from plimsoll.deployments import Deployment
from plimsoll.indexer import schema
from plimsoll.indexer.follow import Follower
from plimsoll.indexer.node import Node
from plimsoll.indexer.store import Store, open_engine
from tests.chaos.anvil_chain import Anvil, AnvilChain, free_port
from tests.chaos.faulty_node import MODES, FaultyNode
from tests.indexer.story import KEEPER, Story, capital, crash, play, rise
from tests.indexer.support import content

PATIENCE = 60.0
POSTGRESQL = os.environ.get("PLIMSOLL_TEST_POSTGRESQL")


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """An AssertionError that says `what` did not come."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError(what)


class Place:
    """A node, an exchange on it, and indexers that write to one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = Anvil()
        self.story = Story(AnvilChain(self.node))
        self.proxy = FaultyNode(self.node.url, free_port())
        self.path = folder / "local.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.deploy()

    def deploy(self) -> None:
        """Writes the deployments file of the exchange that is there now."""
        self.deployment = self.story.deployment(self.proxy.url, self.node.genesis)
        deployments.save(self.deployment, self.path)

    def start(self) -> tuple[subprocess.Popen[bytes], int]:
        """An indexer process, and the port of its health."""
        port = free_port()
        command = [sys.executable, "-m", "plimsoll", "indexer", "--port", str(port), "--deployment", str(self.path)]
        command += ["--database", self.database, "--log-format", "json"]
        env = {**os.environ, "PLIMSOLL_INDEXER__POLL_SECONDS": "0.05", "PLIMSOLL_INDEXER__COMPARE_SECONDS": "1"}
        with (self.folder / "indexer.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process, port

    @property
    def database(self) -> str:
        """PostgreSQL if PLIMSOLL_TEST_POSTGRESQL names a server; each chain has a schema of its own there."""
        return POSTGRESQL or f"sqlite:///{self.folder}/index.sqlite"

    def block(self) -> int:
        """How far the database is; -1 where there is none."""
        engine = open_engine(self.database, self.deployment, is_writer=False)
        try:
            with engine.connect() as connection:
                return int(connection.execute(select(schema.Cursor.block)).scalar() or -1)
        except Exception:
            return -1
        finally:
            engine.dispose()

    def wait_for_head(self) -> None:
        """Until the index has the node's last block."""
        wait_until(lambda: self.block() >= self.node.head, f"index at {self.block()}, node at {self.node.head}")

    def check(self) -> None:
        """The rows are those of an index made anew from the same node, and its figures those of the contracts."""
        self.proxy.mode = "good"
        self.wait_for_head()
        (self.folder / "fresh").mkdir(exist_ok=True)
        fresh = Store(f"sqlite:///{self.folder}/fresh/index.sqlite", self.deployment, "fresh")
        asyncio.run(index_all(fresh, self.deployment))
        disturbed = Store(self.database, self.deployment, "look")
        mine, theirs = content(disturbed, "blocks"), content(fresh, "blocks")
        for name in theirs:
            assert mine[name] == theirs[name], f"table {name}"
        assert mine["logs"], "nothing was indexed"

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.proxy.stop()
        self.node.kill()


async def index_all(store: Store, deployment: Deployment) -> None:
    """In one go, undisturbed."""
    node = Node(deployment.rpc_url)
    follower = Follower(node, store, deployment)
    while await follower.step():
        pass
    await node.close()


def health(port: int) -> dict[str, Any]:
    """What /health says, whatever its status; empty if nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except OSError:
        return {}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.stop()


def test_killed_again_and_again_during_a_crash(place: Place) -> None:
    play(place.story)
    place.proxy.mode = "slow"  # so that a kill finds it in the middle
    story = place.story
    moves: list[Callable[[], Any]] = [
        lambda: story.publish(BTC=93_000),
        lambda: story.crank(3),
        lambda: story.crank(),
        lambda: rise(story),
    ]
    for move in moves:
        process, _ = place.start()
        before = place.block()
        wait_until(lambda at=before: place.block() > at, "the indexer does not move")
        move()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert place.block() < place.node.head
    place.start()
    place.check()


def test_node_that_stalls_fails_and_forgets(place: Place) -> None:
    _, port = place.start()
    acts = [play, crash, rise, capital]
    for number, mode in enumerate(mode for mode in MODES if mode != "good"):
        place.proxy.mode = mode
        if number < len(acts):
            acts[number](place.story)
        place.story.publish(BTC=92_600 + number)
        time.sleep(0.7)
    place.check()
    wait_until(lambda: bool(health(port).get("ok")), f"not healthy: {health(port)}")
    assert health(port)["mismatches"] == []
    assert health(port)["compared_at_block"] > 0


@pytest.mark.parametrize("way", ["reorg", "revert"])
def test_reorganisation_of_five_blocks_across_a_liquidation(place: Place, way: str) -> None:
    play(place.story)
    _, port = place.start()
    place.wait_for_head()
    kept = place.node.head
    snapshot = place.node.ask("evm_snapshot")
    story = place.story
    story.publish(BTC=93_000)  # two blocks: one to let time pass
    story.crank(3)
    story.crank()
    story.market().sync(story.trader("short 0"), sender=KEEPER)
    assert place.node.head == kept + 5
    place.wait_for_head()
    assert count(place, schema.Liquidation) > 0
    assert count(place, schema.Deleveraging) > 0

    if way == "reorg":
        place.node.ask("anvil_reorg", 5, [])
    else:
        place.node.ask("evm_revert", snapshot)
    wait_until(
        lambda: count(place, schema.Liquidation) == 0 or way == "revert", "the liquidation is still in the index"
    )
    # on the new branch the price falls less, and somebody else is liquidated
    story.publish(BTC=98_300)
    story.crank()
    for _ in range(6):
        place.node.ask("evm_mine")
    place.check()
    assert count(place, schema.Liquidation) > 0
    wait_until(lambda: health(port).get("reorgs", 0) > 0, "no reorganisation was told")


def test_chain_started_anew__gets_a_store_of_its_own(place: Place) -> None:
    play(place.story)
    _, port = place.start()
    place.wait_for_head()
    old = Store(place.database, place.deployment, "look")
    rows = content(old)
    place.node.kill()
    place.node = Anvil(place.node.port, timestamp=int(time.time()) - 1_000)
    wait_until(lambda: "another chain" in health(port).get("problem", ""), "the new chain is not noticed")
    assert not health(port)["ok"]

    place.story = Story(AnvilChain(place.node))
    place.deploy()
    place.story.publish(BTC=100_000)
    place.check()
    assert content(old) == rows
    if not POSTGRESQL:
        assert len(list(place.folder.glob("index-*.sqlite"))) == 2


def test_two_indexers_on_one_database(place: Place) -> None:
    first, first_port = place.start()
    wait_until(lambda: bool(health(first_port).get("writes")), "the first does not write")
    _, second_port = place.start()
    play(place.story)
    wait_until(lambda: "writes" in health(second_port), "the second does not run")
    assert not health(second_port)["writes"]
    first.send_signal(signal.SIGTERM)
    crash(place.story)
    assert first.wait(20) == 0
    wait_until(lambda: bool(health(second_port)["writes"]), "the second does not take over")
    rise(place.story)
    place.check()


def count(place: Place, table: type[schema.Base]) -> int:
    """Rows of a table now."""
    engine = open_engine(place.database, place.deployment, is_writer=False)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar()
    engine.dispose()
    return int(found or 0)
