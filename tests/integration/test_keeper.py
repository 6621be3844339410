"""The keeper on a real chain: many keys, orders that only look ready, the price of gas, markets that nobody touches."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from plimsoll import accounts, artifacts, oracle
from plimsoll.anvil import rpc
from plimsoll.chain import Chain
from plimsoll.keeper.core import Plan, Policy
from plimsoll.keeper.worker import Keeper
from plimsoll.keys import LocalSigner
from plimsoll.observation import feed_id
from plimsoll.sender import Sender
from tests.chaos.base import FIRST_PRICES
from tests.integration.site import Site, working

KEYS = (accounts.KEEPER, 7, 8)
WAD, USD = 10**18, 10**6
TRADER = accounts.dev_account(6)
ETH_PRICE = FIRST_PRICES["ETH-USD"]
EVERYTHING = frozenset({"prices", "cranks", "orders", "funding", "gas_price"})


async def until(is_true: Callable[[], Any], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.2)


class Desk:
    """A trader with orders, and a keeper in this process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.chain = Chain(site.deployment)
        self.trader = Sender(self.chain, LocalSigner(TRADER))
        self.book = self.chain.contract("OrderBook")

    def keeper(self, policy: Policy, keys: int = 1) -> Keeper:
        senders = [Sender(self.chain, LocalSigner(accounts.dev_account(index))) for index in KEYS[:keys]]
        endpoints = [oracle.Endpoint(item.url, item.address) for item in self.site.deployment.publishers]
        return Keeper(self.chain, senders, endpoints, policy)

    async def fund(self, usd: int) -> None:
        token, pool = self.chain.contract("CollateralToken"), self.chain.contract("MarginPool")
        minter = Sender(self.chain, LocalSigner(accounts.dev_account(accounts.DEPLOYER)))
        for sender, call in (
            (minter, self.chain.call(token, "mint", [TRADER.address, usd * USD], 200_000)),
            (self.trader, self.chain.call(token, "approve", [pool.address, usd * USD], 200_000)),
            (self.trader, self.chain.call(pool, "deposit", [usd * USD, TRADER.address], 300_000)),
        ):
            assert (await sender.send_and_wait(call))["status"] == 1

    async def place(self, symbol: str, size: int, count: int = 1, **terms: int) -> None:
        """`count` market orders; `terms` may change kind, trigger and margin."""
        market = self.site.deployment.markets[symbol].address
        margin = terms.get("margin", 100 * USD)
        order = (
            *(market, terms.get("kind", 0), size, margin, terms.get("trigger", 0), 0, False),
            int(time.time()) + 3_600,
        )
        call = self.chain.call(self.book, "place", [order], 400_000)
        sent = [await self.trader.send(call) for _ in range(count)]
        receipts = await self.chain.receipts(sent, 30.0)
        assert all(item["status"] == 1 for item in receipts)

    async def outwait(self) -> None:
        """Until publishers have signed for a second after the last order: one look then finds all of them ready."""
        placed_at = (await self.chain.w3.eth.get_block("latest"))["timestamp"]
        while time.time() < placed_at + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.2)

    async def escrow(self) -> int:
        pool = self.chain.contract("MarginPool").functions
        return await pool.balance_of(self.book.address).call()

    async def senders_of(self, first_block: int) -> list[str]:
        """Who called the relay since then."""
        relay = self.site.deployment.contracts["Relay"]
        last = await self.chain.w3.eth.block_number
        blocks = [await self.chain.w3.eth.get_block(number, True) for number in range(first_block, last + 1)]
        return [item["from"] for block in blocks for item in block["transactions"] if item["to"] == relay]


def test_keeper__at_work(tmp_path: Path) -> None:
    artifacts.compile_all()

    async def scenario() -> None:
        async with working(tmp_path) as site:
            site.children.stop(site.keeper)
            desk = Desk(site)
            await desk.fund(100_000)
            for part in (
                more_orders_than_one_call_takes,
                orders_that_wait,
                orders_that_look_ready,
                price_of_gas,
                market_that_nobody_touches,
            ):
                await part(desk)
            await desk.chain.close()

    asyncio.run(scenario())


