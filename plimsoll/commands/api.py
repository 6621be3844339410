"""`plimsoll api`."""

import asyncio
from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, override, service_options


@click.command(cls=OneLineErrors)
@service_options
@click.option("--port", type=int, help="Where to serve. Default: 8712.")
@click.option(
    "--database", help="SQLAlchemy URL that `plimsoll indexer` writes to. Default: sqlite:///build/index.sqlite."
)
def api(port: int | None, database: str | None, **common: Any) -> None:
    """Serve what `plimsoll indexer` wrote: markets, candles, trades, orders, positions, liquidations, ADL, capital.

    / explains every path, /openapi.json describes them for programs, /v1/stream sends events as they are indexed. Any
    number may run at once: they only read.

    \b
    curl http://127.0.0.1:8712/v1/markets
    curl http://127.0.0.1:8712/v1/markets/BTC/adl
    """
    from plimsoll.api.server import Api
    from plimsoll.service import run_until_stopped, serve

    chosen = override(configure(**common), "api", port=port)
    chosen = override(chosen, "indexer", database=database)

    async def start() -> None:
        worker = Api(chosen.network.load_deployment, chosen.indexer.database)
        runner = await serve(worker.app(), chosen.api.port, chosen.api.host)
        click.echo(f"API on http://{chosen.api.host}:{chosen.api.port}/")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    run_until_stopped(start)
