"""The doctor at a real set-up that is broken in one way after the other: it names the cause."""

import asyncio
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from plimsoll import accounts, artifacts, deployments
from plimsoll.cli import main
from plimsoll.deployments import Deployment
from plimsoll.doctor import NAMES, Finding, State, examine
from tests.integration.site import Site, working

KEEPER = accounts.dev_account(accounts.KEEPER).address
OTHER = accounts.dev_account(9).address


def troubles(findings: list[Finding]) -> list[tuple[str, str]]:
    assert all(item.remedy for item in findings if item.state in (State.FAILED, State.WARNING))
    return [(item.check, item.cause) for item in findings if item.state is State.FAILED]


def warnings(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(item.check, item.cause) for item in findings if item.state is State.WARNING]


def test_doctor__healthy__then_broken_in_every_way(tmp_path: Path) -> None:
    artifacts.compile_all()

    async def scenario() -> None:
        async with working(tmp_path) as site:
            findings = await examine(site.config())
            assert [item.check for item in findings] == ["deployment", *NAMES] and not troubles(findings)
            assert not warnings(findings)
            for broken in (
                chain_is_another,
                contracts_differ,
                publisher_lies_or_is_silent,
                quorum_is_missing,
                wallet_is_empty,
                work_is_left_and_prices_are_stale,
            ):
                await broken(site)

    asyncio.run(scenario())


async def chain_is_another(site: Site) -> None:
    path = site.altered(chain_id=1)
    ((check, cause),) = troubles(await examine(site.config(PLIMSOLL_NETWORK__DEPLOYMENT=str(path))))
    assert check == "chain" and "runs chain 31337, the deployment is on chain 1" in cause
    path = site.altered(genesis_hash="0x" + "1" * 64)
    ((check, cause),) = troubles(await examine(site.config(PLIMSOLL_NETWORK__DEPLOYMENT=str(path))))
    assert check == "chain" and "started anew" in cause


async def contracts_differ(site: Site) -> None:
    swapped = {**site.deployment.contracts, "Relay": site.deployment.contracts["Lens"], "Guardian": OTHER}
    path = site.altered(contracts=swapped)
    causes = [cause for check, cause in troubles(await examine(site.config(PLIMSOLL_NETWORK__DEPLOYMENT=str(path))))]
    assert any(cause.endswith("is not that of Relay") for cause in causes)
    assert any(cause == f"no contract at {OTHER}, where Guardian should be" for cause in causes)
    relay = site.deployment.contracts["Relay"]
    code = await site.rpc("eth_getCode", relay, "latest")
    await site.rpc("anvil_setCode", relay, code[:-200] + "ff" + code[-198:])  # one byte before the immutables
    ((check, cause),) = troubles(await examine(site.config()))
    assert check == "contracts" and cause == f"the code at {relay} is not that of Relay"
    await site.rpc("anvil_setCode", relay, code)
    markets = dict(zip(site.deployment.markets, reversed(site.deployment.markets.values()), strict=True))
    feeds = {
        name: markets[name].model_copy(update={"address": item.address})
        for name, item in site.deployment.markets.items()
    }
    path = site.altered(markets=feeds)
    found = troubles(await examine(site.config(PLIMSOLL_NETWORK__DEPLOYMENT=str(path))))
    assert ("wiring", "not as the deployments file has it: BTC.feed, SOL.feed") in found


async def publisher_lies_or_is_silent(site: Site) -> None:
    site.publishers.lies_percent[0] = 10
    await asyncio.sleep(4.0)
    findings = await examine(site.config())
    liar = site.deployment.publishers[0].address
    assert not troubles(findings)
    assert ("publishers", f"{liar} says another price of BTC than the others") in warnings(findings)
    site.publishers.lies_percent[0] = 0
    await site.publishers.stop_one(4)
    await asyncio.sleep(4.0)
    findings = await examine(site.config())
    assert not troubles(findings)
    assert warnings(findings) == [("publishers", f"{site.deployment.publishers[4].url}: does not answer")]
    await site.publishers.start_one(4)


async def quorum_is_missing(site: Site) -> None:
    for index in (3, 4):
        await site.publishers.stop_one(index)
    causes = [cause for _, cause in troubles(await examine(site.config()))]
    assert "no quorum for BTC: 4 of 5 have to publish and to agree" in causes
    for index in (3, 4):
        await site.publishers.start_one(index)


async def wallet_is_empty(site: Site) -> None:
    balance = await site.rpc("eth_getBalance", KEEPER, "latest")
    await site.rpc("anvil_setBalance", KEEPER, hex(10**12))
    found = troubles(await examine(site.config()))
    assert ("wallet", f"{KEEPER} is empty: 0.000001 ETH") in found
    await site.rpc("anvil_setBalance", KEEPER, balance)


async def work_is_left_and_prices_are_stale(site: Site) -> None:
    site.children.stop(site.keeper)
    findings = await examine(site.config())
    assert ("keeper", f"no keeper answers at http://127.0.0.1:{site.keeper_port}/health") in warnings(findings)
    await site.rpc("evm_increaseTime", 120)
    await site.rpc("evm_mine")
    causes = [cause for check, cause in troubles(await examine(site.config())) if check == "prices"]
    assert len(causes) == 3 and causes[0].startswith("the price of BTC is stale: 1")


def test_doctor__no_chain__exit_code_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        path = deployments.save(nothing_at(url), tmp_path / "local.json")
        result = CliRunner().invoke(main, ["doctor", "--deployment", str(path)])
    assert result.exit_code == 1
    assert f"no chain answers at {url}" in result.output and "start the node" in result.output
    assert result.output.count("skipped") == len(NAMES) - 1
    missing = CliRunner().invoke(main, ["doctor", "--deployment", str(tmp_path / "missing.json")])
    assert missing.exit_code == 1 and "no deployments file" in missing.output


def nothing_at(url: str) -> Deployment:
    return Deployment(
        network="local",
        chain_id=31337,
        genesis_hash="0x" + "0" * 64,
        start_block=1,
        rpc_url=url,
        collateral={"symbol": "USDC", "decimals": 6},
        contracts={},
        markets={},
        publishers=[],
        treasury=OTHER,
        parameters={},
    )
