"""`make demo` in small: what it reports, that it keeps running, and that it leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.artifacts import ROOT

TRADERS = 24
PORTS = 10
FIELDS = {
    *("data", "bars", "seed", "traders", "positions_opened", "liquidated_positions", "liquidated_buckets"),
    *("adl_positions", "adl_buckets", "adl_units", "loss_beyond_margin", "loss_paid_by", "recovery_issued", "vault"),
    *("insurance", "capital", "conservation_error", "books_error", "gas", "keeper", "seconds"),
}


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for first in range(24_000, 32_000, count):
        if all(is_free(first + i) for i in range(count)):
            return first
    raise AssertionError("no free ports")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Run:
    """A demo on ports and in a folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.first_port = free_ports(PORTS)
        self.output = folder / "output.txt"
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("ONCE", "DATA", "BARS", "SPEED")},
            "CHAIN_PORT": str(self.first_port),
            "PUBLISHER_PORT": str(self.first_port + 1),
            "KEEPER_PORT": str(self.first_port + 6),
            "WEB_PORT": str(self.first_port + 7),
            "INDEXER_PORT": str(self.first_port + 8),
            "API_PORT": str(self.first_port + 9),
            "PLIMSOLL_DEMO_FOLDER": str(folder),
            "PLIMSOLL_DEPLOYMENT": str(folder / "local.json"),
            **settings,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "plimsoll.demo"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )

    def wait_for(self, text: str, seconds: float) -> str:
        """The output once it holds `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            output = self.output.read_text(encoding="utf-8")
            if text in output:
                return output
            assert self.process.poll() is None, output
            time.sleep(0.2)
        raise AssertionError(f"no {text!r} within {seconds} s: {self.output.read_text(encoding='utf-8')}")

    def end(self, number: signal.Signals) -> int:
        """Signals and gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def leftovers(self) -> list[str]:
        """Ports that still answer, and processes that still mention the folder or the chain's port."""
        ports = [f"port {self.first_port + i}" for i in range(PORTS) if not is_free(self.first_port + i)]
        marks = (str(self.folder), f"--port {self.first_port} ")
        lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
        return ports + [line for line in lines if any(mark in line for mark in marks)]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


def test_demo__crash__reports_keeps_running_and_leaves_nothing(runs: list[Run], tmp_path: Path) -> None:
    run = Run(tmp_path, TRADERS=str(TRADERS), BARS="15:60", SPEED="7", SEED="5")
    runs.append(run)
    output = run.wait_for("Ctrl-C ends them", 240)
    assert f"page on http://127.0.0.1:{run.first_port + 7}/" in output
    assert f"API on http://127.0.0.1:{run.first_port + 9}/" in output

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report.keys() >= FIELDS
    assert (report["traders"], report["bars"], report["seed"]) == (TRADERS, 45, 5)
    assert report["capital"]["accounting_error"] == 0
    earned = report["capital"]["vault"]["sources"]
    assert sum(sum(market.values()) for market in earned.values()) == report["capital"]["vault"]["earned"] != 0
    assert report["capital"]["recovery"]["supply"] <= report["recovery_issued"]
    assert report["conservation_error"] == report["books_error"] == report["keeper"]["failed_transactions"] == 0
    assert report["index"]["errors"] == 0 and report["index"]["figures"] > 8
    assert report["index"]["adl_rounds_wrong"] == []
    assert sum(report["loss_paid_by"].values()) == report["loss_beyond_margin"]
    assert report["positions_opened"] > TRADERS // 2 and report["liquidated_positions"] > 0
    assert all(report["gas"][name] > 0 for name in ("place", "execute_open", "price_update"))
    assert (tmp_path / "report.png").stat().st_size > 0

    # A publisher less is no reason to end; the keeper still finds a quorum.
    [publisher] = subprocess.run(
        ["pgrep", "-f", f"publisher 4 .*{tmp_path}"], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(publisher), signal.SIGKILL)
    run.wait_for("publisher-4 ended", 10)
    assert run.process.poll() is None

    assert run.end(signal.SIGINT) == 0
    assert run.leftovers() == []


def test_demo__interrupted_while_it_starts__leaves_nothing(runs: list[Run], tmp_path: Path) -> None:
    run = Run(tmp_path, ONCE="1")
    runs.append(run)
    run.wait_for("deploying", 30)
    time.sleep(2)
    assert run.end(signal.SIGTERM) == 130
    assert run.leftovers() == []
