"""Every trap has a test or a reason, and neither has a trap that is not on the list."""

from __future__ import annotations

import importlib

import pytest

from tests.regressions.traps import TRAPS


@pytest.mark.parametrize("name", TRAPS)
def test_traps__each__has_a_test_or_a_reason(name: str) -> None:
    module = importlib.import_module(f"tests.regressions.{name}")
    tested = {trap for test in vars(module).values() for trap in getattr(test, "traps", ())}
    excused = set(getattr(module, "CANNOT_APPLY", {}))
    assert tested | excused == set(TRAPS[name])
    assert not tested & excused
    assert all(len(reason) > 30 for reason in getattr(module, "CANNOT_APPLY", {}).values())
