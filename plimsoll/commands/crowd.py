"""`plimsoll crowd`."""

from pathlib import Path

import click

from plimsoll.commands.base import DEPLOYMENT, OneLineErrors


@click.command(cls=OneLineErrors)
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
    from plimsoll.service import run_until_stopped

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
