"""Every parameter has hard bounds in the contract, only the owner sets them, and reading gives back what was set."""

from __future__ import annotations

import boa
import pytest

from tests.system import DEFAULTS, WAD, World, build_world, check_books, events

BOUNDS = [
    ("initial_margin_bps", 49, "initial margin: 0.5 to 50 %"),
    ("initial_margin_bps", 5_001, "initial margin: 0.5 to 50 %"),
    ("maintenance_margin_bps", 24, "maintenance margin: from 0.25 %"),
    ("maintenance_margin_bps", 161, "maintenance margin: to 80 % of initial"),
    ("liquidation_penalty_bps", 101, "penalty above maintenance margin"),
    ("taker_fee_bps", 101, "fees: maker <= taker <= 1 %"),
    ("maker_fee_bps", 6, "fees: maker <= taker <= 1 %"),
    ("fee_vault_share_bps", 8_001, "fee shares above 100 %"),
    ("penalty_keeper_share_bps", 5_001, "penalty shares above 100 %"),
    ("adl_fee_bps", 51, "adl fee: to 0.5 %"),
    ("adl_step_bps", 99, "adl step: 1 to 100 %"),
    ("adl_step_bps", 10_001, "adl step: 1 to 100 %"),
    ("shock_adl_bps", 99, "shock: from 1 %"),
    ("shock_adl_bps", 1_000, "shocks: adl < backstop < open"),
    ("shock_backstop_bps", 3_000, "shocks: adl < backstop < open"),
    ("shock_open_bps", 10_001, "shock: to 100 %"),
    ("funding_k_bps", 10_001, "funding: k to 100 %, max to 10 % a day"),
    ("funding_max_bps", 1_001, "funding: k to 100 %, max to 10 % a day"),
    ("max_age", 4, "max age: 5 s to 1 h"),
    ("max_age", 3_601, "max age: 5 s to 1 h"),
    ("skew_scale", 10**15 - 1, "skew scale out of bounds"),
    ("skew_scale", 2**112 + 1, "skew scale out of bounds"),
    ("min_value", 10_000 * 10**6 + 1, "smallest position: to 10000"),
    ("loss_budget", 10**9 * 10**6 + 1, "loss budget: to 10^9"),
    ("reward_floor", 10 * 10**6 + 1, "reward floor: to 10"),
]


def test_set_params__every_parameter__is_bounded() -> None:
    assert {name for name, _, _ in BOUNDS} >= DEFAULTS.keys() - {
        "fee_insurance_share_bps",
        "penalty_insurance_share_bps",
    }


@pytest.mark.parametrize(("name", "value", "reason"), BOUNDS)
def test_set_params__out_of_bounds__reverts(world: World, name: str, value: int, reason: str) -> None:
    params = world.market.params()
    with boa.env.prank(world.owner), boa.reverts(reason):
        world.market.set_params(params._replace(**{name: value}))
    assert world.market.params() == params


def test_set_params__in_bounds__is_read_back_and_told(world: World) -> None:
    changed = dict(DEFAULTS)
    for place, name in enumerate(DEFAULTS):
        changed[name] += place + 1 if name.startswith(("loss", "min_v", "reward", "skew")) else 0
    changed |= {"initial_margin_bps": 333, "adl_step_bps": 3_333, "max_age": 77, "maker_fee_bps": 1, "adl_fee_bps": 7}
    with boa.env.prank(world.owner):
        world.market.set_params(tuple(changed.values()))
    (told,) = events(world.market, "ParamsSet")
    assert tuple(world.market.params()) == tuple(changed.values()) == tuple(told.params)


def test_set_params__by_anyone_else__reverts(world: World) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        world.market.set_params(world.market.params())
    with boa.reverts("ownable: caller is not the owner"):
        world.market.set_increase_paused(True)


def test_set_params__new_funding_rate__leaves_the_past_at_the_old_one(world: World) -> None:
    world.open("trader", 10_000 * WAD, 100_000 * 10**6)
    boa.env.time_travel(seconds=3_600)
    accrued = world.market.funding_index_now()
    assert accrued > world.state().funding_index
    with boa.env.prank(world.owner):
        world.market.set_params(world.market.params()._replace(funding_k_bps=0))
    assert world.state().funding_index == accrued
    boa.env.time_travel(seconds=3_600)
    assert world.market.funding_index_now() == accrued


def test_funding__heavy_side_pays_and_the_sum_is_zero(anchored: None) -> None:
    world = build_world(funding_k_bps=10_000, funding_max_bps=1_000, taker_fee_bps=0, maker_fee_bps=0)
    vault = world.pool.balance_of(world.vault.address)
    world.open("long", 20_000 * WAD, 300_000 * 10**6)
    world.open("short", -10_000 * WAD, 300_000 * 10**6)
    world.set_price(100 * WAD, after=10 * 86_400)
    world.crank()
    world.close("long")
    world.close("short")
    world.crank()
    check_books(world)
    lost = 300_000 * 10**6 - world.free("long")
    gained = world.free("short") - 300_000 * 10**6
    vault_gained = world.pool.balance_of(world.vault.address) - vault
    # K = 10,000 of psi 10,000,000: a thousandth of notional a day, ten days, on 2,000,000 and on 1,000,000; and the
    # skew, of which the long brought 20,000 units (2,000 USD) and the short took it back (1,500), to leave last (500)
    assert abs(lost - 20_000 * 10**6 - 2_000 * 10**6) < 10**6
    assert abs(gained - 10_000 * 10**6 - 2_000 * 10**6) < 10**6
    assert abs(lost - gained - vault_gained) <= 10
