"""Compiles the contracts into `build/abi/<Name>.json`, which scripts, keeper and web app read.

`python -m plimsoll.artifacts` compiles what changed and prints the sizes. A contract is compiled again when it,
anything it imports from this repository, or the compiler changed.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.table import Table

from plimsoll.errors import PlimsollError

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
BUILD = ROOT / "build" / "abi"

EVM_VERSION = "cancun"
BLUEPRINTS = frozenset({"Market", "TradingEngine", "RiskEngine"})
"""Contracts that a factory creates from a blueprint (ERC-5202)."""
MAX_RUNTIME_SIZE = 22_000
"""Bytes of runtime code that a contract of Plimsoll may have. The EVM's own limit is 24,576."""
FORMAT = 2
"""Raise it when the artifacts get other fields, so that old ones are made anew."""

_CAMEL_CASE = re.compile(r"[A-Z][A-Za-z0-9]+")
_IMPORT = re.compile(r"^(?:from\s+(\.*)([\w.]*)\s+)?import\s+([\w.]+)", re.MULTILINE)


class Artifact(BaseModel):
    """One compiled contract."""

    model_config = ConfigDict(frozen=True)

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    """Creation code, 0x-prefixed hex, without constructor arguments."""
    blueprint: str | None = None
    """Creation code of the ERC-5202 blueprint, for contracts in `BLUEPRINTS`."""
    runtime_size: int
    """Bytes of the code on the chain, with immutables."""
    immutables_size: int
    """Bytes of it, at its end, that the constructor sets."""
    source_hash: str


# Sources -------------------------------------------------------------------------------------------------------------


def contract_names(contracts: Path = CONTRACTS) -> list[str]:
    """Names of the deployable contracts: the CamelCase files right under `contracts/`."""
    return sorted(path.stem for path in contracts.glob("*.vy") if _CAMEL_CASE.fullmatch(path.stem))


def sources(path: Path) -> set[Path]:
    """`path` and every file of this repository that it imports, directly or not."""
    found: set[Path] = set()
    pending = [path.resolve()]
    while pending:
        source = pending.pop()
        if source in found:
            continue
        found.add(source)
        pending += _imports(source)
    return found


def _imports(path: Path) -> list[Path]:
    imported = []
    for dots, module, name in _IMPORT.findall(path.read_text(encoding="utf-8")):
        for folder in [path.parents[len(dots) - 1]] if dots else [path.parent, ROOT]:
            base = folder.joinpath(*module.split(".")) if module else folder
            candidates = (base.joinpath(*name.split(".")).with_suffix(suffix) for suffix in (".vy", ".vyi"))
            imported += [candidate for candidate in candidates if candidate.is_file()]
    return imported


def source_hash(path: Path) -> str:
    """Hash of all that decides the bytecode of `path`."""
    digest = hashlib.sha256(f"{FORMAT} {version('vyper')} {version('snekmate')} {EVM_VERSION}".encode())
    for source in sorted(sources(path)):
        digest.update(os.path.relpath(source, path.parent).encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


# Compiling -----------------------------------------------------------------------------------------------------------


def compile_contract(path: Path) -> Artifact:
    """Compiles one contract.

    :raises PlimsollError: with the compiler's message.
    """
    # The compiler takes most of a second to import, and an up-to-date build does not need it.
    from vyper.compiler import compile_from_file_input
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings
    from vyper.exceptions import VyperException

    site_packages = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*site_packages, path.parent])
    formats = ["abi", "bytecode", "bytecode_runtime", "layout"]
    if path.stem in BLUEPRINTS:
        formats.append("blueprint_bytecode")
    digest = source_hash(path)
    try:
        output = compile_from_file_input(
            bundle.load_file(path), bundle, settings=Settings(evm_version=EVM_VERSION), output_formats=formats
        )
    except VyperException as error:
        raise PlimsollError(f"contracts/{path.name} does not compile: {error}") from None
    immutables = _immutables_size(output["layout"].get("code_layout", {}))
    return Artifact(
        name=path.stem,
        abi=output["abi"],
        bytecode=output["bytecode"],
        blueprint=output.get("blueprint_bytecode"),
        runtime_size=len(output["bytecode_runtime"].removeprefix("0x")) // 2 + immutables,
        immutables_size=immutables,
        source_hash=digest,
    )


