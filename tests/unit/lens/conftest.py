from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from tests.system import World, build_world


@pytest.fixture(scope="session")
def _two_markets() -> World:
    return build_world(markets=2)


@pytest.fixture
def world(_two_markets: World) -> Iterator[World]:
    """Two markets at 100 USD with the default parameters and capital; what a test does to it is rolled back."""
    start = boa.env.timestamp
    with boa.env.anchor():
        yield _two_markets
    boa.env.evm.patch.timestamp = start


@pytest.fixture
def anchored() -> Iterator[None]:
    """For tests that build a world of their own."""
    start = boa.env.timestamp
    with boa.env.anchor():
        yield
    boa.env.evm.patch.timestamp = start
