"""`plimsoll keeper`."""

from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, key_from, override, service_options


@click.command(cls=OneLineErrors)
@service_options
@click.option("--port", type=int, help="Where /health and /metrics are served. Default: 8710.")
@click.option("--deviation-bps", type=int, help="A price that moved this far is sent. Default: 10.")
@click.option("--heartbeat", type=int, help="A price this old is renewed, in seconds. Default: 20.")
def keeper(port: int | None, deviation_bps: int | None, heartbeat: int | None, **common: Any) -> None:
    """Keep the markets: bring prices in, execute orders, liquidate, deleverage.

    The key is read from PLIMSOLL_KEEPER_KEY; without it, on a local chain, it is account 1 of the development mnemonic.
    Any number of keepers may run at once, each with a key of its own.
    """
    from plimsoll import accounts, oracle
    from plimsoll.chain import Chain
    from plimsoll.keeper import Keeper
    from plimsoll.keeper_core import Policy
    from plimsoll.service import run_until_stopped, serve

    chosen = override(configure(**common), "keeper", port=port, deviation_bps=deviation_bps, heartbeat=heartbeat)

    async def start() -> None:
        found = chosen.network.load_deployment()
        chain = Chain(found)
        await chain.connect()
        endpoints = [oracle.Endpoint(item.url, item.address) for item in found.publishers]
        account = key_from("PLIMSOLL_KEEPER_KEY") or accounts.dev_account(accounts.KEEPER)
        worker = Keeper(chain, account, endpoints, Policy(chosen.keeper.deviation_bps, chosen.keeper.heartbeat))
        runner = await serve(worker.app(), chosen.keeper.port, chosen.keeper.host)
        click.echo(f"keeper {account.address} on {found.rpc_url}, http://127.0.0.1:{chosen.keeper.port}/metrics")
        try:
            await worker.run()
        finally:
            await runner.cleanup()
            await chain.close()

    run_until_stopped(start)
