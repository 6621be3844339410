"""One run: a fresh chain in the state of the base, publishers, keepers, a scripted crash, and what it ends in."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from plimsoll import accounts, deployments
from plimsoll.anvil import mine_each_second, rpc, start_anvil
from plimsoll.chain import Chain, gather_limited
from plimsoll.crowd import Crowd
from plimsoll.observation import feed_id
from plimsoll.processes import Child, Children
from tests.chaos.base import FIRST_PRICES, SEED, Base, funder, start_keeper
from tests.chaos.proxy import RpcProxy
from tests.chaos.publishers import Publishers
from tests.integration.test_sender import free_port

STEP_SECONDS = 90.0
SYNC_GAS = 400_000
CRASH: tuple[tuple[str, int], ...] = (
    ("BTC-USD", 9_300),
    ("ETH-USD", 8_800),
    ("BTC-USD", 8_100),
    ("SOL-USD", 8_000),
    ("ETH-USD", 9_400),
)
"""Feed by feed, in basis points of the first price. One at a time: what markets share, the insurance, is then drawn on
in one order, whoever works."""
MIDDLE = 2
"""The step at which runs are disturbed: it liquidates and deleverages."""
CLOSING = {1: "ETH", 3: "SOL"}
"""After these steps the first trader who still has a position in the market closes it by an order."""
KEEPERS = (accounts.KEEPER, 7, 8)
"""Accounts of the development mnemonic that keepers may use."""
Fault = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True)
class Figures:
    """What keepers sent."""

    sent: int
    failed: int
    wasted: int
    gas: int


@dataclass
class Stage:
    """A running chain with publishers."""

    base: Base
    folder: Path
    children: Children = field(init=False)
    publishers: Publishers = field(init=False)
    keepers: dict[str, Child] = field(default_factory=dict)
    background: list[asyncio.Task[None]] = field(default_factory=list)
    """Faults that go on; they end with the stage."""
    proxy: RpcProxy = field(init=False)
    closed_in: int = 0
    """The block in which the newest closing order was placed."""

    def __post_init__(self) -> None:
        self.children = Children(self.folder / "logs")
        self.publishers = Publishers(FIRST_PRICES)
        self.path = self.folder / "local.json"

    @property
    def url(self) -> str:
        return self.chain.deployment.rpc_url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def __aenter__(self) -> "Stage":
        await self.publishers.start()
        self.session = aiohttp.ClientSession()
        self.port_of_chain = free_port()
        await self.start_chain()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.background:
            task.cancel()
        await self.session.close()
        await self.chain.close()
        await self.publishers.stop()
        await asyncio.to_thread(self.children.stop_all)

    async def start_chain(self) -> None:
        """A fresh Anvil in the state of the base, mining each second, and its deployments file."""
        self.anvil = await start_anvil(self.children, self.port_of_chain)
        url = f"http://127.0.0.1:{self.port_of_chain}"
        await rpc(self.session, url, "anvil_loadState", self.base.state)
        chain = Chain(self.base.deployment.model_copy(update={"rpc_url": url}))
        self.first_block = await chain.w3.eth.block_number + 1
        chain.deployment = self.publishers.into(chain.deployment).model_copy(
            update={"genesis_hash": await chain.genesis_hash(), "start_block": self.first_block}
        )
        self.chain = chain
        self.publishers.sign_for(chain.deployment)
        deployments.save(chain.deployment, self.path)
        await mine_each_second(url)
        self.people = Crowd(chain, self.base.traders, SEED)

    async def rpc(self, method: str, *params: object) -> Any:
        """Asks the chain directly."""
        return await rpc(self.session, self.url, method, *params)

    def keep(self, name: str = "keeper", index: int = 0, **settings: str) -> None:
        """Starts a keeper with a key of its own."""
        key = "0x" + bytes(accounts.dev_account(KEEPERS[index]).key).hex()
        self.keepers[name] = start_keeper(self.children, name, self.path, PLIMSOLL_KEEPER_KEY=key, **settings)

    def kill(self, name: str = "keeper") -> None:
        """kill -9."""
        child = self.keepers.pop(name)
        child.signal(signal.SIGKILL)
        child.process.wait(10)

    def address_of(self, index: int) -> Any:
        """The address of an account of the development mnemonic."""
        return accounts.dev_account(index).address

    def log_of(self, name: str = "keeper") -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(encoding="utf-8")

    async def play(self, faults: Mapping[int, Fault] | None = None) -> None:
        """The crash, step by step; a fault starts together with its step."""
        for number, (feed, bps) in enumerate(CRASH):
            self.publishers.prices[feed] = FIRST_PRICES[feed] * bps // 10_000
            if fault := (faults or {}).get(number):
                await fault(self)
            await self.settle()
            if symbol := CLOSING.get(number):
                await self._close_one(symbol)
                await self.settle()

    async def settle(self, seconds: float = STEP_SECONDS) -> None:
        """Until the chain holds the prices, no market has work left and no order waits."""
        async with asyncio.timeout(seconds):
            while not await self._is_settled():  # noqa: ASYNC110
                await asyncio.sleep(0.25)

    async def _is_settled(self) -> bool:
        for feed, price in self.publishers.prices.items():
            if (await self.chain.price(feed_id(feed)))[0] != price:
                return False
        lens = self.chain.contract("Lens").functions
        for market in self.chain.deployment.markets.values():
            work = await self.chain.read(lens.work(market.address))
            if work.has_new_price or work.is_stale or work.buckets:
                return False
        pool, book = self.chain.contract("MarginPool"), self.chain.contract("OrderBook")
        return await pool.functions.balance_of(book.address).call() == 0

    async def _close_one(self, symbol: str) -> None:
        for trader in self.people.traders:
            if trader.symbol == symbol and (sent := await self.people.close(trader)):
                (receipt,) = await self.chain.receipts([sent], 20.0)
                assert receipt["status"] == 1
                self.closed_in = receipt["blockNumber"]
                return
        raise AssertionError(f"nobody has a position in {symbol} left")

    async def end_state(self) -> dict[str, Any]:
        """Everything that must not depend on how the run went. Collects for everybody first."""
        sender, sent = funder(self.chain), []
        for market in self.chain.deployment.markets.values():
            for person in self.people.senders.values():
                call = self.chain.call(self.chain.at("Market", market.address), "sync", [person.address], SYNC_GAS)
                sent.append(await sender.send(call))
        await self.chain.receipts(sent, 60.0)
        pool = self.chain.contract("MarginPool").functions
        contracts = self.chain.deployment.contracts

        async def traders() -> list[Any]:
            return await gather_limited(self._trader(person.address) for person in self.people.senders.values())

        keepers = [accounts.dev_account(index).address for index in KEEPERS]
        rewards = await gather_limited(pool.balance_of(keeper).call() for keeper in keepers)
        owners = [contracts["Vault"], contracts["InsuranceFund"], self.chain.deployment.treasury]
        return {
            "traders": await traders(),
            "markets": [await self._market(item.address) for item in self.chain.deployment.markets.values()],
            "owners": await gather_limited(pool.balance_of(owner).call() for owner in owners),
            "keepers": sum(rewards),
            "recovery": await self.chain.contract("RecoveryToken").functions.totalSupply().call(),
        }

    async def _trader(self, address: Any) -> list[Any]:
        pool, recovery = self.chain.contract("MarginPool"), self.chain.contract("RecoveryToken")
        found: list[Any] = [
            await pool.functions.balance_of(address).call(),
            await recovery.functions.balanceOf(address).call(),
        ]
        for entry in self.chain.deployment.markets.values():
            position = await self.chain.at("Market", entry.address).functions.position(address).call()
            found.append(tuple(position))
        return found

    async def _market(self, address: Any) -> tuple[int, ...]:
        state = await self.chain.at("Market", address).functions.state().call()
        return state.index_price, state.units_long, state.units_short, state.cash, state.claimable, state.trader_equity

    async def figures(self) -> Figures:
        """What keepers sent in blocks that stand."""
        keepers = {accounts.dev_account(index).address for index in KEEPERS}
        last = await self.chain.w3.eth.block_number
        sent = failed = wasted = gas = 0
        for number in range(self.first_block, last + 1):
            block = await self.chain.w3.eth.get_block(number, True)
            for item in block["transactions"]:
                if item["from"] not in keepers:
                    continue
                receipt = await self.chain.w3.eth.get_transaction_receipt(item["hash"])
                sent, gas = sent + 1, gas + receipt["gasUsed"]
                failed += receipt["status"] == 0
                wasted += receipt["status"] == 1 and not receipt["logs"]
        return Figures(sent, failed, wasted, gas)
