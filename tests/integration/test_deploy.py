"""`ape run deploy` as a user calls it: on a chain of its own, and with everything that can be wrong."""

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from plimsoll import artifacts, deployments
from plimsoll.errors import PlimsollError

SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def anvil(port: int, *options: str) -> Iterator[str]:
    """An Anvil on `port`, and its address."""
    program = shutil.which("anvil")
    assert program is not None
    url = f"http://127.0.0.1:{port}"
    command = [program, "--port", str(port), "--hardfork", "cancun", "--silent", *options]
    with subprocess.Popen(command) as process:
        try:
            wait_for(url)
            yield url
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError as error:
            # Anvil answers a GET with an error of its own, which will do.
            if isinstance(error, urllib.error.HTTPError):
                return
            assert time.monotonic() < deadline, f"nothing answers at {url}"
            time.sleep(0.05)
        else:
            return


def run_deploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("ape"), "run", "deploy", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
    return subprocess.run(command, cwd=artifacts.ROOT, env=environment, capture_output=True, text=True, timeout=180)


def one_line(output: str) -> str:
    """What a refused deployment says."""
    lines = [line for line in output.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def refusal(*arguments: str) -> str:
    """The one line of the command, run in this process: Ape takes seconds to start."""
    from scripts.deploy import cli

    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 1, done.output
    return one_line(done.output)


class Mute(http.server.BaseHTTPRequestHandler):
    """A web server that knows no method."""

    def log_message(self, *_: object) -> None:
        """Says nothing about it either."""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "local.json"


def test_deploy__local_chain__writes_a_file_that_readers_accept(output: Path) -> None:
    port = free_port()
    with anvil(port) as url:
        chosen = ("--vault-capital", "2000000", "--listing-prices", "BTC=50000")
        done = run_deploy("--url", url, "--output", str(output), *chosen)
        assert done.returncode == 0, done.stdout + done.stderr
        deployment = deployments.load(output)
        assert [path.name for path in output.parent.iterdir()] == ["local.json"]
        assert list(deployment.markets) == ["BTC", "ETH", "SOL"]
        assert len(deployment.publishers) == 5
        assert deployment.rpc_url == url
        assert deployment.parameters["vault_capital"] == 2_000_000 * 10**6
        assert deployment.markets["BTC"].params["loss_budget"] == 200_000 * 10**6
        # 1bn USD at the listing price, in units
        assert deployment.markets["BTC"].params["skew_scale"] == 20_000 * 10**18
    # The same port, another chain.
    with anvil(port, "--timestamp", "1700000000") as url:
        genesis = node_genesis(url)
        with pytest.raises(PlimsollError, match="started anew"):
            deployment.check_chain(31337, genesis)


def node_genesis(url: str) -> str:
    from web3 import HTTPProvider, Web3

    return "0x" + bytes(Web3(HTTPProvider(url)).eth.get_block(0)["hash"]).hex()


def test_deploy__no_chain__says_so_and_starts_none(output: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run_deploy("--url", url, "--output", str(output))
    assert done.returncode == 1
    assert one_line(done.stdout + done.stderr) == f"Error: no chain answers at {url}"
    assert not output.exists()


def test_deploy__another_chain__is_refused(output: Path) -> None:
    with anvil(free_port(), "--chain-id", "1") as url:
        assert "wrong network" in refusal("--url", url, "--output", str(output))
    assert not output.exists()


def test_deploy__another_network__is_refused(output: Path) -> None:
    assert "wrong network" in refusal("--network", "ethereum:mainnet:node", "--output", str(output))
    assert not output.exists()


def test_deploy__not_a_node__is_refused(output: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mute)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert refusal("--url", url, "--output", str(output)) == f"Error: what answers at {url} is not an Ethereum node"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not output.exists()


@pytest.mark.parametrize("prices", ["DOGE=1", "BTC=", "BTC=-1", "BTC=abc", "BTC=nan"])
def test_deploy__bad_listing_price__is_refused(output: Path, prices: str) -> None:
    assert "listing price" in refusal("--listing-prices", prices, "--output", str(output))
    assert not output.exists()
