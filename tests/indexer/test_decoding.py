"""Fast decoding gives what the general decoder gives, for every event of every contract, and JSON loses nothing."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from hexbytes import HexBytes
from web3 import Web3
from web3._utils.events import get_event_data

from plimsoll.artifacts import CONTRACTS, abi
from plimsoll.indexer.decoding import RawLog, checksum, decode, from_json, to_json

ADDRESS = checksum("0x" + "5a" * 20)


def value_of(kind: str, draw: Random) -> Any:
    """A random value of a Solidity type that is no array and no struct."""
    if kind == "address":
        return checksum("0x" + draw.randbytes(20).hex())
    if kind == "bool":
        return draw.random() < 0.5
    if kind == "string":
        return "why not: " + "x" * draw.randrange(40)
    if kind.startswith("bytes"):
        return draw.randbytes(int(kind[5:] or 7))
    bits = int(kind.removeprefix("u").removeprefix("int"))
    return draw.randrange(2**bits) if kind.startswith("u") else draw.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1))


def of_entry(entry: dict[str, Any], draw: Random) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        inner = {**entry, "type": kind[: kind.rindex("[")]}
        return [of_entry(inner, draw) for _ in range(draw.randrange(4))]
    if kind == "tuple":
        return tuple(of_entry(part, draw) for part in entry["components"])
    return value_of(kind, draw)


def plain(value: Any) -> Any:
    """web3's decoded value as ours."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, bytes) else value


@pytest.mark.parametrize("contract", sorted(path.stem for path in CONTRACTS.glob("[A-Z]*.vy")))
def test_decode__every_event__is_what_web3_decodes(contract: str) -> None:
    draw, codec = Random(contract), Web3().codec
    for item in abi(contract):
        if item["type"] != "event":
            continue
        for _ in range(5):
            values = {entry["name"]: of_entry(entry, draw) for entry in item["inputs"]}
            indexed = [entry for entry in item["inputs"] if entry["indexed"]]
            data = [entry for entry in item["inputs"] if not entry["indexed"]]
            topics = [bytes(event_abi_to_log_topic(item))]
            topics += [encode([entry["type"]], [values[entry["name"]]]) for entry in indexed]
            encoded = encode([collapse_if_tuple(e) for e in data], [values[e["name"]] for e in data])
            found = decode(contract, RawLog("0x", 7, 3, "0x" + "00" * 32, ADDRESS, tuple(topics), encoded))
            assert found is not None
            entry = {
                "topics": [HexBytes(topic) for topic in topics],
                "data": HexBytes(encoded),
                **{"logIndex": 3, "transactionIndex": 0, "transactionHash": b"", "address": ADDRESS},
                **{"blockHash": b"", "blockNumber": 7},
            }
            told = get_event_data(codec, item, entry)
            assert found.args == {name: plain(value) for name, value in told["args"].items()}
            stored = json.loads(json.dumps(to_json(found.args)))
            assert from_json(contract, found.name, stored) == found.args


def test_decode__unknown_or_odd_logs__are_left_out() -> None:
    topic = bytes(event_abi_to_log_topic(next(i for i in abi("Market") if i.get("name") == "Traded")))
    for topics in ((), (b"\1" * 32,), (topic,), (topic, b"\0" * 32, b"\0" * 32)):
        assert decode("Market", RawLog("0x", 1, 0, "0x" + "00" * 32, ADDRESS, topics, b"")) is None


def test_decode__data_that_is_cut_off__is_an_error() -> None:
    topic = bytes(event_abi_to_log_topic(next(i for i in abi("Market") if i.get("name") == "Traded")))
    log = RawLog("0x", 1, 0, "0x" + "00" * 32, ADDRESS, (topic, b"\0" * 32), b"\0" * 64)
    with pytest.raises(ValueError, match="cut off"):
        decode("Market", log)
