"""Nodes that misbehave: a JSON-RPC proxy that stalls, errors or lives in the past, and a TCP relay that drops its
connections."""

import asyncio
import contextlib
from typing import Any

import aiohttp
from aiohttp import web

from plimsoll.service import serve

STALL_SECONDS = 300
NEWEST = ("latest", "pending")


class RpcProxy:
    """Stands between a service and a node. `mode`: pass, stall, error, refuse (no JSON-RPC at all), old."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.mode = "pass"
        self.blocks_behind = 0
        self.requests = 0
        self.spoilt = 0
        self.url = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.add_routes([web.post("/", self._answer)])
        self._session = aiohttp.ClientSession()
        self._runner = await serve(app, 0)
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.json()
        self.spoilt += self.mode != "pass"
        if self.mode == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if self.mode == "refuse":
            return web.Response(status=503, text="out of order")
        if self.mode == "error":
            return web.json_response({"jsonrpc": "2.0", "id": body["id"], "error": {"code": -32000, "message": "no"}})
        if self.mode == "old":
            body = await self._in_the_past(body)
        return web.json_response(await self._ask(body))

    async def _ask(self, body: dict[str, Any]) -> Any:
        async with self._session.post(self.target, json=body) as response:
            return await response.json()

    async def _in_the_past(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request as a node that is `blocks_behind` would understand it."""
        head = int(
            (await self._ask({"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}))["result"], 16
        )
        old = hex(max(0, head - self.blocks_behind))
        return {**body, "params": [old if item in NEWEST else item for item in body.get("params", [])]}


class DroppingRelay:
    """Relays TCP to a port and cuts every connection after `seconds`."""

    def __init__(self, port: int, seconds: float) -> None:
        self.target_port = port
        self.seconds = seconds
        self.dropped = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        copies = [
            asyncio.create_task(self._copy(reader, far_writer)),
            asyncio.create_task(self._copy(far_reader, writer)),
        ]
        try:
            await asyncio.wait(copies, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
            self.dropped += 1
        finally:
            self._tasks.discard(task)
            for copy in copies:
                copy.cancel()
            for end in (writer, far_writer):
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
