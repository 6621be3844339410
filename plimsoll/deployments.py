"""The deployments file: what scripts, keepers and the web app know about a chain before they ask it anything.

`deployments/<network>.json` is written by `ape run deploy` as its last act. Integers that may exceed 2**53 stand in it
as decimal strings, because JavaScript reads it too.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any

from eth_typing import ChecksumAddress
from eth_utils import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, ValidationError

from plimsoll.artifacts import ROOT, write_atomically
from plimsoll.errors import PlimsollError

FOLDER = ROOT / "deployments"
PATH_VARIABLE = "PLIMSOLL_DEPLOYMENT"
"""Environment variable that names another deployments file."""


def _checksum(value: str) -> ChecksumAddress:
    if not is_address(value):
        raise ValueError("not an address")
    return to_checksum_address(value)


Address = Annotated[ChecksumAddress, AfterValidator(_checksum)]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$", to_lower=True)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://.+")]
BigInt = Annotated[int, PlainSerializer(str, return_type=str, when_used="json")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Collateral(_Model):
    symbol: str
    decimals: int = Field(ge=0, le=18)


class MarketEntry(_Model):
    address: Address
    feed: Hash
    feed_name: str
    params: dict[str, BigInt]
    """`IMarket.Params` by field name, as deployed."""


class PublisherEntry(_Model):
    address: Address
    url: Url


class Deployment(_Model):
    """One deployment of Plimsoll on one chain."""

    network: str
    chain_id: int
    genesis_hash: Hash
    """Tells a restarted local chain from the one that was deployed to: both have the same chain id."""
    start_block: int
    rpc_url: Url
    collateral: Collateral
    contracts: dict[str, Address]
    """Addresses by contract name; the markets stand apart."""
    markets: dict[str, MarketEntry]
    """By symbol, for example "BTC", in the order of creation."""
    publishers: list[PublisherEntry]
    treasury: Address
    parameters: dict[str, BigInt]
    """Capital and limits the deployment was made with, cash in base units of the collateral."""

    def address(self, name: str) -> ChecksumAddress:
        """The address of a contract by name. PlimsollError if the file has none."""
        if name not in self.contracts:
            raise PlimsollError(f"the deployments file has no contract {name}: deploy again, or repair the file")
        return self.contracts[name]

    def check_chain(self, chain_id: int, genesis_hash: str) -> None:
        """Compares with what a node says of itself.

        :raises PlimsollError: if the node runs another chain, or the same local one started anew.
        """
        if chain_id != self.chain_id:
            raise PlimsollError(
                f"wrong network: {self.rpc_url} runs chain {chain_id}, the deployment is on chain {self.chain_id}"
            )
        if genesis_hash.lower().removeprefix("0x") != self.genesis_hash.removeprefix("0x"):
            raise PlimsollError(f"the chain at {self.rpc_url} was started anew since the deployment: deploy again")


def path_of(network: str = "local") -> Path:
    """The file of `network`; the environment variable PLIMSOLL_DEPLOYMENT overrides it."""
    chosen = os.environ.get(PATH_VARIABLE)
    return Path(chosen) if chosen else FOLDER / f"{network}.json"


def load(path: Path | None = None) -> Deployment:
    """Reads a deployments file (default: that of the local network).

    :raises PlimsollError: in one line, if it is missing, half-written, or lacks or misspells a field.
    """
    path = path or path_of()
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlimsollError(
            f"no deployments file at {_shown(path)}: deploy with `ape run deploy` or `make demo`"
        ) from None
    except OSError as error:
        raise PlimsollError(f"{_shown(path)} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PlimsollError(f"{_shown(path)} is damaged or half-written: {error}") from None
    try:
        return Deployment.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the content"
        raise PlimsollError(f"{_shown(path)}: {field}: {first['msg'].lower()}") from None


def save(deployment: Deployment, path: Path | None = None) -> Path:
    """Writes a deployments file in one step, so that no reader sees half of it. Returns where."""
    path = path or path_of(deployment.network)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, deployment.model_dump_json(indent=2) + "\n")
    return path


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
