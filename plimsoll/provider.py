"""web3's HTTP provider without its lock.

web3 guards the sessions of all providers of a process with one lock, taken in a thread for each request. A request that
is cancelled while it waits there leaves the lock taken for good, and every later request of the process hangs
(ApeWorX/web3.py#3867). Here each provider has one session for each event loop and needs no lock. Connections stay open
between requests: web3 opens one for each, which is a handshake or three with a node far away.
"""

import asyncio
from typing import Any

from aiohttp import ClientError, ClientSession
from web3 import AsyncHTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager
from web3.types import RPCResponse


class NotANodeError(ClientError):
    """What answers is no node, or a proxy before one that is away. To be handled as a connection that fails."""


class Sessions(HTTPSessionManager):
    """The session of the event loop that asks."""

    def __init__(self) -> None:
        super().__init__()
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def async_cache_and_return_session(self, *_: Any, **__: Any) -> ClientSession:
        """Made at the first request, and again where the loop is another one or the session was closed."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._session = ClientSession(raise_for_status=True)
            self._loop = loop
        return self._session

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()


class HttpProvider(AsyncHTTPProvider):
    """A node reached by HTTP; any request may be cancelled at any time."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._request_session_manager: Sessions = Sessions()

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        """NotANodeError for anything but a JSON object: a proxy's page has a status of 200 at times."""
        try:
            found = AsyncHTTPProvider.decode_rpc_response(raw_response)
        except (ValueError, RecursionError):
            raise NotANodeError("what answers is no node: not JSON") from None
        if not isinstance(found, dict):
            raise NotANodeError("what answers is no node: no JSON object")
        return found

    async def disconnect(self) -> None:
        """Closes the connections; the next request opens new ones."""
        await self._request_session_manager.close()
