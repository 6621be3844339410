"""Logs to named events, from the ABIs alone, fast enough to index with; and events to JSON and back without loss."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_typing import ChecksumAddress
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from plimsoll.artifacts import abi
from plimsoll.chain import Event


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log as a node gives it."""

    block_hash: str
    block: int
    index: int
    transaction: str
    address: ChecksumAddress
    topics: tuple[bytes, ...]
    data: bytes

    @classmethod
    def from_rpc(cls, item: Mapping[str, Any]) -> "RawLog":
        """Reads one entry of `eth_getLogs`."""
        return cls(
            item["blockHash"],
            int(item["blockNumber"], 16),
            int(item["logIndex"], 16),
            item["transactionHash"],
            checksum(item["address"]),
            tuple(bytes.fromhex(topic[2:]) for topic in item["topics"]),
            bytes.fromhex(item["data"][2:]),
        )


@dataclass(frozen=True)
class _Shape:
    """One event of an ABI."""

    name: str
    indexed: tuple[Mapping[str, Any], ...]
    plain: tuple[Mapping[str, Any], ...]
    indexed_types: tuple[str, ...]
    plain_types: tuple[str, ...]
    order: tuple[str, ...]


@lru_cache(maxsize=100_000)
def checksum(address: str) -> ChecksumAddress:
    """The checksum form of an address; remembered, because it takes a hash."""
    return to_checksum_address(address)


@cache
def shapes(contract: str) -> dict[bytes, _Shape]:
    """The events of contract `contract` by first topic."""
    found = {}
    for item in abi(contract):
        if item["type"] != "event":
            continue
        inputs = item["inputs"]
        indexed = tuple(entry for entry in inputs if entry["indexed"])
        plain = tuple(entry for entry in inputs if not entry["indexed"])
        found[bytes(event_abi_to_log_topic(item))] = _Shape(
            item["name"],
            indexed,
            plain,
            tuple(_topic_type(entry) for entry in indexed),
            tuple(collapse_if_tuple(entry) for entry in plain),
            tuple(entry["name"] for entry in inputs),
        )
    return found


def _topic_type(entry: Mapping[str, Any]) -> str:
    """A value that does not fit a topic stands there as its hash."""
    kind = collapse_if_tuple(entry)
    is_value = kind in ("address", "bool") or kind.startswith(("uint", "int", "bytes"))
    return kind if is_value and not kind.endswith("]") and kind != "bytes" else "bytes32"


def decode(contract: str, log: RawLog) -> Event | None:
    """The event in a log of contract `contract`; None if it is not in its ABI."""
    shape = shapes(contract).get(log.topics[0]) if log.topics else None
    if shape is None or len(log.topics) != len(shape.indexed) + 1:
        return None
    values = {
        entry["name"]: _plain(entry, abi_decode([kind], topic)[0])
        for entry, kind, topic in zip(shape.indexed, shape.indexed_types, log.topics[1:], strict=True)
    }
    for entry, value in zip(shape.plain, abi_decode(shape.plain_types, log.data), strict=True):
        values[entry["name"]] = _plain(entry, value)
    args = {name: values[name] for name in shape.order}
    return Event(contract, log.address, shape.name, args, log.block, log.index, HexBytes(log.transaction))


def _plain(entry: Mapping[str, Any], value: Any) -> Any:
    kind = entry["type"]
    if kind == "address":
        return checksum(value)
    if kind.endswith("]"):
        inner = {**entry, "type": kind[: kind.rindex("[")]}
        return [_plain(inner, item) for item in value]
    if kind == "tuple":
        parts = entry["components"]
        return {part["name"]: _plain(part, item) for part, item in zip(parts, value, strict=True)}
    return value


def to_json(value: Any) -> Any:
    """Integers as decimal strings, because JSON readers lose what exceeds 2**53; bytes as 0x and hex digits."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


@cache
def _inputs(contract: str, event: str) -> dict[str, Mapping[str, Any]]:
    found = next(item for item in abi(contract) if item["type"] == "event" and item["name"] == event)
    return {entry["name"]: entry for entry in found["inputs"]}


def from_json(contract: str, event: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_json` made of the arguments of an event, as values again."""
    inputs = _inputs(contract, event)
    return {name: _restored(inputs[name], value) for name, value in args.items()}


def _restored(entry: Mapping[str, Any], value: Any) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        inner = {**entry, "type": kind[: kind.rindex("[")]}
        return [_restored(inner, item) for item in value]
    if kind == "tuple":
        return {part["name"]: _restored(part, value[part["name"]]) for part in entry["components"]}
    if kind.startswith(("uint", "int")):
        return int(value)
    if kind.startswith("bytes"):
        return bytes.fromhex(value[2:])
    return value


def addresses_in(value: Any) -> Iterable[ChecksumAddress]:
    """Every address among the arguments of an event."""
    if isinstance(value, str):
        if len(value) == 42 and value.startswith("0x"):
            yield ChecksumAddress(value)  # type: ignore[arg-type]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from addresses_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from addresses_in(item)
