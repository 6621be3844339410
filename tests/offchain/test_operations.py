"""What operations/ hands out works with this version: the configuration loads, every command exists."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from plimsoll import config
from plimsoll.artifacts import ROOT
from plimsoll.cli import COMMANDS, main

FOLDER = ROOT / "operations"
UNITS = sorted(FOLDER.glob("*.service"))


def parses(arguments: list[str]) -> None:
    """Click understands the command with these arguments (nothing is run)."""
    command = main.get_command(None, arguments[0])  # type: ignore[arg-type]
    assert command is not None, arguments
    command.make_context(arguments[0], [item.replace("%i", "0") for item in arguments[1:]])


def test_configuration__loads_and_names_every_section_it_may() -> None:
    found = config.load(FOLDER / "plimsoll.toml", {})
    assert len(found.publisher.exchange) == 2 and found.keeper.key[0].keystore == Path("/etc/plimsoll/keeper.json")
    sections = set(tomllib.loads((FOLDER / "plimsoll.toml").read_text()))
    assert sections <= set(config.Config.model_fields)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_unit__runs_a_command_of_this_version(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert program.endswith("/.venv/bin/plimsoll")
    parses(arguments)


def test_compose__runs_commands_of_this_version() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    for service in services.values():
        parses(service["command"])
    assert {service["command"][0] for service in services.values()} < set(COMMANDS)


def test_units__one_for_every_service() -> None:
    names = {path.stem.removeprefix("plimsoll-").rstrip("@") for path in UNITS}
    assert names == {"publisher", "keeper", "indexer", "api", "monitor"}


def test_document__names_every_service_and_every_policy() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    for name in ("publisher N", "keeper", "indexer", "api", "monitor", "doctor"):
        assert f"`plimsoll {name}`" in text
    for policy in config.Keeper().policies:
        assert f"`{policy}`" in text
