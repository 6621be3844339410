"""The accounts of everybody, folded from the index and kept in memory: `plimsoll.accounting` fed by the index."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll.accounting import Ledger
from plimsoll.api import reads
from plimsoll.indexer import queries, schema
from plimsoll.indexer.schema import seq_of

T = TypeVar("T")
CONTRACTS = ("Market", "MarginPool", "Vault", "InsuranceFund", "RecoveryToken")
FIRM_BLOCKS = 64
KEY = "books"
"""Under which a session of the API carries its Books."""


@dataclass
class Fold:
    """A ledger, and the place of the last event in it."""

    ledger: Ledger
    seq: int = -1

    def follow(self, session: Session, until: int) -> None:
        """Takes what came since, before the place `until`."""
        row = schema.Log
        chosen = select(row).where(row.seq > self.seq, row.seq < until, row.contract.in_(CONTRACTS)).order_by(row.seq)
        for log in session.scalars(chosen.execution_options(yield_per=1_000)):
            event = queries.event_of(log)
            self.ledger.take([event], {event.block: log.time})
            self.seq = log.seq


class Books:
    """One store's ledger. Goes on from where it was. A second one stays FIRM_BLOCKS behind: a reorganisation makes the
    first go on from there, and only a deeper one is a reason to begin anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._firm: Fold | None = None
        self._newest: Fold | None = None
        self._reorgs = 0

    def ask(self, session: Session, question: Callable[[Ledger], T]) -> T:
        """Runs `question` on the ledger as of the session's index; one at a time, since a ledger is not for two."""
        with self._lock:
            return question(self._present(session))

    def _present(self, session: Session) -> Ledger:
        row, undone = reads.cursor(session), schema.Reorg
        reorgs = session.scalar(select(func.max(undone.id))) or 0
        if reorgs != self._reorgs:
            self._newest = None
            kept = session.scalar(select(func.min(undone.block)).where(undone.id > self._reorgs))
            if kept is None or (self._firm and self._firm.seq >= seq_of(kept + 1)):
                self._firm = None
            self._reorgs = reorgs
        if self._firm is None:
            self._firm, self._newest = Fold(Ledger(row.deployment["contracts"]["Vault"], reads.decimals(session))), None
        self._firm.follow(session, seq_of(max(0, row.block - FIRM_BLOCKS)))
        if self._newest is None:
            self._newest = deepcopy(self._firm)
        self._newest.follow(session, queries.FOREVER)
        return self._newest.ledger


def books_of(session: Session) -> Books:
    """The books that the API gave this session."""
    found = session.info[KEY]
    assert isinstance(found, Books)
    return found
