"""`make demo`: a chain, a deployment, publishers, a keeper, an index, a page, a crowd, a crash, and the report of it.

Environment: ONCE=1 ends after the report; DATA=file.csv and BARS=a:b replay other bars; SPEED=2 is twice as fast; SEED
and TRADERS choose the crowd. Ports:
CHAIN_PORT 8645, PUBLISHER_PORT 8701 (and the next four), KEEPER_PORT 8710, INDEXER_PORT 8711, API_PORT 8712,
WEB_PORT 5273. Input and ports are checked
before anything starts; whatever happens, nothing that was started stays.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError
from web3.exceptions import Web3Exception

from plimsoll import accounts, deployments, web
from plimsoll.anvil import check_port, mine_each_second, start_anvil
from plimsoll.artifacts import ROOT
from plimsoll.bars import WAD
from plimsoll.capital_report import capital_table
from plimsoll.chain import CONNECTION_ERRORS, Chain, gather_limited
from plimsoll.crowd import Crowd
from plimsoll.crowd_draw import draw_crowd
from plimsoll.demo_index import Index
from plimsoll.demo_input import Input, load_input, parse_whole
from plimsoll.errors import PlimsollError
from plimsoll.folders import DEMO_FOLDER as FOLDER
from plimsoll.keys import LocalSigner
from plimsoll.live import View, Watcher
from plimsoll.processes import Children
from plimsoll.replay import save_clock, write_json
from plimsoll.report import Run, build_report, draw_run, summary_table, waterfall_table
from plimsoll.sender import Sender

SHOWN_FOLDER = os.path.relpath(FOLDER)
PUBLISHERS = 5
DEPLOY_SECONDS = 180.0
READY_SECONDS = 30.0
TRADERS = 256
LEAST_TRADERS = 3
SYNC_GAS = 400_000
SETTLE_SECONDS = 20.0
BPS = 10_000
PLAIN_WIDTH = 130
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BLOCK_PHASE_MS = 700
"""Blocks come this long after the full second at which publishers publish, so that a keeper has time to answer."""

CAPITAL = {
    "PLIMSOLL_VAULT_CAPITAL": "1500000",
    "PLIMSOLL_SKIN_IN_THE_GAME": "1500",
    "PLIMSOLL_INSURANCE": "3000",
    "PLIMSOLL_INSURANCE_DAILY_CAP_BPS": "5000",
    "PLIMSOLL_COOLDOWN": "300",
    "PLIMSOLL_DEPOSIT_LOCK": "15",
}
"""Of the demo: small beside the crowd, so that a crash goes through every layer of the waterfall."""


@dataclass(frozen=True)
class Settings:
    """A checked request."""

    chosen: Input
    traders: int
    once: bool
    chain_port: int
    publisher_port: int
    keeper_port: int
    indexer_port: int
    api_port: int
    web_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.chain_port}"


def read_settings(environment: dict[str, str]) -> Settings:
    """Checks input and ports. PlimsollError, one line, for the first thing wrong."""

    def whole(name: str, default: int, least: int, most: int) -> int:
        return parse_whole(environment, name, default, least, most)

    data = environment.get("DATA")
    seed = whole("SEED", -1, 0, 2**63 - 1)
    chosen = load_input(
        Path(data) if data else None, environment.get("BARS"), environment.get("SPEED"), None if seed < 0 else seed
    )
    settings = Settings(
        chosen,
        whole("TRADERS", TRADERS, LEAST_TRADERS, 2_000),
        environment.get("ONCE", "") not in ("", "0"),
        whole("CHAIN_PORT", 8645, 1, 65_535),
        whole("PUBLISHER_PORT", 8701, 1, 65_530),
        whole("KEEPER_PORT", 8710, 1, 65_535),
        whole("INDEXER_PORT", 8711, 1, 65_535),
        whole("API_PORT", 8712, 1, 65_535),
        whole("WEB_PORT", 5273, 1, 65_535),
    )
    check_port(settings.chain_port, "chain")
    for index in range(PUBLISHERS):
        check_port(settings.publisher_port + index, f"publisher {index}")
    check_port(settings.keeper_port, "keeper")
    check_port(settings.indexer_port, "indexer")
    check_port(settings.api_port, "API")
    check_port(settings.web_port, "page")
    return settings


class Demo:
    """One run."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console
        self.children = Children(FOLDER / "logs")
        self.clock = settings.chosen.clock
        self.began = time.monotonic()
        self.deployment_path = deployments.path_of()
        self.index = Index(self.children, FOLDER, self.deployment_path, settings.indexer_port, settings.api_port)

    def say(self, text: str) -> None:
        """A line with the seconds since the start."""
        seconds = int(time.monotonic() - self.began)
        self.console.print(f"[dim]{seconds:4d} s[/dim]  {text}", highlight=False, soft_wrap=True)

    async def run(self) -> None:
        """Everything in order."""
        page_build = web.start_build(self.children)
        await self._start_chain()
        chain = Chain(deployments.load(self.deployment_path))
        try:
            await chain.connect()
            await self._start_services()
            await self._serve_page(page_build)
            await self._tell_index()
            first_block = await chain.w3.eth.block_number
            await self._trade(chain)
            await self._settle(chain)
            await self._report(chain, first_block)
            if not self.settings.once:
                await self._hold()
        finally:
            await chain.close()

    async def _start_chain(self) -> None:
        settings = self.settings
        self.say(f"chain on {settings.url}")
        await start_anvil(self.children, settings.chain_port)
        self.say("deploying")
        prices = ",".join(f"{name}={Decimal(price) / WAD:f}" for name, price in settings.chosen.first_prices.items())
        env = CAPITAL | {
            "PLIMSOLL_RPC_URL": settings.url,
            "PLIMSOLL_PUBLISHER_PORT": str(settings.publisher_port),
            "PLIMSOLL_LISTING_PRICES": prices,
        }
        ape = Path(sys.executable).parent / "ape"
        child = self.children.start("deploy", [str(ape), "run", "deploy"], env, cwd=ROOT)
        is_done = await child.finish(DEPLOY_SECONDS)
        tail = child.tail()
        self.children.stop(child)
        if not is_done:
            raise PlimsollError(f"deployment failed: {tail}")
        await asyncio.sleep((BLOCK_PHASE_MS - time.time_ns() // 1_000_000) % 1000 / 1000)
        await mine_each_second(settings.url)

    async def _start_services(self) -> None:
        settings = self.settings
        replay_path, clock_path = FOLDER / "replay.json", FOLDER / "clock.json"
        settings.chosen.replay.save(replay_path)
        save_clock(clock_path, self.clock)
        python = [sys.executable, "-m", "plimsoll"]
        deployment = ["--deployment", str(self.deployment_path)]
        services = []
        for index in range(PUBLISHERS):
            port = settings.publisher_port + index
            files = [
                "--replay",
                str(replay_path),
                "--clock",
                str(clock_path),
                "--deployment",
                str(self.deployment_path),
            ]
            command = [*python, "publisher", str(index), "--port", str(port), *files]
            services.append((self.children.start(f"publisher-{index}", command), port))
        command = [*python, "keeper", "--port", str(settings.keeper_port), *deployment]
        services.append((self.children.start("keeper", command), settings.keeper_port))
        self.index.start()
        for child, port in services:
            await web.wait_for(child, f"http://127.0.0.1:{port}/health", READY_SECONDS)
        self.say(f"{PUBLISHERS} publishers and a keeper are at work")

    async def _tell_index(self) -> None:
        try:
            await self.index.wait()
            self.say(f"API on [bold]{self.index.address}[/bold]")
        except PlimsollError as error:
            self.say(f"[red]no API: {error}[/red]")

    async def _compare_index(self, chain: Chain) -> dict[str, Any]:
        try:
            found = await self.index.compare(chain)
        except (PlimsollError, SQLAlchemyError, Web3Exception, *CONNECTION_ERRORS) as error:
            self.say(f"[red]index not compared: {error}[/red]")
            return {"problem": str(error)}
        colour = "red" if found["errors"] else "green"
        text = f"{found['events']} events indexed, {found['figures']} figures compared with the contracts"
        self.say(f"{text}: [{colour}]{found['errors']} errors[/{colour}]")
        good = found["adl_rounds"] - len(found["adl_rounds_wrong"])
        colour = "red" if found["adl_rounds_wrong"] else "green"
        self.say(f"rounds of ADL that follow from their logs: [{colour}]{good} of {found['adl_rounds']}[/{colour}]")
        return found

    async def _serve_page(self, build: Any) -> None:
        try:
            address = await web.serve_page(self.children, build, self.settings.web_port, self.deployment_path.parent)
            self.say(f"page on [bold]{address}[/bold]")
        except PlimsollError as error:
            self.say(f"[red]no page: {error}[/red]")

    async def _trade(self, chain: Chain) -> None:
        settings, chosen = self.settings, self.settings.chosen
        crowd = Crowd(chain, draw_crowd(chosen.seed, settings.traders), chosen.seed)
        self.say(f"{settings.traders} traders: money and deposits")
        await crowd.prepare()
        self.say("orders")
        await crowd.open_first()
        await crowd.wait_executed()
        self.say(f"replay of {chosen.replay.label}: {chosen.bars} bars in {self.clock.wall_seconds()} s")
        self.say(chosen.note)
        self.clock = self.clock.started((int(time.time()) + 3) * 1000)
        save_clock(FOLDER / "clock.json", self.clock)
        following = asyncio.create_task(crowd.follow(self._progress_bps))
        try:
            await self._watch(chain)
            await following
            await crowd.wait_executed()
        finally:
            following.cancel()

    def _progress_bps(self) -> int:
        return self.clock.progress_bps(int(time.time() * 1000))

    async def _watch(self, chain: Chain) -> None:
        watcher = Watcher(chain)
        title = f"Plimsoll: {self.settings.chosen.replay.label}"
        with View(self.console, chain.deployment.collateral.decimals) as view:
            while True:
                progress = self._progress_bps()
                self._check_children("anvil", "keeper")
                view.show(await watcher.snapshot(), title, progress)
                if progress >= BPS:
                    return
                await asyncio.sleep(0.7)

    def _check_children(self, *essential: str) -> None:
        """PlimsollError if an essential child ended by itself; of others it is only told."""
        for child in self.children.dead():
            message = f"{child.name} ended: {child.tail()}"
            self.children.stop(child)
            if child.name in essential:
                raise PlimsollError(message)
            self.say(message)

    async def _settle(self, chain: Chain) -> None:
        """Waits until no market has work left, then collects for everybody what liquidation and ADL owe them."""
        lens = chain.contract("Lens")
        deadline = time.monotonic() + SETTLE_SECONDS
        markets = [item.address for item in chain.deployment.markets.values()]
        while time.monotonic() < deadline:
            work = [await chain.read(lens.functions.work(market)) for market in markets]
            if not any(item.buckets for item in work):
                break
            await asyncio.sleep(0.5)
        watcher = Watcher(chain)
        history = (await watcher.snapshot()).history
        touched = {
            (market, account)
            for market, item in history.markets.items()
            for _, account, _ in item.liquidated | item.deleveraged
        }
        self.say(f"collecting for {len(touched)} positions that were liquidated or deleveraged")
        sender = Sender(chain, LocalSigner(accounts.dev_account(accounts.FUNDER)))
        calls = [
            chain.call(chain.at("Market", market), "sync", [account], SYNC_GAS) for market, account in sorted(touched)
        ]
        sent = await gather_limited(sender.send(call) for call in calls)
        await chain.receipts(sent, SETTLE_SECONDS + len(sent))

    async def _report(self, chain: Chain, first_block: int) -> None:
        chosen = self.settings.chosen
        run = Run(
            data=chosen.replay.label,
            note=chosen.note,
            bars=chosen.bars,
            seed=chosen.seed,
            traders=self.settings.traders,
            first_block=first_block,
            keeper=accounts.dev_account(accounts.KEEPER).address,
            seconds=int(time.monotonic() - self.began),
        )
        report = await build_report(chain, run)
        path = FOLDER / "report.json"
        picture = FOLDER / "report.png"
        await draw_run(chain, run, picture)
        report["index"] = await self._compare_index(chain)
        report["seconds"] = int(time.monotonic() - self.began)
        write_json(path, report)
        collateral = chain.deployment.collateral
        self.console.print(summary_table(report, collateral.symbol, collateral.decimals))
        self.console.print(waterfall_table(report, collateral.symbol, collateral.decimals))
        self.console.print(capital_table(report, collateral.symbol, collateral.decimals))
        self.say(f"wrote {SHOWN_FOLDER}/{path.name} and {picture.name}")

    async def _hold(self) -> None:
        self.say("chain, publishers, keeper, API and page keep running: [bold]Ctrl-C ends them[/bold]")
        while True:
            self._check_children("anvil")
            await asyncio.sleep(1)


async def _main(settings: Settings, console: Console) -> int:
    demo = Demo(settings, console)
    task = asyncio.create_task(demo.run())
    loop = asyncio.get_running_loop()
    for number in ENDING_SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    is_done = False
    try:
        await task
        is_done = True
    except asyncio.CancelledError:
        demo.say("stopping")
    except (Web3Exception, *CONNECTION_ERRORS) as error:
        raise PlimsollError(f"the chain failed: {error}") from error
    finally:
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, lambda: None)  # already stopping
        await asyncio.to_thread(demo.children.stop_all)
    was_reported = (FOLDER / "report.json").exists()
    return 0 if is_done or was_reported else 130


def run_demo() -> None:
    """Runs with what the environment asks for, and exits."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    settings = read_settings(dict(os.environ))
    with contextlib.suppress(FileNotFoundError):
        (FOLDER / "report.json").unlink()
    sys.exit(asyncio.run(_main(settings, console)))


if __name__ == "__main__":
    from plimsoll.commands.demo import demo as command

    command(prog_name="make demo")
