from __future__ import annotations

import pytest

from tests.system import World, build_world


@pytest.fixture(scope="session")
def _default() -> World:
    return build_world()


@pytest.fixture
def world(_default: World, anchored: None) -> World:
    """A market at 100 USD with the default parameters and capital; what a test does to it is rolled back."""
    _default.resume()
    return _default
