"""The database: one store for each deployment on each chain, written by one batch of blocks a transaction.

A store is a SQLite file, or a schema in PostgreSQL, whose name ends with a key made of the genesis hash and the
contracts' addresses. A chain that was started anew, or another deployment on the same chain, gets a store of its own
and leaves the old one where it is. Whatever ends a process, a transaction is in the store whole or not at all.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eth_utils import keccak
from sqlalchemy import Engine, create_engine, delete, event, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateTable

from plimsoll.chain import Event
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.indexer import candles, schema
from plimsoll.indexer.derive import Derivation
from plimsoll.indexer.schema import insert_rows, seq_of

T = TypeVar("T")
Read = Callable[[Callable[[Session], Any]], Any]
BUSY_SECONDS = 30
LEASE_SECONDS = 15


def own_name() -> str:
    """Names this process among all that may write to a store."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(holder: str) -> bool:
    """Whether `holder` names a process of this machine that has ended."""
    host, _, number = holder.rpartition(":")
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class ConflictError(PlimsollError):
    """Another indexer has written to the store since; what was about to be written is not."""


@dataclass(frozen=True)
class Header:
    """What an index needs of a block."""

    number: int
    hash: str
    parent_hash: str
    time: int


def key_of(deployment: Deployment) -> str:
    """Names the store of a deployment: 16 hexadecimal digits."""
    named = {**deployment.contracts, **{symbol: item.address for symbol, item in deployment.markets.items()}}
    content = json.dumps([deployment.genesis_hash, deployment.chain_id, named], sort_keys=True)
    return keccak(text=content).hex()[:16]


def open_engine(database: str, deployment: Deployment, *, is_writer: bool) -> Engine:
    """Connects to the store of `deployment` in the database of a SQLAlchemy URL.

    :raises PlimsollError: if the URL is of no database that is supported.
    """
    try:
        url = make_url(database)
    except ArgumentError:
        raise PlimsollError(f"database {database!r}: not a URL like sqlite:///build/index.sqlite") from None
    key = key_of(deployment)
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise PlimsollError("database: a SQLite file is needed, for example sqlite:///build/index.sqlite")
        path = Path(url.database)
        path = path.with_name(f"{path.stem}-{key}{path.suffix or '.sqlite'}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlimsollError(f"database {database}: {path.parent} cannot be made: {error.strerror}") from None
        return _open_sqlite(str(path), is_writer)
    if url.get_backend_name() == "postgresql":
        name = f"plimsoll_{key}"
        # A reader sees one state; a writer waits for another one's cursor and then sees that it has moved
        level = "READ COMMITTED" if is_writer else "REPEATABLE READ"
        url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, pool_pre_ping=True, isolation_level=level)
        return engine.execution_options(schema_translate_map={None: name})
    raise PlimsollError(f"database {url.get_backend_name()}: only sqlite and postgresql are supported")


