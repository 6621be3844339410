from __future__ import annotations

import boa
import pytest

from plimsoll.revm import RevmEnv
from tests.system import World, build_world

boa.set_env(RevmEnv())


@pytest.fixture(scope="module")
def world() -> World:
    """A market at 100 USD with the default parameters and capital; what a test does to it is rolled back."""
    return build_world()
