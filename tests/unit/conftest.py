"""Fixtures of the unit tests. The contracts run on titanoboa, on revm: `pytest -p no:ape_test tests/unit`.

titanoboa's plugin undoes what a test or a Hypothesis example did on the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boa
import pytest

from plimsoll.revm import Patch, RevmEnv

if TYPE_CHECKING:
    from tests.unit.support import System

boa.set_env(RevmEnv())


@pytest.fixture(scope="session", params=[6], ids=lambda decimals: f"{decimals}_decimals")
def decimals(request: pytest.FixtureRequest) -> int:
    """Of the currency. `@every_decimals` runs a test with 6, 8 and 18."""
    return int(request.param)


@pytest.fixture(scope="session")
def system(decimals: int) -> System:
    from tests.unit.support import build_system

    # before every other deployment that shares this clock, whichever file comes first: time must not run back for it
    with boa.env.evm.patch.anchor():
        boa.env.evm.patch.timestamp = Patch.timestamp
        return build_system(decimals)


@pytest.fixture
def anchored() -> Iterator[None]:
    """Rolls back what a test does, the time included."""
    with boa.env.anchor():
        yield


@pytest.fixture
def pool(system: System) -> Any:
    return system.pool


@pytest.fixture
def vault(system: System) -> Any:
    return system.vault


@pytest.fixture
def insurance(system: System) -> Any:
    return system.insurance


@pytest.fixture
def order_book(system: System) -> Any:
    return system.order_book


@pytest.fixture
def market(system: System) -> Any:
    return system.market