def _open_sqlite(path: str, is_writer: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver's own transactions begin too late to be snapshots
        if is_writer:
            connection.execute("PRAGMA journal_mode = WAL")
        # With WAL a crash of the machine loses the last transactions at most, which are read from the chain again
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")
        if not is_writer:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        # A writer that begins as a reader cannot become a writer while another one writes
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine


class Store:
    """The writer's side of one store."""

    def __init__(self, database: str, deployment: Deployment, holder: str) -> None:
        """`holder` names this writer among all writers."""
        self.deployment = deployment
        self.holder = holder
        self.engine = open_engine(database, deployment, is_writer=True)
        symbols = {item.address: symbol for symbol, item in deployment.markets.items()}
        self.derivation = Derivation(deployment.contracts.values(), symbols, deployment.collateral.decimals)
        self._create()

    def close(self) -> None:
        """Closes the connections."""
        self.engine.dispose()

    def _create(self) -> None:
        try:
            with self.engine.begin() as connection:
                if self.engine.dialect.name == "postgresql":
                    # Two that create at once: one waits for the other
                    connection.execute(text("SELECT pg_advisory_xact_lock(7310579)"))
                    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS plimsoll_{key_of(self.deployment)}"))
                schema.Base.metadata.create_all(connection)
                # A store of an earlier version may lack some: of a table that is there, create_all makes none
                for table in schema.Base.metadata.sorted_tables:
                    for index in table.indexes:
                        connection.execute(CreateIndex(index, if_not_exists=True))
        except DatabaseError as error:
            raise PlimsollError(f"database {self.engine.url.render_as_string()}: {error.orig}") from None

    def head(self) -> Header | None:
        """The last block indexed; None in a new store."""
        with Session(self.engine) as session:
            row = session.get(schema.Cursor, 1)
            return None if row is None else Header(row.block, row.hash, "", row.time)

    def begin(self, header: Header) -> None:
        """Starts a new store after block `header`; nothing if it was started already."""
        with Session(self.engine) as session, session.begin():
            if session.get(schema.Cursor, 1) is not None:
                return
            session.add(schema.Block(**vars(header)))
            kept = self.deployment.model_dump(mode="json")
            session.add(schema.Cursor(id=1, block=header.number, hash=header.hash, time=header.time, deployment=kept))

    def markets(self) -> list[str]:
        """The addresses of all markets that the factory created so far."""
        with Session(self.engine) as session:
            return list(session.scalars(select(schema.Market.address).order_by(schema.Market.seq)))

    def hashes(self, first: int, last: int) -> dict[int, str]:
        """The hashes of the blocks kept in a range, by number, the newest first."""
        row = schema.Block
        with Session(self.engine) as session:
            query = select(row.number, row.hash).where(row.number.between(first, last)).order_by(row.number.desc())
            return dict(session.execute(query).all())

    def append(self, before: Header, blocks: Sequence[Header], events: Sequence[Event]) -> int:
        """Writes what follows the block `before`: headers, the last of which becomes the head, and all events up to it.
        Returns the rows written.

        :raises ConflictError: if `before` is not the head of the store (any more).
        """
        try:
            with Session(self.engine) as session, session.begin():
                self._move_cursor(session, before, blocks[-1])
                session.execute(insert(schema.Block), [vars(block) for block in blocks])
                times = {block.number: block.time for block in blocks}
                rows = self.derivation.derive(session, events, times, {b.number: b.hash for b in blocks})
                for table in schema.EVENT_TABLES:
                    insert_rows(session, table, rows.get(table, []))
                candles.write(session, rows.get(schema.Price, []))
                return len(blocks) + sum(len(items) for items in rows.values())
        except BaseException:
            self.derivation.forget()
            raise

    def _move_cursor(self, session: Session, before: Header, after: Header, reorgs: int = 0) -> None:
        row = schema.Cursor
        moved = session.execute(
            update(row)
            .where(row.id == 1, row.block == before.number, row.hash == before.hash)
            .values(
                block=after.number,
                hash=after.hash,
                time=after.time,
                holder=self.holder,
                lease_until=int(time.time()) + LEASE_SECONDS,
                reorgs=row.reorgs + reorgs,
            )
        )
        if moved.rowcount != 1:
            raise ConflictError("another indexer writes to this database; one is enough, the others wait")

    def rollback(self, before: Header, to: Header) -> None:
        """Undoes every block after `to`, which is kept, in one transaction.

        :raises ConflictError: if `before` is not the head of the store (any more).
        """
        try:
            with Session(self.engine) as session, session.begin():
                self._move_cursor(session, before, to, reorgs=1)
                number = session.scalar(select(schema.Cursor.reorgs))
                session.add(schema.Reorg(id=number, block=to.number, time=int(time.time())))
                after = seq_of(to.number + 1)
                gone = candles.first_gone(session, after)
                for table in reversed(schema.EVENT_TABLES):
                    session.execute(delete(table).where(table.seq >= after))  # type: ignore[attr-defined]
                session.execute(delete(schema.Block).where(schema.Block.number > to.number))
                candles.rebuild(session, gone)
        finally:
            self.derivation.forget()

    # Several writers

    def has_turn(self) -> bool:
        """Whether this writer may go on: nobody else wrote, or looked after the store, within LEASE_SECONDS, or who did
        is a process of this machine that is gone. Takes the turn, or prolongs it. Correctness hangs on the cursor: two
        who write at once exclude each other by it.
        """
        row, now = schema.Cursor, int(time.time())
        with self.engine.begin() as connection:
            last = connection.execute(select(row.holder)).scalar() or ""
            is_free = (row.lease_until < now) | (row.holder == (last if is_gone(last) else self.holder))
            taken = connection.execute(
                update(row).where(is_free).values(holder=self.holder, lease_until=now + LEASE_SECONDS)
            )
            return taken.rowcount == 1

    def give_turn_up(self) -> None:
        """Lets the next writer in at once."""
        row = schema.Cursor
        with self.engine.begin() as connection:
            connection.execute(update(row).where(row.holder == self.holder).values(lease_until=0))

    def save_reconciliation(self, block: int, mismatches: Iterable[str]) -> None:
        """Keeps the outcome of a comparison with the chain at `block`, for the API to show."""
        with self.engine.begin() as connection:
            values = {"reconciled_block": block, "mismatches": list(mismatches)}
            connection.execute(update(schema.Cursor).values(**values))

    def read(self, query: Callable[[Session], T]) -> T:
        """Runs `query` in one transaction of its own."""
        return reader_of(self.engine)(query)


def reader_of(engine: Engine) -> Read:
    """Runs queries, each in a transaction of its own."""

    def read(query: Callable[[Session], Any]) -> Any:
        with Session(engine) as session:
            return query(session)

    return read


def compiled_schema(dialect: str) -> list[str]:
    """The statements that create the tables in "sqlite" or "postgresql"."""
    chosen = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}[dialect]
    statements = []
    for table in schema.Base.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=chosen)).strip())
        statements += [str(CreateIndex(index).compile(dialect=chosen)) for index in table.indexes]
    return statements
