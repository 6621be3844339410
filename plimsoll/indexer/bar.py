"""A bar while the index is far behind, for who watches a terminal."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from plimsoll.indexer.service import Indexer

FAR = 500
REFRESH_SECONDS = 0.5


@contextlib.asynccontextmanager
async def show_progress(worker: Indexer) -> AsyncIterator[None]:
    """Shows blocks done of blocks there are on a terminal as long as more than FAR are missing."""
    if not sys.stderr.isatty():
        yield
        return
    task = asyncio.create_task(_show(worker))
    try:
        yield
    finally:
        task.cancel()


async def _show(worker: Indexer) -> None:
    columns = (
        TextColumn("catching up"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("blocks"),
        TimeRemainingColumn(),
    )
    while True:
        progress = worker.follower.progress if worker.follower else None
        if progress is None or progress.head - progress.indexed < FAR:
            await asyncio.sleep(REFRESH_SECONDS)
            continue
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            bar = shown.add_task("", total=progress.head - progress.indexed)
            first = progress.indexed
            while progress.head - progress.indexed > 0:
                shown.update(bar, completed=progress.indexed - first, total=progress.head - first)
                await asyncio.sleep(REFRESH_SECONDS)
