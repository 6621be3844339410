"""Where the gas of a transaction goes: by kind of operation, contract and function. `python -m bench.profile open`."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click
from eth.abc import ComputationAPI
from eth.exceptions import Halt
from eth.vm.forks.cancun.computation import CancunComputation
from rich.console import Console
from rich.table import Table
from vyper import ast as vy_ast
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings
from vyper.ir import compile_ir

from bench import cranks, trading
from bench.exchange import PRICE
from bench.meter import apply_cold, gas_of, intrinsic_gas
from plimsoll import artifacts

CALLS = ("CALL", "DELEGATECALL", "STATICCALL")
KINDS = {"SHA3": "KECCAK", "TLOAD": "transient storage", "TSTORE": "transient storage", "ecrecover": "precompile"}
KINDS |= dict.fromkeys(("MLOAD", "MSTORE", "MCOPY", "CALLDATACOPY", "CODECOPY", "RETURNDATACOPY"), "memory, copies")
WRITES = {20_000: "SSTORE zero to other", 2_900: "SSTORE other to other or zero"}
COLD_SLOT, COLD_ACCOUNT = 2_100, 2_600
SHOWN = 100
"""Less gas than this is not shown."""


@dataclass
class Profile:
    """Gas before refunds. `alone` is by function without what it calls, `whole` with it."""

    gas: int = 0
    """After refunds."""
    kinds: Counter[str] = field(default_factory=Counter)
    contracts: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)

    def note(self, mnemonic: str, gas: int, stack: list[str]) -> None:
        for kind, part in kinds_of(mnemonic, gas):
            self.kinds[kind] += part
        self.contracts[stack[-1].split(".")[0]] += gas
        self.alone[stack[-1]] += gas
        for name in set(stack):
            self.whole[name] += gas

    def minus(self, other: "Profile", parts: int) -> "Profile":
        """The difference to `other`, shared by `parts`."""
        shared = Profile((self.gas - other.gas) // parts)
        for name in ("kinds", "contracts", "alone", "whole"):
            mine, others = getattr(self, name), getattr(other, name)
            setattr(shared, name, Counter({key: (mine[key] - others[key]) // parts for key in mine | others}))
        return shared


def kinds_of(mnemonic: str, gas: int) -> list[tuple[str, int]]:
    """The gas of one operation, by kind."""
    if mnemonic == "SLOAD":
        return [("SLOAD cold" if gas == COLD_SLOT else "SLOAD warm", gas)]
    if mnemonic == "SSTORE":
        is_cold = gas - COLD_SLOT in (100, *WRITES)
        written = gas - COLD_SLOT if is_cold else gas
        return [("SSTORE cold", gas - written), (WRITES.get(written, "SSTORE again or same"), written)]
    if mnemonic in CALLS:
        return [(f"{mnemonic} {'cold' if gas >= COLD_ACCOUNT else 'warm'}", gas)]
    return [("LOG" if mnemonic.startswith("LOG") else KINDS.get(mnemonic, "other operations"), gas)]


def profile(function: Any, *args: Any, sender: str) -> Profile:
    """Profiles a call as a transaction of its own. The state stays as it is."""
    found = Profile()
    stacks: list[list[str]] = []

    class Profiled(CancunComputation):
        @classmethod
        def apply_computation(cls, state: Any, message: Any, context: Any, **_: Any) -> ComputationAPI:
            with cls(state, message, context) as computation:
                if message.code_address in computation.precompiles:
                    computation.precompiles[message.code_address](computation)
                    found.note("ecrecover", computation.get_gas_used(), [name for stack in stacks for name in stack])
                else:
                    stacks.append([])
                    run(computation, found, stacks)
            if message.code_address not in computation.precompiles:
                stacks.pop()
            return computation

    data = function.prepare_calldata(*args)
    computation = apply_cold(Profiled, data, to=function.contract.address, sender=sender)
    assert not computation.is_error, computation.error
    found.gas = gas_of(data, computation)
    found.kinds["transaction, calldata"] = found.contracts["transaction, calldata"] = intrinsic_gas(data)
    return found


def run(computation: Any, found: Profile, stacks: list[list[str]]) -> None:
    """Runs the code of a call as py-evm does and notes each operation. `stacks`: functions under way, call by call."""
    code, stack = computation.code, stacks[-1]
    contract = contract_of(code._raw_code_bytes)
    functions = function_map(contract)
    for opcode in code:
        # what the compiler puts between functions belongs to the one under way
        place = functions.get(code.program_counter - 1, "" if stack else "selector")
        name = f"{contract}.{place}"
        if place and name in stack:
            del stack[stack.index(name) + 1 :]
        elif place:
            stack.append(name)
        operation = computation.opcodes[opcode]
        before, children = computation.get_gas_remaining(), len(computation.children)
        try:
            operation(computation=computation)
        except Halt:
            return
        finally:
            inner = sum(child.get_gas_used() for child in computation.children[children:])
            gas = before - computation.get_gas_remaining() - inner
            found.note(operation.mnemonic, gas, [name for frame in stacks for name in frame])


@cache
def compiled(name: str) -> CompilerData:
    folders = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*folders, artifacts.CONTRACTS])
    source = bundle.load_file(artifacts.CONTRACTS / f"{name}.vy")
    return CompilerData(source, bundle, settings=Settings(evm_version=artifacts.EVM_VERSION))


@cache
def contract_of(code: bytes) -> str:
    """The contract that this is the runtime code of; immutables follow the code."""
    for name in artifacts.contract_names():
        if code.startswith(compiled(name).bytecode_runtime):
            return name
    return f"{len(code)} bytes"


@cache
def function_map(contract: str) -> dict[int, str]:
    """The function that each place of a contract's code belongs to, as far as the source map tells."""
    if contract not in artifacts.contract_names():
        return {}
    _, source_map = compile_ir.assembly_to_evm(compiled(contract).assembly_runtime)
    found = {}
    for place, node in source_map["pc_raw_ast_map"].items():
        function = node if isinstance(node, vy_ast.FunctionDef) else node.get_ancestor(vy_ast.FunctionDef)
        if function is not None:
            found[place] = f"{Path(function.get_ancestor(vy_ast.Module).path).stem}.{function.name}"
    return found


