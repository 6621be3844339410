"""What runs beside an exchange in use: a chain with a block a second, a deployment, publishers and a keeper."""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError

from plimsoll import artifacts, deployments, web
from plimsoll.anvil import mine_each_second, start_anvil
from plimsoll.bars import PricePath
from plimsoll.chain import POLL_SECONDS, READ_ATTEMPTS, Chain
from plimsoll.demo import BLOCK_PHASE_MS
from plimsoll.deploy import LISTINGS
from plimsoll.deployments import Deployment
from plimsoll.processes import Child, Children
from plimsoll.replay import Clock, Replay, save_clock

PUBLISHERS = 5
DEPLOY_SECONDS = 180.0
READY_SECONDS = 30.0
ACCOUNTS = 160
"""Of the development mnemonic, that the chain signs for."""


@dataclass(frozen=True)
class Stack:
    """Everything that runs."""

    deployment: Deployment
    deployment_path: Path
    w3: Web3
    replay_path: Path
    clock_path: Path
    clock: Clock
    publishers: tuple[Child, ...]

    def contract(self, name: str) -> Any:
        """A contract by name."""
        return self.w3.eth.contract(address=self.deployment.contracts[name], abi=artifacts.abi(name))

    def market(self, symbol: str) -> Any:
        """A market by symbol."""
        address, abi = self.deployment.markets[symbol].address, artifacts.abi("Market")
        return self.w3.eth.contract(address=address, abi=abi, decode_tuples=True)

    def start_clock(self) -> None:
        """From the next second on prices follow their paths."""
        save_clock(self.clock_path, self.clock.started(int(time.time() * 1000) + 1000))

    def set_price(self, feed_name: str, price: int) -> None:
        """From the next second on all feeds stand still, this one at `price` (WAD)."""
        prices = {name: path.at(self.clock.begin_ms) for name, path in Replay.load(self.replay_path).paths.items()}
        standing = {name: PricePath((0,), (value,)) for name, value in (prices | {feed_name: price}).items()}
        Replay("set by hand", standing, 1).save(self.replay_path)


def read(function: Any) -> Any:
    """`Chain.read` for what is asked through `Stack.w3`."""
    for _ in range(READ_ATTEMPTS - 1):
        with contextlib.suppress(ContractLogicError):
            return function.call()
        time.sleep(POLL_SECONDS)
    return function.call()


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


def standing_paths() -> dict[str, PricePath]:
    """Each feed at the price at which its market is listed."""
    return {listing.feed_name: PricePath((0,), (listing.price_wad,)) for listing in LISTINGS}


async def start_stack(
    children: Children,
    folder: Path,
    paths: dict[str, PricePath],
    seconds: int = 1,
    sizes: Mapping[str, str] | None = None,
    keeping: Mapping[str, str] | None = None,
) -> Stack:
    """Starts everything, in the order of `plimsoll.demo`.

    `paths` take `seconds` once the clock is started. `sizes` are environment variables of `scripts/deploy.py`,
    `keeping` those of the keeper.
    """
    chain_port, keeper_port, *publisher_ports = free_ports(2 + PUBLISHERS)
    url = f"http://127.0.0.1:{chain_port}"
    deployment_path = folder / "deployments" / "local.json"
    deployment_path.parent.mkdir()
    await start_anvil(children, chain_port, ACCOUNTS)

    ape = str(Path(sys.executable).parent / "ape")
    options = ["--url", url, "--output", str(deployment_path), "--publisher-port", str(publisher_ports[0])]
    deploying = children.start("deploy", [ape, "run", "deploy", *options], sizes, artifacts.ROOT)
    assert await deploying.finish(DEPLOY_SECONDS), deploying.tail()
    # A publisher signs at the full second; the block comes when a keeper has had time to answer.
    await asyncio.sleep((BLOCK_PHASE_MS - time.time_ns() // 1_000_000) % 1000 / 1000)
    await mine_each_second(url)

    clock, replay_path, clock_path = Clock(0, seconds * 1000, 1000), folder / "replay.json", folder / "clock.json"
    Replay("for tests", paths, 1).save(replay_path)
    save_clock(clock_path, clock)
    command = [sys.executable, "-m", "plimsoll"]
    shared = ["--deployment", str(deployment_path)]
    replay = ["--replay", str(replay_path), "--clock", str(clock_path)]
    publishers = tuple(
        children.start(f"publisher-{i}", [*command, "publisher", str(i), "--port", str(port), *replay, *shared])
        for i, port in enumerate(publisher_ports)
    )
    keeper = children.start("keeper", [*command, "keeper", "--port", str(keeper_port), *shared], keeping)
    for child, port in zip((*publishers, keeper), (*publisher_ports, keeper_port), strict=True):
        await web.wait_for(child, f"http://127.0.0.1:{port}/health", READY_SECONDS)
    deployment, w3 = deployments.load(deployment_path), Web3(HTTPProvider(url))
    chain = Chain(deployment)
    try:
        await chain.wait_priced()
    finally:
        await chain.close()
    return Stack(deployment, deployment_path, w3, replay_path, clock_path, clock, publishers)
