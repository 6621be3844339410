"""Where the gas of a transaction goes: by opcode class, by contract and by function. `python -m bench.profile`."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boa
from eth.abc import ComputationAPI
from eth.exceptions import Halt
from eth.vm.forks.cancun.computation import CancunComputation
from eth_utils import to_bytes
from rich.console import Console
from rich.table import Table
from vyper import ast as vy_ast
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings
from vyper.ir import compile_ir

from bench.meter import TRANSACTION, apply_cold, gas_of
from plimsoll import artifacts

CALLS = ("CALL", "DELEGATECALL", "STATICCALL")
CLASSES = {"SHA3": "KECCAK", "TLOAD": "transient", "TSTORE": "transient"} | dict.fromkeys(
    ("MLOAD", "MSTORE", "MCOPY", "CALLDATACOPY", "CODECOPY", "RETURNDATACOPY", "EXTCODECOPY"), "memory, copies"
)
COLD_SLOT, COLD_ACCOUNT = 2_100, 2_600


@dataclass
class Profile:
    """Gas before refunds, each by name; `functions` with and without what they call."""

    classes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    contracts: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    slots: Counter[str] = field(default_factory=Counter)
    total: int = 0
    refund: int = 0


def profile(function: Any, *args: Any, sender: str) -> Profile:
    """Profiles a call as a transaction of its own. The state stays as it is."""
    found = Profile()
    stack: list[tuple[int, str]] = []

    class Profiled(CancunComputation):
        @classmethod
        def apply_computation(cls, state: Any, message: Any, context: Any, **more: Any) -> ComputationAPI:
            with cls(state, message, context) as computation:
                precompile = computation.precompiles.get(message.code_address)
                if precompile is not None:
                    precompile(computation)
                    return computation
                run(computation)
            return computation

    def run(computation: Any) -> None:
        code = computation.code
        name = contract_name(code._raw_code_bytes)
        functions = function_map(name)
        depth = computation.msg.depth
        for opcode in code:
            while stack and stack[-1][0] > depth:
                stack.pop()
            here = [entry for entry in stack if entry[0] == depth]
            # what the compiler puts between functions belongs to the one that runs
            place = functions.get(code.program_counter - 1)
            label = f"{name}.{place or 'selector'}" if place or not here else here[-1][1]
            if (depth, label) in here:
                while stack[-1] != (depth, label):
                    stack.pop()
            else:
                stack.append((depth, label))
            operation = computation.opcodes[opcode]
            mnemonic = operation.mnemonic
            before = computation.get_gas_remaining()
            children = len(computation.children)
            slot = int.from_bytes(_top(computation), "big") if mnemonic in ("SLOAD", "SSTORE") else 0
            try:
                operation(computation=computation)
            except Halt:
                break
            finally:
                used = before - computation.get_gas_remaining()
                inner = sum(child.get_gas_used() for child in computation.children[children:])
                own = used - inner
                note(mnemonic, own, label, name, slot)
                if inner and not any(child_ran(child) for child in computation.children[children:]):
                    note("precompile", inner, label, name, 0)

    def child_ran(child: Any) -> bool:
        return child.msg.code_address not in child.precompiles

    def note(mnemonic: str, own: int, label: str, name: str, slot: int) -> None:
        if mnemonic == "SLOAD":
            kind = "SLOAD cold" if own >= COLD_SLOT else "SLOAD warm"
        elif mnemonic == "SSTORE":
            written = own - COLD_SLOT if own in (2_200, 5_000, 22_100) else own
            kind = {20_000: "SSTORE 0 -> x", 2_900: "SSTORE x -> y"}.get(written, "SSTORE again or same")
            if written != own:
                found.classes["SSTORE cold surcharge"] += COLD_SLOT
                found.counts["SSTORE cold surcharge"] += 1
            kind_gas = written
        elif mnemonic in CALLS:
            kind = f"{mnemonic} {'cold' if own >= COLD_ACCOUNT else 'warm'}"
        elif mnemonic.startswith("LOG"):
            kind = "LOG"
        else:
            kind = CLASSES.get(mnemonic, "precompile" if mnemonic == "precompile" else "rest")
        found.classes[kind] += kind_gas if mnemonic == "SSTORE" else own
        found.counts[kind] += 1
        found.contracts[name] += own
        found.alone[label] += own
        if mnemonic in ("SLOAD", "SSTORE"):
            found.slots[f"{name} {mnemonic} {own:>6} in {label} slot {slot:#x}"[:110]] += own
        for entry in {entry[1] for entry in stack}:
            found.whole[entry] += own

    data = function.prepare_calldata(*args)
    computation = apply_cold(Profiled, data, to=function.contract.address, sender=sender)
    assert not computation.is_error, computation.error
    found.total, found.refund = gas_of(data, computation), computation.get_gas_refund()
    calldata = sum(16 if byte else 4 for byte in data)
    found.classes["transaction, calldata"] += TRANSACTION + calldata
    found.counts["transaction, calldata"] += 1
    found.contracts["transaction, calldata"] += TRANSACTION + calldata
    return found


def _top(computation: Any) -> bytes:
    value = computation._stack.values[-1]
    return value if isinstance(value, bytes) else int(value).to_bytes(32, "big")


@cache
def compiled(name: str) -> CompilerData:
    folders = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*folders, artifacts.CONTRACTS])
    file = bundle.load_file(artifacts.CONTRACTS / f"{name}.vy")
    return CompilerData(file, bundle, settings=Settings(evm_version=artifacts.EVM_VERSION))


@cache
def contract_name(code: bytes) -> str:
    """Which contract this is the runtime code of."""
    for name in artifacts.contract_names():
        if len(code) >= 100 and compiled(name).bytecode_runtime == code[: len(compiled(name).bytecode_runtime)]:
            return name
    return f"?{len(code)}"


@cache
def function_map(name: str) -> dict[int, str]:
    """The function that each place of a contract's code belongs to."""
    if name.startswith("?"):
        return {}
    _, source_map = compile_ir.assembly_to_evm(compiled(name).assembly_runtime)
    known: dict[int, Any] = source_map["pc_raw_ast_map"]
    found = {}
    for place, node in known.items():
        owner = node if isinstance(node, vy_ast.FunctionDef) else node.get_ancestor(vy_ast.FunctionDef)
        if owner is not None:
            module = owner.get_ancestor(vy_ast.Module)
            found[place] = f"{Path(module.path).stem}.{owner.name}"
    return found


def report(title: str, found: Profile, minus: Profile | None = None, per: int = 1) -> str:
    lines = [f"== {title}: {(found.total - (minus.total if minus else 0)) / per:,.0f} after refunds"]

    def part(name: str, counters: Counter[str], base: Counter[str] | None, most: int, counts: bool = False) -> None:
        lines.append(f"  -- {name}")
        rest = Counter({key: (value - (base[key] if base else 0)) / per for key, value in counters.items()})
        for key, value in rest.most_common(most):
            if abs(value) < 20:
                continue
            times = ""
            if counts:
                times = f" x {(found.counts[key] - (minus.counts[key] if minus else 0)) / per:.1f}"
            lines.append(f"    {value:>12,.0f}  {key}{times}")

    lines.append(f"  refund {(found.refund - (minus.refund if minus else 0)) / per:,.0f}")
    part("by opcode class", found.classes, minus and minus.classes, 30, counts=True)
    part("by contract (delegatecalled code under its own name)", found.contracts, minus and minus.contracts, 12)
    part("by function, alone", found.alone, minus and minus.alone, 34)
    part("by function, with what it calls", found.whole, minus and minus.whole, 40)
    if minus is None:
        part("storage", found.slots, None, 40)
    return "\n".join(lines)
