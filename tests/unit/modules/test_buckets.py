"""Shares against owners kept one by one: nobody gets more than from an eager engine, nor less than dust below it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.support import WAD, deployer

BUCKET = 134 << 16 | 40_000
SCALE = 10**30
RELAXED = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def buckets() -> Any:
    return deployer("StubBuckets").deploy(SCALE)


def test_join__first__gets_a_share_a_unit(buckets: Any) -> None:
    with boa.env.anchor():
        assert buckets.join(BUCKET, 5 * WAD, 1) == (5 * WAD, 0)
        assert buckets.units_shares_epoch(BUCKET) == (5 * WAD, 5 * WAD, 0)


def test_leave__last_owner__empties_the_bucket_and_raises_the_epoch(buckets: Any) -> None:
    with boa.env.anchor():
        shares, _ = buckets.join(BUCKET, 5 * WAD, 1)
        buckets.leave(BUCKET, 5 * WAD, shares, 1)
        assert buckets.units_shares_epoch(BUCKET) == (0, 0, 1)
        assert buckets.join(BUCKET, WAD, 1) == (WAD, 1)


def test_close__earlier_epoch__stays_payable(buckets: Any) -> None:
    with boa.env.anchor():
        first, _ = buckets.join(BUCKET, 2 * WAD, 1)
        buckets.give(BUCKET, 2 * WAD, 1_000, 300, 1)
        second, epoch = buckets.join(BUCKET, 7 * WAD, 2)
        assert epoch == 1
        cash, claim, _ = buckets.owed(BUCKET, 0, first, 0)
        assert 999 <= cash <= 1_000
        assert 299 <= claim <= 300
        assert buckets.owed(BUCKET, 1, second, 0)[:2] == (0, 0)


def test_join__worn_out_bucket__reverts_and_says_what_to_do(buckets: Any) -> None:
    with boa.env.anchor():
        shares, _ = buckets.join(BUCKET, 2**110, 1)
        buckets.close(BUCKET, 2**110 - 1, 0)
        with boa.reverts("bucket is worn out: change the margin a little"):
            buckets.join(BUCKET, 4, 1)
        assert shares == 2**110


def test_join__less_than_a_share__reverts(buckets: Any) -> None:
    with boa.env.anchor():
        buckets.join(BUCKET, 10, 1)
        with boa.reverts("too small for its bucket"):
            buckets.join(BUCKET, 0, 1)


@pytest.mark.parametrize("units", [2, 3, 2**49, 2**50 - 1, 2**50, 2**50 + 1, 123_456_789 * WAD, 2**112 - 1])
def test_base__any_size__keeps_fifty_bits_rounded_down(buckets: Any, units: int) -> None:
    with boa.env.anchor():
        buckets.join(BUCKET, units, 7)
        base = buckets.base_at(BUCKET, 7)
        assert units - units // 2**49 <= base <= units
        buckets.give(BUCKET, units // 2, 0, 0, 7)
        assert buckets.base_at(BUCKET, 7) == base
        # giving more changes nothing, and another price forgets it
        if units > 3:
            buckets.give(BUCKET, 1, 0, 0, 7)
        assert buckets.base_at(BUCKET, 7) == base
        left = buckets.units_shares_epoch(BUCKET)[0]
        assert left - left // 2**49 <= buckets.base_at(BUCKET, 8) <= left


def test_base__join_or_leave_at_the_price_of_adl__the_part_given_stays(buckets: Any) -> None:
    with boa.env.anchor():
        shares, _ = buckets.join(BUCKET, 80 * WAD, 7)
        buckets.give(BUCKET, 20 * WAD, 0, 0, 7)
        buckets.join(BUCKET, 40 * WAD, 7)
        # three quarters of what is there when the part given counts
        assert buckets.base_at(BUCKET, 7) == pytest.approx(100 * WAD * 4 // 3, rel=2**-48)
        buckets.leave(BUCKET, 30 * WAD, shares, 7)
        assert buckets.base_at(BUCKET, 7) == pytest.approx(70 * WAD * 4 // 3, rel=2**-48)


def test_base__join_at_another_price__is_what_is_there(buckets: Any) -> None:
    with boa.env.anchor():
        buckets.join(BUCKET, 80 * WAD, 7)
        buckets.give(BUCKET, 20 * WAD, 0, 0, 7)
        buckets.join(BUCKET, 40 * WAD, 8)
        assert buckets.base_at(BUCKET, 8) == pytest.approx(100 * WAD, rel=2**-48)


steps = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "close"]),
        st.integers(0, 3),
        st.integers(1, 10**6),
        st.integers(0, 10**9),
        st.integers(0, 10**8),
    ),
    min_size=1,
    max_size=20,
)


class Eager:
    """Owners with one position each, kept one by one in exact fractions, beside what the bucket says of them."""

    def __init__(self, buckets: Any) -> None:
        self.buckets = buckets
        self.units: dict[int, Fraction] = {}
        self.due: dict[int, list[Fraction]] = {}
        self.collected: dict[int, list[int]] = {}
        self.places: dict[int, tuple[int, int]] = {}  # owner -> shares, epoch
        self.snapshots: dict[int, int] = {}
        self.operations = 0

    def join(self, owner: int, units: int) -> None:
        shares, epoch = self.buckets.join(BUCKET, units, 1)
        self.places[owner] = shares, epoch
        self.snapshots[owner] = self.buckets.owed(BUCKET, epoch, 0, 0)[2]
        self.units[owner] = Fraction(units)
        self.due[owner] = [Fraction(0), Fraction(0)]
        self.collected[owner] = [0, 0]

    def collect(self, owner: int) -> None:
        shares, epoch = self.places[owner]
        cash, claim, self.snapshots[owner] = self.buckets.owed(BUCKET, epoch, shares, self.snapshots[owner])
        self.collected[owner][0] += cash
        self.collected[owner][1] += claim

    def leave(self, owner: int, part: int) -> None:
        self.collect(owner)
        total, all_shares, _ = self.buckets.units_shares_epoch(BUCKET)
        shares, epoch = self.places[owner]
        taken = self.buckets.share_units(total, all_shares, shares) * part // 10**6
        self.places[owner] = shares - self.buckets.leave(BUCKET, taken, shares, 1), epoch
        self.units[owner] -= taken

    def close(self, part: int, cash: int, claim: int) -> None:
        total, _, _ = self.buckets.units_shares_epoch(BUCKET)
        closed = max(1, total * part // 10**6)
        if claim:
            self.buckets.give(BUCKET, closed, cash, claim, 1)
        else:
            self.buckets.close(BUCKET, closed, cash)
        held = sum(self.units.values())
        for owner, units in self.units.items():
            self.due[owner][0] += cash * units / held
            self.due[owner][1] += claim * units / held
            self.units[owner] = units - closed * units / held
        if closed == total:
            self.units = {}

    def check(self) -> None:
        total, all_shares, _ = self.buckets.units_shares_epoch(BUCKET)
        for owner, due in self.due.items():
            self.collect(owner)
            for got, exact in zip(self.collected[owner], due, strict=True):
                assert exact - 2 * self.operations - 1 <= got <= exact + 1
            if owner in self.units:
                units = self.buckets.share_units(total, all_shares, self.places[owner][0])
                assert abs(units - self.units[owner]) <= 4 * self.operations
        for kind in (0, 1):
            assert sum(got[kind] for got in self.collected.values()) <= sum(due[kind] for due in self.due.values())


@RELAXED
@given(steps)
def test_shares__any_sequence__lazy_equals_eager(buckets: Any, steps: list[tuple[str, int, int, int, int]]) -> None:
    with boa.env.anchor():
        eager = Eager(buckets)
        for kind, owner, part, cash, claim in steps:
            eager.operations += 1
            if kind == "join" and owner not in eager.places:
                eager.join(owner, part * 10**15)
            elif kind == "leave" and owner in eager.units and part < 10**6:
                eager.leave(owner, part)
            elif kind == "close" and eager.units:
                eager.close(part, cash, claim)
        eager.check()
