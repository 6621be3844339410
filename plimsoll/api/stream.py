"""Server-sent events: what is indexed, as it is indexed, from any place on, with reorganisations told."""

import asyncio
import json
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
Run = Callable[[Callable[[Session], T]], Coroutine[Any, Any, T]]


@dataclass
class Place:
    """How far a listener is: the last event sent, and the reorganisations it knows of."""

    seq: int
    reorgs: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Reads a Last-Event-ID. RequestError 400 if it is none."""
        first, _, second = text.partition(".")
        if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit() and len(text) < 40):
            raise RequestError(400, f"Last-Event-ID {text!r}: not an id of this stream; leave it out to begin now")
        return cls(min(int(first), parameters.MOST_ID), min(int(second), parameters.MOST_ID))

    def __str__(self) -> str:
        return f"{self.seq}.{self.reorgs}"


def _begin(session: Session, query: parameters.StreamQuery, last_id: str | None) -> tuple[Place, str | None]:
    row = reads.cursor(session)
    market = reads.market_of(session, query.market).address if query.market is not None else None
    if last_id:
        return Place.parse(last_id), market
    return Place(query.after if query.after is not None else seq_of(row.block + 1) - 1, row.reorgs), market


def _more(session: Session, query: parameters.StreamQuery, market: str | None, place: Place) -> list[str]:
    """The messages that follow `place`, which moves with them."""
    messages = []
    row, undone = schema.Log, schema.Reorg
    known = session.scalar(select(func.max(undone.id))) or 0
    place.reorgs = min(place.reorgs, known)
    for reorg in session.scalars(select(undone).where(undone.id > place.reorgs).order_by(undone.id)):
        place.reorgs = reorg.id
        if place.seq >= seq_of(reorg.block + 1):
            place.seq = seq_of(reorg.block + 1) - 1
            messages.append(f"id: {place}\nevent: reorg\ndata: {json.dumps({'block': reorg.block})}\n\n")
    chosen = reads.event_rows(query, market).where(row.seq > place.seq).order_by(row.seq).limit(AT_ONCE)
    for log in session.scalars(chosen):
        place.seq = log.seq
        data = models.Event.model_validate(reads.event_of(log)).model_dump_json()
        messages.append(f"id: {place}\nevent: {log.event}\ndata: {data}\n\n")
    return messages


async def stream(request: web.Request, query: parameters.StreamQuery, run: Run[Any]) -> web.StreamResponse:
    """Sends until the listener goes."""
    last_id = request.headers.get("Last-Event-ID")
    place, market = await run(lambda session: _begin(session, query, last_id))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.headers.update(cors(request))
    await response.prepare(request)
    await response.write(b"retry: 1000\n\n")
    quiet = 0.0
    while True:
        messages = await run(lambda session: _more(session, query, market, place))
        if messages:
            await response.write("".join(messages).encode())
            quiet = 0.0
            continue
        await asyncio.sleep(POLL_SECONDS)
        quiet += POLL_SECONDS
        if quiet >= QUIET_SECONDS:
            await response.write(b": still here\n\n")
            quiet = 0.0
