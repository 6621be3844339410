"""The queue and the rank are the order in which ADL then goes."""

from __future__ import annotations

import boa
import pytest

from tests.system import LONG, SHORT, WAD, World, build_world, events

USD = 10**6


@pytest.fixture
def crowd(anchored: None) -> World:
    """Ten shorts of different leverage against one long that a fall makes bankrupt; steps of 100 %."""
    world = build_world(adl_step_bps=10_000, loss_budget=40_000 * USD, skin=0, insurance=0)
    for i in range(10):
        world.open(f"short{i}", -(50 + 10 * i) * WAD, (300 + 290 * i) * USD)
        world.open(f"long{i}", 60 * WAD, 5_900 * USD)
    world.open("loser", 350 * WAD, 900 * USD)
    return world


def test_queue__is_sorted_and_complete(crowd: World) -> None:
    crowd.set_price(80 * WAD)
    queue = crowd.lens.queue(crowd.market.address, SHORT, 64)
    assert len(queue) >= 8
    assert [item.score for item in queue] == sorted((item.score for item in queue), reverse=True)
    assert {item.bucket for item in queue} <= set(crowd.live_buckets(SHORT))
    assert all(item.profit_per_unit > 0 and item.equity_per_unit > item.profit_per_unit for item in queue)
    assert sum(item.units for item in queue) <= crowd.state().units_short


def test_queue__first_n__is_the_head(crowd: World) -> None:
    crowd.set_price(80 * WAD)
    whole = crowd.lens.queue(crowd.market.address, SHORT, 64)
    assert crowd.lens.queue(crowd.market.address, SHORT, 3) == whole[:3]
    assert crowd.lens.queue(crowd.market.address, SHORT, 0) == []


def test_queue__no_profit__is_empty(crowd: World) -> None:
    crowd.set_price(80 * WAD)
    assert crowd.lens.queue(crowd.market.address, LONG, 64) == []


def test_queue__is_the_order_of_adl(crowd: World) -> None:
    params = crowd.market.params()._replace(loss_budget=10_000)
    with boa.env.prank(crowd.owner):
        crowd.market.set_params(params)
    crowd.set_price(80 * WAD)
    queue = crowd.lens.queue(crowd.market.address, SHORT, 64)
    crowd.crank()
    told = events(crowd.market, "Deleveraged")
    assert len(told) >= 2
    assert [(e.bucket, e.score) for e in told] == [(item.bucket, item.score) for item in queue][: len(told)]


def test_adl_rank__names_what_is_ahead(crowd: World) -> None:
    crowd.set_price(80 * WAD)
    queue = crowd.lens.queue(crowd.market.address, SHORT, 64)
    total = sum(item.units for item in queue)
    ahead = {}
    running = 0
    for item in queue:
        ahead[item.bucket] = running
        running += item.units
    for i in range(10):
        rank = crowd.lens.adl_rank(crowd.market.address, crowd.account(f"short{i}"))
        bucket = crowd.position(f"short{i}").bucket
        assert rank.is_eligible == (bucket in ahead)
        assert rank.units_eligible == total
        if rank.is_eligible:
            assert rank.units_ahead == ahead[bucket]
            assert rank.lights == 5 - ahead[bucket] * 5 // total
            assert rank.units_until_reached == ahead[bucket]
        else:
            assert rank.lights == 0
    lights = [crowd.lens.position(crowd.market.address, crowd.account(f"short{i}")).lights for i in range(10)]
    assert max(lights) == 5 and min(lights) < 3


def test_adl_rank__loss_now__is_what_adl_then_takes(crowd: World) -> None:
    params = crowd.market.params()._replace(loss_budget=10_000)
    with boa.env.prank(crowd.owner):
        crowd.market.set_params(params)
    crowd.set_price(80 * WAD)
    queue = crowd.lens.queue(crowd.market.address, SHORT, 64)
    owner = next(f"short{i}" for i in range(10) if crowd.position(f"short{i}").bucket == queue[0].bucket)
    rank = crowd.lens.adl_rank(crowd.market.address, crowd.account(owner))
    crowd.crank()
    told = events(crowd.market, "Deleveraged")[0]
    assert told.bucket == queue[0].bucket
    assert rank.loss_per_unit_now > 0
    # the vault still took a few units
    assert abs(rank.loss_per_unit_now - told.loss_per_unit) * 1_000 < told.loss_per_unit


def test_adl_rank__no_position__is_empty(crowd: World) -> None:
    rank = crowd.lens.adl_rank(crowd.market.address, crowd.account("nobody"))
    assert not rank.is_eligible and rank.units_eligible == 0
