"""`plimsoll keeper`."""

from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, override, service_options


@click.command(cls=OneLineErrors)
@service_options
@click.option("--port", type=int, help="Where /health and /metrics are served. Default: 8710.")
@click.option("--deviation-bps", type=int, help="A price that moved this far is sent. Default: 10.")
@click.option("--heartbeat", type=int, help="A price this old is renewed, in seconds. Default: 20.")
@click.option(
    "--mode", type=click.Choice(["duty", "profit"]), help="profit: only what pays for its gas. Default: duty."
)
@click.option("--ws-url", help="WebSocket of a node, for hints of new heads.")
@click.option("--private-url", help="Endpoint that alone gets the transactions.")
def keeper(
    port: int | None,
    deviation_bps: int | None,
    heartbeat: int | None,
    mode: str | None,
    ws_url: str | None,
    private_url: str | None,
    **common: Any,
) -> None:
    """Keep the markets: bring prices in, execute orders, liquidate, deleverage.

    \b
    Keys         [[keeper.key]] of the configuration, or PLIMSOLL_KEEPER_KEY; without either, on a local chain,
                 account 1 of the development mnemonic
    Policies     keeper.policies switches prices, cranks, orders and funding on and off
    Many         any number may run at once, each with keys of its own

    GET /health says whether rounds succeed and what is wrong, GET /metrics is for Prometheus.
    """
    from plimsoll.keeper.service import KeeperService
    from plimsoll.service import run_until_stopped

    chosen = override(
        configure(**common),
        "keeper",
        port=port,
        deviation_bps=deviation_bps,
        heartbeat=heartbeat,
        mode=mode,
        ws_url=ws_url,
        private_url=private_url,
    )
    run_until_stopped(KeeperService(chosen).run)
