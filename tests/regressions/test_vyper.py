"""Static: what the compiler sees of every contract and module, types included."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vyper import ast as vy
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings
from vyper.semantics.types import DArrayT, SArrayT, StructT
from vyper.semantics.types.function import ContractFunctionT, MemberFunctionT

from plimsoll import artifacts
from tests.regressions.traps import trap

CONTRACTS = artifacts.CONTRACTS
SOURCES = sorted(path for path in CONTRACTS.rglob("*.vy"))
IDS = [str(path.relative_to(CONTRACTS)) for path in SOURCES]
every_source = pytest.mark.parametrize("path", SOURCES, ids=IDS)

# arrays in storage that grow: bounded, and changed by the owner alone, one entry at a time
GROWING = {"contracts/modules/market_list.vy: markets"}
# structs in storage that are written whole because all of it is new
WHOLE = {
    "contracts/Vault.vy: request": "made and deleted as a whole; a part redeemed changes three of its fields",
    "contracts/Vault.vy: round": "opened as a whole",
    "contracts/InsuranceFund.vy: skin_request": "as the vault's",
    "contracts/modules/stakes.vy: _requests": "as the vault's",
    "contracts/ChainlinkSource.vy: feeds": "set by the owner, all at once",
    "contracts/PythSource.vy: feeds": "set by the owner, all at once",
    "contracts/SourceRouter.vy: routes": "an announcement; what it replaces may have taken effect",
}
# internal functions that take an array
PASSED = {
    "contracts/PriceFeed.vy: _set_publishers": "the owner's, once in a while",
    "contracts/Relay.vy: _update": "sixteen observations on their way out",
    "contracts/Lens.vy: _is_fair_adl_due": "two words, in a view",
}


@cache
def modules() -> dict[Path, Any]:
    """Every module of the project with its types, by path."""
    found: dict[Path, Any] = {}
    site_packages = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    for name in artifacts.contract_names():
        path = CONTRACTS / f"{name}.vy"
        bundle = FilesystemInputBundle([*site_packages, CONTRACTS])
        settings = Settings(evm_version=artifacts.EVM_VERSION)
        pending = [CompilerData(bundle.load_file(path), bundle, settings=settings).annotated_vyper_module]
        while pending:
            module = pending.pop()
            own = Path(module.resolved_path).resolve()
            if own in found or CONTRACTS not in own.parents or own.suffix != ".vy":
                continue
            found[own] = module
            pending += [info.module_t._module for info in module._metadata["type"].imported_modules.values()]
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(CONTRACTS.parent))


def place(node: Any) -> str:
    return f"{Path(node.module_node.resolved_path).name}:{node.lineno}"


def has_side_effect(node: Any) -> bool:
    """Whether evaluating the expression may change something."""
    for call in [node, *node.get_descendants()]:
        if isinstance(call, vy.ExtCall):
            return True
        if isinstance(call, vy.Call):
            function = call.func._metadata.get("type")
            if isinstance(function, ContractFunctionT) and function.is_internal and function.is_mutable:
                return True
            if isinstance(function, MemberFunctionT) and function.is_modifying:
                return True
    return False


def nodes(path: Path, kind: Any) -> Iterator[Any]:
    yield from modules()[path].get_descendants(kind)


def test_sources__all_of_them_are_looked_at() -> None:
    assert set(modules()) == {path.resolve() for path in SOURCES}


@trap("a growing array rewritten at each call")
@every_source
def test_storage__growing_arrays__are_the_known_ones(path: Path) -> None:
    growing = {
        f"{name_of(path)}: {node.target.id}"
        for node in nodes(path, vy.VariableDecl)
        if isinstance(node.target._metadata["varinfo"].typ, DArrayT)
        and not node.is_constant
        and not node.is_immutable
        and not node.is_transient
    }
    assert growing <= GROWING
    assert all((CONTRACTS.parent / entry.split(":")[0]).exists() for entry in GROWING)


@trap("a whole struct rewritten for one field")
@every_source
def test_storage__structs__are_written_whole_only_when_all_is_new(path: Path) -> None:
    written = set()
    for node in nodes(path, (vy.Assign, vy.AugAssign)):
        target = node.target
        base = target.value if isinstance(target, vy.Subscript) else target
        is_storage = isinstance(base, vy.Attribute) and isinstance(base.value, vy.Name) and base.value.id == "self"
        if is_storage and isinstance(target._metadata["type"], StructT):
            written.add(f"{name_of(path)}: {base.attr}")
    assert written <= WHOLE.keys()


@trap("arrays passed by value")
@every_source
def test_functions__internal__take_no_arrays(path: Path) -> None:
    taking = set()
    for node in nodes(path, vy.FunctionDef):
        function = node._metadata["func_type"]
        arrays = [each for each in function.arguments if isinstance(each.typ, (DArrayT, SArrayT))]
        if function.is_internal and arrays:
            taking.add(f"{name_of(path)}: {node.name}")
    assert taking <= PASSED.keys()


@trap("own functions called through the external interface")
@every_source
def test_calls__none_to_the_own_external_interface(path: Path) -> None:
    own = [
        place(node)
        for kind in (vy.ExtCall, vy.StaticCall)
        for node in nodes(path, kind)
        for target in [node.value.func.value]
        if isinstance(target, vy.Call) and [getattr(each, "id", "") for each in target.args] == ["self"]
    ]
    assert not own


@trap("bare // on signed numbers")
@every_source
def test_division__signed__only_in_floor_div_and_ceil_div(path: Path) -> None:
    bare = []
    for node in nodes(path, vy.BinOp):
        if isinstance(node.op, (vy.FloorDiv, vy.Mod)) and getattr(node._metadata["type"], "is_signed", False):
            function = node.get_ancestor(vy.FunctionDef)
            if path.name != "fixed_point.vy" or function.name not in ("floor_div", "ceil_div"):
                bare.append(place(node))
    assert not bare


@trap("a side effect in a loop header or an argument list")
@every_source
def test_side_effects__none_in_loop_headers_and_beside_other_arguments(path: Path) -> None:
    found = [place(node) for node in nodes(path, vy.For) if has_side_effect(node.iter)]
    for node in nodes(path, vy.Call):
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        # `convert(f(), int256)`: a type is not evaluated
        evaluated = [each for each in arguments if not getattr(each._metadata.get("type"), "_is_typet", False)]
        is_conversion = getattr(node.func, "id", "") == "convert"
        if len(evaluated) > 1 and not is_conversion and any(has_side_effect(each) for each in arguments):
            found.append(place(node))
    assert not found


@trap("a file without its own nonreentrancy pragma")
def test_pragma__stands_in_every_file() -> None:
    stubs = [*(CONTRACTS.parent / "tests").rglob("*.vy")]
    assert len(SOURCES) > 20
    for path in SOURCES + stubs:
        assert "# pragma nonreentrancy on\n" in path.read_text(encoding="utf-8"), path.name
