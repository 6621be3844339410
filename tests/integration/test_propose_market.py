"""`ape run propose_market` as an operator calls it: proposed, too early, executed."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from web3 import HTTPProvider, Web3

from plimsoll import artifacts, deployments
from plimsoll.deploy import WAD
from tests.integration.test_deploy import anvil, free_port, run_deploy

DELAY = 3_600


def propose(*arguments: str, what: str = "market") -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("ape"), "run", f"propose_{what}", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
    return subprocess.run(command, cwd=artifacts.ROOT, env=environment, capture_output=True, text=True, timeout=180)


def pass_time(web3: Web3, seconds: int) -> None:
    web3.provider.make_request("evm_increaseTime", [seconds])  # type: ignore[arg-type]
    web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


def test_propose__a_market_and_then_another_source_for_it__each_after_its_delay(tmp_path: Path) -> None:
    from scripts.propose_market import cli
    from scripts.propose_source import cli as propose_source

    output = tmp_path / "local.json"
    chosen = ("--symbol", "DOGE", "--price", "200000", "--deployment", str(output))
    with anvil(free_port()) as url:
        deployed = run_deploy("--url", url, "--output", str(output), "--timelock-delay", str(DELAY))
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        proposed = propose(*chosen)
        assert proposed.returncode == 0, proposed.stdout + proposed.stderr
        market = proposed.stdout.strip().rsplit(" ", 1)[1]
        assert list(deployments.load(output).markets) == ["BTC", "ETH", "SOL"]

        early = propose(*chosen, "--execute", market)
        assert early.returncode == 1
        assert f"no proposal to list {market} is ready" in early.stdout + early.stderr

        web3 = Web3(HTTPProvider(url))
        pass_time(web3, DELAY)
        done = propose(*chosen, "--execute", market)
        assert done.returncode == 0, done.stdout + done.stderr
        deployment = deployments.load(output)
        book = web3.eth.contract(deployment.contracts["OrderBook"], abi=artifacts.abi("OrderBook"))
        assert book.functions.is_listed(market).call()
        assert deployment.markets["DOGE"].address == market
        assert deployment.markets["DOGE"].params["skew_scale"] == 5_000_000_000 * WAD

        # in this process: it comes to no connection of Ape's
        again = CliRunner().invoke(cli, chosen)
        assert again.exit_code == 1
        assert "there is a market DOGE already" in again.output

        router = web3.eth.contract(deployment.contracts["SourceRouter"], abi=artifacts.abi("SourceRouter"))
        feed = deployment.markets["DOGE"].feed
        market_contract = web3.eth.contract(deployment.markets["DOGE"].address, abi=artifacts.abi("Market"))
        assert market_contract.functions.price_source().call() == router.address
        assert router.functions.source(feed).call() == deployment.contracts["PriceFeed"]

        # any contract will do here: what it answers is tested where a market trades on it
        other = deployment.contracts["Relay"]
        chosen = ("--feed", "DOGE-USD", "--source", other, "--deployment", str(output))
        proposed = propose(*chosen, what="source")
        assert proposed.returncode == 0, proposed.stdout + proposed.stderr
        pass_time(web3, DELAY)
        done = propose(*chosen, "--execute", what="source")
        assert done.returncode == 0, done.stdout + done.stderr
        source, effective_at = router.functions.announced(feed).call()
        assert source == other and f"takes effect at {effective_at}" in done.stdout
        assert router.functions.source(feed).call() == deployment.contracts["PriceFeed"]
        pass_time(web3, 60)
        assert router.functions.source(feed).call() == other

        for address, reason in (("0x12", "0x12 is not an address"), ("0x" + "12" * 20, "no contract at 0x1212")):
            refused = CliRunner().invoke(propose_source, ("--feed", "DOGE-USD", "--source", address, *chosen[4:]))
            assert refused.exit_code == 1
            assert reason in refused.output
