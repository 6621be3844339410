"""`plimsoll doctor`."""

import asyncio
import sys
from typing import Any

import click

from plimsoll.commands.base import OneLineErrors, configure, service_options

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@click.command(cls=OneLineErrors)
@service_options
def doctor(**common: Any) -> None:
    """Find what keeps the exchange from working: the cause of each trouble, and what to do about it.

    Asks the deployments file, the node, the contracts, the publishers, the markets, the keeper's wallet and the keeper.
    Exit code 0: nothing failed; 1: something did. Warnings do not count.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from plimsoll.doctor import examine, is_healthy

    findings = asyncio.run(examine(configure(**common)))
    table = Table(title="plimsoll doctor", title_justify="left")
    for column in ("check", "state", "cause", "remedy"):
        table.add_column(column, overflow="fold")
    for item in findings:
        state = str(item.state)
        table.add_row(item.check, f"[{COLOURS[state]}]{state}[/]", escape(item.cause), escape(item.remedy))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if not is_healthy(findings):
        sys.exit(1)
