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


def propose(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("ape"), "run", "propose_market", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
    return subprocess.run(command, cwd=artifacts.ROOT, env=environment, capture_output=True, text=True, timeout=180)


def test_propose_market__delay_over__is_listed_and_in_the_file(tmp_path: Path) -> None:
    from scripts.propose_market import cli

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
        web3.provider.make_request("evm_increaseTime", [DELAY])  # type: ignore[arg-type]
        web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
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
