"""Stores filled from the story."""

from pathlib import Path

from sqlalchemy import select, text

from plimsoll.deployments import Deployment
from plimsoll.indexer import schema
from plimsoll.indexer.store import Header, Store, key_of, open_engine
from tests.indexer.story import GENESIS, Story

ANCHOR = Header(0, GENESIS, "0x" + "00" * 32, 1_600_000_000)


def new_store(folder: Path, story: Story, holder: str = "test") -> Store:
    """An empty store for the story's chain."""
    store = Store(f"sqlite:///{folder}/index.sqlite", story.deployment(), holder)
    store.begin(ANCHOR)
    return store


def fill(store: Store, blocks: list, at_once: int = 7) -> None:
    """Appends `blocks` in batches; those the store has are left out."""
    head = store.head()
    assert head is not None
    blocks = [item for item in blocks if item[0].number > head.number]
    for begin in range(0, len(blocks), at_once):
        batch = blocks[begin : begin + at_once]
        store.append(head, [header for header, _ in batch], [event for _, events in batch for event in events])
        head = batch[-1][0]


def content(store: Store, *without: str) -> dict[str, list[str]]:
    """Every row of every table but the cursor, the list of reorganisations and those in `without`."""
    with store.engine.connect() as connection:
        tables = [
            table for table in schema.Base.metadata.sorted_tables if table.name not in ("cursor", "reorgs", *without)
        ]
        return {table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in tables}


def clear(database: str, deployment: Deployment) -> None:
    """Drops the store of a deployment in PostgreSQL, if there is one."""
    engine = open_engine(database, deployment, is_writer=True)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS plimsoll_{key_of(deployment)} CASCADE"))
    engine.dispose()
