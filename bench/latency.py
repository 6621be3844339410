"""`python -m bench.latency`: blocks from a price being published to its work being done, with 10,000 open positions.

A chain of one block a second, five publishers and a keeper as processes of their own, and the bundled crash at the pace
of `make demo`. The positions are real: drawn like the demo's crowd, each with an account, a deposit and an order of its
own that the keeper executed. Only how accounts come to send is quick: Anvil lets them without keys.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console

from plimsoll import accounts, deployments
from plimsoll.anvil import BLOCK_GAS_LIMIT, mine_each_second, rpc, start_anvil
from plimsoll.artifacts import ROOT
from plimsoll.chain import Chain, Event, gather_limited
from plimsoll.crowd_draw import Trader, draw_crowd
from plimsoll.demo import BLOCK_PHASE_MS
from plimsoll.demo_input import Input, load_input
from plimsoll.history import keeper_blocks, percentile
from plimsoll.processes import Children
from plimsoll.replay import save_clock, write_json

OUTPUT = ROOT / "build" / "latency.json"
FOLDER = ROOT / "build" / "latency"
CAPITAL = {"PLIMSOLL_VAULT_CAPITAL": "20000000", "PLIMSOLL_SKIN_IN_THE_GAME": "20000", "PLIMSOLL_INSURANCE": "50000"}
SMALLER = 10
"""Positions are this much smaller than the demo's: so many of those would be more than a market takes."""
BUILDING_GAS_LIMIT = 3_000_000_000
GAS = {"deposit": 200_000, "place": 300_000, "approve": 100_000, "mint": 100_000}
AT_ONCE = 500
OPEN_SECONDS = 1_200
ORDER_SECONDS = 7_200
PUBLISHERS = 5


