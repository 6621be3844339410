"""One TOML file for every service, one section each; environment and command line override it.

Order of precedence: command line, environment, file, default. `PLIMSOLL_KEEPER__HEARTBEAT=30` overrides `heartbeat` in
`[keeper]`; lists and tables are given as JSON. Keys are never written here: a section names the variable or the file
that holds them.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

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


class Key(Section):
    """Where a key is: exactly one of a variable, a keystore with its password file, a signer with its address."""

    env: str | None = None
    """Environment variable that holds a private key, hex."""
    keystore: Path | None = None
    password_file: Path | None = None
    signer_url: Url | None = None
    address: Address | None = None
    token_file: Path | None = None
    """Bearer token for the signer."""

    @model_validator(mode="after")
    def _one_place(self) -> "Key":
        if sum(item is not None for item in (self.env, self.keystore, self.signer_url)) != 1:
            raise ValueError("give one of env, keystore or signer_url")
        if (self.keystore is None) != (self.password_file is None):
            raise ValueError("keystore and password_file go together")
        if (self.signer_url is None) != (self.address is None):
            raise ValueError("signer_url and address go together")
        if self.token_file is not None and self.signer_url is None:
            raise ValueError("token_file goes with signer_url")
        return self


class ExchangeFeed(Section):
    """One exchange's ticker."""

    protocol: Literal["coinbase", "kraken", "binance"]
    url: str = Field(pattern=r"^(https?|wss?)://.+")
    """A WebSocket; or, with coinbase, the root of its REST interface."""
    symbols: dict[str, str]
    """The exchange's symbol of each feed, for example {"BTC-USD" = "XBT/USD"}."""

    @model_validator(mode="after")
    def _http_is_coinbase(self) -> "ExchangeFeed":
        if self.url.startswith("http") and self.protocol != "coinbase":
            raise ValueError("only coinbase is polled over HTTP; give the exchange's WebSocket")
        return self


class Publisher(Section):
    host: Host = "127.0.0.1"
    port: Port | None = None
    """Default: 8701 plus the publisher's index."""
    key: Key | None = None
    """Default: PLIMSOLL_PUBLISHER_KEY; without it, on a local chain, an account of the development mnemonic."""
    source: Literal["replay", "simulated", "exchange"] = "replay"
    replay: Path = DEMO_FOLDER / "replay.json"
    clock: Path = DEMO_FOLDER / "clock.json"
    seed: int = 1
    """Of the simulated path, and of each publisher's noise."""
    exchange: list[ExchangeFeed] = []
    max_spread_bps: int = Field(200, ge=1, le=10_000)
    """A quote farther from the median of all exchanges does not count."""
    max_jump_bps: int = Field(2_000, ge=1, le=10_000)
    """A price farther from the median of the last half minute is not signed."""
    way_back_seconds: int = Field(10, ge=1)
    """Unless it has stayed there for so long: then the market did move."""

    @model_validator(mode="after")
    def _has_exchanges(self) -> "Publisher":
        if (self.source == "exchange") != bool(self.exchange):
            raise ValueError('source = "exchange" and [[publisher.exchange]] go together')
        return self


class Shard(Section):
    """One part of the orders: those whose id leaves `index` when divided by `count`."""

    index: int = Field(0, ge=0)
    count: int = Field(1, ge=1)
    grace: int = Field(5, ge=0)
    """Orders of other shards are taken when they have been ready for so many seconds: their keeper is silent."""

    @model_validator(mode="after")
    def _inside(self) -> "Shard":
        if self.index >= self.count:
            raise ValueError("index is counted from 0 and below count")
        return self


PolicyName = Literal["prices", "cranks", "orders", "funding", "gas_price", "chores"]


class Keeper(Section):
    host: Host = "127.0.0.1"
    port: Port = 8710
    key: list[Key] = []
    """Default: PLIMSOLL_KEEPER_KEY; without it, on a local chain, account 1 of the development mnemonic."""
    policies: list[PolicyName] = ["prices", "cranks", "orders", "funding", "gas_price", "chores"]
    """What it does. Unpaid are gas_price, which keeps the price by which keeper fees follow gas fresh, and, in duty
    mode only, chores: exits of positions that are gone, redemptions of the vault, unstaking from the insurance fund."""
    mode: Literal["duty", "profit"] = "duty"
    """duty: does the work also at a loss. profit: only what pays for its gas."""
    min_profit_bps: int = Field(0, ge=0)
    """In profit mode a reward must exceed the gas cost by this much."""
    gas_feed: str = "ETH-USD"
    """Feed of the currency that gas is paid in; the profit check reads it."""
    deviation_bps: int = Field(10, ge=1, le=10_000)
    """A price that moved this far is sent."""
    heartbeat: int = Field(20, ge=1)
    """A price this old is renewed, seconds."""
    funding_seconds: int = Field(3_600, ge=1)
    """A market with positions that nothing touched for so long is cranked, so that its funding is settled."""
    gas_price_bps: int = Field(500, ge=1, le=10_000)
    """The order book's price of gas money is refreshed when it is this far off."""
    tip_gwei: Decimal = Field(Decimal(1), ge=0)
    max_fee_gwei: Decimal = Field(Decimal(500), gt=0)
    """Never offers more per gas, base fee and tip together."""
    shard: Shard = Shard()
    jitter_ms: int = Field(0, ge=0, le=10_000)
    """Waits up to so long before it looks, so that of many keepers most find the work done."""
    poll_seconds: Decimal = Field(Decimal(1), gt=0)
    rpc_timeout: Decimal = Field(Decimal(5), gt=0)
    ws_url: WebSocketUrl | None = None
    """New heads come as hints from here; without it they are polled."""
    private_url: Url | None = None
    """Transactions are sent here alone; everything else is asked of the network's node."""


class Indexer(Section):
    host: Host = "127.0.0.1"
    port: Port = 8711
    database: str = "sqlite:///build/index.sqlite"
    """SQLAlchemy URL: SQLite or PostgreSQL."""
    poll_seconds: float = Field(0.5, gt=0)
    """Between two looks at the head of the chain."""
    compare_seconds: float = Field(30, gt=0)
    """Between two comparisons with the contracts."""


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
    keeper_eth: Decimal = Field(Decimal("0.1"), ge=0)
    """Less than this is an alert."""
    price_seconds: int = Field(60, ge=1)
    """A price older than this is an alert."""
    dirty_blocks: int = Field(5, ge=1)
    """Work left to do for more blocks than this is an alert."""
    mandate_bps: int = Field(5_000, ge=1, le=10_000)
    """A market that used more than this of its daily mandate is an alert."""
    insurance_bps: int = Field(5_000, ge=0, le=10_000)
    """Insurance below this share of what was deployed is an alert."""
    publisher_seconds: int = Field(15, ge=1)
    """A publisher silent for longer is an alert."""
    poll_seconds: Decimal = Field(Decimal(2), gt=0)


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
