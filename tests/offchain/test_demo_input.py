"""What a demo is asked for, and how it refuses."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll.bars import WAD
from plimsoll.demo import read_settings
from plimsoll.demo_input import load_input, parse_speed
from plimsoll.errors import PlimsollError
from plimsoll.replay import DEFAULT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
PORTS = {"CHAIN_PORT": "28645", "PUBLISHER_PORT": "28701", "KEEPER_PORT": "28710", "WEB_PORT": "28273"}


def write(folder: Path, rows: int = 20) -> Path:
    path = folder / "bars.csv"
    lines = [f"{60 * i},{100 + i},{102 + i},{99 + i},{101 + i}" for i in range(1, rows + 1)]
    path.write_text("\n".join(["ts,open,high,low,close", *lines]), encoding="utf-8")
    return path


def test_load_input__nothing_asked__is_the_reconstruction_at_the_default_pace() -> None:
    chosen = load_input(None, None, None, None)
    assert "reconstructed" in chosen.replay.label
    assert chosen.first_prices["BTC"] == 122_550 * WAD
    assert chosen.clock.wall_seconds() in (DEFAULT_SECONDS, DEFAULT_SECONDS + 1)


def test_load_input__data__replays_btc_and_lets_the_others_follow(tmp_path: Path) -> None:
    chosen = load_input(write(tmp_path), "2:12", "4", 5)
    paths = chosen.replay.paths
    assert (chosen.bars, chosen.seed, chosen.replay.label) == (10, 5, "bars.csv")
    assert chosen.first_prices["BTC"] == 103 * WAD
    assert paths["ETH-USD"].times == paths["BTC-USD"].times
    assert chosen.clock.wall_seconds() in (DEFAULT_SECONDS // 4, DEFAULT_SECONDS // 4 + 1)


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan", "1e9", "0.009"])
def test_parse_speed__not_a_pace__is_refused(speed: str) -> None:
    with pytest.raises(PlimsollError, match="SPEED"):
        parse_speed(speed)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SEED": "x"}, "SEED=x: not a whole number"),
        ({"TRADERS": "0"}, "TRADERS=0: must be from"),
        ({"DATA": "missing.csv"}, "missing.csv: no such file"),
        ({"BARS": "5:1000"}, "BARS=5:1000: outside"),
        ({"CHAIN_PORT": "x"}, "CHAIN_PORT=x: not a whole number"),
    ],
)
def test_read_settings__bad_request__is_one_line(environment: dict[str, str], message: str) -> None:
    with pytest.raises(PlimsollError) as error:
        read_settings({**PORTS, **environment})
    assert message in str(error.value)


@pytest.mark.parametrize("name", sorted(PORTS))
def test_read_settings__port_in_use__names_it(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PlimsollError, match=f"port {port} of 127.0.0.1 is already in use"):
            read_settings({**PORTS, name: str(port)})


def test_demo__bad_input__exits_with_one_line_before_anything_starts() -> None:
    environment = {**os.environ, **PORTS, "DATA": "no/such.csv"}
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll.demo"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Error: no/such.csv: no such file\n" and done.stdout == ""