# What can be profiled


def place() -> Profile:
    bench = trading.market_in_use()
    trading.leave_order(bench)
    trader = bench.fund(trading.FIRST, 1)
    return profile(bench.contract("OrderBook").place, bench.order(trading.LOT, trading.MARGIN), sender=trader)


def execute(size: int, *, is_open: bool) -> Profile:
    bench = trading.market_in_use()
    trading.leave_order(bench)
    bench.open([trading.SECOND], trading.LOT, trading.MARGIN, PRICE)
    if is_open:
        bench.open([trading.FIRST], trading.LOT, trading.MARGIN, PRICE)
    trader = bench.fund(trading.FIRST, 1)
    order_id = bench.place(trader, size, 0 if is_open else trading.MARGIN, reduce_only=is_open)
    bench.publish(PRICE)
    return profile(bench.contract("OrderBook").execute, order_id, sender=bench.keeper)


def update() -> Profile:
    bench = trading.market_in_use()
    return profile(bench.contract("PriceFeed").update, bench.signed(PRICE + 1), sender=bench.keeper)


def further_bucket(build: Callable[[int], Any]) -> Profile:
    bench, _ = build(1)
    few, many = (profile(bench.market.crank, number, sender=bench.keeper) for number in (cranks.FEW, cranks.MANY))
    return many.minus(few, cranks.MANY - cranks.FEW)


def whole_crank(build: Callable[[int], Any]) -> Profile:
    bench, _ = build(1)
    return profile(bench.market.crank, cranks.ALL, sender=bench.keeper)


def claim(build: Callable[[int], Any]) -> Profile:
    bench, owners = build(1)
    bench.crank()
    bench.market.sync(owners[1], sender=bench.keeper)
    return profile(bench.market.sync, owners[0], sender=bench.keeper)


WORK: dict[str, Callable[[], Profile]] = {
    "place": place,
    "open": lambda: execute(trading.LOT, is_open=False),
    "close": lambda: execute(-trading.LOT, is_open=True),
    "price": update,
    "liquidate-bucket": lambda: further_bucket(cranks.losers),
    "liquidate": lambda: whole_crank(cranks.losers),
    "adl-bucket": lambda: further_bucket(cranks.winners),
    "adl": lambda: whole_crank(cranks.winners),
    "claim": lambda: claim(cranks.losers),
    "claim-recovery": lambda: claim(cranks.winners),
}


@click.command()
@click.argument("work", type=click.Choice(list(WORK)), nargs=-1, required=True)
def main(work: tuple[str, ...]) -> None:
    """Profile WORK. A '-bucket' is what each further bucket adds to a crank."""
    artifacts.compile_all()
    console = Console()
    for name in work:
        found = WORK[name]()
        console.print(f"[bold]{name}: {found.gas:,} gas after refunds[/bold]")
        parts = (
            ("kind of operation", found.kinds),
            ("contract whose code runs", found.contracts),
            ("function, alone", found.alone),
            ("function, with what it calls", found.whole),
        )
        for title, gas in parts:
            table = Table(box=None)
            table.add_column("gas", justify="right")
            table.add_column(title)
            for key, value in gas.most_common():
                if abs(value) >= SHOWN:
                    table.add_row(f"{value:,}", key)
            console.print(table)


if __name__ == "__main__":
    main()
