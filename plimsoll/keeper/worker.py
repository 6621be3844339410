"""The keeper at work: looks, plans, simulates, sends, and goes on whatever fails.

It keeps nothing that the chain does not know: open orders are read back from events at every start, positions never.
Several may run at once; who comes second finds nothing left in the simulation and sends nothing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any

import structlog
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import TxReceipt

from plimsoll import oracle
from plimsoll.chain import Chain
from plimsoll.errors import PlimsollError
from plimsoll.keeper import core
from plimsoll.keeper.chores import Chores
from plimsoll.keeper.collector import Collector
from plimsoll.keeper.follower import ChainReplacedError, Follower
from plimsoll.keeper.heads import HeadHints
from plimsoll.keeper.metrics import Metrics
from plimsoll.keeper.orders import Book
from plimsoll.keeper.reader import Reader
from plimsoll.keeper.simulation import Simulation
from plimsoll.observation import Domain, Observation, feed_id
from plimsoll.sender import FeeAboveCapError, Sender
from plimsoll.service import Backoff

log = structlog.get_logger(__name__)
HEALTHY_SECONDS = 15.0
RULES_SECONDS = 60.0
WALLET_SECONDS = 5.0
IDLE_SECONDS = 30.0
REJECTED_SECONDS = 10.0
GAS_PRICE_SECONDS = 30.0
REFRESH_GAS = 150_000
pause = asyncio.sleep


class EmptyWalletError(PlimsollError):
    """No key of this keeper can pay for the gas."""


class StuckKeyError(PlimsollError):
    """Every key of this keeper that could pay has a transaction in the mempool that nobody mines."""


class Keeper:
    """One keeper with one or more keys."""

    def __init__(
        self,
        chain: Chain,
        senders: Sequence[Sender],
        endpoints: Sequence[oracle.Endpoint],
        policy: core.Policy,
        *,
        hints: HeadHints | None = None,
        poll_seconds: float = 1.0,
        jitter_seconds: float = 0.0,
        gas_feed: str = "ETH-USD",
        metrics: Metrics | None = None,
    ) -> None:
        self.chain = chain
        self.senders = list(senders)
        self.policy = policy
        self.hints = hints
        self.poll_seconds = poll_seconds
        self.jitter_seconds = jitter_seconds
        self.collector = Collector(endpoints)
        self.follower = Follower(chain, chain.deployment.address("OrderBook"))
        self.simulation = Simulation(chain)
        self.book = Book()
        self.metrics = metrics or Metrics()
        self.rng = Random(self.senders[0].address)
        self.reader = Reader(chain, feed_id(gas_feed))
        self.domain = Domain(chain.deployment.chain_id, chain.deployment.address("PriceFeed"))
        self.turn = 0
        self.seen_second = 0
        self.heads: deque[tuple[int, int]] = deque(maxlen=120)
        self.last_round_at = 0.0
        self.has_more = False
        self.trouble: str | None = None
        self._read_at: dict[str, float] = {}

    async def run(self) -> None:
        """Works until cancelled, or until the chain was replaced by another one (ChainReplacedError)."""
        tasks = [asyncio.create_task(self._work()), asyncio.create_task(self.collector.run())]
        if self.hints:
            tasks.append(asyncio.create_task(self.hints.run()))
        if "gas_price" in self.policy.does:
            tasks.append(asyncio.create_task(self._keep_gas_price()))
        if "chores" in self.policy.does and self.policy.is_duty:
            tasks.append(asyncio.create_task(Chores(self.chain, self.book, self.senders, self.metrics).run()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task  # none ends by itself: what ended it is told
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        backoff, is_fresh = Backoff(), True
        while True:
            try:
                if is_fresh or any(sender.is_stuck for sender in self.senders):
                    await self._clear_keys(is_fresh)
                    is_fresh = False
                await self.wait()
                with self.metrics.round_seconds.time():
                    await self.round()
                self.last_round_at, self.trouble = time.monotonic(), None
                backoff.reset()
            except ChainReplacedError:
                raise
            except Exception as error:  # whatever it was, the next round may do better
                self._note(error)
                await pause(backoff.next())
                await self._check_chain()

    def _note(self, error: Exception) -> None:
        self.trouble = f"{type(error).__name__}: {error}"
        self.metrics.errors.labels(type(error).__name__).inc()
        log.warning("round failed", error=str(error) or type(error).__name__)
        for sender in self.senders:
            sender.forget_nonce()

    async def _clear_keys(self, is_fresh: bool) -> None:
        for sender in self.senders:
            if (is_fresh or sender.is_stuck) and (cancelled := await sender.clear()):
                log.warning("cancelling what was left in the mempool", address=sender.address, transactions=cancelled)

    async def _check_chain(self) -> None:
        try:
            genesis = await self.chain.genesis_hash()
        except Exception as error:  # whatever the node answers instead: it proves nothing
            log.debug("the node does not tell its chain", error=str(error))
            return
        if genesis != self.chain.deployment.genesis_hash:
            raise ChainReplacedError("the node runs another chain than before: deploy again")

    async def wait(self) -> None:
        """Until there may be something to do: a new price, a new head, or poll_seconds later."""
        if self.has_more:
            return
        hint = self.hints.hint if self.hints else None
        await self.collector.wait(self.seen_second, self.reader.quorum, self.poll_seconds, hint)
        if hint:
            hint.clear()
        if self.jitter_seconds:
            await pause(self.rng.random() * self.jitter_seconds)

    async def round(self) -> None:
        """Look, plan, simulate, decide, send: once."""
        self.turn += 1
        await self._refresh()
        found = self.collector.observations()
        await self._follow()
        view = await self._look(found)
        first = core.plan(view, self.policy)
        plan, outcome = await self.simulation.fitting(first, self.senders[0].address)
        if outcome.prices_updated < plan.feeds:
            # Some report was rejected. Most likely one publisher signs wrongly: leave out what is not properly signed.
            view = await self._look(await self._genuine(found))
            first = core.plan(view, self.policy)
            plan, outcome = await self.simulation.fitting(first, self.senders[0].address)
            if outcome.prices_updated < plan.feeds:
                await self._tell_rejected(view)
        self.seen_second = max(self.seen_second, self.collector.quorum_second(self.reader.quorum))
        self.book.note_ready((order.id for order in core.ready_orders(view)), view.now)
        able = await self._able() if core.has_more(plan, outcome) and len(self.senders) > 1 else []
        if len(able) > 1:
            self.has_more = await self._act_in_lanes(view, able)
        else:
            self.has_more = await self._act(view, plan, outcome, self.senders)

    async def _able(self) -> list[Sender]:
        """The keys that can pay for a call and have nothing in the way."""
        return [item for item in self.senders if not item.is_stuck and await item.can_pay(core.LIMITS.fixed)]

    async def _keep_gas_price(self) -> None:
        """Beside the rounds: one that waited for this would miss a block."""
        while True:
            await asyncio.sleep(self.poll_seconds)
            if not self.last_round_at or not self._is_due("gas price", GAS_PRICE_SECONDS):
                continue
            try:
                await self._refresh_gas_price()
            except Exception as error:  # the next time may do better
                log.warning("price of gas not refreshed", error=str(error) or type(error).__name__)

    async def _refresh_gas_price(self) -> None:
        if await self.reader.is_gas_price_off(self.policy):
            call = self.chain.call(self.chain.contract("OrderBook"), "refresh_gas_price", [], REFRESH_GAS)
            receipt = await (await self._payer(self.senders, REFRESH_GAS)).send_and_wait(call)
            log.info("price of gas refreshed", block=receipt["blockNumber"], gas=receipt["gasUsed"])

    async def _act_in_lanes(self, view: core.View, senders: Sequence[Sender]) -> bool:
        """Divides the work among keys; whether more is left."""
        plans = [plan for plan in core.lanes(view, self.policy, len(senders)) if plan.markets or plan.order_ids]
        gas_cap = core.GAS_CAP // max(1, len(plans))

        async def lane(plan: core.Plan, sender: Sender) -> bool:
            fitting, outcome = await self.simulation.fitting(plan, sender.address, gas_cap)
            return await self._act(view, fitting, outcome, [sender])

        results = await asyncio.gather(
            *(lane(plan, sender) for plan, sender in zip(plans, senders, strict=False)), return_exceptions=True
        )
        failures = [item for item in results if isinstance(item, BaseException)]
        if len(failures) == len(results):
            raise failures[0]
        for failure in failures:
            log.warning("one key failed", error=str(failure))
        return any(item is True for item in results)

    async def _act(self, view: core.View, plan: core.Plan, outcome: core.Outcome, senders: Sequence[Sender]) -> bool:
        """Sends a plan if it is worth it, by the first key that can pay; whether more is left to do at once."""
        plan, outcome, waiting = await self.simulation.without_waiting(plan, outcome, senders[0].address)
        self.book.note_waiting(waiting, view.now)
        verdict = core.judge(view, plan, outcome, self.policy)
        if not verdict.is_worth_it:
            self.metrics.declined.inc(bool(outcome.reward))
            log.debug(verdict.reason)
            return False
        call = self.chain.call(self.chain.contract("Relay"), "act", plan.arguments(), verdict.gas)
        sender = await self._payer(senders, verdict.gas)
        receipt = await sender.send_and_wait(call)
        if receipt["status"]:
            self.reader.note_touched(plan.markets)
        self._record(verdict, plan, receipt)
        return bool(receipt["status"]) and core.has_more(plan, outcome)

    async def _payer(self, senders: Sequence[Sender], gas: int) -> Sender:
        able = [sender for sender in senders if await sender.can_pay(gas)]
        for sender in able:
            if not sender.is_stuck:
                return sender
        if able:
            raise StuckKeyError(f"{', '.join(item.address for item in able)}: a transaction is stuck in the mempool")
        base_fee, cap = await self.chain.base_fee(), senders[0].policy.cap
        if base_fee + senders[0].policy.tip > cap:
            raise FeeAboveCapError(f"the base fee of {base_fee} wei is above the cap of {cap} wei per gas")
        raise EmptyWalletError(f"{', '.join(item.address for item in senders)}: too little ETH to pay for gas")

    async def _genuine(self, found: Sequence[Observation]) -> list[Observation]:
        """Off the loop: meanwhile polls, heads and receipts go on."""
        assert self.reader.rules is not None
        return await asyncio.to_thread(oracle.genuine, found, self.reader.rules, self.domain, int(time.time()))

    async def _look(self, found: Sequence[Observation]) -> core.View:
        orders = [order for order in self.book.open.values() if not self.book.attached(order)]
        tip = None if self.policy.is_duty else self.senders[0].policy.tip
        return await self.reader.view(found, orders, self.turn, tip)

    async def _tell_rejected(self, view: core.View) -> None:
        """Says why the chain takes no price: a clock that is wrong, mostly."""
        if not self._is_due("rejected", REJECTED_SECONDS):
            return
        for report in core.new_reports(view).values():
            observations = [item.as_tuple() for item in report]
            try:
                await self.chain.contract("PriceFeed").functions.update(observations).call({}, "pending")
            except (ContractLogicError, Web3Exception) as error:
                age = int(time.time()) - self.heads[-1][1]
                log.warning("price rejected", reason=str(error), head_age=age, price_age=view.now - core.oldest(report))
                return

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now - self._read_at.get(what, -seconds) < seconds:
            return False
        self._read_at[what] = now
        return True

    async def _refresh(self) -> None:
        """Reads again what seldom changes."""
        if self._is_due("rules", RULES_SECONDS):
            await self.reader.read_rules()
        if self._is_due("wallet", WALLET_SECONDS):
            for sender in self.senders:
                balance = await self.chain.w3.eth.get_balance(sender.address)
                self.metrics.balance.labels(sender.address).set(balance)
            self.metrics.replaced.set(sum(sender.replaced + sender.cancelled for sender in self.senders))
        if "funding" in self.policy.does and self._is_due("idle", IDLE_SECONDS):
            await self.reader.read_idle()

    async def _follow(self) -> None:
        is_newest = False
        while not is_newest:
            step = await self.follower.advance()
            if step.rolled_back_to is not None:
                self.metrics.reorgs.inc()
                self.book.roll_back(step.rolled_back_to)
                for sender in self.senders:
                    sender.forget_nonce()
            self.book.follow(step.events, step.times)
            self.book.forget_before(self.follower.oldest_kept)
            is_newest = step.is_newest
        self.heads.append((step.head.number, step.head.timestamp))
        self.metrics.block.set(step.head.number)
        self.metrics.waiting.set(len(self.book.open))

    def _record(self, verdict: core.Verdict, plan: core.Plan, receipt: TxReceipt) -> None:
        status = "failed" if not receipt["status"] else "ok" if receipt["logs"] else "wasted"
        self.metrics.sent.labels(status).inc()
        self.metrics.gas.inc(receipt["gasUsed"])
        events = self.chain.decode(receipt["logs"])
        names = [event.name for event in events]
        self.metrics.buckets.inc(names.count("Liquidated") + names.count("Deleveraged"))
        for name in ("OrderExecuted", "OrderFailed"):
            self.metrics.orders.labels(name).inc(names.count(name))
        ended = {event.args["id"] for event in events if event.contract == "OrderBook" and "id" in event.args}
        self.book.note_waiting(set(plan.order_ids) - ended, int(time.time()))
        if plan.observations:
            published_at = min(item.published_at for item in plan.observations)
            before = [number for number, timestamp in self.heads if timestamp <= published_at]
            self.metrics.blocks.observe(receipt["blockNumber"] - (before[-1] if before else receipt["blockNumber"] - 1))
        log.info(verdict.reason, block=receipt["blockNumber"], gas=receipt["gasUsed"], status=status)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """For /health."""
        is_ok = self.last_round_at > 0 and time.monotonic() - self.last_round_at < HEALTHY_SECONDS and not self.trouble
        head = self.heads[-1][0] if self.heads else None
        body = {"block": head, "orders_waiting": len(self.book.open), "seen": self.seen_second, "trouble": self.trouble}
        return is_ok, body
