"""Answers kept in memory: between two blocks nothing changes, so an answer is worked out once."""

from collections import OrderedDict
from collections.abc import Callable

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.api import parameters
from plimsoll.api.endpoints import Endpoint
from plimsoll.api.errors import RequestError
from plimsoll.indexer import schema

MISSING = "nothing is indexed yet: start `plimsoll indexer`"
MOST = 1_024
MOST_CHARACTERS = 200_000
"""A longer answer is not kept."""


def tag_of(session: Session) -> str:
    """The ETag of every answer in this state of the index. RequestError 404 where there is none."""
    row = schema.Cursor
    state = session.execute(select(row.hash, row.reorgs, row.reconciled_block)).first()
    if state is None:
        raise RequestError(404, MISSING)
    return f'"{state.hash[2:18]}-{state.reorgs}-{state.reconciled_block}"'


def era_of(session: Session) -> int:
    """What stays the same as long as nothing is undone."""
    return session.scalar(select(schema.Cursor.reorgs)) or 0


def work_out(endpoint: Endpoint, query: parameters.Query) -> Callable[[Session], tuple[str, str]]:
    """Tag and body of an answer, both of one state."""

    def read(session: Session) -> tuple[str, str]:
        tag = tag_of(session)
        found: BaseModel = endpoint.read(session, query)
        return tag, found.model_dump_json()

    return read


class Kept:
    """The last answers by path and parameters."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def get(self, path: str, tag: str) -> str | None:
        """The body, if it was worked out in the state of `tag`."""
        found = self._answers.get(path)
        if found is None or found[0] != tag:
            return None
        self._answers.move_to_end(path)
        return found[1]

    def put(self, path: str, tag: str, body: str) -> None:
        """Keeps an answer, and forgets the one that was not asked for longest."""
        if len(body) > MOST_CHARACTERS:
            return
        self._answers[path] = tag, body
        self._answers.move_to_end(path)
        while len(self._answers) > MOST:
            self._answers.popitem(last=False)
