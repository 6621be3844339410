"""A deployments file that cannot be used is told in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll import deployments
from plimsoll.errors import PlimsollError

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
GENESIS = "0x" + "ab" * 32
FILE: dict[str, Any] = {
    "network": "local",
    "chain_id": 31337,
    "genesis_hash": GENESIS,
    "start_block": 1,
    "rpc_url": "http://127.0.0.1:8645",
    "collateral": {"symbol": "USDC", "decimals": 6},
    "contracts": {"MarginPool": ADDRESS.lower()},
    "markets": {
        "BTC": {"address": ADDRESS, "feed": GENESIS, "feed_name": "BTC-USD", "params": {"skew_scale": str(8 * 10**21)}}
    },
    "publishers": [{"address": ADDRESS, "url": "http://127.0.0.1:8701"}],
    "treasury": ADDRESS,
    "parameters": {"vault_capital": str(10**13)},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.json"


def test_load__returns_what_save_wrote(path: Path) -> None:
    path.write_text(json.dumps(FILE))
    first = deployments.load(path)
    deployments.save(first, path)
    assert deployments.load(path) == first
    assert first.markets["BTC"].params["skew_scale"] == 8 * 10**21
    assert first.contracts["MarginPool"] == ADDRESS
    assert [entry.name for entry in path.parent.iterdir()] == ["local.json"]


def test_save__writes_big_numbers_as_text(path: Path) -> None:
    deployments.save(deployments.Deployment.model_validate(FILE), path)
    written = json.loads(path.read_text())
    assert written["parameters"]["vault_capital"] == "10000000000000"
    assert written["chain_id"] == 31337


def failure(path: Path) -> str:
    with pytest.raises(PlimsollError) as error:
        deployments.load(path)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_load__no_file__says_what_to_do(path: Path) -> None:
    assert "make demo" in failure(path)


def test_load__half_written__says_so(path: Path) -> None:
    path.write_text(json.dumps(FILE)[:200])
    assert "half-written" in failure(path)


def test_load__empty__says_so(path: Path) -> None:
    path.write_text("")
    assert "half-written" in failure(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("chain_id", "x"), ("genesis_hash", "0x12"), ("treasury", "0x12"), ("rpc_url", "ftp://a"), ("markets", None)],
)
def test_load__bad_field__names_it(path: Path, field: str, value: object) -> None:
    path.write_text(json.dumps(FILE | {field: value}))
    assert field in failure(path)


def test_load__missing_field__names_it(path: Path) -> None:
    path.write_text(json.dumps({key: value for key, value in FILE.items() if key != "contracts"}))
    assert "contracts" in failure(path)


def test_check_chain__same_chain__passes() -> None:
    deployments.Deployment.model_validate(FILE).check_chain(31337, GENESIS.upper().replace("0X", "0x"))


@pytest.mark.parametrize(
    ("chain_id", "genesis", "message"),
    [(1, GENESIS, "wrong network"), (31337, "0x" + "cd" * 32, "started anew")],
)
def test_check_chain__other_chain__says_which(chain_id: int, genesis: str, message: str) -> None:
    with pytest.raises(PlimsollError, match=message):
        deployments.Deployment.model_validate(FILE).check_chain(chain_id, genesis)


def test_path_of__environment_overrides(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv(deployments.PATH_VARIABLE, str(path))
    assert deployments.path_of("local") == path
