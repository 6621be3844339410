"""Tickers of exchanges, by WebSocket or HTTP. They differ in a subscription and the shape of a message."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import structlog

from plimsoll.service import Backoff
from plimsoll.sources.base import NoPriceError

log = structlog.get_logger(__name__)
WAD = 10**18
MOST_PRICE = 10**30
"""Nothing costs more: far below what an observation holds."""
QUOTE_SECONDS = 5.0
"""Older quotes do not count."""
SILENT_SECONDS = 30.0
POLL_SECONDS = 1.0
Quotes = list[tuple[str, Decimal]]
"""Symbol of the exchange and last price."""


@dataclass(frozen=True)
class Protocol:
    """How one exchange tells prices."""

    subscription: Callable[[list[str]], dict[str, Any]]
    quotes: Callable[[Any], Quotes]
    """Of a message of the WebSocket; none if it is about something else."""


def _coinbase(symbols: list[str]) -> dict[str, Any]:
    return {"type": "subscribe", "product_ids": symbols, "channels": ["ticker"]}


def _coinbase_quotes(message: Any) -> Quotes:
    return [(message["product_id"], Decimal(message["price"]))] if message.get("type") == "ticker" else []


def _kraken(symbols: list[str]) -> dict[str, Any]:
    return {"method": "subscribe", "params": {"channel": "ticker", "symbol": symbols}}


def _kraken_quotes(message: Any) -> Quotes:
    if message.get("channel") != "ticker":
        return []
    return [(item["symbol"], Decimal(item["last"])) for item in message["data"]]


def _binance(symbols: list[str]) -> dict[str, Any]:
    return {"method": "SUBSCRIBE", "params": [f"{symbol.lower()}@ticker" for symbol in symbols], "id": 1}


def _binance_quotes(message: Any) -> Quotes:
    data = message.get("data", message)
    return [(data["s"], Decimal(data["c"]))] if data.get("e") == "24hrTicker" else []


PROTOCOLS = {
    "coinbase": Protocol(_coinbase, _coinbase_quotes),
    "kraken": Protocol(_kraken, _kraken_quotes),
    "binance": Protocol(_binance, _binance_quotes),
}


class Exchange:
    """What all exchanges share: the newest quote of each feed, and when it came."""

    def __init__(self, name: str, url: str, symbols: Mapping[str, str]) -> None:
        """`symbols`: the exchange's symbol of each feed."""
        self.name = name
        self.url = url
        self.symbols = dict(symbols)
        self.feed_of = {symbol: feed for feed, symbol in symbols.items()}
        self._quotes: dict[str, tuple[float, int]] = {}

    def price(self, feed: str, second: int) -> int:
        """The newest quote, WAD. `second` is not asked for: an exchange knows only now."""
        came_at, price = self._quotes.get(feed, (0.0, 0))
        if not price or time.monotonic() - came_at > QUOTE_SECONDS:
            raise NoPriceError(f"{self.name} has no fresh quote of {feed}")
        return price

    def take(self, quotes: Quotes) -> None:
        """Remembers quotes of known symbols; what is no price is left out."""
        for symbol, price in quotes:
            if symbol in self.feed_of and price.is_finite() and 0 < price < MOST_PRICE:
                self._quotes[self.feed_of[symbol]] = time.monotonic(), int(price * WAD)

    async def run(self) -> None:
        """Listens until cancelled; begins again after a growing pause."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                async with aiohttp.ClientSession() as session:
                    await self._listen(session, backoff)
            except Exception as error:  # whatever an exchange sends: it says nothing about the next message
                log.warning("exchange lost", exchange=self.name, error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(backoff.next())

    async def _listen(self, session: aiohttp.ClientSession, backoff: Backoff) -> None:
        raise NotImplementedError


class WebSocketExchange(Exchange):
    """Quotes as they come. `name` is one of PROTOCOLS."""

    async def _listen(self, session: aiohttp.ClientSession, backoff: Backoff) -> None:
        protocol = PROTOCOLS[self.name]
        async with session.ws_connect(self.url, heartbeat=SILENT_SECONDS / 2, max_msg_size=2**20) as socket:
            await socket.send_json(protocol.subscription(list(self.symbols.values())))
            while True:
                message = await socket.receive(SILENT_SECONDS)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                content = json.loads(message.data, parse_float=Decimal, parse_int=Decimal)
                if isinstance(content, dict) and (quotes := protocol.quotes(content)):
                    self.take(quotes)
                    backoff.reset()


class HttpExchange(Exchange):
    """Polls `GET <url>/products/<symbol>/ticker`, the form of Coinbase's ticker."""

    async def _listen(self, session: aiohttp.ClientSession, backoff: Backoff) -> None:
        limit = aiohttp.ClientTimeout(total=QUOTE_SECONDS)
        while True:
            for symbol in self.symbols.values():
                async with session.get(f"{self.url}/products/{symbol}/ticker", timeout=limit) as response:
                    response.raise_for_status()
                    content = json.loads(await response.text(), parse_float=Decimal)
                self.take([(symbol, Decimal(content["price"]))])
            backoff.reset()
            await asyncio.sleep(POLL_SECONDS)
