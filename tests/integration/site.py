"""A whole exchange at work: chain, deployment, publishers and a keeper, for tests that break it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from plimsoll import config, deployments
from plimsoll.anvil import mine_each_second, rpc, start_anvil
from plimsoll.chain import Chain
from plimsoll.config import Config
from plimsoll.processes import Children
from tests.chaos.base import FIRST_PRICES, deploy, start_keeper, wait_prices
from tests.chaos.publishers import Publishers
from tests.integration.test_sender import free_port


class Site:
    """A whole exchange at work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "local.json"
        self.children = Children(folder / "logs")
        self.publishers = Publishers(FIRST_PRICES)
        self.keeper_port = free_port()

    async def start(self) -> None:
        await self.start_chain()
        await self.start_keeper()

    async def start_chain(self) -> None:
        """The contracts and the publishers. Nobody brings a price on the chain yet."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        await self.publishers.start()
        self.anvil = await start_anvil(self.children, port)
        await deploy(self.children, self.url, self.path)
        self.deployment = self.publishers.into(deployments.load(self.path))
        deployments.save(self.deployment, self.path)
        self.publishers.sign_for(self.deployment)
        await mine_each_second(self.url)

    async def start_keeper(self) -> None:
        self.keeper = start_keeper(self.children, "keeper", self.path, PLIMSOLL_KEEPER__PORT=str(self.keeper_port))
        chain = Chain(self.deployment)
        await wait_prices(chain, FIRST_PRICES)
        await chain.close()

    async def rpc(self, method: str, *params: object) -> Any:
        async with aiohttp.ClientSession() as session:
            return await rpc(session, self.url, method, *params)

    def config(self, **environment: str) -> Config:
        settings = {"PLIMSOLL_NETWORK__DEPLOYMENT": str(self.path), "PLIMSOLL_KEEPER__PORT": str(self.keeper_port)}
        return config.load(environment={**settings, **environment})

    def altered(self, **changes: Any) -> Path:
        """A deployments file that says something else."""
        return deployments.save(self.deployment.model_copy(update=changes), self.folder / "altered.json")


@contextlib.asynccontextmanager
async def working(folder: Path, keeper: bool = True) -> AsyncIterator[Site]:
    """Everything; without the `keeper`, no price is on the chain."""
    site = Site(folder)
    try:
        await (site.start() if keeper else site.start_chain())
        yield site
    finally:
        await site.publishers.stop()
        await asyncio.to_thread(site.children.stop_all)
