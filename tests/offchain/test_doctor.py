"""The doctor without a real chain: where there is none, what it prints, and how it judges a wallet."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner
from eth_account import Account

from plimsoll import config, doctor
from plimsoll.cli import main
from plimsoll.doctor import Finding, State, examine, failed
from plimsoll.fees import GWEI

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


def test_doctor__what_stands_in_brackets__is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(_: object) -> list[Finding]:
        return [failed("wallet", "no key at [/etc/x]", "name the keys in [[keeper.key]]")]

    monkeypatch.setattr(doctor, "examine", found)
    output = CliRunner().invoke(main, ["doctor"]).output
    assert "[[keeper.key]]" in output and "[/etc/x]" in output


class Wallet:
    """A chain on which every account holds `balance` and the base fee is a gwei."""

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self.w3 = SimpleNamespace(eth=self)
        self.deployment = SimpleNamespace(chain_id=31337)

    async def base_fee(self) -> int:
        return GWEI

    async def get_balance(self, _: str) -> int:
        return self.balance


@pytest.mark.parametrize(
    ("gwei", "state"), [(1, State.OK), (40, State.WARNING), (2_000, State.FAILED)], ids=["cheap", "dear", "very dear"]
)
def test_check_wallet__judges_by_the_fees_of_the_configuration(gwei: int, state: State) -> None:
    """It pays for 20 calls at four gwei, for one at a hundred."""
    settings = {"PLIMSOLL_KEEPER__TIP_GWEI": str(gwei), "PLIMSOLL_KEEPER__MAX_FEE_GWEI": "5000"}
    wallet = Wallet(100 * doctor.CALL_GAS * GWEI)
    (finding,) = asyncio.run(doctor.check_wallet(wallet, config.load(None, settings)))
    assert finding.state is state


def test_check_wallet__base_fee_above_the_cap__is_told() -> None:
    wallet = Wallet(10**20)
    settings = {"PLIMSOLL_KEEPER__MAX_FEE_GWEI": "1"}
    first, second = asyncio.run(doctor.check_wallet(wallet, config.load(None, settings)))
    assert first.state is State.WARNING and "max_fee_gwei" in first.cause and second.state is State.OK


@pytest.mark.parametrize("command", [["replay", "--folder", "/proc/nope"]])
def test_command__folder_that_cannot_be_written__is_one_line(command: list[str]) -> None:
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "/proc/nope" in result.output and "Traceback" not in result.output and "cannot be written" in result.output
