"""Random scenarios in the contracts and in the exact model: lazy = eager, order, exactness, principal.

Unlike in the state machine the model keeps its own numbers from beginning to end: rounding adds up.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from typing import Any

import pytest

from tests.invariants.exchange import WAD
from tests.invariants.world import TRADERS, Setup, World, world

ACTIONS = 50
SCENARIOS = 12

Action = tuple[str, dict[str, Any]]


def draw(draws: random.Random) -> tuple[Setup, list[Action]]:
    """Longs and shorts in turn at a few leverages, then trades, calm, slides, gaps and interrupted cranks."""
    pick = draws.choice
    setup = Setup(
        decimals=pick([6, 6, 8, 18]),
        price=pick([100 * WAD, 100 * WAD, 3_000 * WAD, 10**12, 10**25]),
        vault=pick([1_000_000, 50_000, 2_000]),
        skin=pick([0, 100, 2_000]),
        insurance=pick([0, 200, 5_000]),
        reserve=pick([0, 1, 1_000]),
        budget=pick([3_000, 10_000, 30_000]),
        skew_scale=pick([5_000_000, 1_000_000, 20_000]),
        adl_step_bps=pick([5_000, 10_000, 3_333, 1_000]),
        adl_fee_bps=pick([0, 0, 20]),
    )
    actions: list[Action] = []
    for i, who in enumerate(TRADERS):
        size = draws.randint(5, 600) * (1 if i % 2 == 0 else -1)
        actions.append(("open", {"who": who, "market": 0, "lots": size, "margin_bps": _margin(draws)}))
    while len(actions) < ACTIONS + len(TRADERS):
        actions += _next(draws)
    return setup, actions


def _margin(draws: random.Random) -> int:
    return draws.choice([250, 400, 250, 400, 1_000, draws.randint(220, 5_000)])


def _next(draws: random.Random) -> list[Action]:
    who, market = draws.choice(TRADERS), draws.choice([0, 0, 0, 1])
    kind = draws.choices(["open", "close", "margin", "calm", "slide", "gap", "wait", "sync"], [3, 2, 2, 2, 4, 3, 1, 1])[
        0
    ]
    if kind == "open":
        lots = draws.choice([-1, 1]) * draws.randint(1, 300)
        return [("open", {"who": who, "market": market, "lots": lots, "margin_bps": _margin(draws)})]
    if kind == "close":
        return [("close", {"who": who, "market": market, "part_bps": draws.choice([10_000, draws.randint(1, 10_000)])})]
    if kind == "margin":
        return [("margin", {"who": who, "market": market, "bps": draws.choice([-1, 1]) * draws.randint(1, 3_000)})]
    if kind == "sync":
        return [("sync", {"who": who, "market": market, "by": "keeper1"})]
    if kind == "wait":
        seconds = draws.choice([draws.randint(1, 3_000), 86_400, 86_400 * 10])
        return [("wait", {"seconds": seconds})]
    bps, after = {
        "calm": (draws.randint(-150, 150), draws.randint(1, 40_000)),
        "slide": (draws.randint(-400, 400), draws.randint(1, 600)),
        "gap": (draws.randint(-3_000, 4_000), draws.randint(1, 60)),
    }[kind]
    actions: list[Action] = [("move", {"market": market, "bps": bps, "after": after})]
    if draws.random() < 0.3:
        # cut short: the next price comes before the work is done
        return [*actions, ("crank", {"market": market, "most": draws.randint(1, 3), "keeper": "keeper0"})]
    most = draws.choice([1, 2, 3, 1_000])
    return [*actions, ("crank_all", {"market": market, "most": most, "keeper": "keeper0"})]


def play(setup: Setup, actions: list[Action]) -> World:
    """Runs the scenario in both and compares after every action."""
    with world(setup, is_adopting=False) as played:
        for action, terms in actions:
            getattr(played, f"do_{action}")(**terms)
            played.compare()
        return played


def written(setup: Setup, actions: list[Action]) -> str:
    changed = {name: value for name, value in asdict(setup).items() if value != getattr(Setup(), name)}
    return json.dumps({"setup": changed, "actions": actions})


def replay(text: str) -> None:
    script = json.loads(text)
    play(Setup(**script["setup"]), script["actions"])


def shrink(setup: Setup, actions: list[Action]) -> tuple[tuple[Setup, list[Action]], str]:
    """Leaves actions out for as long as the scenario fails; and why it does."""
    why = ""
    size = len(actions)
    while size > 0:
        at = 0
        while at < len(actions):
            fewer = actions[:at] + actions[at + size :]
            try:
                play(setup, fewer)
            except Exception as error:
                actions, why = fewer, f"{type(error).__name__}: {error}"
            else:
                at += size
        size //= 2
    return (setup, actions), why


@pytest.mark.parametrize("number", range(int(os.environ.get("PLIMSOLL_SCENARIOS") or SCENARIOS)))
def test_exchange__random_scenario__equals_the_model(number: int) -> None:
    play(*draw(random.Random(number)))
