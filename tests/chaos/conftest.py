"""`make chaos`: services under faults. What each run cost is shown at the end and written to build/chaos.json."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from plimsoll import artifacts
from plimsoll.replay import write_json
from tests.chaos.base import Base, make_base
from tests.chaos.stage import Fault, Stage

RESULTS = artifacts.ROOT / "build" / "chaos.json"
results: dict[str, dict[str, Any]] = {}
Prepare = Callable[[Stage], Coroutine[Any, Any, None]]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Deployment and crowd."""
    artifacts.compile_all()
    folder = tmp_path_factory.mktemp("base")
    return asyncio.run(make_base(folder))


async def one_keeper(stage: Stage) -> None:
    """The usual cast."""
    stage.keep()


class Runs:
    """Plays runs and keeps what they cost."""

    def __init__(self, base: Base, folder: Path) -> None:
        self.base = base
        self.folder = folder

    def play(
        self,
        name: str,
        faults: Mapping[int, Fault] | None = None,
        prepare: Prepare = one_keeper,
        check: Prepare | None = None,
    ) -> dict[str, Any]:
        """The state that a run ends in; `check` looks at the stage before it is cleared."""

        async def run() -> dict[str, Any]:
            async with Stage(self.base, self.folder / name) as stage:
                began = time.monotonic()
                await prepare(stage)
                await stage.play(faults)
                seconds = round(time.monotonic() - began)
                state = await stage.end_state()
                results[name] = {"seconds": seconds, **asdict(await stage.figures())}
                if check:
                    await check(stage)
                return state

        return asyncio.run(run())


@pytest.fixture(scope="session")
def runs(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(base, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def undisturbed(runs: Runs) -> dict[str, Any]:
    """What every disturbed run has to end in."""
    return runs.play("undisturbed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not results:
        return
    write_json(RESULTS, results)
    terminalreporter.section("keepers under faults")
    columns = ("seconds", "sent", "failed", "wasted", "gas")
    terminalreporter.line(f"{'run':32}" + "".join(f"{column:>12}" for column in columns))
    for name, figures in results.items():
        terminalreporter.line(f"{name:32}" + "".join(f"{figures[column]:>12,}" for column in columns))
    terminalreporter.line(f"written to {RESULTS.relative_to(artifacts.ROOT)}")
