from __future__ import annotations

import pytest

from tests.system import World, build_world


@pytest.fixture(scope="session")
def _two_markets() -> World:
    return build_world(markets=2)


@pytest.fixture
def world(_two_markets: World, anchored: None) -> World:
    """Two markets at 100 USD with the default parameters and capital; what a test does to it is rolled back."""
    _two_markets.resume()
    return _two_markets
