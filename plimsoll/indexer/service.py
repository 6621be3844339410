"""The indexer as a service: follows the chain whatever happens to it, compares itself with it, tells how it is."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from plimsoll.chain import Chain
from plimsoll.config import Indexer as Settings
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.indexer.follow import Follower, ReplacedError
from plimsoll.indexer.node import Node, TornError
from plimsoll.indexer.reconcile import Comparison, reconcile
from plimsoll.indexer.store import ConflictError, Store, key_of, own_name
from plimsoll.service import Backoff, add_operation

log = structlog.get_logger(__name__)
SILENT_SECONDS = 30.0
TURN_SECONDS = 5.0
LAG = 64


@dataclass
class Metrics:
    """What Prometheus reads."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        registry = self.registry
        self.head = Gauge("plimsoll_indexer_chain_head", "Newest block of the node", registry=registry)
        self.block = Gauge("plimsoll_indexer_block", "Last block indexed", registry=registry)
        self.events = Counter("plimsoll_indexer_events", "Events written", registry=registry)
        self.reorgs = Counter("plimsoll_indexer_reorgs", "Reorganisations undone", registry=registry)
        self.depth = Gauge("plimsoll_indexer_deepest_reorg", "Blocks undone at once, at most", registry=registry)
        self.errors = Counter("plimsoll_indexer_errors", "Steps that failed and were tried again", registry=registry)
        self.figures = Counter("plimsoll_indexer_compared", "Figures compared with the chain", registry=registry)
        self.mismatches = Counter("plimsoll_indexer_mismatches", "Figures that differed", registry=registry)
        self.has_turn = Gauge("plimsoll_indexer_has_turn", "1 if this process writes, 0 if another", registry=registry)


class Indexer:
    """One process. `load` gives the deployment, and is asked again when the chain turns out to be another one."""

    def __init__(self, load: Callable[[], Deployment], settings: Settings) -> None:
        self.load = load
        self.settings = settings
        self.holder = own_name()
        self.metrics = Metrics()
        self.follower: Follower | None = None
        self.comparison: Comparison | None = None
        self.last_step_at = 0.0
        self.has_turn = False
        self.problem = "starting"
        self._turn_at = 0.0
        self._compared_at = 0.0
        self._told = (0, 0)

    async def run(self) -> None:
        """Works until cancelled. A chain that was started anew ends one store and begins the next, as soon as the
        deployments file is that of the new chain."""
        backoff = Backoff(0.5, 5.0)
        while True:
            try:
                deployment = self.load()
                await self._follow(deployment)
            except PlimsollError as error:
                self.last_step_at = 0.0
                self.problem = (
                    f"{error}: waiting for its deployment" if isinstance(error, ReplacedError) else str(error)
                )
                log.warning("not indexing", problem=self.problem)
            await asyncio.sleep(backoff.next())

    async def _follow(self, deployment: Deployment) -> None:
        store = await asyncio.to_thread(Store, self.settings.database, deployment, self.holder)
        node, chain = Node(deployment.rpc_url), Chain(deployment)
        self.follower = Follower(node, store, deployment)
        self._told = (0, 0)
        log.info("indexing", rpc=deployment.rpc_url, store=key_of(deployment), database=store.engine.url.database)
        try:
            await self._steps(self.follower, chain, store)
        finally:
            if self.has_turn:
                await asyncio.to_thread(store.give_turn_up)
            self.has_turn = False
            await node.close()
            await chain.close()
            store.close()

    async def _steps(self, follower: Follower, chain: Chain, store: Store) -> None:
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                has_moved = await self._step(follower, chain, store)
            except ReplacedError:
                raise
            except Exception as error:  # whatever it was, the next step may do better
                follower.reset()
                self.metrics.errors.inc()
                self.problem = f"{type(error).__name__}: {error}"
                seconds = backoff.next()
                is_usual = isinstance(error, TornError | ConflictError)
                (log.info if is_usual else log.warning)("step failed", error=self.problem, again_in=seconds)
                await asyncio.sleep(seconds)
                await self._notice_another_chain(follower)
                continue
            backoff.reset()
            self.problem = ""
            self.last_step_at = time.monotonic()
            self._count(follower)
            if not has_moved:
                await asyncio.sleep(self.settings.poll_seconds)

    async def _notice_another_chain(self, follower: Follower) -> None:
        try:
            await follower.check_genesis()
        except ReplacedError:
            raise
        except Exception as error:  # the node does not answer at all: that is no news
            log.debug("node does not answer", error=str(error))

    async def _step(self, follower: Follower, chain: Chain, store: Store) -> bool:
        now = time.monotonic()
        if follower.progress.indexed == 0:
            await follower.start()
        if now - self._turn_at > TURN_SECONDS or not self.has_turn:
            had_turn, self.has_turn = self.has_turn, await asyncio.to_thread(store.has_turn)
            self._turn_at = now
            self.metrics.has_turn.set(self.has_turn)
            if self.has_turn and not had_turn:
                follower.reset()  # another one may have written since
        if not self.has_turn:
            self.problem = ""
            return False
        has_moved = await follower.step()
        if not has_moved and now - self._compared_at > self.settings.compare_seconds:
            self._compared_at = now
            await self._compare(follower, chain, store)
        return has_moved

    async def _compare(self, follower: Follower, chain: Chain, store: Store) -> None:
        block = follower.progress.indexed
        found = await reconcile(chain, store.read, block)
        if found.mismatches:
            # A node that mined the next block meanwhile may have answered with that one's state; now it does not.
            await asyncio.sleep(self.settings.poll_seconds)
            found = await reconcile(chain, store.read, block)
        self.comparison = found
        self.metrics.figures.inc(self.comparison.figures)
        self.metrics.mismatches.inc(len(self.comparison.mismatches))
        for line in self.comparison.mismatches:
            log.error("the index differs from the chain", block=block, figure=line)
        await asyncio.to_thread(store.save_reconciliation, block, self.comparison.mismatches)

    def _count(self, follower: Follower) -> None:
        progress = follower.progress
        self.metrics.head.set(progress.head)
        self.metrics.block.set(progress.indexed)
        self.metrics.events.inc(progress.events - self._told[0])
        self.metrics.reorgs.inc(progress.reorgs - self._told[1])
        self.metrics.depth.set(progress.deepest_reorg)
        self._told = progress.events, progress.reorgs

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether blocks arrive and agree with the chain, and the figures behind that."""
        progress = self.follower.progress if self.follower else None
        wrong = self.comparison.mismatches if self.comparison else ()
        is_late = time.monotonic() - self.last_step_at > SILENT_SECONDS or self.last_step_at == 0
        lag = max(0, progress.head - progress.indexed) if progress else 0
        body = {
            "block": progress.indexed if progress else 0,
            "head": progress.head if progress else 0,
            "writes": self.has_turn,
            "reorgs": progress.reorgs if progress else 0,
            "compared_at_block": self.comparison.block if self.comparison else None,
            "mismatches": list(wrong),
            "problem": self.problem,
        }
        return not is_late and not wrong and lag <= LAG, body

    def app(self) -> web.Application:
        """/health and /metrics."""
        return add_operation(web.Application(), self.health, self.metrics.registry)