def is_code_of(code: bytes, artifact: Artifact) -> bool:
    """Whether `code`, as a chain shows it, is that of `artifact`, whatever its immutables are."""
    fixed = code[: len(code) - artifact.immutables_size]
    return len(code) == artifact.runtime_size and fixed in bytes.fromhex(artifact.bytecode.removeprefix("0x"))


def _immutables_size(layout: dict[str, Any]) -> int:
    # A module's immutables are nested under its name.
    return sum(
        entry["length"] if isinstance(entry.get("length"), int) else _immutables_size(entry)
        for entry in layout.values()
        if isinstance(entry, dict)
    )


def compile_all(names: Iterable[str] = (), contracts: Path = CONTRACTS, build: Path = BUILD) -> dict[str, Artifact]:
    """Brings the artifacts of `names` (default: all contracts) up to date, on all cores.

    :returns: the artifacts by name.
    :raises PlimsollError: if a contract does not compile; those that do are written nevertheless.
    """
    wanted = list(names) or contract_names(contracts)
    artifacts: dict[str, Artifact] = {}
    stale = []
    for name in wanted:
        artifact = _read(build / f"{name}.json")
        if artifact is not None and artifact.source_hash == source_hash(contracts / f"{name}.vy"):
            artifacts[name] = artifact
        else:
            stale.append(name)
    _remove_orphans(contracts, build)
    if not stale:
        return artifacts

    build.mkdir(parents=True, exist_ok=True)
    # The biggest first, so that it is not what the others end up waiting for.
    stale.sort(key=lambda name: -sum(source.stat().st_size for source in sources(contracts / f"{name}.vy")))
    errors = []
    with ProcessPoolExecutor(max_workers=min(len(stale), os.cpu_count() or 1)) as pool:
        for future in [pool.submit(compile_contract, contracts / f"{name}.vy") for name in stale]:
            try:
                artifact = future.result()
            except PlimsollError as error:
                errors.append(str(error))
                continue
            artifacts[artifact.name] = artifact
            write_atomically(build / f"{artifact.name}.json", artifact.model_dump_json(exclude_none=True))
    if errors:
        raise PlimsollError("\n".join(errors))
    return artifacts


def _remove_orphans(contracts: Path, build: Path) -> None:
    for path in build.glob("*.json"):
        if not (contracts / f"{path.stem}.vy").exists():
            path.unlink()


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` to `path` so that a reader sees the old file or the whole new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


# Reading -------------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Artifact | None:
    try:
        return Artifact.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@cache
def load(name: str) -> Artifact:
    """The artifact of contract `name`, as the last compilation left it.

    :raises PlimsollError: if there is none.
    """
    artifact = _read(BUILD / f"{name}.json")
    if artifact is None:
        raise PlimsollError(f"build/abi/{name}.json is missing or damaged: run `make abis`")
    return artifact


def abi(name: str) -> list[dict[str, Any]]:
    """The ABI of contract `name`. Errors as `load`."""
    return load(name).abi


def size_table(artifacts: Iterable[Artifact]) -> Table:
    """Runtime sizes, biggest first."""
    table = Table(title=f"Runtime code, limit {MAX_RUNTIME_SIZE:,} bytes")
    table.add_column("contract")
    table.add_column("bytes", justify="right")
    table.add_column("of limit", justify="right")
    for artifact in sorted(artifacts, key=lambda artifact: -artifact.runtime_size):
        percent = artifact.runtime_size * 100 // MAX_RUNTIME_SIZE
        style = "red" if artifact.runtime_size > MAX_RUNTIME_SIZE else ""
        table.add_row(artifact.name, f"{artifact.runtime_size:,}", f"{percent} %", style=style)
    return table


@click.command()
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@click.argument("names", nargs=-1)
def main(quiet: bool, names: tuple[str, ...]) -> None:
    """Compile the contracts NAMES (default: all) into build/abi and print their sizes."""
    unknown = sorted(set(names) - set(contract_names()))
    if unknown:
        raise click.ClickException(f"no such contract: {', '.join(unknown)}")
    try:
        artifacts = compile_all(names)
    except PlimsollError as error:
        raise click.ClickException(str(error)) from None
    if not quiet:
        Console().print(size_table(artifacts.values()))


if __name__ == "__main__":
    main()
