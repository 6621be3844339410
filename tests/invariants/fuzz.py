"""`make fuzz`: the state machine for as long as one likes, and random scenarios in contracts and model.

    python -m tests.invariants.fuzz --steps 100000
    python -m tests.invariants.fuzz --scenarios 2000
    python -m tests.invariants.fuzz --replay build/fuzz/machine-1.json

A step is one action with all invariants after it. What fails is written to build/fuzz in its smallest form.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.invariants import test_machine, test_model

OUT = Path("build/fuzz")
STEPS_PER_EXAMPLE = 60
EXAMPLES_PER_SEED = 25
MAX_FAILURES = 20


def fuzz_machine(seed: int, target: int, done: Any, failures: Any) -> None:
    """Plays examples until all processes together have done `target` steps."""

    def count() -> None:
        with done.get_lock():
            done.value += 1

    test_machine.Player.on_step = staticmethod(count)  # type: ignore[assignment]
    test_machine.Player.is_enough = staticmethod(lambda: done.value >= target)  # type: ignore[assignment]
    draws = random.Random(seed)
    while done.value < target and failures.value < MAX_FAILURES:
        number = draws.getrandbits(32)
        test_machine.Machine.saved_to = OUT / f"machine-{number}.json"
        try:
            test_machine.run(EXAMPLES_PER_SEED, STEPS_PER_EXAMPLE, number)
        except Exception as error:
            saved = test_machine.Machine.saved_to
            saved.write_text(test_machine.smallest(saved.read_text(encoding="utf-8")) + "\n", encoding="utf-8")
            _failed(failures, f"machine-{number}", error)


def fuzz_model(seed: int, target: int, done: Any, failures: Any) -> None:
    """Plays scenarios until all processes together have done `target`."""
    draws = random.Random(seed)
    while failures.value < MAX_FAILURES:
        with done.get_lock():
            if done.value >= target:
                return
            done.value += 1
        number = draws.getrandbits(32)
        script = test_model.draw(random.Random(number))
        try:
            test_model.play(*script)
        except Exception as error:
            OUT.mkdir(parents=True, exist_ok=True)
            smallest, why = test_model.shrink(*script)
            (OUT / f"scenario-{number}.json").write_text(test_model.written(*smallest) + "\n", encoding="utf-8")
            (OUT / f"scenario-{number}.txt").write_text(f"{why}\n", encoding="utf-8")
            _failed(failures, f"scenario-{number}", error)


def _failed(failures: Any, name: str, error: Exception) -> None:
    with failures.get_lock():
        failures.value += 1
    print(f"\n{OUT}/{name}.json: {type(error).__name__}: {str(error)[:400]}", file=sys.stderr, flush=True)


def run(work: Any, target: int, processes: int, seed: int, what: str) -> int:
    """Returns how many examples failed."""
    context = multiprocessing.get_context("fork")
    done: Synchronized[int] = context.Value("q", 0)
    failures: Synchronized[int] = context.Value("q", 0)
    console = Console()
    console.print(f"{target:,} {what} on {processes} processes, seed {seed} (--seed {seed} draws the same)")
    workers = [context.Process(target=work, args=(seed + i, target, done, failures)) for i in range(processes)]
    started = time.monotonic()
    for worker in workers:
        worker.start()
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=target, rate="")
        while any(worker.is_alive() for worker in workers):
            time.sleep(0.2)
            rate = f"{done.value / (time.monotonic() - started):.0f}/s, {failures.value} failures"
            progress.update(task, completed=min(done.value, target), rate=rate)
        progress.update(task, completed=min(done.value, target))
    seconds = time.monotonic() - started
    console.print(f"{done.value:,} {what} in {seconds:.0f} s, {done.value / seconds:.1f}/s, {failures.value} failures")
    crashed = sum(worker.exitcode != 0 for worker in workers)
    return failures.value + crashed


@click.command()
@click.option("--steps", type=int, default=0, help="Steps of the state machine.")
@click.option("--scenarios", type=int, default=0, help="Random scenarios in contracts and model.")
@click.option("--processes", type=int, default=2)
@click.option("--seed", type=int, default=None, help="Draws the same examples again.")
@click.option("--replay", type=click.Path(exists=True, path_type=Path), default=None, help="Plays one saved example.")
def main(steps: int, scenarios: int, processes: int, seed: int | None, replay: Path | None) -> None:
    """Look for sequences that break an invariant."""
    if replay is not None:
        text = replay.read_text(encoding="utf-8")
        (test_model.replay if replay.name.startswith("scenario") else test_machine.replay)(text)
        click.echo(f"{replay}: every invariant holds")
        return
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    # compiled and loaded once, before the processes part
    for decimals in (6, 8, 18):
        test_machine.deployed(decimals)
    failed = 0
    if steps:
        failed += run(fuzz_machine, steps, processes, seed, "steps")
    if scenarios:
        failed += run(fuzz_model, scenarios, processes, seed, "scenarios")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
