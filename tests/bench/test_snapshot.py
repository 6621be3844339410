"""No figure may grow by over 3 % over `bench/snapshot.json`; crashes of more than 1,000 positions: `make bench`."""

from __future__ import annotations

import boa
import pytest

from bench import figures, snapshot
from bench.snapshot import complaints
from plimsoll.artifacts import MAX_RUNTIME_SIZE
from plimsoll.revm import RevmEnv

COMMITTED = {"execute_open": 100_000.0, "size_Market": 21_000}


@pytest.mark.parametrize("group", figures.quick())
def test_group__stays_within_the_snapshot(group: str) -> None:
    with boa.swap_env(RevmEnv()):
        measured = figures.quick()[group]()
    found = complaints(measured, snapshot.load())
    assert not found, "\n" + "\n".join(found)


def test_snapshot__has_every_goal_and_every_crash() -> None:
    wanted = set(figures.GOALS) | {scale.figure for scale in figures.SCALES}
    assert wanted <= set(snapshot.load())


def test_complaints__three_percent_more__none() -> None:
    assert not complaints({"execute_open": 103_000}, COMMITTED)


def test_complaints__less_than_before__none() -> None:
    assert not complaints({"execute_open": 50_000, "size_Market": 10_000}, COMMITTED)


def test_complaints__over_three_percent_more__tells_figure_snapshot_measured_and_command() -> None:
    (line,) = complaints({"execute_open": 103_001, "size_Market": 21_000}, COMMITTED)
    assert line.startswith("execute_open: 103,001 measured, 100,000 in snapshot.json: +3.0%")
    assert "make bench UPDATE=1" in line


def test_complaints__new_figure__tells_the_command() -> None:
    (line,) = complaints({"execute_close": 1_234}, COMMITTED)
    assert line.startswith("execute_close: 1,234 measured, not in snapshot.json")
    assert "make bench UPDATE=1" in line


def test_complaints__contract_too_big__even_if_the_snapshot_has_it() -> None:
    size = MAX_RUNTIME_SIZE + 1
    (line,) = complaints({"size_Market": size}, {"size_Market": size})
    assert line == f"size_Market: {size:,} bytes, the limit is {MAX_RUNTIME_SIZE:,}"


def test_complaints__contract_as_big_as_allowed__none() -> None:
    assert not complaints({"size_Market": MAX_RUNTIME_SIZE}, {"size_Market": MAX_RUNTIME_SIZE})
