"""Random scenarios in the contracts and in the exact reference model: lazy = eager, order, exactness, principal.

Every scenario trades a few accounts on one market through calm, gaps and crashes, cranks it in pieces of random size,
and compares after each step what happened to whom and everybody's money.
"""

from __future__ import annotations

from typing import Any

import boa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.reference import Params
from tests.invariants.world import CASH, WAD, World

NAMES = [f"trader{i}" for i in range(8)]
START = 100 * WAD

bps = st.integers(1, 10_000)
trades = st.tuples(
    st.just("trade"),
    st.sampled_from(NAMES),
    st.integers(-200 * WAD, 200 * WAD).filter(lambda d: abs(d) > WAD // 2),
    st.integers(210, 5_000),  # margin in bps of notional
)
closes = st.tuples(st.just("close"), st.sampled_from(NAMES), bps, st.just(0))
margins = st.tuples(st.just("margin"), st.sampled_from(NAMES), st.integers(-3_000, 3_000).filter(bool), st.just(0))
calm = st.tuples(st.just("price"), st.integers(-200, 200), st.integers(1, 50), st.integers(1, 600))
gaps = st.tuples(st.just("price"), st.integers(-3_000, 4_000), st.integers(1, 50), st.integers(1, 600))
syncs = st.tuples(st.just("sync"), st.sampled_from(NAMES), st.just(0), st.just(0))
steps = st.one_of(trades, trades, trades, closes, margins, calm, gaps, syncs)

capital = st.fixed_dictionaries(
    {
        "vault": st.sampled_from([50_000, 1_000_000]),
        "skin": st.sampled_from([0, 100, 2_000]),
        "insurance": st.sampled_from([0, 200, 5_000]),
        "reserve": st.sampled_from([0, 1, 1_000]),
        "budget": st.sampled_from([300, 3_000, 30_000]),
        "step": st.sampled_from([1_000, 3_333, 5_000, 10_000]),
    }
)


def play(capital: dict[str, int], script: list[tuple[Any, ...]]) -> World:
    """Run `script` in both and compare after every step."""
    params = Params(
        adl_step_bps=capital["step"], loss_budget=capital["budget"] * CASH, skew_scale=20_000 * WAD, max_age=3_600
    )
    world = World(
        params,
        vault=capital["vault"] * CASH,
        skin=capital["skin"] * CASH,
        insurance=capital["insurance"] * CASH,
        reserve=capital["reserve"] * CASH,
    )
    for name in NAMES:
        world.add_owner(name, 10_000_000 * CASH)
    price = START
    world.set_price(price)
    world.crank()
    for kind, first, second, third in script:
        if kind == "price":
            price = max(WAD, price * (10_000 + first) // 10_000)
            world.pass_time(third)
            world.set_price(price)
            world.crank(second)
        elif kind == "trade":
            world.trade(first, second, abs(second) * price // WAD * third // 10_000 * CASH // WAD)
        elif kind == "close" and first in world.model.positions:
            held = world.market.position(world.owners[first])
            size = max(1, held.units * second // 10_000)
            world.trade(first, -size if held.side == 0 else size, 0)
        elif kind == "margin" and first in world.model.positions:
            held = world.model.positions[first]
            value = int(held.units * price) // WAD * CASH // WAD
            world.change_margin(first, value * second // 10_000 or 1)
        elif kind == "sync":
            world.sync(first)
        world.compare()
    return world


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(capital=capital, script=st.lists(steps, min_size=5, max_size=40))
def test_market__random_scenario__equals_the_model(capital: dict[str, int], script: list[tuple[Any, ...]]) -> None:
    with boa.env.anchor():
        play(capital, script)
