"""New heads by WebSocket, as hints alone: who misses them polls."""

import asyncio

import structlog
from web3 import AsyncWeb3, WebSocketProvider

from plimsoll.service import Backoff

log = structlog.get_logger(__name__)
SILENT_SECONDS = 60.0
"""A connection that tells no head for so long is opened anew: some die without a word."""


class HeadHints:
    """Sets `hint` whenever a node tells of a new head."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.hint = asyncio.Event()
        self.heads = 0
        self.connections = 0

    async def run(self) -> None:
        """Listens until cancelled; connects again after a growing pause."""
        backoff = Backoff(0.5, 15.0)
        while True:
            before = self.heads
            try:
                await self._listen()
            except Exception as error:  # the library raises many types for a lost connection
                log.debug("no head hints", url=self.url, error=str(error) or type(error).__name__)
            if self.heads > before:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def _listen(self) -> None:
        async with AsyncWeb3(WebSocketProvider(self.url)) as w3:
            await w3.eth.subscribe("newHeads")
            self.connections += 1
            messages = aiter(w3.socket.process_subscriptions())
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    await anext(messages)
                self.heads += 1
                self.hint.set()
