from __future__ import annotations

import boa
import pytest

from plimsoll.revm import RevmEnv
from tests.system import World, build_world

boa.set_env(RevmEnv())


@pytest.fixture(scope="module")
def world() -> World:
    """A market at 100 USD without funding, so that time alone changes nothing; a test's doings are rolled back."""
    return build_world(funding_k_bps=0)
