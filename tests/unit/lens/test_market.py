"""The market's view at the newest price is what the market says of itself once it has taken that price in."""

from __future__ import annotations

import boa
import pytest

from tests.system import WAD, World, build_world, events

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


@pytest.mark.parametrize("sign", [1, -1])
def test_market__open_room__is_what_a_trade_may_add_to_the_skew(world: World, sign: int) -> None:
    with boa.env.prank(world.owner):
        world.market.set_params(world.market.params()._replace(loss_budget=20_000 * USD, funding_k_bps=0))
    world.open("other", 100 * WAD, 5_000 * USD)
    world.refresh()
    view = world.lens.market(world.market.address)
    room = view.open_room_long if sign > 0 else view.open_room_short
    assert room == view.open_capacity * 10**30 // view.index_price - sign * 100 * WAD
    quote = world.lens.quote(world.market.address, world.account("trader"), sign * (room + 1), 5_000 * USD)
    assert quote.error == "market is at its open capacity"
    world.open("trader", sign * room, 5_000 * USD)


@pytest.mark.parametrize(("sign", "side"), [(1, "long"), (-1, "short")])
def test_market__backstop_room__is_what_the_vault_takes_over(world: World, sign: int, side: str) -> None:
    """Of positions to liquidate that are worth more than nothing; a skew against them makes it more."""
    params = world.market.params()
    world.open("other", sign * 100 * WAD, 5_000 * USD)
    world.open("loser", sign * 9_000 * WAD, 24_000 * USD)
    world.open("rest", -sign * 6_000 * WAD, 90_000 * USD)
    with boa.env.prank(world.owner):
        world.market.set_params(params._replace(loss_budget=20_000 * USD))
    world.set_price(100 * WAD - sign * 175 * WAD // 100)
    view = world.lens.market(world.market.address)
    room = {"long": view.backstop_room_long, "short": view.backstop_room_short}[side]
    assert room - sign * view.skew == view.backstop_capacity * 10**30 // view.index_price
    world.crank()
    (taken,) = [event for event in events(world.market, "Liquidated") if event.to_vault]
    assert taken.units == room < 9_000 * WAD


def test_market__settling__vault_takes_nothing_over(anchored: None) -> None:
    world = build_world(vault=20_000, loss_budget=100_000 * USD, skin=0, insurance=0)
    world.open("trader", 1_000 * WAD, 20_000 * USD)
    world.set_price(160 * WAD)
    world.crank()
    view = world.lens.market(world.market.address)
    assert view.is_settling
    assert view.open_room_long == view.open_room_short == view.backstop_room_long == view.backstop_room_short == 0


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
