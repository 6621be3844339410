"""The HTTP side: checked parameters in, JSON out, never anything worse than a 4xx for what a caller can do."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from plimsoll.api import parameters
from plimsoll.api.answers import MISSING, Kept, era_of, tag_of, work_out
from plimsoll.api.books import KEY, Books
from plimsoll.api.cors import cors
from plimsoll.api.endpoints import ENDPOINTS, STREAM, Endpoint
from plimsoll.api.errors import RequestError
from plimsoll.api.openapi import description
from plimsoll.api.page import page
from plimsoll.api.stream import STORE, stream
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.indexer import schema
from plimsoll.indexer.store import key_of, open_engine
from plimsoll.service import add_operation

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)
READERS = 8
LOOK_SECONDS = 1.0
HEALTH_SECONDS = 5.0
TAG_SECONDS = 0.1
"""An answer may be older than the index by this."""


class BrokenOffError(Exception):
    """What was sent so far is not true any more."""


class Api:
    """Reads the store of the deployment that `load` gives, also when another one takes its place."""

    def __init__(self, load: Callable[[], Deployment], database: str) -> None:
        self.load = load
        self.database = database
        self.threads = ThreadPoolExecutor(READERS, "reader")
        self.bookkeeper = ThreadPoolExecutor(1, "bookkeeper")
        """For what asks the books, one at a time anyhow: who waits for them takes no reader from the others."""
        self.registry = CollectorRegistry()
        self.requests = Counter("plimsoll_api_requests", "Answers", ["path", "status"], registry=self.registry)
        self.seconds = Histogram("plimsoll_api_seconds", "Seconds to answer", ["path"], registry=self.registry)
        self.listeners = Gauge("plimsoll_api_listeners", "Open streams", registry=self.registry)
        self.kept = Kept()
        self._tag = "", -TAG_SECONDS
        self._lock = Lock()
        self._engine: Engine | None = None
        self._key = ""
        self._books = Books()
        self._looked_at = 0.0

    # The store

    def store(self) -> tuple[Engine, dict[str, Any]]:
        """The present store, and what its sessions carry. RequestError 404 where there is no deployment."""
        with self._lock:
            return self._present_engine(), {KEY: self._books, STORE: self._key}

    def _present_engine(self) -> Engine:
        now = time.monotonic()
        if self._engine is None or now - self._looked_at > LOOK_SECONDS:
            self._looked_at = now
            try:
                deployment = self.load()
                if key_of(deployment) != self._key:
                    engine = open_engine(self.database, deployment, is_writer=False)
                    if self._engine is not None:
                        self._engine.dispose()
                    self._engine, self._key, self._books = engine, key_of(deployment), Books()
            except PlimsollError as error:
                raise RequestError(404, str(error)) from None
        assert self._engine is not None
        return self._engine

    def read(self, query: Callable[[Session], T]) -> T:
        """Runs `query` on one state of the index."""
        try:
            engine, info = self.store()
            with Session(engine, info=info) as session:
                return query(session)
        except (OperationalError, ProgrammingError) as error:
            if "no such table" in str(error) or "does not exist" in str(error) or "unable to open" in str(error):
                raise RequestError(404, MISSING) from None
            raise

    async def run(self, query: Callable[[Session], T], threads: ThreadPoolExecutor | None = None) -> T:
        """The same in a thread, so that a slow query holds nobody else up."""
        return await asyncio.get_running_loop().run_in_executor(threads or self.threads, self.read, query)

    async def tag(self) -> str:
        """The state of the index, as of a moment ago."""
        now = time.monotonic()
        if now - self._tag[1] > TAG_SECONDS:
            self._tag = await self.run(tag_of), now
        return self._tag[0]

    # Answers

    def handler(self, endpoint: Endpoint) -> Handler:
        """What answers an endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            query = parse(endpoint.query, request)
            tag = await self.tag()
            known = request.headers.get("If-None-Match", "")
            if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
                return web.Response(status=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
            if endpoint.csv is not None:
                return await self.send_csv(request, endpoint, query)
            body = self.kept.get(request.path_qs, tag)
            if body is None:
                threads = self.bookkeeper if endpoint.is_booked else self.threads
                tag, body = await self.run(work_out(endpoint, query), threads)
                self.kept.put(request.path_qs, tag, body)
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            return web.Response(text=body, content_type="application/json", headers=headers)

        return handle

    async def send_csv(self, request: web.Request, endpoint: Endpoint, query: Any) -> web.StreamResponse:
        """Page by page, so that an answer of any length costs no memory. One that cannot be ended is broken off, which
        the listener's HTTP tells."""
        assert endpoint.csv is not None

        def read(session: Session) -> tuple[str, tuple[Engine, int], Any]:
            return tag_of(session), (session.get_bind(), era_of(session)), endpoint.read(session, query)

        tag, era, page = await self.run(read)
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Type": "text/csv; charset=utf-8", **cors(request)}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            await response.write(endpoint.csv(page, True).encode())
            while query.limit is None and page.next is not None:
                query = query.model_copy(update={"before": page.next})
                _, now, page = await self.run(read)
                if now != era:
                    raise BrokenOffError
                await response.write(endpoint.csv(page, False).encode())
        except (asyncio.CancelledError, ConnectionResetError):
            raise
        except Exception as error:
            log.warning("an answer is broken off", path=request.path_qs, error=str(error) or type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
        return response

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """The stream."""
        query = parse(parameters.StreamQuery, request)
        with self.listeners.track_inprogress():
            return await stream(request, query, self.run)

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether there is an index that answers, and how old its last block is."""
        row = schema.Cursor
        chosen = select(row.block, row.time, row.mismatches)
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                found = await self.run(lambda session: session.execute(chosen).first())
        except RequestError as error:
            return False, {"problem": str(error)}
        except TimeoutError:
            return False, {"problem": f"the database did not answer within {HEALTH_SECONDS:.0f} s"}
        if found is None:
            return False, {"problem": MISSING}
        age = int(time.time()) - found.time
        return not found.mismatches, {"block": found.block, "age_seconds": age, "mismatches": found.mismatches}

    def app(self) -> web.Application:
        """All routes."""
        app = web.Application(middlewares=[self.observe, shape])
        for endpoint in ENDPOINTS:
            app.router.add_get(endpoint.path, self.handler(endpoint), name=endpoint.name)
        app.router.add_get(STREAM, self.listen, allow_head=False)  # its headers alone would not end either
        app.router.add_get("/openapi.json", describe)
        app.router.add_get("/", show)
        return add_operation(app, self.health, self.registry)

    @web.middleware
    async def observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts and times; by route, since a path may be anything."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else "other"
        began = time.perf_counter()
        response = await handler(request)
        self.requests.labels(path, response.status).inc()
        self.seconds.labels(path).observe(time.perf_counter() - began)
        return response


def parse(kind: type[parameters.Query], request: web.Request) -> Any:
    """Path and query as checked parameters. RequestError 400 that names the parameter and what is wrong with it."""
    given = request.query
    repeated = sorted({name for name in given if len(given.getall(name)) > 1})
    if repeated:
        raise RequestError(400, f"{repeated[0]}: given more than once")
    clash = sorted(given.keys() & request.match_info.keys())
    if clash:
        raise RequestError(400, f"{clash[0]}: stands in the path already")
    try:
        return kind.model_validate({**given, **request.match_info})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            allowed = sorted(kind.model_fields.keys() - request.match_info.keys())
            raise RequestError(400, f"unknown parameter {name}: {', '.join(allowed) or 'none is taken'}") from None
        raise RequestError(400, f"{name}: {first['msg'].lower()}") from None


@web.middleware
async def shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as JSON, and leave for local pages."""
    headers = cors(request)
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS", **headers})
    try:
        response = await handler(request)
    except RequestError as error:
        response = failure(error.status, str(error))
    except web.HTTPNotFound:
        response = failure(404, f"no path {request.path}: see / or /openapi.json")
    except web.HTTPMethodNotAllowed:
        response = failure(405, f"{request.method} is not taken: everything here is read by GET")
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
    except web.HTTPException as error:
        response = failure(error.status, error.reason)
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        log.exception("request failed", path=request.path_qs)
        response = failure(500, "this should not happen: please report the request and the service's log")
    if not response.prepared:
        response.headers.update(headers)
    return response


def failure(status: int, message: str) -> web.Response:
    """An error's JSON."""
    return web.json_response({"error": message}, status=status)


async def describe(_: web.Request) -> web.Response:
    """The description."""
    return web.json_response(description())


async def show(_: web.Request) -> web.Response:
    """The page for people."""
    return web.Response(text=page(), content_type="text/html")
