"""The market's view at the newest price is what the market says of itself once it has taken that price in."""

from __future__ import annotations

import boa

from tests.system import WAD, World

USD = 10**6


def test_market__new_price__is_what_the_next_crank_stores(world: World) -> None:
    world.open("long", 2_000 * WAD, 40_000 * USD)
    world.open("short", -500 * WAD, 20_000 * USD)
    world.set_price(103 * WAD, after=50)
    view = world.lens.market(world.market.address)
    assert world.state().index_price == 100 * WAD
    world.crank()
    state = world.state()
    for name in ("index_price", "published_at", "funding_index", "units_long", "units_short", "budget_left"):
        assert getattr(view, name) == getattr(state, name), name
    assert 0 <= view.trader_equity - state.trader_equity <= 1
    assert view.budget_left < world.market.params().loss_budget
    assert view.skew == 1_500 * WAD
    assert view.open_capacity == state.budget_left * 10_000 // 3_000
    assert view.backstop_capacity == state.budget_left * 10
    assert view.adl_trigger == state.budget_left * 20


def test_market__same_price__is_the_stored_state(world: World) -> None:
    world.open("long", 2_000 * WAD, 40_000 * USD)
    view = world.lens.market(world.market.address)
    state = world.state()
    for name in ("cash", "claimable", "trader_equity", "budget_left", "is_settling", "is_increase_paused"):
        assert getattr(view, name) == getattr(state, name), name


def test_market__skew__moves_mark_price_and_funding_rate(world: World) -> None:
    # an eighth of a percent of the skew scale
    world.open("long", 12_500 * WAD, 200_000 * USD)
    view = world.lens.market(world.market.address)
    assert view.mark_price == 100 * WAD + 100 * WAD // 800
    assert view.funding_rate_per_day == WAD * 20 // 100 // 800
    world.open("short", -25_000 * WAD, 400_000 * USD)
    view = world.lens.market(world.market.address)
    assert view.mark_price == 100 * WAD - 100 * WAD // 800
    assert view.funding_rate_per_day == -WAD * 20 // 100 // 800


def test_market__old_price__is_stale(world: World) -> None:
    world.refresh()
    assert not world.lens.market(world.market.address).is_stale
    boa.env.time_travel(seconds=60)
    assert not world.lens.market(world.market.address).is_stale
    boa.env.time_travel(seconds=1)
    assert world.lens.market(world.market.address).is_stale


def test_market__bankrupt_bucket__is_not_clean(world: World) -> None:
    world.open("long", 1_000 * WAD, 5_000 * USD)
    beta = world.position("long").beta
    world.set_price(beta + WAD // 100)
    assert world.lens.market(world.market.address).is_clean
    world.set_price(beta - WAD // 100)
    assert not world.lens.market(world.market.address).is_clean