async def run_until(keeper: Keeper, is_true: Callable[[], Any]) -> None:
    task = asyncio.create_task(keeper.run())
    try:
        await until(is_true)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def more_orders_than_one_call_takes(desk: Desk) -> None:
    await desk.place("BTC", WAD // 100, 60)
    await desk.place("ETH", WAD // 10, 20)
    await desk.outwait()
    first = await desk.chain.w3.eth.block_number
    keeper = desk.keeper(Policy(), keys=3)
    async with aiohttp.ClientSession() as session:
        empty = accounts.dev_account(KEYS[1]).address
        await rpc(session, desk.site.url, "anvil_setBalance", empty, "0x0")

    async def is_recorded() -> bool:
        executed = {"result": "OrderExecuted"}
        return keeper.metrics.registry.get_sample_value("plimsoll_keeper_orders_total", executed) == 80

    await run_until(keeper, is_recorded)
    assert await desk.escrow() == 0
    senders = set(await desk.senders_of(first))
    assert senders == {accounts.dev_account(index).address for index in (KEYS[0], KEYS[2])}, "and not the empty key"


async def orders_that_wait(desk: Desk) -> None:
    """A limit that is not reached is never tried; one of its siblings is executed at once."""
    await desk.place("ETH", WAD // 10, 5, kind=1, trigger=ETH_PRICE // 2)
    await desk.place("ETH", WAD // 10, 1, kind=1, trigger=ETH_PRICE * 2)
    before = await desk.escrow()
    keeper = desk.keeper(Policy())

    async def is_one_filled() -> bool:
        return await desk.escrow() < before

    await run_until(keeper, is_one_filled)
    await keeper._follow()
    assert len(keeper.book.open) == 5 and all(order.attempts == 0 for order in keeper.book.open.values())


async def orders_that_look_ready(desk: Desk) -> None:
    """Found by halving among those that fill: with the five limits of before that are not reached."""
    keeper = desk.keeper(Policy(frozenset({"prices"}), heartbeat=1))
    await keeper._follow()
    waiting = sorted(keeper.book.open)
    await desk.place("ETH", WAD // 10, 4)
    await keeper._follow()
    ready = sorted(set(keeper.book.open) - set(waiting))
    placed_at = max(keeper.book.open[id_].placed_at for id_ in ready)
    feed = feed_id("ETH-USD")

    async def is_newer() -> bool:
        return (await desk.chain.price(feed))[1] > placed_at

    await run_until(keeper, is_newer)
    mixed = (ready[0], *waiting[:3], ready[1], ready[2], *waiting[3:], ready[3])
    plan, sender = Plan((), (), 8, mixed, 0), keeper.senders[0].address
    outcome = await keeper.simulation.of(plan, sender)
    assert (outcome.orders_filled, outcome.orders_waiting) == (4, 5)
    left, outcome, put_off = await keeper.simulation.without_waiting(plan, outcome, sender)
    assert list(left.order_ids) == ready and sorted(put_off) == waiting
    assert (outcome.orders_filled, outcome.orders_waiting) == (4, 0)


async def price_of_gas(desk: Desk) -> None:
    reader = desk.keeper(Policy(EVERYTHING)).reader
    assert await reader.is_gas_price_off(Policy())

    async def is_refreshed() -> bool:
        return not await reader.is_gas_price_off(Policy())

    await run_until(desk.keeper(Policy(EVERYTHING)), is_refreshed)


async def market_that_nobody_touches(desk: Desk) -> None:
    market = desk.chain.market("BTC").functions
    before = (await market.state().call()).funded_at
    keeper = desk.keeper(Policy(frozenset({"funding"}), funding_seconds=2))

    async def is_touched() -> bool:
        return (await market.state().call()).funded_at > before

    await asyncio.sleep(2.5)
    await run_until(keeper, is_touched)
