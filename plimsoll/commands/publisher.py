"""`plimsoll publisher`."""

import asyncio
import os
from pathlib import Path
from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, override, service_options


@click.command(cls=OneLineErrors)
@click.argument("index", type=click.IntRange(0, 15))
@service_options
@click.option("--port", type=int, help="Where to serve. Default: 8701 plus INDEX.")
@click.option("--source", type=click.Choice(["replay", "simulated", "exchange"]), help="Default: replay.")
@click.option("--replay", type=click.Path(path_type=Path), help="Prices. Default: those of the demo.")
@click.option("--clock", type=click.Path(path_type=Path), help="Position in them. Default: that of the demo.")
def publisher(
    index: int, port: int | None, source: str | None, replay: Path | None, clock: Path | None, **common: Any
) -> None:
    """Sign what a source shows, once a second, and serve it: publisher INDEX, counted from 0.

    \b
    replay       a recorded or reconstructed crash, at the pace of a clock file
    simulated    a path made of a seed, the same for every publisher
    exchange     tickers of exchanges, [[publisher.exchange]] of the configuration; their median,
                 not signed where they disagree or jump

    The key is that of publisher.key, or PLIMSOLL_PUBLISHER_KEY; without either, on a local chain, it is account
    10 + INDEX of the development mnemonic. GET /observations gives the newest rounds, GET /health tells whether every
    feed has one.
    """
    from plimsoll import accounts
    from plimsoll.config import Key
    from plimsoll.keys import LocalSigner, local_account, open_key
    from plimsoll.observation import Domain
    from plimsoll.publisher import NOISE_PPM, Publisher, app_of
    from plimsoll.service import run_until_stopped, serve
    from plimsoll.sources.build import feeds_of, source_of

    chosen = override(configure(**common), "publisher", port=port, source=source, replay=replay, clock=clock)
    settings = chosen.publisher

    async def start() -> None:
        found = chosen.network.load_deployment()
        variable = "PLIMSOLL_PUBLISHER_KEY"
        key = settings.key or (Key(env=variable) if os.environ.get(variable) else None)
        local = None if key else local_account(found.chain_id, accounts.FIRST_PUBLISHER + index, variable)
        signer = open_key(key) if key else LocalSigner(local)
        domain = Domain(found.chain_id, found.address("PriceFeed"))
        noise = 0 if settings.source == "exchange" else NOISE_PPM
        seed = f"{settings.seed}:publisher:{index}"
        worker = Publisher(signer, domain, feeds_of(settings, found), source_of(settings), seed, noise)
        address = 8701 + index if settings.port is None else settings.port
        runner = await serve(app_of(worker), address, settings.host)
        click.echo(f"publisher {signer.address} on http://{settings.host}:{address}/observations")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    run_until_stopped(start)
