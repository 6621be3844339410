"""The bitmap against a plain Python set, the classes and ticks against exact arithmetic."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system import NONE, beta_of, floor_of
from tests.unit.support import deployer

LOWEST, HIGHEST = 2**30, 2**94 - 1
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def grid() -> Any:
    return deployer("StubGrid").deploy()


words = st.integers(1, 2**256 - 1) | st.integers(0, 255).map(lambda bit: 1 << bit)


@RELAXED
@given(words)
def test_msb_lsb__any_word__as_python(grid: Any, word: int) -> None:
    assert grid.msb(word) == word.bit_length() - 1
    assert grid.lsb(word) == (word & -word).bit_length() - 1


@RELAXED
@given(st.integers(-(2**250), 2**250), st.integers(1, 2**128))
def test_floor_ceil_div__signed__as_python(grid: Any, a: int, b: int) -> None:
    assert grid.floor_div(a, b) == a // b
    assert grid.ceil_div(a, b) == -(-a // b)


@RELAXED
@given(st.integers(0, 2**127), st.integers(0, 2**127), st.integers(1, 2**128))
def test_mul_div__rounds_as_named(grid: Any, a: int, b: int, c: int) -> None:
    assert grid.mul_div_down(a, b, c) == a * b // c
    assert grid.mul_div_up(a, b, c) == -(-a * b // c)


def test_mul_div__overflow__reverts(grid: Any) -> None:
    with boa.reverts():
        grid.mul_div_down(2**200, 2**100, 1)


def test_floor_of__every_class__is_a_quarter_octave(grid: Any) -> None:
    floors = [grid.floor_of(index) for index in range(257)]
    assert floors[:256] == [floor_of(index) for index in range(256)]
    # tick widths are whole numbers of wei
    assert all(floor % 16 == 0 for floor in floors)
    for low, high in pairwise(floors):
        assert 1.188 < high / low < 1.1897


@RELAXED
@given(st.integers(LOWEST, HIGHEST))
def test_class_of__any_basis__lies_between_floor_and_ceiling(grid: Any, basis: int) -> None:
    index = grid.class_of(basis)
    assert grid.floor_of(index) <= basis < grid.floor_of(index + 1)


@pytest.mark.parametrize("basis", [0, LOWEST - 1, HIGHEST + 1, 2**200])
def test_class_of__out_of_range__reverts(grid: Any, basis: int) -> None:
    with boa.reverts("margin per unit out of range"):
        grid.class_of(basis)


@RELAXED
@given(st.integers(0, 1), st.integers(2**50, 2**90), st.integers(-(2**14), 2**14), st.integers(0, 15))
def test_bucket_for__rounds_beta_up_by_less_than_a_tick(
    grid: Any, side: int, basis: int, ticks: int, sixteenths: int
) -> None:
    width = floor_of(grid.class_of(basis)) // 16
    beta = ticks * width + sixteenths * width // 16
    bucket = grid.bucket_for(side, basis, beta)
    assert bucket >> 24 == side
    assert beta <= beta_of(bucket) == grid.beta_of(bucket) < beta + width


def test_bucket_for__tick_out_of_range__reverts(grid: Any) -> None:
    width = floor_of(grid.class_of(2**60)) // 16
    assert grid.bucket_for(0, 2**60, 32_767 * width) & 0xFFFF == 65_535
    assert grid.bucket_for(0, 2**60, -32_768 * width) & 0xFFFF == 0
    for beta in (32_767 * width + 1, -32_769 * width):
        with boa.reverts("bankruptcy price out of range"):
            grid.bucket_for(0, 2**60, beta)


ticks = st.integers(0, 65_535) | st.sampled_from([0, 1, 255, 256, 257, 65_279, 65_280, 65_534, 65_535])
ids = st.builds(
    lambda side, index, tick: side << 24 | index << 16 | tick,
    st.integers(0, 1),
    st.sampled_from([0, 7, 255]),
    ticks,
)


@RELAXED
@given(st.lists(st.tuples(st.booleans(), ids), max_size=25), st.lists(ids, min_size=1, max_size=8))
def test_bitmap__any_sequence__matches_a_set(grid: Any, steps: list[tuple[bool, int]], queries: list[int]) -> None:
    live: set[int] = set()
    with boa.env.anchor():
        for is_joining, id_ in steps:
            if is_joining:
                grid.set_live(id_)
                live.add(id_)
            elif id_ in live:
                grid.set_empty(id_)
                live.discard(id_)
        for query in [*queries, *live]:
            column = [id_ for id_ in live if id_ >> 16 == query >> 16]
            assert grid.at_or_above(query) == min((i for i in column if i >= query), default=NONE)
            assert grid.at_or_below(query) == max((i for i in column if i <= query), default=NONE)
            assert grid.above(query) == min((i for i in column if i > query), default=NONE)
            assert grid.below(query) == max((i for i in column if i < query), default=NONE)
        for side in (0, 1):
            classes = {id_ >> 16 & 255 for id_ in live if id_ >> 24 == side}
            assert grid.live_columns(side) == sum(1 << index for index in classes)
            highest = max((beta_of(id_) for id_ in live if id_ >> 24 == side), default=-(2**127))
            assert grid.beta_bound(side) >= highest
            # one below the highest: the scan tightens the bound to what is there
            assert grid.is_all_at_or_below(side, highest)
            if highest > -(2**127):
                assert not grid.is_all_at_or_below(side, highest - 1)
                assert grid.beta_bound(side) == highest
