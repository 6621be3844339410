"""Random scenarios in the contracts and in the exact reference model: lazy = eager, order, exactness, principal.

Every scenario trades a few accounts on one market through calm, gaps and crashes, cranks it in pieces of random size,
and compares after each step what happened to whom and everybody's money.
"""

from __future__ import annotations

import os
from typing import Any

import boa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.reference import Params
from tests.invariants.world import CASH, WAD, World

NAMES = [f"trader{i}" for i in range(8)]
START = 100 * WAD
EXAMPLES = int(os.environ.get("PLIMSOLL_FUZZ_STEPS") or 20)

# Longs and shorts in turn, so that the skew stays small beside what is open, at leverage 2 to 45.
# The same few leverages again and again, so that many share a bucket.
margin_bps = st.one_of(st.sampled_from([250, 400]), st.sampled_from([250, 400, 1_000]), st.integers(220, 5_000))
opening = st.tuples(*(st.tuples(st.integers(5, 600), margin_bps) for _ in NAMES))
trades = st.tuples(
    st.just("trade"),
    st.sampled_from(NAMES),
    st.integers(-300, 300).filter(bool),  # units
    margin_bps,
)
closes = st.tuples(st.just("close"), st.sampled_from(NAMES), st.integers(1, 10_000), st.just(0))
margins = st.tuples(st.just("margin"), st.sampled_from(NAMES), st.integers(-3_000, 3_000).filter(bool), st.just(0))
calm = st.tuples(st.just("price"), st.integers(-150, 150), st.integers(1, 50), st.integers(1, 40_000))
slides = st.tuples(st.just("price"), st.integers(-400, 400), st.integers(1, 3), st.integers(1, 600))
gaps = st.tuples(st.just("price"), st.integers(-3_000, 4_000), st.integers(1, 3), st.integers(1, 600))
# a gap that a crank does not come to the end of before the next price
cut_short = st.tuples(st.just("cut short"), st.integers(-3_000, 4_000), st.integers(1, 3), st.integers(1, 60))
waits = st.tuples(st.just("wait"), st.integers(1, 3_000), st.integers(1, 3), st.just(0))
syncs = st.tuples(st.just("sync"), st.sampled_from(NAMES), st.just(0), st.just(0))
steps = st.one_of(trades, closes, margins, calm, slides, slides, slides, gaps, cut_short, cut_short, waits, syncs)
scripts = st.lists(steps, min_size=8, max_size=30)

capital = st.fixed_dictionaries(
    {
        "vault": st.sampled_from([1_000_000, 50_000, 2_000]),
        "skin": st.sampled_from([0, 100, 2_000]),
        "insurance": st.sampled_from([0, 200, 5_000]),
        "reserve": st.sampled_from([0, 1, 1_000]),
        "budget": st.sampled_from([3_000, 10_000, 30_000]),
        "step": st.sampled_from([5_000, 10_000, 3_333, 1_000]),
        "adl_fee": st.sampled_from([0, 0, 20]),
        "skew_scale": st.sampled_from([5_000_000, 1_000_000, 20_000]),
    }
)


def play(capital: dict[str, int], opened: tuple[tuple[int, int], ...], script: list[tuple[Any, ...]]) -> World:
    """Run `script` in both and compare after every step."""
    params = Params(
        adl_step_bps=capital["step"],
        adl_fee_bps=capital["adl_fee"],
        loss_budget=capital["budget"] * CASH,
        skew_scale=capital["skew_scale"] * WAD,
        max_age=3_600,
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
    for i, (units, margin_bps) in enumerate(opened):
        open_position(world, NAMES[i], units if i % 2 == 0 else -units, margin_bps, price)
    for kind, first, second, third in script:
        if kind in ("price", "cut short"):
            # odd numbers, so that nothing lies on a tick by chance of round figures
            price = max(WAD, price * (10_000 + first) // 10_000) + 1_234_567
            world.pass_time(third)
            world.set_price(price)
            world.crank(second, is_to_the_end=kind == "price")
        elif kind == "trade":
            open_position(world, first, second, third, price)
        elif kind == "close" and first in world.model.positions:
            held = world.market.position(world.owners[first])
            size = max(1, held.units * second // 10_000)
            world.trade(first, -size if held.side == 0 else size, 0)
        elif kind == "margin" and first in world.model.positions:
            held = world.model.positions[first]
            value = int(held.units * price) // WAD * CASH // WAD
            world.change_margin(first, value * second // 10_000 or 1)
        elif kind == "wait" and world.now + first - world.model.published_at <= params.max_age:
            world.pass_time(first)
            world.crank(second)
        elif kind == "sync":
            world.sync(first)
        world.compare()
    return world


def open_position(world: World, name: str, units: int, margin_bps: int, price: int) -> None:
    # a size with odd digits, for the same reason
    size = units * WAD + (1_000_003 if units > 0 else -1_000_003)
    world.trade(name, size, abs(size) * price // WAD * margin_bps // 10_000 * CASH // WAD)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(capital=capital, opened=opening, script=scripts)
def test_market__random_scenario__equals_the_model(
    capital: dict[str, int], opened: tuple[tuple[int, int], ...], script: list[tuple[Any, ...]]
) -> None:
    with boa.env.anchor():
        play(capital, opened, script)
