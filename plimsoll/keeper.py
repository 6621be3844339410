"""The keeper: collects prices, asks the chain what there is to do by simulating it, and does it through `Relay.act`.

It keeps nothing that the chain does not know: open orders are read back from events at every start, positions never.
Several may run at once; who comes second finds nothing left in the simulation and sends nothing.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web
from eth_account.signers.local import LocalAccount
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import TxReceipt

from plimsoll import keeper_core as core
from plimsoll import oracle
from plimsoll.chain import CONNECTION_ERRORS, Chain, Event, Sender
from plimsoll.errors import PlimsollError
from plimsoll.observation import Domain, Observation

log = logging.getLogger(__name__)
COLLECT_SECONDS = 2.5
FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 15.0
pause = asyncio.sleep
ORDERS_DONE = ("OrderExecuted", "OrderCancelled", "OrderFailed")


class Metrics:
    """What Prometheus reads at /metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry}
        self.sent = Counter("plimsoll_keeper_transactions", "Transactions mined", ["status"], **kept)
        self.buckets = Counter("plimsoll_keeper_buckets", "Buckets liquidated or deleveraged", **kept)
        self.orders = Counter("plimsoll_keeper_orders", "Orders finished", ["result"], **kept)
        self.errors = Counter("plimsoll_keeper_errors", "Rounds that failed", **kept)
        self.waiting = Gauge("plimsoll_keeper_orders_waiting", "Orders in the book", **kept)
        steps = (1, 2, 3, 5, 10, 30)
        self.blocks = Histogram("plimsoll_keeper_blocks", "Blocks from price to work done", buckets=steps, **kept)


@dataclass
class Book:
    """Open orders, followed through events."""

    orders: dict[int, core.PendingOrder] = field(default_factory=dict)
    next_block: int = 0

    def follow(self, events: list[Event], times: dict[int, int]) -> None:
        """Takes events in; `times` gives the time of their blocks."""
        for event in events:
            if event.contract != "OrderBook":
                continue
            if event.name == "OrderPlaced":
                id_ = event.args["id"]
                self.orders[id_] = core.PendingOrder(id_, event.args["market"], times[event.block])
            elif event.name in ORDERS_DONE:
                self.orders.pop(event.args["id"], None)


