"""`python -m bench.index`: how fast the indexer writes, and how fast the API answers while many read at once.

The events are those of real contracts on revm: traders who fund, deposit, place and are filled, then a crash with
liquidation and ADL. What a node and a network take is not in the figures.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import quantiles

import aiohttp
import click
from eth_utils import keccak, to_checksum_address

from bench.exchange import USD, Bench
from plimsoll import deployments
from plimsoll.artifacts import ROOT
from plimsoll.deploy import WAD, describe
from plimsoll.indexer.decoding import RawLog, decode
from plimsoll.indexer.store import Header, Store
from plimsoll.revm import CHAIN_ID, RecordingEnv

GENESIS = "0x" + "00" * 31 + "01"
BATCH = 100
"""Blocks written at once, as when catching up."""
OUTPUT = ROOT / "build" / "bench-index.json"
START_SECONDS = 30.0


def record(traders: int) -> tuple[deployments.Deployment, list[tuple[int, list]]]:
    """A deployment, and the logs of every transaction of `traders` trades and a crash."""
    env = RecordingEnv()
    bench = Bench.build(env)
    draw = Random(1)
    for first in range(0, traders, 20):
        numbers = range(first, min(traders, first + 20))
        sizes = [(n, (1 if n % 2 else -1) * WAD // 100, USD * 1_000 // draw.randint(5, 40)) for n in numbers]
        bench.open_all(sizes, 100_000 + draw.randint(-200, 200))
    for price in (97_000, 93_000, 88_000):
        bench.publish(price)
        bench.crank()
    return describe(bench.exchange, "http://127.0.0.1:1", CHAIN_ID, GENESIS, 1, 8_701), env.blocks


def raw_logs(deployment: deployments.Deployment, blocks: Sequence[tuple[int, list]]) -> list[tuple[Header, list]]:
    """Headers, and the logs of the exchange's contracts as a node gives them."""
    own = {*deployment.contracts.values(), *(item.address for item in deployment.markets.values())}
    found, parent = [], GENESIS
    for number, (moment, logs) in enumerate(blocks, start=1):
        block_hash = "0x" + keccak(text=f"block {number}").hex()
        items = []
        for index, (_, address, topics, data) in enumerate(logs):
            place = to_checksum_address(address)
            if place in own:
                words = tuple(topic.to_bytes(32, "big") for topic in topics)
                items.append(RawLog(block_hash, number, index, block_hash, place, words, data))
        found.append((Header(number, block_hash, parent, moment), items))
        parent = block_hash
    return found


def write(store: Store, deployment: deployments.Deployment, blocks: list[tuple[Header, list]]) -> int:
    """Decodes and writes everything; the events written."""
    names = {address: name for name, address in deployment.contracts.items()}
    names |= {item.address: "Market" for item in deployment.markets.values()}
    head = Header(0, GENESIS, "", 0)
    store.begin(head)
    count = 0
    for first in range(0, len(blocks), BATCH):
        batch = blocks[first : first + BATCH]
        decoded = (decode(names[item.address], item) for _, logs in batch for item in logs)
        events = [event for event in decoded if event is not None]
        store.append(head, [header for header, _ in batch], events)
        head = batch[-1][0]
        count += len(events)
    return count


PATHS = (
    "/v1/status",
    "/v1/markets",
    "/v1/markets/BTC/candles?interval=1m",
    "/v1/markets/BTC/trades",
    "/v1/markets/BTC/funding",
    "/v1/markets/BTC/liquidations",
    "/v1/markets/BTC/adl",
    "/v1/orders?account={account}",
    "/v1/accounts/{account}/positions",
    "/v1/accounts/{account}/history",
    "/v1/vault",
    "/v1/events",
)


async def load(url: str, readers: int, requests: int, accounts: Sequence[str]) -> dict[str, list[float]]:
    """Seconds of every answer by path: `readers` at once, each asking one thing after the other."""
    seconds: dict[str, list[float]] = defaultdict(list)
    left = iter(range(requests))

    async def read(number: int, session: aiohttp.ClientSession) -> None:
        draw = Random(number)
        for _ in left:
            path = draw.choice(PATHS)
            began = time.perf_counter()
            async with session.get(url + path.replace("{account}", draw.choice(accounts))) as response:
                await response.read()
                assert response.status == 200, await response.text()
            seconds[path].append(time.perf_counter() - began)

    connector = aiohttp.TCPConnector(limit=readers)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(read(number, session) for number in range(readers)))
    return seconds


def serve(folder: Path, deployment: deployments.Deployment, port: int) -> subprocess.Popen[bytes]:
    """The API as a process of its own."""
    path = deployments.save(deployment, folder / "local.json")
    command = [sys.executable, "-m", "plimsoll", "api", "--port", str(port), "--deployment", str(path)]
    return subprocess.Popen([*command, "--database", f"sqlite:///{folder}/index.sqlite"], stdout=subprocess.DEVNULL)


async def wait_for(url: str) -> None:
    """Until the API answers."""
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{url}/v1/status") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise click.ClickException("the API did not start")


def milliseconds(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p99."""
    cuts = quantiles(values, n=100, method="inclusive")
    return round(cuts[49] * 1000, 1), round(cuts[98] * 1000, 1)


@click.command()
@click.option("--traders", default=2_000, show_default=True, help="Trades to record; about 12 events each.")
@click.option("--readers", default=50, show_default=True, help="Readers at once.")
@click.option("--requests", default=10_000, show_default=True, help="Answers to time.")
@click.option("--port", default=8_790, show_default=True)
def main(traders: int, readers: int, requests: int, port: int) -> None:
    """Measure the index rate (SQLite) and the API's latency."""
    click.echo(f"recording {traders} trades and a crash")
    deployment, blocks = record(traders)
    logs = raw_logs(deployment, blocks)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(f"sqlite:///{folder}/index.sqlite", deployment, "bench")
        began, busy = time.perf_counter(), time.process_time()
        events = write(store, deployment, logs)
        took_writing, busy = time.perf_counter() - began, time.process_time() - busy
        store.close()
        size = sum(path.stat().st_size for path in folder.glob("index-*"))
        rate = events / took_writing
        click.echo(f"{events} events of {len(logs)} blocks in {took_writing:.1f} s: {rate:,.0f} a second")
        click.echo(f"{events / busy:,.0f} events a second of processor time, which a busy machine does not change")
        click.echo(f"{size / events:.0f} bytes an event on disk")
        url = f"http://127.0.0.1:{port}"
        accounts = [to_checksum_address(keccak(text=f"trader {n}")[-20:]) for n in range(min(traders, 500))]
        process = serve(folder, deployment, port)
        try:
            asyncio.run(wait_for(url))
            asyncio.run(load(url, readers, requests // 10, accounts))  # so that nothing is read for the first time
            began = time.perf_counter()
            seconds = asyncio.run(load(url, readers, requests, accounts))
            took = time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()
    every = [value for values in seconds.values() for value in values]
    rows = {"all": every, **dict(sorted(seconds.items()))}
    found = {path: milliseconds(values) for path, values in rows.items()}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = (used.ru_utime + used.ru_stime) / (len(every) * 1.1)
    click.echo(f"{readers} readers: {len(every) / took:,.0f} answers a second on {os.cpu_count()} cores")
    click.echo(f"{cost * 1000:.2f} ms of processor time an answer; load of the machine {os.getloadavg()[0]:.1f}")
    for path, (p50, p99) in found.items():
        click.echo(f"  {path:45} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"events_per_second": round(rate), "milliseconds": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
