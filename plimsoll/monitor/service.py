"""The monitor as a process: looks at the chain and at publishers, logs news and sends them to a webhook."""

import asyncio
import time
from collections import deque
from typing import Any

import aiohttp
import structlog
from prometheus_client import CollectorRegistry, Gauge
from web3.exceptions import Web3Exception

from plimsoll import oracle
from plimsoll.chain import CONNECTION_ERRORS, Chain
from plimsoll.config import Monitor as Settings
from plimsoll.monitor.rules import ETH, Limits, MarketSeen, News, Seen, Tracker, alerts

log = structlog.get_logger(__name__)
RPC_SECONDS = 5.0
PUBLISHER_SECONDS = 4.0
WEBHOOK_SECONDS = 5.0
MAX_UNSENT = 1_000
HEALTHY_SECONDS = 30.0


def limits_of(settings: Settings) -> Limits:
    """The limits of a `[monitor]` section."""
    return Limits(
        settings.price_seconds,
        settings.dirty_blocks,
        settings.mandate_bps,
        settings.insurance_bps,
        int(settings.keeper_eth * ETH),
        settings.publisher_seconds,
    )


class Monitor:
    """Watches one deployment."""

    def __init__(self, chain: Chain, settings: Settings) -> None:
        """PlimsollError if the deployments file lacks a contract that is looked at."""
        for name in ("InsuranceFund", "Lens", "MarginPool", "PriceFeed"):
            chain.deployment.address(name)
        self.chain = chain
        self.settings = settings
        self.limits = limits_of(settings)
        self.tracker = Tracker()
        self.unsent: deque[News] = deque(maxlen=MAX_UNSENT)
        self.dirty_since: dict[str, int] = {}
        self.looked_at = 0.0
        self.registry = CollectorRegistry()
        self.gauge = Gauge("plimsoll_monitor_alert", "1 while it fires", ["alert"], registry=self.registry)

    async def run(self) -> None:
        """Looks every poll_seconds, until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self.look(session)
                except Exception as error:  # the next look may do better; /health tells that none succeeds
                    log.warning("look failed", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(float(self.settings.poll_seconds))

    async def look(self, session: aiohttp.ClientSession) -> None:
        """One look: what is wrong, what of it is news, and who has to be told."""
        seen = await self.see(session)
        self.looked_at = time.monotonic()
        for news in self.tracker.update(int(time.time()), alerts(seen, self.limits)):
            self.gauge.labels(news.alert.key).set(news.status == "firing")
            tell = log.error if news.status == "firing" else log.info
            tell(news.alert.text, status=news.status, alert=news.alert.key, since=news.since)
            if self.settings.webhook:
                self.unsent.append(news)
        await self._send(session)

    async def see(self, session: aiohttp.ClientSession) -> Seen:
        """The exchange as it is now."""
        publishers = await self._publishers(session)
        try:
            return await self._see_chain(publishers)
        except (Web3Exception, *CONNECTION_ERRORS) as error:
            log.debug("the node does not answer", error=str(error))
            return Seen(None, publishers=publishers)

    async def _see_chain(self, publishers: dict[str, int | None]) -> Seen:
        chain, found = self.chain, self.chain.deployment
        head = await chain.w3.eth.get_block("latest")
        balances = {keeper: await chain.w3.eth.get_balance(keeper) for keeper in self.settings.keepers}
        insurance = await chain.read(chain.contract("InsuranceFund").functions.insurance())
        markets = [await self._market(symbol, head["number"], head["timestamp"]) for symbol in found.markets]
        age = int(time.time()) - head["timestamp"]
        return Seen(age, markets, insurance, found.parameters.get("insurance", 0), balances, publishers)

    async def _market(self, symbol: str, block: int, now: int) -> MarketSeen:
        entry = self.chain.deployment.markets[symbol]
        price, published_at = await self.chain.price(bytes.fromhex(entry.feed[2:]))
        lens, pool = self.chain.contract("Lens").functions, self.chain.contract("MarginPool").functions
        work = await self.chain.read(lens.work(entry.address))
        state = await self.chain.at("Market", entry.address).functions.state().call()
        if work.liquidatable_buckets or work.bankrupt_buckets or work.is_adl_due:
            self.dirty_since.setdefault(symbol, block)
        else:
            self.dirty_since.pop(symbol, None)
        return MarketSeen(
            symbol,
            now - published_at if price else None,
            block - self.dirty_since.get(symbol, block),
            await pool.mandate(entry.address).call(),
            await self.chain.read(pool.mandate_left(entry.address)),
            state.is_settling,
        )

    async def _publishers(self, session: aiohttp.ClientSession) -> dict[str, int | None]:
        endpoints = [oracle.Endpoint(item.url, item.address) for item in self.chain.deployment.publishers]
        answers = await asyncio.gather(*(oracle.fetch(session, item, 0, PUBLISHER_SECONDS) for item in endpoints))
        now = int(time.time())
        return {
            endpoint.url: now - max(item.published_at for item in answer) if answer else None
            for endpoint, answer in zip(endpoints, answers, strict=True)
        }

    async def _send(self, session: aiohttp.ClientSession) -> None:
        """In order; what the webhook does not take is sent again at the next look."""
        limit = aiohttp.ClientTimeout(total=WEBHOOK_SECONDS)
        while self.unsent:
            news = self.unsent[0]
            body = {"status": news.status, "alert": news.alert.key, "text": news.alert.text, "since": news.since}
            try:
                async with session.post(str(self.settings.webhook), json=body, timeout=limit) as response:
                    response.raise_for_status()
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("webhook failed", error=str(error) or type(error).__name__, unsent=len(self.unsent))
                return
            self.unsent.popleft()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """For /health: of the monitor itself; what it found stands beside."""
        is_ok = time.monotonic() - self.looked_at < HEALTHY_SECONDS
        return is_ok, {"firing": sorted(self.tracker.firing), "unsent": len(self.unsent)}
