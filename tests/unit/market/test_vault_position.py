"""What a market means to the vault."""

from __future__ import annotations

import boa
import pytest

from tests.capital.support import join, worth_of
from tests.system import WAD, World, build_world

USD = 10**6
DAY = 86_400
MILLION = 1_000_000 * USD


@pytest.fixture
def settling(anchored: None) -> World:
    """The vault may not pay what the one long has won."""
    world = build_world(vault=1_000_000, skin=0, insurance=0, funding_k_bps=0)
    world.open("winner", 30_000 * WAD, 2 * MILLION)
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 0)
    world.set_price(101 * WAD)
    world.crank()
    assert world.state().is_settling
    return world


def test_vault_position__settling__reserves_nothing_for_a_premium_that_nobody_is_paid(settling: World) -> None:
    owed, reserve, is_settled = settling.market.vault_position()
    assert (owed, reserve, is_settled) == (pytest.approx(-30_000 * USD, rel=0.01), 0, True)
    join(settling, "newcomer", MILLION)
    with boa.env.prank(settling.owner):
        settling.pool.set_mandate(settling.market.address, MILLION)
    settling.crank()
    settling.close("winner")
    assert settling.state().units_long == 0
    assert MILLION - 2 <= worth_of(settling, "newcomer") <= MILLION


def test_vault_position__settling__price_stands_still_and_need_not_be_fresh(settling: World) -> None:
    told = settling.market.vault_position()
    worth = settling.vault.totalAssets()
    settling.set_price(150 * WAD)
    boa.env.time_travel(seconds=30 * DAY)
    assert settling.market.vault_position() == told
    assert settling.vault.totalAssets() == worth
    join(settling, "newcomer", MILLION)
