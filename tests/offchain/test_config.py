"""The configuration file: what overrides what, and that a mistake is told with its place."""

from pathlib import Path

import pytest
from eth_account import Account

from plimsoll import config, deployments
from plimsoll.commands.base import override
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError

OWNER = Account.from_key(b"\1" * 32).address


def written(folder: Path, text: str) -> Path:
    path = folder / "plimsoll.toml"
    path.write_text(text)
    return path


def test_load__no_file__is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(environment={}) == config.Config()


def test_load__environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[keeper]\nport = 9301\nheartbeat = 30\n[log]\nformat = 'json'\n")
    environment = {
        "PLIMSOLL_KEEPER__HEARTBEAT": "45",
        "PLIMSOLL_MONITOR__KEEPERS": f'["{OWNER.lower()}"]',
        "PLIMSOLL_KEEPER_KEY": "not a section",
        "OTHER__KEY": "5",
    }
    found = config.load(path, environment)
    assert (found.keeper.port, found.keeper.heartbeat, found.log.format) == (9301, 45, "json")
    assert found.monitor.keepers == [OWNER]


def test_load__path__from_the_argument_then_the_environment_then_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "[keeper]\nport = 1\n")
    (tmp_path / "two").mkdir()
    named = written(tmp_path / "two", "[keeper]\nport = 2\n")
    (tmp_path / "three").mkdir()
    given = written(tmp_path / "three", "[keeper]\nport = 3\n")
    environment = {config.PATH_VARIABLE: str(named)}
    assert config.load(environment={}).keeper.port == 1
    assert config.load(environment=environment).keeper.port == 2
    assert config.load(given, environment).keeper.port == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[keper]\n", r"unknown key keper; allowed: api, indexer, keeper, log, monitor, network, publisher"),
        ("[monitor]\nwebhok = 'x'\n", r"unknown key monitor\.webhok; allowed: .*webhook"),
        ("[keeper]\nheartbeat = 0\n", r"keeper\.heartbeat: input should be greater than or equal to 1"),
        ("[keeper]\nport = 'x'\n", r"keeper\.port: input should be a valid integer"),
        ("[network]\nrpc_url = 'here'\n", r"network\.rpc_url: string should match"),
        ("keeper = 5\n", r"keeper: input should be a valid dictionary"),
        ("[keeper\n", r"not valid TOML: .*line 1"),
    ],
)
def test_load__a_mistake__is_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PlimsollError, match=message) as caught:
        config.load(path, {})
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_load__a_mistake_in_the_environment__is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    with pytest.raises(PlimsollError, match=r"unknown key keeper\.prt"):
        config.load(path, {"PLIMSOLL_KEEPER__PRT": "1"})
    with pytest.raises(PlimsollError, match="PLIMSOLL_MONITOR__KEEPERS: not valid JSON"):
        config.load(path, {"PLIMSOLL_MONITOR__KEEPERS": "[1"})


def test_load__no_such_file__is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PlimsollError, match="no such file"):
        config.load(tmp_path / "missing.toml", {})


def test_override__only_what_is_given_and_within_bounds() -> None:
    found = override(config.Config(), "keeper", port=9302, heartbeat=None)
    assert (found.keeper.port, found.keeper.heartbeat) == (9302, config.Keeper().heartbeat)
    with pytest.raises(PlimsollError, match=r"keeper\.port: input should be less than or equal to 65535"):
        override(config.Config(), "keeper", port=70_000)


def test_load_deployment__at_the_node_of_the_section(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    deployment = Deployment(
        network="local",
        chain_id=31337,
        genesis_hash="0x" + "0" * 64,
        start_block=5,
        rpc_url="http://127.0.0.1:9",
        collateral={"symbol": "USDC", "decimals": 6},
        contracts={},
        markets={},
        publishers=[],
        treasury=OWNER,
        parameters={},
    )
    deployments.save(deployment, path)
    assert config.Network(deployment=path).load_deployment() == deployment
    elsewhere = config.Network(deployment=path, rpc_url="http://127.0.0.1:7").load_deployment()
    assert elsewhere.rpc_url == "http://127.0.0.1:7"
