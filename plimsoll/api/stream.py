"""Server-sent events: what is indexed, as it is indexed, from any place on, with reorganisations told."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll.api import models, parameters, reads
from plimsoll.api.cors import cors
from plimsoll.api.errors import RequestError
from plimsoll.indexer import schema
from plimsoll.indexer.schema import seq_of

T = TypeVar("T")
POLL_SECONDS = 0.25
QUIET_SECONDS = 15.0
AT_ONCE = 500
ID = re.compile(r"([0-9]{1,20})\.([0-9]{1,20})(?:\.([0-9a-f]{16}))?")
STORE = "store"
"""Under which a session of the API carries the key of its store."""
Run = Callable[[Callable[[Session], T]], Coroutine[Any, Any, T]]


@dataclass
class Place:
    """How far a listener is: the last event sent, the reorganisations it knows of, and the store that both are of. A
    chain that was started anew has another store."""

    seq: int
    reorgs: int
    store: str

    @classmethod
    def parse(cls, text: str, store: str, last: int) -> "Place":
        """Reads a Last-Event-ID; one of an earlier version, without a store, is of `store` if it is not beyond the
        place `last`. RequestError 400 if it is none."""
        found = ID.fullmatch(text)
        if found is None:
            raise RequestError(400, f"Last-Event-ID {text!r}: not an id of this stream; leave it out to begin now")
        first, second = (min(int(number), parameters.MOST_ID) for number in found.group(1, 2))
        return cls(first, second, found[3] or (store if first <= last else ""))

    def __str__(self) -> str:
        return f"{self.seq}.{self.reorgs}.{self.store}"

    def go_back(self, block: int) -> str:
        """To the end of `block`; the message that tells so."""
        self.seq = seq_of(block + 1) - 1
        return f"id: {self}\nevent: reorg\ndata: {json.dumps({'block': block})}\n\n"


def _begin(session: Session, query: parameters.StreamQuery, last_id: str | None) -> Place:
    row = reads.cursor(session)
    if query.market is not None:
        reads.market_of(session, query.market)
    last = seq_of(row.block + 1) - 1
    if last_id:
        return Place.parse(last_id, session.info[STORE], last)
    return Place(last if query.after is None else query.after, row.reorgs, session.info[STORE])


def _more(session: Session, query: parameters.StreamQuery, place: Place) -> list[str]:
    """The messages that follow `place`, which moves with them."""
    messages = []
    row, undone = schema.Log, schema.Reorg
    known = session.scalar(select(func.max(undone.id))) or 0
    if place.store != session.info[STORE]:
        reads.cursor(session)
        place.store, place.reorgs = session.info[STORE], known
        messages.append(place.go_back(0))
    place.reorgs = min(place.reorgs, known)
    for reorg in session.scalars(select(undone).where(undone.id > place.reorgs).order_by(undone.id)):
        place.reorgs = reorg.id
        if place.seq >= seq_of(reorg.block + 1):
            messages.append(place.go_back(reorg.block))
    try:
        market = reads.market_of(session, query.market).address if query.market is not None else None
    except RequestError:  # of a chain that is new and has not got it yet
        return messages
    chosen = reads.event_rows(query, market).where(row.seq > place.seq).order_by(row.seq).limit(AT_ONCE)
    for log in session.scalars(chosen):
        place.seq = log.seq
        data = models.Event.model_validate(reads.event_of(log)).model_dump_json()
        messages.append(f"id: {place}\nevent: {log.event}\ndata: {data}\n\n")
    return messages


async def stream(request: web.Request, query: parameters.StreamQuery, run: Run[Any]) -> web.StreamResponse:
    """Sends until the listener goes."""
    last_id = request.headers.get("Last-Event-ID")
    place = await run(lambda session: _begin(session, query, last_id))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(cors(request))
    await response.prepare(request)
    await response.write(b"retry: 1000\n\n")
    quiet = 0.0
    while True:
        try:
            messages = await run(lambda session: _more(session, query, place))
        except RequestError:  # a chain that was started anew is not indexed yet
            messages = []
        if messages:
            await response.write("".join(messages).encode())
            quiet = 0.0
            continue
        await asyncio.sleep(POLL_SECONDS)
        quiet += POLL_SECONDS
        if quiet >= QUIET_SECONDS:
            await response.write(b": still here\n\n")
            quiet = 0.0
