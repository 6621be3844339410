"""Requests to a node that are cancelled at any moment, against a server that answers like one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from plimsoll.chain import client
from plimsoll.provider import NotANodeError

peers: set[tuple[str, int]] = set()
"""The connections of the present test, as the server sees them."""


async def answer(request: web.Request) -> web.Response:
    assert request.transport is not None
    peers.add(request.transport.get_extra_info("peername"))
    asked = await request.json()
    await asyncio.sleep(0.01)
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": "0x10"})


@contextlib.asynccontextmanager
async def node() -> AsyncIterator[str]:
    peers.clear()
    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("/"))


def test_provider__cancelled_at_any_moment() -> None:
    async def scenario() -> None:
        async with node() as url:
            chain, other = client(url), client(url)
            for turns in range(40):
                tasks = [asyncio.create_task(chain.eth.get_block_number()) for _ in range(20)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            async with asyncio.timeout(10):
                assert await chain.eth.block_number == 16
                assert await other.eth.block_number == 16, "nor does one provider hold up another"
            await asyncio.gather(chain.provider.disconnect(), other.provider.disconnect())

    asyncio.run(scenario())


def test_provider__used_again() -> None:
    """After disconnect, and from another event loop, as a test or a script does."""

    async def ask() -> int:
        async with node() as url:
            chain.provider.endpoint_uri = url
            return await chain.eth.block_number

    async def ask_twice() -> int:
        first = await ask()
        await chain.provider.disconnect()
        return first + await ask()

    chain = client("http://127.0.0.1:1")
    assert asyncio.run(ask_twice()) == 32
    assert asyncio.run(ask_twice()) == 32


def test_provider__one_request_after_another__share_a_connection() -> None:
    async def scenario() -> None:
        async with node() as url:
            chain = client(url)
            for _ in range(5):
                assert await chain.eth.block_number == 16
            assert len(peers) == 1
            await chain.provider.disconnect()

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["<html>sign in</html>", "[]", "5", "", '{"jsonrpc": '])
def test_provider__answer_of_something_else__is_a_failed_connection(text: str) -> None:
    async def scenario() -> None:
        async def page(_: web.Request) -> web.Response:
            return web.Response(text=text, content_type="text/html")

        application = web.Application()
        application.router.add_post("/", page)
        async with TestServer(application) as server:
            chain = client(str(server.make_url("/")))
            with pytest.raises(NotANodeError, match="no node"):
                await chain.eth.get_block("latest")
            await chain.provider.disconnect()

    asyncio.run(scenario())
