"""`plimsoll monitor`."""

from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, override, service_options


@click.command(cls=OneLineErrors)
@service_options
@click.option("--port", type=int, help="Where /health and /metrics are served. Default: 8713.")
@click.option("--webhook", help="Gets each alert as a JSON POST, beside the log.")
def monitor(port: int | None, webhook: str | None, **common: Any) -> None:
    """Watch the exchange and tell people what is wrong, once when it begins and once when it ends.

    \b
    node         does not answer, or shows old blocks
    price        of a market is old, or missing
    dirty        a market has had liquidations or ADL left to do for several blocks
    mandate      a market has drawn much of what it may draw from the vault in a day
    insurance    is low
    keeper       one of monitor.keepers has little ETH
    publisher    is silent

    The limits are in [monitor] of the configuration. A webhook that fails gets what it missed later, in order.
    """
    from aiohttp import web

    from plimsoll.chain import Chain
    from plimsoll.monitor.service import RPC_SECONDS, Monitor
    from plimsoll.service import add_operation, run_until_stopped, serve

    chosen = override(configure(**common), "monitor", port=port, webhook=webhook)

    async def start() -> None:
        chain = Chain(chosen.network.load_deployment(), RPC_SECONDS)
        worker = Monitor(chain, chosen.monitor)
        app = add_operation(web.Application(), worker.health, worker.registry)
        runner = await serve(app, chosen.monitor.port, chosen.monitor.host)
        try:
            await worker.run()
        finally:
            await runner.cleanup()
            await chain.close()

    run_until_stopped(start)
