"""A chain, a deployment, publishers, a keeper and the built page: what `make demo` starts, less the crowd."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from plimsoll import accounts, artifacts, web
from plimsoll.bars import PricePath
from plimsoll.deploy import LISTINGS
from plimsoll.processes import Children
from tests.stack import Stack as Services
from tests.stack import free_ports, start_stack
from tests.web.browser import Browser, chromium_program

TRADER = 6
"""Index in the development mnemonic: Anvil signs for the first ten, and nobody else uses this one."""
RISE_BPS = 300
RISE_SECONDS = 20
"""Slow enough that no price jumps past the maintenance margin: what is liquidated still has something left."""


@dataclass(frozen=True)
class Stack(Services):
    """The services and the page."""

    page_url: str
    trader: str

    def rise(self) -> None:
        """From the next second on every price rises, by RISE_BPS in RISE_SECONDS."""
        self.start_clock()


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
    """Starts the services, and the page beside them."""
    build = web.start_build(children)
    services = await start_stack(children, folder, rising_paths(), RISE_SECONDS)
    page_url = await web.serve_page(children, build, free_ports(1)[0], services.deployment_path.parent)
    return Stack(**vars(services), page_url=page_url, trader=accounts.dev_account(TRADER).address)


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
