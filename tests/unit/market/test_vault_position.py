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


def test_vault_position__many_columns__costs_no_more_than_one(world: World) -> None:
    def gas() -> int:
        world.market.vault_position()
        return int(world.market._computation.get_gas_used())

    world.open("first", 10 * WAD, 500 * USD)
    world.crank()
    one = gas()
    for i in range(20):
        world.open(f"trader {i}", WAD, 5 * USD * 2 ** (i // 4) * (4 + i % 4) // 4)
    assert world.market.columns(0).bit_count() >= 16
    world.crank()
    assert gas() <= one + 500


@pytest.mark.parametrize(("price", "is_settled"), [(99_500, True), (98_500, False), (97_000, False), (101_000, True)])
def test_vault_position__bound_blocks__the_buckets_decide(world: World, price: int, is_settled: bool) -> None:
    """The bound still tells of a position that is gone; another is liquidatable below 98.99 or so."""
    world.open("gone", 10 * WAD, 25 * USD)
    world.open("stays", 10 * WAD, 26 * USD)
    world.close("gone")
    world.set_price(price * WAD // 1_000)
    assert world.market.vault_position()[2] == is_settled