class Bench:
    """One measurement."""

    def __init__(self, count: int, port: int, seed: int, console: Console) -> None:
        self.count = count
        self.port = port
        self.console = console
        self.children = Children(FOLDER / "logs")
        self.chosen: Input = load_input(None, None, None, None)
        self.traders = [
            replace(item, notional=item.notional / SMALLER, joins_bps=0, closes_bps=None)
            for item in draw_crowd(seed, count)
        ]
        self.owners = [accounts.derived_account(f"latency {seed} {i}").address for i in range(count)]
        self.path = FOLDER / "local.json"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def run(self) -> dict[str, Any]:
        """The figures."""
        try:
            await start_anvil(self.children, self.port)
            await self._deploy()
            chain = Chain(deployments.load(self.path))
            async with aiohttp.ClientSession() as self.session:
                self._start_publishers()
                await self._deposit(chain)
                await mine_each_second(self.url)
                self._start_keeper()
                await chain.wait_priced()
                await self._place(chain)
                await self._wait_open(chain)
                figures = await self._replay(chain)
            await chain.close()
            return figures
        finally:
            await asyncio.to_thread(self.children.stop_all)

    async def _deploy(self) -> None:
        self.console.print("deploying")
        prices = ",".join(f"{name}={price // 10**18}" for name, price in self.chosen.first_prices.items())
        environment = CAPITAL | {
            "PLIMSOLL_RPC_URL": self.url,
            "PLIMSOLL_DEPLOYMENT": str(self.path),
            "PLIMSOLL_PUBLISHER_PORT": str(self.port + 1),
            "PLIMSOLL_LISTING_PRICES": prices,
        }
        ape = Path(sys.executable).parent / "ape"
        child = self.children.start("deploy", [str(ape), "run", "deploy"], environment, cwd=ROOT)
        if not await child.finish(180):
            raise click.ClickException(f"deployment failed: {child.tail()}")

    def _start_publishers(self) -> None:
        self.chosen.replay.save(FOLDER / "replay.json")
        save_clock(FOLDER / "clock.json", self.chosen.clock)
        files = ["--replay", str(FOLDER / "replay.json"), "--clock", str(FOLDER / "clock.json")]
        for index in range(PUBLISHERS):
            self._start(f"publisher-{index}", "publisher", str(index), "--port", str(self.port + 1 + index), *files)

    def _start_keeper(self) -> None:
        self._start("keeper", "keeper", "--port", str(self.port + 6))

    def _start(self, name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "plimsoll", *arguments, "--deployment", str(self.path)]
        self.children.start(name, command, {"PYTHONPATH": str(ROOT)})

    async def _batch(self, method: str, calls: list[list[Any]]) -> None:
        """Many requests in few HTTP posts. ClickException if one fails."""
        for begin in range(0, len(calls), AT_ONCE):
            body = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                for number, params in enumerate(calls[begin : begin + AT_ONCE])
            ]
            async with self.session.post(self.url, json=body) as response:
                for answer in await response.json(content_type=None):
                    if "error" in answer:
                        raise click.ClickException(f"{method}: {answer['error']['message']}")

    async def _deposit(self, chain: Chain) -> None:
        """Collateral for everybody, in large blocks."""
        self.console.print(f"{self.count} deposits")
        for method, params in (("evm_setBlockGasLimit", [hex(BUILDING_GAS_LIMIT)]), ("evm_setAutomine", [False])):
            await rpc(self.session, self.url, method, *params)
        await rpc(self.session, self.url, "anvil_autoImpersonateAccount", True)
        await self._batch("anvil_setBalance", [[owner, hex(10**18)] for owner in self.owners])
        token, pool = chain.contract("CollateralToken"), chain.contract("MarginPool")
        payer = accounts.dev_account(accounts.DEPLOYER).address
        fee = await chain.contract("OrderBook").functions.keeper_fee().call()
        needs = [trader.margin(6) + fee for trader in self.traders]
        calls = [
            self._transaction(payer, token.address, token.encode_abi("mint", args=[payer, sum(needs)]), "mint"),
            self._transaction(
                payer, token.address, token.encode_abi("approve", args=[pool.address, 2**255]), "approve"
            ),
        ]
        for owner, need in zip(self.owners, needs, strict=True):
            data = pool.encode_abi("deposit", args=[need, owner])
            calls.append(self._transaction(payer, pool.address, data, "deposit"))
        nonce = await chain.w3.eth.get_transaction_count(payer)
        for number, call in enumerate(calls):
            call[0]["nonce"] = hex(nonce + number)
        await self._send(calls)

    def _transaction(self, sender: str, to: str, data: str, kind: str) -> list[Any]:
        return [{"from": sender, "to": to, "data": data, "gas": hex(GAS[kind])}]

    async def _send(self, calls: list[list[Any]]) -> None:
        for begin in range(0, len(calls), 5_000):
            await self._batch("eth_sendTransaction", calls[begin : begin + 5_000])
            await rpc(self.session, self.url, "evm_mine")

    async def _place(self, chain: Chain) -> None:
        self.console.print("orders")
        book = chain.contract("OrderBook")
        expires_at = int(time.time()) + ORDER_SECONDS
        prices = {
            symbol: (await chain.price(bytes.fromhex(item.feed[2:])))[0]
            for symbol, item in chain.deployment.markets.items()
        }
        calls = []
        for owner, trader in zip(self.owners, self.traders, strict=True):
            data = book.encode_abi("place", args=[self._order(chain, trader, prices, expires_at)])
            calls.append(self._transaction(owner, book.address, data, "place"))
        await self._send(calls)
        await rpc(self.session, self.url, "evm_setBlockGasLimit", hex(BLOCK_GAS_LIMIT))
        await rpc(self.session, self.url, "anvil_autoImpersonateAccount", False)

    def _order(self, chain: Chain, trader: Trader, prices: dict[str, int], expires_at: int) -> tuple[Any, ...]:
        market = chain.deployment.markets[trader.symbol].address
        return market, 0, trader.units(prices[trader.symbol], 6), trader.margin(6), 0, 0, False, expires_at

    async def _wait_open(self, chain: Chain) -> None:
        began, next_line = time.monotonic(), 0.0
        pool, book = chain.contract("MarginPool").functions, chain.contract("OrderBook")
        while await pool.balance_of(book.address).call():
            waited = time.monotonic() - began
            if waited > OPEN_SECONDS:
                raise click.ClickException("orders still wait; see build/latency/logs/keeper.log")
            if waited >= next_line:
                self.console.print(f"  {await self._positions(chain)} positions open after {waited:.0f} s")
                next_line = waited + 30
            await asyncio.sleep(1.0)

    async def _positions(self, chain: Chain) -> int:
        async def is_open(owner: str, trader: Trader) -> bool:
            market = chain.market(trader.symbol).functions
            return (await market.position(owner).call()).units > 0

        pairs = zip(self.owners, self.traders, strict=True)
        return sum(await gather_limited(is_open(owner, trader) for owner, trader in pairs))

    async def _replay(self, chain: Chain) -> dict[str, Any]:
        open_at_start = await self._positions(chain)
        self.console.print(f"{open_at_start} positions; the crash begins")
        # Blocks come BLOCK_PHASE_MS after the full second, as in the demo.
        await asyncio.sleep((BLOCK_PHASE_MS - time.time_ns() // 1_000_000) % 1000 / 1000)
        await mine_each_second(self.url)
        before, first = await self._rounds(), await chain.w3.eth.block_number + 1
        clock = self.chosen.clock.started((int(time.time()) + 3) * 1000)
        save_clock(FOLDER / "clock.json", clock)
        await asyncio.sleep(clock.wall_seconds() + 8)
        last = await chain.w3.eth.block_number
        after = await self._rounds()
        events = await chain.events(first, last)
        figures = await self._figures(chain, events, first, last)
        rounds = {bound: after[bound] - before.get(bound, 0) for bound in after}
        return {"positions": open_at_start, "left_open": await self._positions(chain), **figures, "rounds": rounds}

    async def _figures(self, chain: Chain, events: list[Event], first: int, last: int) -> dict[str, Any]:
        blocks = await gather_limited(chain.w3.eth.get_block(number) for number in range(first - 5, last + 1))
        times = {block["number"]: block["timestamp"] for block in blocks}
        market_of = {bytes.fromhex(item.feed[2:]): item.address for item in chain.deployment.markets.values()}
        counts = keeper_blocks(events, times, market_of)
        working = keeper_blocks(_only_working(events, market_of), times, market_of)
        names = Counter(event.name for event in events)
        return {
            "blocks": last - first + 1,
            "prices": len(counts),
            "p50": percentile(counts, 50),
            "p99": percentile(counts, 99),
            "most": max(counts, default=0),
            "prices_with_work": len(working),
            "p50_with_work": percentile(working, 50),
            "p99_with_work": percentile(working, 99),
            "liquidated": names["Liquidated"],
            "deleveraged": names["Deleveraged"],
            "most_gas_in_a_block": max(block["gasUsed"] for block in blocks),
        }

    async def _rounds(self) -> dict[str, int]:
        """How many rounds of the keeper took at most so many seconds, from its metrics."""
        async with self.session.get(f"http://127.0.0.1:{self.port + 6}/metrics") as response:
            text = await response.text()
        found = re.findall(r'^plimsoll_keeper_round_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.MULTILINE)
        return {bound: int(float(count)) for bound, count in found}


def _only_working(events: list[Event], market_of: dict[bytes, Any]) -> list[Event]:
    """Without the prices at which nothing was liquidated or deleveraged."""
    kept: list[Event] = []
    pending: dict[Any, Event] = {}
    for event in events:
        if event.name == "PriceUpdated":
            pending[market_of.get(event.args["feed"])] = event
        elif event.name in ("Liquidated", "Deleveraged"):
            if event.address in pending:
                kept.append(pending.pop(event.address))
            kept.append(event)
    return kept


@click.command()
@click.option("--positions", default=10_000, show_default=True, help="How many accounts open one.")
@click.option("--port", default=8745, show_default=True, help="The chain's; the next six are the services'.")
@click.option("--seed", default=1, show_default=True)
def main(positions: int, port: int, seed: int) -> None:
    """Measure blocks from price to work done."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    console = Console()
    figures = asyncio.run(Bench(positions, port, seed, console).run())
    write_json(OUTPUT, figures)
    console.print_json(json.dumps(figures))
    console.print(f"wrote {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
