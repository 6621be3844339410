"""One worker: takes mutants from stdin, a JSON line each, and tells on stdout what became of them.

It runs in a copy of the tree. Everything is imported and compiled once; each mutant is tried in a fork of that.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mutation.generate import Mutant
from plimsoll import artifacts
from tests.unit.support import STUBS

ROOT = Path.cwd()
CONTRACTS = (
    "Market",
    "RiskEngine",
    "TradingEngine",
    "MarginPool",
    "Lens",
    "InsuranceFund",
    "PriceFeed",
    "Vault",
    "StubGrid",
    "StubBuckets",
)
# cheapest first
SUITES = (
    "tests/unit/modules",
    "tests/unit/margin_pool",
    "tests/unit/market",
    "tests/regressions",
    "tests/invariants/test_anchored.py",
    "tests/invariants/test_machine.py::test_machine__random_rules__keep_all_invariants",
)
EXAMPLES = 12  # of the state machine
LEFT_OUT = (
    "tests/unit/market/test_layout.py",
    "tests/regressions/test_list.py",
    "tests/regressions/test_vyper.py",
    "tests/regressions/test_documents.py",
)


def source_of(name: str) -> Path:
    """The file of contract or stub `name`."""
    stub = ROOT / STUBS.relative_to(artifacts.ROOT) / f"{name}.vy"
    return stub if stub.exists() else ROOT / "contracts" / f"{name}.vy"


class Watcher:
    """Keeps the first test that fails."""

    def __init__(self) -> None:
        self.failed = ""
        self.count = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.count += report.when == "call"
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def run_tests() -> Watcher:
    """The suites, up to the first test that fails."""
    watcher = Watcher()
    os.environ["PLIMSOLL_EXAMPLES"] = str(EXAMPLES)
    options = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:ape_test", "-p", "no:cacheprovider", "-p", "no:xdist"]
    options += [f"--ignore={path}" for path in LEFT_OUT]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main([*options, *SUITES], plugins=[watcher])
    if code != pytest.ExitCode.OK and not watcher.failed:
        watcher.failed = f"pytest: {code!r}"
    return watcher


# Which contracts a line gets into ------------------------------------------------------------------------------------


def reach(name: str) -> dict[str, list[tuple[int, int]]]:
    """By file, first and last line of every function that runs in contract `name`."""
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData
    from vyper.compiler.settings import Settings

    path = source_of(name)
    site_packages = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*site_packages, ROOT, path.parent])
    data = CompilerData(bundle.load_file(path), bundle, settings=Settings(evm_version=artifacts.EVM_VERSION))
    module = data.annotated_vyper_module._metadata["type"]
    roots = [*module.exposed_functions, *([module.init_function] if module.init_function else [])]
    found: dict[str, list[tuple[int, int]]] = {}
    for root in roots:
        for function in (root, *root.reachable_internal_functions):
            node = function.ast_def
            file = os.path.relpath(node.module_node.resolved_path, ROOT)
            found.setdefault(file, []).append((node.lineno, node.end_lineno))
    return found


def functions_of(path: Path) -> list[tuple[int, int]]:
    """First and last line of every function in a source."""
    from vyper.ast import FunctionDef, parse_to_ast

    module = parse_to_ast(path.read_text(encoding="utf-8"))
    return [(node.lineno, node.end_lineno) for node in module.get_children(FunctionDef)]


class Bench:
    """The contracts as they are, and where each line of the targets gets to."""

    def __init__(self) -> None:
        self.made = artifacts.compile_all() | {
            path.stem: artifacts.compile_contract(path) for path in sorted(STUBS.glob("*.vy"))
        }
        self.sources = {
            name: {os.path.relpath(path, ROOT) for path in artifacts.sources(source_of(name))} for name in CONTRACTS
        }
        self.reached = {name: reach(name) for name in CONTRACTS}
        self.functions: dict[str, list[tuple[int, int]]] = {}

    def affected(self, mutant: Mutant) -> list[str]:
        """Contracts whose code the mutant may change."""
        if mutant.path not in self.functions:
            self.functions[mutant.path] = functions_of(ROOT / mutant.path)
        is_inside = any(first <= mutant.line <= last for first, last in self.functions[mutant.path])
        return [
            name
            for name in CONTRACTS
            if mutant.path in self.sources[name]
            and (
                not is_inside
                or any(first <= mutant.line <= last for first, last in self.reached[name].get(mutant.path, []))
            )
        ]


def code_of(artifact: artifacts.Artifact) -> str:
    """The creation code without what the compiler writes behind it, a hash of the sources among others."""
    trailer = int(artifact.bytecode[-4:], 16)
    return artifact.bytecode[: -2 * trailer]


def attempt(bench: Bench, mutant: Mutant, known: set[str]) -> dict[str, Any]:
    """What becomes of the mutant, whose text is in place."""
    made = {}
    try:
        for name in bench.affected(mutant):
            made[name] = artifacts.compile_contract(source_of(name))
    except Exception as error:
        return {"outcome": "invalid", "detail": f"{type(error).__name__}: {error}"[:200]}
    changed = {name: code_of(each) for name, each in made.items() if code_of(each) != code_of(bench.made[name])}
    if not changed:
        return {"outcome": "same", "detail": ""}
    code = hashlib.sha256(json.dumps(changed).encode()).hexdigest()[:16]
    if code in known:
        return {"outcome": "duplicate", "detail": "", "code": code}

    every = bench.made | made
    artifacts.load = lambda name: every[name]  # type: ignore[assignment]
    artifacts.compile_all = lambda names=(), *_: {name: every[name] for name in names}  # type: ignore[assignment]
    watcher = run_tests()
    return {"outcome": "killed" if watcher.failed else "survived", "detail": watcher.failed, "code": code}


def fork(job: Callable[[], dict[str, Any]], limit: float) -> dict[str, Any]:
    """What `job` returns, done in a process of its own that ends after `limit` seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setpgid(0, 0)
        signal.alarm(int(limit))
        try:
            result = job()
        except BaseException:
            result = {"outcome": "error", "detail": traceback.format_exc()[-400:]}
        with os.fdopen(writing, "w") as file:
            json.dump(result, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"outcome": "killed", "detail": f"no end in {limit:.0f} s"}


def everything() -> dict[str, Any]:
    """All suites on the contracts as they are. In a fork too: nothing it deploys may serve a mutant."""
    watcher = run_tests()
    return {"detail": watcher.failed, "tests": watcher.count}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")

    bench = Bench()
    began = time.monotonic()
    base = fork(everything, 3_600)
    took = time.monotonic() - began
    answer({"ready": not base["detail"], "seconds": round(took, 1), **base})
    if base["detail"]:
        return
    for line in sys.stdin:
        job = json.loads(line)
        mutant = Mutant(**job["mutant"])
        path = ROOT / mutant.path
        source = path.read_text(encoding="utf-8")
        began = time.monotonic()
        try:
            path.write_text(mutant.apply(source), encoding="utf-8")
            result = fork(partial(attempt, bench, mutant, set(job["known"])), limit=60 + 5 * took)
        finally:
            path.write_text(source, encoding="utf-8")
        answer({"id": mutant.id, "seconds": round(time.monotonic() - began, 1), **result})


if __name__ == "__main__":
    main()
