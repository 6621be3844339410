"""Deployments that outlive a test share one clock. Which is built first depends on which worker takes which file."""

from __future__ import annotations

import boa

from tests.system import build_world


def test_resume__another_exchange_was_built_meanwhile__finds_its_own_time(anchored: None) -> None:
    first = build_world(markets=2)
    build_world()
    assert boa.env.timestamp < first.built_at, "time ran back for the first one"
    first.resume()
    assert boa.env.timestamp == first.built_at
    assert first.market.vault_position()[2]
    first.open("trader", 10**18, 10**6 * 100)
