"""The command line: `python -m plimsoll <command>`. Commands import what they need when they run: help is instant."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from plimsoll.errors import PlimsollError
from plimsoll.folders import DEMO_FOLDER

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
DEPLOYMENT = click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    help="Deployments file. Default: deployments/local.json, or what PLIMSOLL_DEPLOYMENT names.",
)


class OneLineErrors(click.Command):
    """A command that shows a PlimsollError as one line and exits with 1, however it was started."""

    def invoke(self, ctx: click.Context) -> Any:
        logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
        for noisy in ("web3", "asyncio", "matplotlib"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        try:
            return super().invoke(ctx)
        except PlimsollError as error:
            raise click.ClickException(" ".join(str(error).split())) from None


def run_until_stopped(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a service until it ends, or until SIGINT or SIGTERM, which is a clean end."""

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await start()
        except asyncio.CancelledError:
            return

    asyncio.run(main())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Log every round, not only what matters.")
def main(verbose: bool) -> None:
    """Plimsoll off the chain: publishers, keeper, crowd, replay, and the demo that runs them all.

    \b
    Try it:      make demo             a chain, a crowd and a crash; ends with Ctrl-C
    By hand:     anvil --port 8645     then, each in a terminal of its own:
                 ape run deploy
                 python -m plimsoll publisher 0     and so on to 4
                 python -m plimsoll keeper
                 python -m plimsoll crowd
                 python -m plimsoll replay
    """
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format=LOG_FORMAT)


@main.command(cls=OneLineErrors)
@DEPLOYMENT
@click.option("--port", default=8710, show_default=True, help="Where /health and /metrics are served on 127.0.0.1.")
@click.option("--deviation-bps", default=10, show_default=True, help="A price that moved this far is sent.")
@click.option("--heartbeat", default=20, show_default=True, help="A price this old is renewed, in seconds.")
def keeper(deployment: Path | None, port: int, deviation_bps: int, heartbeat: int) -> None:
    """Keep the markets: bring prices in, execute orders, liquidate, deleverage.

    The key is read from PLIMSOLL_KEEPER_KEY; without it, on a local chain, it is account 1 of the development mnemonic.
    Any number of keepers may run at once, each with a key of its own.
    """
    from plimsoll import accounts, deployments, oracle
    from plimsoll.chain import Chain
    from plimsoll.keeper import Keeper
    from plimsoll.keeper_core import Policy
    from plimsoll.publisher import serve

    async def start() -> None:
        found = deployments.load(deployment)
        chain = Chain(found)
        await chain.connect()
        endpoints = [oracle.Endpoint(item.url, item.address) for item in found.publishers]
        account = key_from("PLIMSOLL_KEEPER_KEY") or accounts.dev_account(accounts.KEEPER)
        worker = Keeper(chain, account, endpoints, Policy(deviation_bps, heartbeat))
        runner = await serve(worker.app(), port)
        click.echo(f"keeper {account.address} on {found.rpc_url}, http://127.0.0.1:{port}/metrics")
        try:
            await worker.run()
        finally:
            await runner.cleanup()
            await chain.close()

    run_until_stopped(start)


def key_from(variable: str) -> Any:
    """The account of a private key in an environment variable, None if it is not set."""
    from eth_account import Account

    key = os.environ.get(variable)
    if not key:
        return None
    try:
        return Account.from_key(key)
    except Exception:  # eth-account raises several unrelated types; the key must not end up in a message
        raise PlimsollError(f"{variable}: not a private key") from None


