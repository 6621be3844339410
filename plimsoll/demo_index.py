"""Indexer and API of a demo, and whether their figures are the contracts' in the end."""

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll import web
from plimsoll.api import adl, models, parameters
from plimsoll.chain import Chain
from plimsoll.errors import PlimsollError
from plimsoll.indexer import schema
from plimsoll.indexer.reconcile import reconcile
from plimsoll.indexer.store import open_engine, reader_of
from plimsoll.processes import Child, Children

READY_SECONDS = 30.0
INDEXED_SECONDS = 30.0
EVERY_POSITION = 10_000


@dataclass
class Index:
    """The two services of one run."""

    children: Children
    folder: Path
    deployment_path: Path
    indexer_port: int
    api_port: int

    def __post_init__(self) -> None:
        self.database = f"sqlite:///{self.folder}/index.sqlite"
        self._services: list[tuple[Child, int]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.api_port}/"

    def start(self) -> None:
        """Starts both, on an empty database."""
        for path in self.folder.glob("index-*.sqlite*"):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        for name, port in (("indexer", self.indexer_port), ("api", self.api_port)):
            command = [sys.executable, "-m", "plimsoll", name, "--port", str(port), "--database", self.database]
            child = self.children.start(name, [*command, "--deployment", str(self.deployment_path)])
            self._services.append((child, port))

    async def wait(self) -> None:
        """Until both answer. PlimsollError with the last words of the one that does not."""
        for child, port in self._services:
            await web.wait_for(child, f"http://127.0.0.1:{port}/health", READY_SECONDS)

    async def compare(self, chain: Chain) -> dict[str, Any]:
        """The index beside the contracts, as of the newest block: `errors` counts figures that differ. And each round
        of ADL beside its logs: `adl_rounds_wrong` says what is wrong with those that do not follow from them.

        :raises PlimsollError: if the index does not get there.
        """
        block = await chain.passed_block()
        engine = open_engine(self.database, chain.deployment, is_writer=False)
        read = reader_of(engine)
        deadline = time.monotonic() + INDEXED_SECONDS
        try:
            while (indexed := await asyncio.to_thread(read, _block)) < block:
                if time.monotonic() > deadline:
                    raise PlimsollError(f"the index is at block {indexed}, the chain was at {block}: see indexer.log")
                await asyncio.sleep(0.2)
            found = await reconcile(chain, read, block, EVERY_POSITION)
            verdicts = await asyncio.to_thread(read, _verdicts)
            events = await asyncio.to_thread(read, lambda s: s.scalar(select(func.count()).select_from(schema.Log)))
        finally:
            engine.dispose()
        wrong = list(found.mismatches)
        return {
            "block": block,
            "events": events,
            "figures": found.figures,
            "errors": len(wrong),
            "mismatches": wrong,
            "adl_rounds": len(verdicts),
            "adl_rounds_wrong": [item.violation for item in verdicts if not item.is_valid],
        }


def _verdicts(session: Session) -> list[models.AdlVerdict]:
    row = schema.Deleveraging
    rounds = session.execute(select(row.market, row.price_round).distinct()).all()
    return [adl.verification(session, parameters.OfRound(market=at, price_round=number)) for at, number in rounds]


def _block(session: Session) -> int:
    return session.scalar(select(schema.Cursor.block)) or 0
