"""Contracts on revm with as little Python between as can be: the state machine makes some hundred calls a step.

Words are packed and unpacked here; `eth_abi` is asked only where a type is not a sequence of words.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_utils import keccak

from plimsoll import artifacts
from plimsoll.artifacts import Artifact
from plimsoll.revm import RevmEnv

Entry = dict[str, Any]
Unpack = Callable[[bytes, int], tuple[Any, int]]


class RevertedError(Exception):
    """A call failed; the message says why."""


def type_of(entry: Entry) -> str:
    """The canonical type, as signatures have it."""
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    return "(" + ",".join(type_of(part) for part in entry["components"]) + ")" + entry["type"][5:]


def is_static(entry: Entry) -> bool:
    kind = entry["type"]
    if kind == "tuple":
        return all(is_static(part) for part in entry["components"])
    return not (kind.endswith("]") or kind in ("string", "bytes"))


def pack(entry: Entry, value: Any) -> bytes:
    """The words of a static value."""
    kind = entry["type"]
    if kind == "tuple":
        return b"".join(pack(part, each) for part, each in zip(entry["components"], value, strict=True))
    if kind == "address":
        return bytes(12) + bytes.fromhex(value[2:])
    if kind == "bytes32":
        return bytes(value)
    return (int(value) % 2**256).to_bytes(32, "big")


def unpacker(entry: Entry) -> Unpack:
    """Reads a static value at an offset; returns it and where the next one starts."""
    kind = entry["type"]
    if kind == "tuple":
        parts = [unpacker(part) for part in entry["components"]]
        make = namedtuple(
            entry.get("internalType", "Struct").split(".")[-1].split(" ")[-1], _names(entry["components"])
        )

        def read(data: bytes, at: int) -> tuple[Any, int]:
            values = []
            for part in parts:
                value, at = part(data, at)
                values.append(value)
            return make(*values), at

        return read
    if kind == "address":
        return lambda data, at: ("0x" + data[at + 12 : at + 32].hex(), at + 32)
    if kind == "bool":
        return lambda data, at: (data[at + 31] != 0, at + 32)
    if kind == "bytes32":
        return lambda data, at: (data[at : at + 32], at + 32)
    is_signed = kind.startswith("int")
    return lambda data, at: (int.from_bytes(data[at : at + 32], "big", signed=is_signed), at + 32)


def _names(entries: list[Entry]) -> list[str]:
    return [entry["name"] or f"value{i}" for i, entry in enumerate(entries)]


def _named(entry: Entry, value: Any) -> Any:
    """What eth_abi decoded, with names."""
    kind = entry["type"]
    if kind.endswith("]"):
        item = dict(entry, type=kind[: kind.rindex("[")])
        return [_named(item, each) for each in value]
    if kind == "tuple":
        make = namedtuple("Struct", _names(entry["components"]))
        return make(*(_named(part, each) for part, each in zip(entry["components"], value, strict=True)))
    return value


# Views of a market that depend on its own storage alone. Only calls of CHANGES_MARKETS can change that: kept until then
KEPT = ("Market.position(", "Market.bucket(", "Market.columns(", "Market.next_bucket(", "Market.is_fair_adl_begun(")
CHANGES_MARKETS = ("Market.", "OrderBook.", "Relay.")


class Function:
    """One external function."""

    def __init__(self, chain: Chain, contract: str, address: str, entry: Entry) -> None:
        self.chain, self.address = chain, address
        self.inputs, self.outputs = entry["inputs"], entry["outputs"]
        signature = entry["name"] + "(" + ",".join(type_of(each) for each in self.inputs) + ")"
        self.name = f"{contract}.{signature}"
        self.selector = keccak(text=signature)[:4]
        self.is_view = entry["stateMutability"] in ("view", "pure")
        self.takes_words = all(is_static(each) for each in self.inputs)
        self.gives_words = all(is_static(each) for each in self.outputs)
        self.reads = [unpacker(each) for each in self.outputs] if self.gives_words else []
        self.changes_markets = not self.is_view and self.name.startswith(CHANGES_MARKETS)
        self.kept: dict[tuple[int, bytes], Any] | None = {} if self.name.startswith(KEPT) else None

    def __call__(self, *args: Any, sender: str = "0x" + "00" * 20) -> Any:
        if self.takes_words:
            packed = b"".join([pack(entry, arg) for entry, arg in zip(self.inputs, args, strict=True)])
        else:
            packed = abi_encode([type_of(each) for each in self.inputs], args)
        key = self.chain.version, packed
        if self.kept is not None:
            if key in self.kept:
                return self.kept[key]
            if len(self.kept) > 2_000:
                self.kept.clear()
        output = self.chain.call(self.address, self.selector + packed, sender, self)
        if not self.outputs:
            return None
        if self.gives_words:
            at = 0
            values = []
            for read in self.reads:
                value, at = read(output, at)
                values.append(value)
        else:
            decoded = abi_decode([type_of(each) for each in self.outputs], output)
            values = [_named(entry, value) for entry, value in zip(self.outputs, decoded, strict=True)]
        result = values[0] if len(values) == 1 else tuple(values)
        if self.kept is not None:
            self.kept[key] = result
        return result


class Overloaded:
    """Functions of one name, told apart by how many arguments they take."""

    def __init__(self, functions: list[Function]) -> None:
        self.functions = {len(each.inputs): each for each in functions}

    def __call__(self, *args: Any, sender: str = "0x" + "00" * 20) -> Any:
        return self.functions[len(args)](*args, sender=sender)


class Contract:
    """A deployed contract: its functions are attributes."""

    def __init__(self, chain: Chain, name: str, address: str, abi: list[Entry]) -> None:
        self.label, self.address = name, address
        self.functions = [Function(chain, name, address, e) for e in abi if e["type"] == "function"]
        by_name: dict[str, list[Function]] = {}
        for function in self.functions:
            by_name.setdefault(function.name.split(".")[1].split("(")[0], []).append(function)
        for name, same in by_name.items():
            setattr(self, name, same[0] if len(same) == 1 else Overloaded(same))

    def __getattr__(self, name: str) -> Any:  # for the type checker: functions are set in __init__
        raise AttributeError(name)


class Chain:
    """A revm of its own, whatever environment titanoboa has."""

    def __init__(self, start: int) -> None:
        self.env = RevmEnv()
        self.now = start
        self.called: set[str] = set()  # functions that changed state, by name
        self.raw_logs: list[Any] = []
        self.version = self.newest_version = 0  # of the storage of markets
        self.readers: dict[tuple[int, int], tuple[Any, list[Entry], list[Entry]]] = {}

    @property
    def now(self) -> int:
        return self.env.evm.patch.timestamp

    @now.setter
    def now(self, timestamp: int) -> None:
        self.env.evm.patch.timestamp = timestamp

    def deploy(self, artifact: Artifact, *args: Any, sender: str) -> Contract:
        constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
        types = [type_of(each) for each in constructor["inputs"]] if constructor else []
        code = bytes.fromhex(artifact.bytecode[2:]) + abi_encode(types, args)
        address, computation = self.env.deploy(sender=sender, bytecode=code)
        if computation.error is not None:
            raise RevertedError(f"{artifact.name}: {computation.error}")
        where = str(address).lower()
        self.tell_events(where, artifact.abi)
        return Contract(self, artifact.name, where, artifact.abi)

    def tell_events(self, address: str, abi: list[Entry]) -> None:
        """Logs of `address` are events of this ABI."""
        for entry in abi:
            if entry["type"] != "event":
                continue
            signature = entry["name"] + "(" + ",".join(type_of(each) for each in entry["inputs"]) + ")"
            key = int(address, 16), int.from_bytes(keccak(text=signature), "big")
            make = namedtuple(entry["name"], _names(entry["inputs"]))
            topics = [each for each in entry["inputs"] if each["indexed"]]
            data = [each for each in entry["inputs"] if not each["indexed"]]
            self.readers[key] = make, topics, data

    def call(self, to: str, data: bytes, sender: str, function: Function) -> bytes:
        if function.is_view:
            backend = self.env.evm
            backend.set_block()
            try:
                return bytes(backend.vm.message_call(sender, to, data, 0, None, is_static=True))
            except RuntimeError:
                pass  # again, for the reason
        if function.changes_markets:
            self.newest_version += 1
            self.version = self.newest_version
        result = self.env.execute_code(to_address=to, sender=sender, data=data, is_modifying=not function.is_view)
        if result.error is not None:
            raise RevertedError(str(result.error.args[0]))
        self.called.add(function.name)
        self.raw_logs = result.logs
        return result.output

    def logs(self, contract: Contract | None = None) -> list[Any]:
        """Events of the last call that changed state."""
        return [event for address, event in self.told() if contract is None or address == contract.address]

    def told(self) -> list[tuple[str, Any]]:
        """Events of the last call that changed state, with who told them."""
        found = []
        for _, address, topics, data in self.raw_logs:
            reader = self.readers.get((int.from_bytes(address, "big"), topics[0]))
            if reader is None:
                continue
            make, indexed, others = reader
            values: dict[str, Any] = {}
            for entry, topic in zip(indexed, topics[1:], strict=True):
                values[entry["name"]] = unpacker(entry)(topic.to_bytes(32, "big"), 0)[0]
            if all(is_static(entry) for entry in others):
                at = 0
                for entry in others:
                    values[entry["name"]], at = unpacker(entry)(data, at)
            else:
                decoded = abi_decode([type_of(each) for each in others], data)
                values.update({e["name"]: _named(e, v) for e, v in zip(others, decoded, strict=True)})
            found.append(("0x" + bytes(address).hex(), make(**values)))
        return found

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Whatever happens inside is undone."""
        now, vm, version = self.now, self.env.evm.vm, self.version
        snapshot, logs = vm.snapshot(), self.raw_logs
        try:
            yield
        finally:
            vm.revert(snapshot)
            self.now, self.raw_logs, self.version = now, logs, version


def load(name: str) -> Artifact:
    return artifacts.load(name)
