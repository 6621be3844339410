"""What a market tells of a new price."""

from __future__ import annotations

from tests.regressions.support import build_desk
from tests.system import WAD, World, events

USD = 10**6


def test_price_round__the_first__is_no_move(anchored: None) -> None:
    market = build_desk().world.markets[-1]
    market.crank(1)
    (told,) = events(market, "PriceRound")
    assert (told.price_round, told.index_price, told.funding_index) == (1, 100 * WAD, 0)
    assert told.variation_margin == 0
    assert told.budget_left == market.params().loss_budget


def test_price_round__later__tells_what_the_vault_owes_for_the_move(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    world.crank()
    before = world.state()
    world.set_price(101 * WAD)
    world.crank()
    (told,) = events(world.market, "PriceRound")
    accrued = told.funding_index - before.funding_index
    owed = -(-1_000 * (WAD - accrued) // 10**12)
    assert told.variation_margin == owed
    # a day refills the whole of it
    refilled = world.market.params().loss_budget * 1 // 86_400
    assert told.budget_left == min(world.market.params().loss_budget, before.budget_left + refilled) - owed
