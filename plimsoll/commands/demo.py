"""`plimsoll demo`, which is `make demo`."""

import click

from plimsoll.commands.base import OneLineErrors


@click.command(cls=OneLineErrors)
def demo() -> None:
    """The whole of it: chain, deployment, publishers, keeper, page, crowd, crash, report. Same as `make demo`."""
    from plimsoll.demo import run_demo

    run_demo()
