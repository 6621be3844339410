"""The accounts of everybody, folded from the index and kept in memory: `plimsoll.accounting` fed by the index."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll.accounting import Ledger
from plimsoll.api import reads
from plimsoll.indexer import queries, schema

T = TypeVar("T")
CONTRACTS = ("Market", "MarginPool", "Vault", "InsuranceFund", "RecoveryToken")
KEY = "books"
"""Under which a session of the API carries its Books."""


class Books:
    """One store's ledger. Goes on from where it was, and begins anew after a reorganisation."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ledger: Ledger | None = None
        self._seq = -1
        self._reorgs = 0

    def ask(self, session: Session, question: Callable[[Ledger], T]) -> T:
        """Runs `question` on the ledger as of the session's index; one at a time, since a ledger is not for two."""
        with self._lock:
            return question(self._present(session))

    def _present(self, session: Session) -> Ledger:
        reorgs = session.scalar(select(func.max(schema.Reorg.id))) or 0
        if self._ledger is None or reorgs != self._reorgs:
            deployment = reads.cursor(session).deployment
            self._ledger = Ledger(deployment["contracts"]["Vault"], deployment["collateral"]["decimals"])
            self._seq, self._reorgs = -1, reorgs
        row = schema.Log
        chosen = select(row).where(row.seq > self._seq, row.contract.in_(CONTRACTS)).order_by(row.seq)
        for log in session.scalars(chosen.execution_options(yield_per=1_000)):
            event = queries.event_of(log)
            self._ledger.take([event], {event.block: log.time})
            self._seq = log.seq
        return self._ledger


def books_of(session: Session) -> Books:
    """The books that the API gave this session."""
    found = session.info[KEY]
    assert isinstance(found, Books)
    return found
