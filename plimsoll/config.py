"""One TOML file for every service, one section each; environment and command line override it.

Order of precedence: command line, environment, file, default. `PLIMSOLL_KEEPER__HEARTBEAT=30` overrides `heartbeat` in
`[keeper]`; lists and tables are given as JSON. Keys are never written here: a section names the variable or the file
that holds them.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from plimsoll import deployments
from plimsoll.deployments import Address, Deployment, Url
from plimsoll.errors import PlimsollError
from plimsoll.folders import DEMO_FOLDER

PATH_VARIABLE = "PLIMSOLL_CONFIG"
DEFAULT_PATH = Path("plimsoll.toml")
PREFIX, SEPARATOR = "PLIMSOLL_", "__"

Port = Annotated[int, Field(ge=0, le=65_535)]
WebSocketUrl = Annotated[str, StringConstraints(pattern=r"^wss?://.+")]
Host = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """A section of the file: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Network(Section):
    """The chain that every service works on."""

    deployment: Path | None = None
    """Deployments file. Default: deployments/local.json, or what PLIMSOLL_DEPLOYMENT names."""
    rpc_url: Url | None = None
    """Instead of the deployments file's."""

    def load_deployment(self) -> Deployment:
        """The deployment named here, at the node named here. PlimsollError as of `deployments.load`."""
        found = deployments.load(self.deployment)
        return found.model_copy(update={"rpc_url": self.rpc_url}) if self.rpc_url else found


class Log(Section):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Publisher(Section):
    host: Host = "127.0.0.1"
    port: Port | None = None
    """Default: 8701 plus the publisher's index."""
    replay: Path = DEMO_FOLDER / "replay.json"
    clock: Path = DEMO_FOLDER / "clock.json"


class Keeper(Section):
    host: Host = "127.0.0.1"
    port: Port = 8710
    deviation_bps: int = Field(10, ge=1, le=10_000)
    """A price that moved this far is sent."""
    heartbeat: int = Field(20, ge=1)
    """A price this old is renewed, seconds."""


class Indexer(Section):
    host: Host = "127.0.0.1"
    port: Port = 8711
    database: str = "sqlite:///build/index.sqlite"
    """SQLAlchemy URL: SQLite or PostgreSQL."""


class Api(Section):
    host: Host = "127.0.0.1"
    port: Port = 8712


class Monitor(Section):
    host: Host = "127.0.0.1"
    port: Port = 8713
    webhook: Url | None = None
    """Gets each alert as a JSON POST, beside the log."""
    keepers: list[Address] = []
    """Accounts whose ETH is watched."""


class Config(Section):
    """The whole file."""

    network: Network = Network()
    log: Log = Log()
    publisher: Publisher = Publisher()
    keeper: Keeper = Keeper()
    indexer: Indexer = Indexer()
    api: Api = Api()
    monitor: Monitor = Monitor()


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Reads `path`, else the file that PLIMSOLL_CONFIG names, else plimsoll.toml if there is one, else the defaults.

    :raises PlimsollError: in one line: which file, which key, what is allowed.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(PATH_VARIABLE)
    path = path or (Path(named) if named else None)
    content, shown = _read(path) if path or DEFAULT_PATH.exists() else ({}, "environment")
    _override(content, environment)
    return validated(content, shown)


def validated(content: dict[str, Any], shown: str) -> Config:
    """`content` as a Config. PlimsollError that begins with `shown`, where it came from."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise PlimsollError(f"{shown}: {_explain(error)}") from None


def _read(path: Path | None) -> tuple[dict[str, Any], str]:
    path = path or DEFAULT_PATH
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), str(path)
    except FileNotFoundError:
        raise PlimsollError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlimsollError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise PlimsollError(f"{path} cannot be read: {error.strerror}") from None


def _override(content: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        section, separator, key = name.removeprefix(PREFIX).lower().partition(SEPARATOR)
        if not (name.startswith(PREFIX) and separator and section and key):
            continue
        table = content.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = _value(name, text)


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise PlimsollError(f"{name}: not valid JSON: {error}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg'].lower()}"
    allowed = _allowed(first["loc"][:-1])
    return f"unknown key {place}" + (f"; allowed: {', '.join(allowed)}" if allowed else "")


def _allowed(place: tuple[int | str, ...]) -> list[str]:
    model: Any = Config()
    for part in place:
        model = getattr(model, str(part), None)
    return sorted(type(model).model_fields) if isinstance(model, BaseModel) else []
