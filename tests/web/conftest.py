"""A chain, a deployment, publishers, a keeper and the built page: what `make demo` starts, less the crowd."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from plimsoll import accounts, artifacts, deployments, web
from plimsoll.anvil import mine_each_second, start_anvil
from plimsoll.bars import PricePath
from plimsoll.demo import BLOCK_PHASE_MS
from plimsoll.deploy import LISTINGS
from plimsoll.deployments import Deployment
from plimsoll.processes import Children
from plimsoll.replay import Clock, Replay, save_clock
from tests.web.browser import Browser, chromium_program

PUBLISHERS = 5
TRADER = 6
"""Index in the development mnemonic: Anvil signs for the first ten, and nobody else uses this one."""
DEPLOY_SECONDS = 180.0
READY_SECONDS = 30.0
RISE_BPS = 300
RISE_SECONDS = 20
"""Slow enough that no price jumps past the maintenance margin: what is liquidated still has something left."""


@dataclass(frozen=True)
class Stack:
    """Everything that runs."""

    deployment: Deployment
    deployment_path: Path
    page_url: str
    w3: Web3
    clock_path: Path
    clock: Clock
    trader: str

    def contract(self, name: str) -> Any:
        """A contract by name."""
        return self.w3.eth.contract(address=self.deployment.contracts[name], abi=artifacts.abi(name))

    def market(self, symbol: str) -> Any:
        """A market by symbol."""
        return self.w3.eth.contract(address=self.deployment.markets[symbol].address, abi=artifacts.abi("Market"))

    def rise(self) -> None:
        """From the next second on every price rises, by RISE_BPS in RISE_SECONDS."""
        save_clock(self.clock_path, Clock(**{**vars(self.clock), "started_ms": int(time.time() * 1000) + 1000}))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 in one row that nobody listens on now."""
    for first in range(21_000, 30_000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(first, first + count))
    raise AssertionError("no free ports")


def rising_paths() -> dict[str, PricePath]:
    """Each price rises in 20 steps from where its market is listed."""
    times = tuple(step * RISE_SECONDS * 50 for step in range(21))
    return {
        listing.feed_name: PricePath(
            times, tuple(listing.price_wad + listing.price_wad * RISE_BPS * step // 20 // 10_000 for step in range(21))
        )
        for listing in LISTINGS
    }


async def start(children: Children, folder: Path) -> Stack:
    """Starts everything, in the order of `plimsoll.demo`."""
    chain_port, keeper_port, page_port, *publisher_ports = free_ports(3 + PUBLISHERS)
    url = f"http://127.0.0.1:{chain_port}"
    deployment_path = folder / "deployments" / "local.json"
    deployment_path.parent.mkdir()
    build = web.start_build(children)
    await start_anvil(children, chain_port)

    ape = str(Path(sys.executable).parent / "ape")
    options = ["--url", url, "--output", str(deployment_path), "--publisher-port", str(publisher_ports[0])]
    deploying = children.start("deploy", [ape, "run", "deploy", *options], cwd=artifacts.ROOT)
    assert await deploying.finish(DEPLOY_SECONDS), deploying.tail()
    deployment = deployments.load(deployment_path)
    # A publisher signs at the full second; the block comes when a keeper has had time to answer.
    await asyncio.sleep((BLOCK_PHASE_MS - time.time_ns() // 1_000_000) % 1000 / 1000)
    await mine_each_second(url)

    replay_path, clock_path = folder / "replay.json", folder / "clock.json"
    Replay("a rise", rising_paths(), 1).save(replay_path)
    clock = Clock(0, RISE_SECONDS * 1000, 1000)
    save_clock(clock_path, clock)
    command = [sys.executable, "-m", "plimsoll"]
    shared = ["--deployment", str(deployment_path)]
    replay = ["--replay", str(replay_path), "--clock", str(clock_path)]
    services = [
        (children.start(f"publisher-{i}", [*command, "publisher", str(i), "--port", str(port), *replay, *shared]), port)
        for i, port in enumerate(publisher_ports)
    ]
    keeper = children.start("keeper", [*command, "keeper", "--port", str(keeper_port), *shared])
    for child, port in [*services, (keeper, keeper_port)]:
        await web.wait_for(child, f"http://127.0.0.1:{port}/health", READY_SECONDS)
    page_url = await web.serve_page(children, build, page_port, deployment_path.parent)
    return Stack(
        deployment=deployment,
        deployment_path=deployment_path,
        page_url=page_url,
        w3=Web3(HTTPProvider(url)),
        clock_path=clock_path,
        clock=clock,
        trader=accounts.dev_account(TRADER).address,
    )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What the page needs around it, until the last test is done."""
    folder = tmp_path_factory.mktemp("web")
    children = Children(folder / "logs")
    artifacts.compile_all()
    try:
        yield asyncio.run(start(children, folder))
    finally:
        children.stop_all()


@pytest.fixture
def browser(stack: Stack) -> Iterator[Browser]:
    """A fresh browser with a wallet that holds the trader's key."""
    program = chromium_program()
    assert program, "no Chromium or Google Chrome on PATH: run `make chromium`"
    browser = Browser(program, stack.deployment.rpc_url, stack.trader)
    try:
        yield browser
    finally:
        browser.close()
