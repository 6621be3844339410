"""`plimsoll publisher`."""

import asyncio
from pathlib import Path
from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, key_from, override, service_options


@click.command(cls=OneLineErrors)
@click.argument("index", type=click.IntRange(0, 15))
@service_options
@click.option("--port", type=int, help="Where to serve. Default: 8701 plus INDEX.")
@click.option("--replay", type=click.Path(path_type=Path), help="Prices. Default: those of the demo.")
@click.option("--clock", type=click.Path(path_type=Path), help="Position in them. Default: that of the demo.")
def publisher(index: int, port: int | None, replay: Path | None, clock: Path | None, **common: Any) -> None:
    """Sign what a replay shows, once a second, and serve it: publisher INDEX, counted from 0.

    The key is read from PLIMSOLL_PUBLISHER_KEY; without it, on a local chain, it is account 10 + INDEX of the
    development mnemonic. GET /observations gives the newest rounds, GET /health tells whether there are any.
    """
    from plimsoll import accounts
    from plimsoll.observation import Domain
    from plimsoll.publisher import Publisher, app_of, replay_source
    from plimsoll.replay import Replay
    from plimsoll.service import run_until_stopped, serve

    chosen = override(configure(**common), "publisher", port=port, replay=replay, clock=clock)
    settings = chosen.publisher

    async def start() -> None:
        found = chosen.network.load_deployment()
        content = Replay.load(settings.replay)
        account = key_from("PLIMSOLL_PUBLISHER_KEY") or accounts.dev_account(accounts.FIRST_PUBLISHER + index)
        domain = Domain(found.chain_id, found.contracts["PriceFeed"])
        source = replay_source(settings.replay, settings.clock)
        worker = Publisher(account, domain, list(content.paths), source, f"{content.seed}:publisher:{index}")
        address = 8701 + index if settings.port is None else settings.port
        runner = await serve(app_of(worker), address, settings.host)
        click.echo(f"publisher {account.address} on http://{settings.host}:{address}/observations")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    run_until_stopped(start)
