"""A JSON-RPC proxy that fails on demand, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
from aiohttp import web

MODES = ("good", "slow", "stall", "error", "garbage", "drop", "old head")
BEHIND = 7
SLOW_SECONDS = 0.02


class FaultyNode:
    """Passes calls on to `target`. `mode` is one of MODES; in "old head" the node seems BEHIND blocks behind."""

    def __init__(self, target: str, port: int) -> None:
        self.target = target
        self.mode = "good"
        self.calls = 0
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._is_ready.wait(10)

    def stop(self) -> None:
        """Ends it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._is_ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.run_until_complete(self._session.close())

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession()
        app = web.Application()
        app.add_routes([web.post("/", self._handle)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def _pass(self, call: dict[str, Any]) -> Any:
        async with self._session.post(self.target, json=call) as response:
            return await response.json(content_type=None)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        self.calls += 1
        if self.mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif self.mode == "stall":
            await asyncio.sleep(3_600)
        elif self.mode == "error":
            return web.json_response(
                {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32005, "message": "limit"}}
            )
        elif self.mode == "garbage":
            return web.Response(text="<html>502 Bad Gateway</html>", content_type="text/html")
        elif self.mode == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        elif self.mode == "old head" and call["method"] == "eth_getBlockByNumber":
            return web.json_response(await self._old_block(call))
        try:
            return web.json_response(await self._pass(call), dumps=json.dumps)
        except aiohttp.ClientError:
            return web.Response(status=502)

    async def _old_block(self, call: dict[str, Any]) -> Any:
        head = await self._pass({**call, "method": "eth_blockNumber", "params": []})
        old = max(0, int(head["result"], 16) - BEHIND)
        name = call["params"][0]
        if name == "latest":
            name = hex(old)
        if int(name, 16) > old:
            return {"jsonrpc": "2.0", "id": call["id"], "result": None}
        return await self._pass({**call, "params": [name, *call["params"][1:]]})
