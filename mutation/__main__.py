"""`python -m mutation`: a sample of the mutants against the fast suite; it goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mutation import report
from mutation.generate import Mutant, is_hopeless, mutants, names_of

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutation"
COPIED = ("contracts", "plimsoll", "tests", "mutation", "pyproject.toml")
TRIED = ("killed", "survived")


def tracked(*paths: str) -> list[str]:
    """Files of the project under `paths`, also those not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(path for path in set(listed.stdout.split("\0")) if path and (ROOT / path).is_file())


def digest(*paths: str) -> str:
    """Of the contents of all files under `paths`."""
    total = hashlib.sha256()
    for path in tracked(*paths):
        total.update(path.encode() + b"\0" + (ROOT / path).read_bytes() + b"\0")
    return total.hexdigest()[:16]


def copy_tree(target: Path) -> None:
    """A copy for a worker: no mutant ever stands in the working tree."""
    kept = target / "build" / "revm_contracts"
    spared = WORK / f"{target.name}.kept"
    if kept.exists():
        shutil.rmtree(spared, ignore_errors=True)
        kept.rename(spared)
    shutil.rmtree(target, ignore_errors=True)
    for path in tracked(*COPIED):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target / path)
    shutil.copytree(ROOT / "build" / "abi", target / "build" / "abi")
    if spared.exists():
        spared.rename(kept)


class Results:
    """What became of each mutant, kept line by line. A mutant that survived is tried again when the tests changed."""

    def __init__(self) -> None:
        self.contracts = digest("contracts")
        self.tests = digest("tests", "plimsoll", "mutation/worker.py")
        self.path = WORK / f"results-{self.contracts}.jsonl"
        self.by_id: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self.by_id[entry["id"]] = entry
        self.by_id = {
            key: entry
            for key, entry in self.by_id.items()
            if entry["outcome"] != "error" and (entry["outcome"] != "survived" or entry["tests"] == self.tests)
        }

    def add(self, mutant: Mutant, entry: dict[str, Any]) -> None:
        entry |= {"tests": self.tests, "mutant": mutant.__dict__}
        self.by_id[mutant.id] = entry
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def codes(self) -> set[str]:
        return {entry["code"] for entry in self.by_id.values() if "code" in entry}


class Worker:
    """A process of `mutation.worker` in a copy of the tree."""

    def __init__(self, number: int) -> None:
        folder = WORK / f"copy-{number}"
        copy_tree(folder)
        self.log = (WORK / f"worker-{number}.log").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mutation.worker"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
        )

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise click.ClickException(f"a worker ended: see {self.log.name}")
        return dict(json.loads(line))

    def ask(self, mutant: Mutant, known: set[str]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"mutant": mutant.__dict__, "known": sorted(known)}) + "\n")
        return self.answer()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def run(candidates: Iterator[Mutant], results: Results, wanted: int | None, workers: int, console: Console) -> None:
    """Tries candidates until `wanted` of them compiled to code of their own and were tested."""
    lock = threading.Lock()
    failures: queue.Queue[Exception] = queue.Queue()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("mutants", total=wanted, told="starting")
        count = {"killed": 0, "survived": 0, "invalid": 0, "same": 0, "duplicate": 0, "error": 0}

        def is_enough() -> bool:
            return wanted is not None and count["killed"] + count["survived"] >= wanted

        def note(outcome: str) -> None:
            count[outcome] += 1
            told = ", ".join(f"{number} {name}" for name, number in count.items() if number)
            progress.update(task, completed=count["killed"] + count["survived"], told=told)

        def serve(number: int) -> None:
            worker = Worker(number)
            try:
                ready = worker.answer()
                if not ready["ready"]:
                    raise click.ClickException(f"the suite fails without any mutant: {ready['detail']}")
                while True:
                    with lock:
                        mutant = None if is_enough() or not failures.empty() else next(candidates, None)
                        if mutant is None:
                            return
                        old = results.by_id.get(mutant.id)
                        if old is not None:
                            note(old["outcome"])
                            continue
                        known = results.codes()
                    entry = worker.ask(mutant, known)
                    with lock:
                        results.add(mutant, entry)
                        note(entry["outcome"])
            except Exception as error:
                failures.put(error)
            finally:
                worker.end()

        threads = [threading.Thread(target=serve, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if not failures.empty():
        raise failures.get()


@click.command()
@click.option("--mutants", "wanted", default="100", help="How many to test, or `all`.")
@click.option("--seed", default=1, help="Decides which.")
@click.option("--workers", default=2, help="Processes at a time.")
@click.option("--only", default="", help="Only files whose path contains this.")
@click.option("--report-only", is_flag=True, help="Tell what earlier runs found.")
@click.option("--document", is_flag=True, help="Write docs/mutation.md too.")
def main(wanted: str, seed: int, workers: int, only: str, report_only: bool, document: bool) -> None:
    """Mutants of the money paths against the fast suite."""
    console = Console()
    WORK.mkdir(parents=True, exist_ok=True)
    results = Results()
    made = mutants(ROOT, WORK / "venv" / "bin" / "python", seed)
    names = {path: names_of((ROOT / path).read_text(encoding="utf-8")) for path in {each.path for each in made}}
    hopeful = [each for each in made if only in each.path and not is_hopeless(each, names[each.path])]
    if not report_only:
        number = None if wanted == "all" else int(wanted)
        run(iter(hopeful), results, number, workers, console)
    entries = [results.by_id[each.id] for each in hopeful if each.id in results.by_id]
    text, unjudged = report.write(entries, len(made), seed)
    (WORK / "report.md").write_text(text, encoding="utf-8")
    if document:
        (ROOT / "docs" / "mutation.md").write_text(text, encoding="utf-8")
    console.print(text, markup=False, highlight=False)
    if unjudged:
        raise click.ClickException(f"{unjudged} survivors without a verdict in mutation/verdicts.toml")


if __name__ == "__main__":
    main()