@main.command(cls=OneLineErrors)
@click.argument("index", type=click.IntRange(0, 15))
@DEPLOYMENT
@click.option("--port", type=int, help="Where to serve on 127.0.0.1. Default: 8701 plus INDEX.")
@click.option("--replay", type=click.Path(path_type=Path), default=DEMO_FOLDER / "replay.json", help="Prices.")
@click.option("--clock", type=click.Path(path_type=Path), default=DEMO_FOLDER / "clock.json", help="Position in them.")
def publisher(index: int, deployment: Path | None, port: int | None, replay: Path, clock: Path) -> None:
    """Sign what a replay shows, once a second, and serve it: publisher INDEX, counted from 0.

    The key is read from PLIMSOLL_PUBLISHER_KEY; without it, on a local chain, it is account 10 + INDEX of the
    development mnemonic. GET /observations gives the newest rounds, GET /health tells whether there are any.
    """
    from plimsoll import accounts, deployments
    from plimsoll.observation import Domain
    from plimsoll.publisher import Publisher, app_of, replay_source, serve
    from plimsoll.replay import Replay

    async def start() -> None:
        found = deployments.load(deployment)
        content = Replay.load(replay)
        account = key_from("PLIMSOLL_PUBLISHER_KEY") or accounts.dev_account(accounts.FIRST_PUBLISHER + index)
        domain = Domain(found.chain_id, found.contracts["PriceFeed"])
        source = replay_source(replay, clock)
        worker = Publisher(account, domain, list(content.paths), source, f"{content.seed}:publisher:{index}")
        address = port or 8701 + index
        runner = await serve(app_of(worker), address)
        click.echo(f"publisher {account.address} on http://127.0.0.1:{address}/observations")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    run_until_stopped(start)


@main.command(cls=OneLineErrors)
@DEPLOYMENT
@click.option("--seed", default=None, type=int, help="Another seed is another crowd.")
@click.option("--traders", default=256, show_default=True, type=click.IntRange(1, 5000))
def crowd(deployment: Path | None, seed: int | None, traders: int) -> None:
    """Let a crowd of traders in: fund, deposit, place orders, wait until a keeper executed them.

    Who they are is drawn from the seed; the distribution stands in plimsoll/crowd_draw.py.
    """
    from plimsoll import deployments
    from plimsoll.chain import Chain
    from plimsoll.crowd import Crowd
    from plimsoll.crowd_draw import draw_crowd
    from plimsoll.scenario import DEFAULT_SEED

    async def start() -> None:
        chain = Chain(deployments.load(deployment))
        await chain.connect()
        try:
            chosen = DEFAULT_SEED if seed is None else seed
            people = Crowd(chain, draw_crowd(chosen, traders), chosen)
            click.echo(f"funding {traders} traders")
            await people.prepare()
            click.echo("placing orders")
            await people.open_first()
            await people.wait_executed()
            click.echo("all orders are done")
        finally:
            await chain.close()

    run_until_stopped(start)


@main.command(cls=OneLineErrors)
@click.option("--data", type=click.Path(path_type=Path), help="CSV of BTC bars. Default: the bundled reconstruction.")
@click.option("--bars", help="Rows first:end of it, for example 700:1100.")
@click.option("--speed", help="Times the default pace, at which any replay takes 120 seconds.")
@click.option("--seed", default=None, type=int, help="Seed of the reconstruction and of the publishers' noise.")
@click.option("--folder", type=click.Path(path_type=Path), default=DEMO_FOLDER, help="Where publishers look.")
def replay(data: Path | None, bars: str | None, speed: str | None, seed: int | None, folder: Path) -> None:
    """Start a replay for the publishers that run: writes what they read, replay.json and clock.json."""
    import time

    from plimsoll.demo_input import load_input
    from plimsoll.replay import save_clock

    chosen = load_input(data, bars, speed, seed)
    chosen.replay.save(folder / "replay.json")
    clock = chosen.clock.started(int(time.time() * 1000) + 2000)
    save_clock(folder / "clock.json", clock)
    click.echo(f"{chosen.replay.label}: {chosen.bars} bars in {clock.wall_seconds()} s")


@main.command(cls=OneLineErrors)
def demo() -> None:
    """The whole of it: chain, deployment, publishers, keeper, page, crowd, crash, report. Same as `make demo`."""
    from plimsoll.demo import run_demo

    run_demo()
