"""A market and its two engines run on one storage: every slot that an engine knows is where the market has it."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from plimsoll import artifacts


def slots(name: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}

    def walk(tree: dict[str, Any], path: str) -> None:
        for key, value in tree.items():
            if "slot" in value:
                found[path + key] = (value["slot"], value["n_slots"])
            else:
                walk(value, f"{path}{key}.")

    walk(boa.load_partial(str(artifacts.CONTRACTS / f"{name}.vy")).compiler_data.storage_layout["storage_layout"], "")
    return found


@pytest.mark.parametrize("engine", ["TradingEngine", "RiskEngine"])
def test_layout__engine__agrees_with_the_market(engine: str) -> None:
    market, own = slots("Market"), slots(engine)
    assert own
    assert {name: market.get(name) for name in own} == own
    # what the engine leaves out lies behind everything it has
    last = max(slot + size for slot, size in own.values())
    assert all(market[name][0] >= last for name in market.keys() - own.keys())
