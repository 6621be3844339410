"""The doctor where there is no chain to ask."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner
from eth_account import Account

from plimsoll import config
from plimsoll.cli import main
from plimsoll.doctor import examine

ADDRESS = Account.from_key("0x" + "42" * 32).address
FILE = {
    "network": "local",
    "chain_id": 31337,
    "genesis_hash": "0x" + "0" * 64,
    "start_block": 1,
    "rpc_url": "http://127.0.0.1:9",
    "collateral": {"symbol": "USDC", "decimals": 6},
    "contracts": {},
    "markets": {},
    "publishers": [],
    "treasury": ADDRESS,
    "parameters": {},
}


def test_examine__page_where_the_node_should_be__is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def page(_: web.Request) -> web.Response:
            return web.Response(text="<html>sign in</html>", content_type="text/html")

        application = web.Application()
        application.router.add_post("/", page)
        async with TestServer(application) as server:
            url = str(server.make_url("/"))
            path = tmp_path / "local.json"
            path.write_text(json.dumps({**FILE, "rpc_url": url}), encoding="utf-8")
            monkeypatch.setenv("PLIMSOLL_NETWORK__DEPLOYMENT", str(path))
            found = {item.check: item for item in await examine(config.load(None))}
            assert found["chain"].cause == f"{url}: what answers is no node: not JSON"

    asyncio.run(scenario())


@pytest.mark.parametrize("command", [["replay", "--folder", "/proc/nope"]])
def test_command__folder_that_cannot_be_written__is_one_line(command: list[str]) -> None:
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "/proc/nope" in result.output and "Traceback" not in result.output and "cannot be written" in result.output