class Keeper:
    """One keeper with one key."""

    def __init__(
        self, chain: Chain, account: LocalAccount, endpoints: list[oracle.Endpoint], policy: core.Policy
    ) -> None:
        self.chain = chain
        self.sender = Sender(chain, account)
        self.endpoints = endpoints
        self.policy = policy
        self.book = Book(next_block=chain.deployment.start_block)
        self.metrics = Metrics()
        self.relay = chain.contract("Relay")
        self.price_feed = chain.contract("PriceFeed")
        self.feed_of = {market.address: bytes.fromhex(market.feed[2:]) for market in chain.deployment.markets.values()}
        self.domain = Domain(chain.deployment.chain_id, chain.deployment.contracts["PriceFeed"])
        self.rules: oracle.Rules | None = None
        self.seen_second = 0
        self.heads: deque[tuple[int, int]] = deque(maxlen=120)
        self.last_round_at = 0.0
        self.has_more = False

    async def run(self) -> None:
        """Works until cancelled. A failed round is counted, logged, and tried again after a growing pause."""
        seconds = FIRST_BACKOFF_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self.round(session)
                    self.last_round_at = time.monotonic()
                    seconds = FIRST_BACKOFF_SECONDS
                except Exception as error:  # whatever it was, the next round may do better
                    self.metrics.errors.inc()
                    log.warning("round failed, again in %.1f s: %s", seconds, error)
                    self.sender.forget_nonce()
                    await pause(seconds)
                    seconds = min(MAX_BACKOFF_SECONDS, seconds * 2)
                    await self._restart_on_another_chain()

    async def _restart_on_another_chain(self) -> None:
        try:
            genesis = await self.chain.genesis_hash()
        except (Web3Exception, *CONNECTION_ERRORS):
            return
        if genesis != self.chain.deployment.genesis_hash:
            raise PlimsollError("the chain was replaced by another one: deploy again and restart the keeper")

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Collect, plan, simulate, decide, send: once."""
        if self.rules is None:
            self.rules = await self._load_rules()
        # With more to do at the present price there is no reason to wait for the next one.
        after = 0 if self.has_more else self.seen_second
        found = await oracle.collect(session, self.endpoints, after, COLLECT_SECONDS)
        view = await self._look(found)
        plan, outcome = await self._simulate_fitting(core.plan(view))
        if outcome.prices_updated < plan.feeds:
            # Some report was rejected. Most likely one publisher signs wrongly: leave out what is not properly signed.
            view = await self._look(oracle.verified(found, self.domain))
            plan, outcome = await self._simulate_fitting(core.plan(view))
        self.seen_second = max([self.seen_second, *(item.published_at for item in found)])
        verdict = core.judge(view, plan, outcome, self.policy)
        self.has_more = False
        if not verdict.is_worth_it:
            log.debug(verdict.reason)
            return
        call = self.chain.call(self.relay, "act", act_arguments(plan), verdict.gas)
        receipt = await self.sender.send_and_wait(call)
        self._record(verdict, plan, receipt)
        self.has_more = core.has_more(plan, outcome)

    async def _load_rules(self) -> oracle.Rules:
        feed = self.price_feed.functions
        publishers, quorum, max_age, spread = await asyncio.gather(
            feed.publishers().call(), feed.quorum().call(), feed.max_age().call(), feed.max_spread_bps().call()
        )
        return oracle.Rules(frozenset(publishers), quorum, spread, max_age)

    async def _look(self, found: list[Observation]) -> core.View:
        assert self.rules is not None
        await self._follow_chain()
        prices = dict(zip(self.feed_of.values(), await self._chain_prices(), strict=True))
        now = int(time.time())
        reports = oracle.choose(found, self.rules, now)
        return core.View(self.feed_of, prices, reports, list(self.book.orders.values()), now)

    async def _follow_chain(self) -> None:
        head = await self.chain.w3.eth.get_block("latest")
        self.heads.append((head["number"], head["timestamp"]))
        if head["number"] < self.book.next_block:
            return
        events = await self.chain.events(self.book.next_block, head["number"])
        placed_in = {event.block for event in events if event.name == "OrderPlaced"}
        blocks = await asyncio.gather(*(self.chain.w3.eth.get_block(number) for number in placed_in))
        self.book.follow(events, {block["number"]: block["timestamp"] for block in blocks})
        self.book.next_block = head["number"] + 1
        self.metrics.waiting.set(len(self.book.orders))

    async def _chain_prices(self) -> list[core.Price]:
        prices = await asyncio.gather(*(self.chain.price(feed) for feed in self.feed_of.values()))
        return [core.Price(*price) for price in prices]

    async def _simulate_fitting(self, plan: core.Plan) -> tuple[core.Plan, core.Outcome]:
        """Simulates `plan`, or the largest of its halves that does not exceed the gas of a block."""
        while True:
            try:
                outcome = await self.simulate(plan)
            except (ContractLogicError, Web3Exception) as error:
                if plan.max_buckets == 1:
                    raise PlimsollError(f"Relay.act fails in simulation: {error}") from None
                plan = core.smaller(plan)
                continue
            if core.gas_limit(plan, sum(outcome.buckets)) < core.GAS_CAP or plan.max_buckets == 1:
                return plan, outcome
            plan = core.smaller(plan)

    async def simulate(self, plan: core.Plan) -> core.Outcome:
        """What `Relay.act` would do in the next block."""
        arguments: Any = act_arguments(plan)
        options = {"from": self.sender.address, "gas": core.BLOCK_GAS}
        result = await self.relay.functions.act(*arguments).call(options, "pending")
        return core.Outcome(
            result.prices_updated,
            tuple(result.buckets),
            result.orders_filled,
            result.orders_failed,
            result.orders_waiting,
            result.reward,
        )

    def _record(self, verdict: core.Verdict, plan: core.Plan, receipt: TxReceipt) -> None:
        status = "ok" if receipt["status"] else "failed"
        self.metrics.sent.labels(status).inc()
        events = self.chain.decode(receipt["logs"])
        names = [event.name for event in events]
        self.metrics.buckets.inc(names.count("Liquidated") + names.count("Deleveraged"))
        for name in ("OrderExecuted", "OrderFailed"):
            self.metrics.orders.labels(name).inc(names.count(name))
        for id_ in plan.order_ids:
            order = self.book.orders.get(id_)
            if order:
                self.book.orders[id_] = replace(order, attempts=order.attempts + 1)
        if plan.observations:
            published_at = min(item.published_at for item in plan.observations)
            before = [number for number, timestamp in self.heads if timestamp <= published_at]
            self.metrics.blocks.observe(receipt["blockNumber"] - (before[-1] if before else receipt["blockNumber"] - 1))
        log.info("block %s: %s, %s gas, %s", receipt["blockNumber"], verdict.reason, receipt["gasUsed"], status)

    def app(self) -> web.Application:
        """/health and /metrics."""

        async def health(_: web.Request) -> web.Response:
            is_ok = self.last_round_at > 0 and time.monotonic() - self.last_round_at < MAX_BACKOFF_SECONDS
            body = {"ok": is_ok, "orders_waiting": len(self.book.orders), "seen": self.seen_second}
            return web.json_response(body, status=200 if is_ok else 503)

        async def metrics(_: web.Request) -> web.Response:
            return web.Response(body=generate_latest(self.metrics.registry), content_type="text/plain")

        app = web.Application()
        app.add_routes([web.get("/health", health), web.get("/metrics", metrics)])
        return app


def act_arguments(plan: core.Plan) -> list[Any]:
    """`plan` in the order of `Relay.act`."""
    observations = [item.as_tuple() for item in plan.observations]
    return [observations, list(plan.markets), plan.max_buckets, list(plan.order_ids)]
