"""`plimsoll indexer`."""

from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, override, service_options


@click.command(cls=OneLineErrors)
@service_options
@click.option("--port", type=int, help="Where /health and /metrics are served. Default: 8711.")
@click.option("--database", help="SQLAlchemy URL. Default: sqlite:///build/index.sqlite.")
def indexer(port: int | None, database: str | None, **common: Any) -> None:
    """Write every event of the exchange to SQL, for `plimsoll api` to serve.

    Follows reorganisations, resumes where it was stopped, and compares itself with the chain. A chain that was started
    anew gets a store of its own. Two indexers on one database take turns: the second waits until the first is gone.

    \b
    SQLite:      plimsoll indexer
    PostgreSQL:  plimsoll indexer --database postgresql://user:password@127.0.0.1/plimsoll
    """
    from plimsoll.indexer.bar import show_progress
    from plimsoll.indexer.service import Indexer
    from plimsoll.service import run_until_stopped, serve

    chosen = override(configure(**common), "indexer", port=port, database=database)

    async def start() -> None:
        worker = Indexer(chosen.network.load_deployment, chosen.indexer)
        runner = await serve(worker.app(), chosen.indexer.port, chosen.indexer.host)
        try:
            async with show_progress(worker):
                await worker.run()
        finally:
            await runner.cleanup()

    run_until_stopped(start)
