"""Sequences worth keeping: found by comparing contracts and model, or a layer that random play seldom reaches.

`make fuzz` writes what it finds to build/fuzz; the content of such a file goes into FOUND, with what was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from plimsoll.reference.market import FAIR_ADL
from tests.invariants import test_machine, test_model
from tests.invariants.exchange import WAD, address_of
from tests.invariants.world import Setup, World, world

ODD = 1_234_567  # keeps coordinates off the ticks
CASH = 10**6
NAMES = {"a": "trader0", "b": "trader1", "c": "trader2", "d": "trader3"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def build(stack: ExitStack, vault: int, budget: int, skew_scale: int = 10_000, **terms: int) -> World:
    """A market at 100 USD without insurance; `vault` and `budget` in USD."""
    return stack.enter_context(
        world(Setup(vault=vault, budget=budget, skew_scale=skew_scale, **terms), is_adopting=False)
    )


def move(played: World, price: int, chunk: int = 1_000) -> None:
    played.do_price(0, price + ODD, 60)
    played.do_crank_all(0, chunk, "keeper0")
    played.compare()


def trade(played: World, name: str, size: int, margin: int) -> bool:
    is_filled = played.do_trade(NAMES[name], 0, size, margin)
    played.compare()
    return is_filled


def test_adl__losers_have_equity_left__winners_are_closed_at_the_index_price(stack: ExitStack) -> None:
    played = build(stack, vault=100_000, budget=1_000)
    assert trade(played, "a", 30 * WAD + 7, 95 * CASH)
    for _ in range(5):
        assert trade(played, "b", -30 * WAD, 130 * CASH)
        assert trade(played, "c", -30 * WAD, 170 * CASH)
        assert trade(played, "a", 60 * WAD, 190 * CASH)
    # less than 1 % of equity is left
    move(played, WAD * 978 // 10, chunk=1)
    model = played.models[0]
    assert model.deleveragings and {d.loss_per_unit for d in model.deleveragings} == {0}
    assert NAMES["a"] not in model.positions


def test_fair_adl__interrupted_after_each_bucket__goes_on_to_the_backstop_capacity(stack: ExitStack) -> None:
    played = build(stack, vault=200_000, budget=10_000, adl_step_bps=1_000)
    assert trade(played, "a", 170 * WAD + 7, 9_000 * CASH)
    assert trade(played, "b", 130 * WAD + 7, 4_000 * CASH)
    move(played, 130 * WAD, chunk=1)
    assert {d.for_bucket for d in played.models[0].deleveragings} == {FAIR_ADL}
    assert {d.step for d in played.models[0].deleveragings} > {1}


def test_settling__everybody_leaves__in_any_order_with_the_same_part(stack: ExitStack) -> None:
    played = build(stack, vault=1_000, budget=100_000)
    assert trade(played, "a", 700 * WAD + 7, 20_000 * CASH)
    assert trade(played, "b", 300 * WAD + 7, 20_000 * CASH)
    assert trade(played, "c", -200 * WAD - 7, 20_000 * CASH)
    move(played, 130 * WAD)
    model = played.models[0]
    assert model.is_settling
    assert 0 < model.coverage < 1
    part = model.coverage
    assert trade(played, "b", -300 * WAD - 7, 0)
    assert abs(model.coverage - part) < part / 10**9
    assert trade(played, "a", -300 * WAD, 0)
    assert trade(played, "c", 200 * WAD + 7, 0)
    assert trade(played, "a", -400 * WAD - 7, 0)
    assert not model.positions


def test_close__vault_short_of_the_premium__is_not_blocked(stack: ExitStack) -> None:
    played = build(stack, vault=1_000, budget=100_000)
    assert trade(played, "a", 1_000 * WAD, 20_000 * CASH)
    # the variation margin leaves the vault 30 USD; closing at the skew fill would bring the owner 5 % of notional
    move(played, 106 * WAD)
    assert not played.models[0].is_settling
    assert trade(played, "a", -1_000 * WAD, 0)
    assert played.market(0).position(address_of(NAMES["a"])).units == 0


def test_add_margin__still_below_the_initial_margin__is_taken(stack: ExitStack) -> None:
    played = build(stack, vault=100_000, budget=60_000)
    assert trade(played, "a", 1_000 * WAD, 8_100 * CASH)
    assert trade(played, "b", -1_000 * WAD, 20_000 * CASH)
    # 1.6 % of equity: neither liquidatable nor enough for a new position
    move(played, played.market(0).position(address_of(NAMES["a"])).beta * 1_000 // 984)
    assert NAMES["a"] in played.models[0].positions
    assert played.do_change_margin(NAMES["a"], 0, 100 * CASH)
    played.compare()


def half_deleveraged_bucket(stack: ExitStack) -> World:
    """b and c share a bucket of shorts, of which half was deleveraged for a; d is a long that is in no danger."""
    played = build(stack, vault=100_000, budget=1_000, skew_scale=10**9, adl_step_bps=3_333)
    assert trade(played, "a", 30 * WAD + 7, 75 * CASH)
    assert trade(played, "b", -50 * WAD, 205 * CASH)
    assert trade(played, "d", 45 * WAD + 7, 900 * CASH)
    assert trade(played, "c", -40 * WAD, 164 * CASH)
    assert trade(played, "a", 15 * WAD, 38 * CASH)
    positions = played.models[0].positions
    assert positions[NAMES["b"]].bucket == positions[NAMES["c"]].bucket
    move(played, 95 * WAD, chunk=1)
    assert NAMES["a"] not in positions
    assert {d.step for d in played.models[0].deleveragings} == {1, 2}
    assert 20 * WAD < played.models[0].positions[NAMES["b"]].units < 30 * WAD
    return played


def test_one_bucket__half_deleveraged__owners_leave_and_grow_with_their_parts(stack: ExitStack) -> None:
    played = half_deleveraged_bucket(stack)
    assert trade(played, "c", 5 * WAD, 0)
    assert trade(played, "b", -5 * WAD, 60 * CASH)
    played.do_sync(NAMES["c"], 0, "keeper1")
    played.compare()
    for price in (96, 93, 97, 99):
        move(played, price * WAD, chunk=2)


def test_one_bucket__joined_after_deleveraging__shares_stand_for_fewer_units(stack: ExitStack) -> None:
    played = half_deleveraged_bucket(stack)
    bucket = played.models[0].positions[NAMES["c"]].bucket
    # one more unit with what a unit of the bucket is worth: out, and in again where a share is less than a unit
    assert trade(played, "c", -1 * WAD, 10 * CASH)
    assert played.models[0].positions[NAMES["c"]].bucket == bucket
    held = played.market(0).bucket(bucket)
    assert held.shares > held.units + 20 * WAD
    for price in (96, 93, 97, 110):
        move(played, price * WAD, chunk=2)


# Name: what the state machine wrote
FOUND = {
    "recovery_is_issued_to_whoever_trades": """{"setup": {"vault": 50000, "skin": 100, "insurance": 5000, "reserve": 1,
        "skew_scale": 20000}, "actions": [["open", {"who": "trader1", "market": 0, "lots": -181, "margin_bps": 1000}],
        ["open", {"who": "trader2", "market": 0, "lots": 146, "margin_bps": 250}],
        ["open", {"who": "trader3", "market": 0, "lots": -285, "margin_bps": 400}],
        ["move", {"after": 9, "bps": -9000, "market": 0}], ["crank", {"keeper": "keeper0", "market": 0, "most": 1}],
        ["wait", {"seconds": 90000}], ["move", {"market": 0, "bps": 0, "after": 1}],
        ["crank", {"market": 0, "most": 1000, "keeper": "keeper0"}],
        ["open", {"lots": 399, "margin_bps": 1386, "market": 0, "who": "trader3"}]]}""",
    # cranks of one piece settled the market before its liquidations were done
    "interrupted_crank_settles_no_market": """
        {"setup": {"price": 10000000000000000000000000, "vault": 2000, "reserve": 1, "budget": 30000, "adl_step_bps":
        1000, "mandate": 1000000000}, "actions": [["open", {"who": "trader0", "market": 0, "lots": 257, "margin_bps":
        745}], ["open", {"who": "trader1", "market": 0, "lots": -300, "margin_bps": 400}], ["open", {"who": "trader4",
        "market": 0, "lots": 561, "margin_bps": 2437}], ["open", {"who": "trader5", "market": 0, "lots": -5,
        "margin_bps": 648}], ["move", {"after": 23785, "bps": 62, "market": 0}], ["move", {"market": 0, "bps": 322,
        "after": 543}], ["move", {"market": 0, "bps": 123, "after": 206}]]}""",
    "interrupted_crank_leaves_the_vault_short": """
        {"setup": {"decimals": 18, "vault": 2000, "reserve": 1, "budget": 30000, "adl_step_bps": 10000, "mandate":
        1000000000}, "actions": [["open", {"who": "trader0", "market": 0, "lots": 476, "margin_bps": 400}], ["open",
        {"who": "trader1", "market": 0, "lots": -18, "margin_bps": 1000}], ["move", {"market": 0, "bps": 4000, "after":
        48}], ["crank", {"market": 0, "most": 1, "keeper": "keeper1"}]]}""",
    # shares for cash that went to the traders at once, until their number overflowed
    "deposit_into_a_vault_that_owes_more_than_it_has": """
        {"setup": {"decimals": 18, "price": 1000000000000, "vault": 2000, "skin": 2000, "insurance": 200, "budget":
        3000, "adl_step_bps": 10000, "mandate": 5000}, "actions": [["open", {"who": "trader4", "market": 0, "lots": 91,
        "margin_bps": 1440}], ["move", {"after": 41, "bps": 15000, "market": 0}], ["lp_deposit", {"who": "lp0",
        "amount": 50000000000000000000}], ["lp_deposit", {"who": "lp0", "amount": 1000000000000000000}], ["lp_deposit",
        {"who": "lp0", "amount": 20000000000000000000000}]]}""",
    # half of what was left of a position, some WADs, taken for all of it by the model
    "close_half_of_dust": """
        {"setup": {"decimals": 18, "price": 3000000000000000000000, "vault": 2000, "budget": 30000, "skew_scale":
        5000000, "adl_step_bps": 3333, "mandate": 5000}, "actions": [["open", {"who": "trader0", "market": 0,
        "lots": 153, "margin_bps": 250}], ["open", {"who": "trader1", "market": 0, "lots": -178, "margin_bps":
        250}], ["open", {"who": "trader2", "market": 0, "lots": 368, "margin_bps": 250}], ["set_params", {"market":
        0, "name": "loss_budget", "value": 10000000000}], ["move", {"market": 0, "bps": 500, "after": 30}],
        ["crank", {"market": 0, "most": 1, "keeper": "keeper0"}], ["open", {"who": "trader7", "market": 0, "lots":
        -582, "margin_bps": 400}], ["crank", {"market": 0, "most": 1000, "keeper": "keeper1"}], ["close", {"who":
        "trader0", "market": 0, "part_bps": 5000}]]}""",
    # a request that had lapsed is told to have lapsed earlier once requests are kept anew
    "kept_after_a_shortage_long_ago": """
        {"setup": {"price": 10000000000000000000000000, "vault": 2000, "skin": 100, "reserve": 1000, "budget": 30000,
        "mandate": 5000}, "actions": [["wait", {"seconds": 90000}], ["open", {"who": "trader3", "market": 0, "lots":
        44, "margin_bps": 250}], ["lp_request", {"who": "lp0", "part_bps": 10000, "form": 0, "receiver": "lp0"}],
        ["wait", {"seconds": 90000}], ["move", {"market": 0, "bps": 0, "after": 1}], ["move", {"market": 1, "bps": 0,
        "after": 1}], ["lp_redeem", {"request": 0, "by": "trader1"}], ["wait", {"seconds": 1296000}],
        ["keep_requests", {"by": "lp1"}]]}""",
}


@pytest.mark.parametrize("script", FOUND.values(), ids=FOUND)
def test_found__by_the_machine__stays_fixed(script: str) -> None:
    test_machine.replay(script)


# Name: what the comparison with the model wrote
SCENARIOS = {
    # less than a coin counted as variation margin that nobody can pay
    "fees_flow_once_a_settled_market_is_empty": """
        {"setup": {"decimals": 8, "vault": 2000, "skin": 2000, "reserve": 1000, "budget": 30000, "skew_scale":
        5000000, "adl_step_bps": 10000, "adl_fee_bps": 20}, "actions": [["open", {"who": "trader0", "market": 0,
        "lots": 464, "margin_bps": 400}], ["open", {"who": "trader3", "market": 0, "lots": -591, "margin_bps": 1005}],
        ["open", {"who": "trader7", "market": 0, "lots": -143, "margin_bps": 250}], ["move", {"market": 0, "bps":
        -1795, "after": 39}], ["crank_all", {"market": 0, "most": 1, "keeper": "keeper0"}], ["close", {"who":
        "trader3", "market": 0, "part_bps": 10000}], ["crank_all", {"market": 0, "most": 1000, "keeper":
        "keeper0"}]]}""",
    # funding is a WAD less at each interaction
    "loss_per_unit_after_a_long_gap": """
        {"setup": {"decimals": 18, "price": 1000000000000, "vault": 50000, "skin": 100, "insurance": 5000, "reserve":
        1000, "skew_scale": 5000000, "adl_step_bps": 3333}, "actions": [["open", {"who": "trader0", "market": 0,
        "lots": 294, "margin_bps": 1000}], ["open", {"who": "trader3", "market": 0, "lots": -407, "margin_bps": 250}],
        ["open", {"who": "trader4", "market": 0, "lots": 195, "margin_bps": 1000}], ["move", {"market": 0, "bps": 184,
        "after": 359}], ["crank_all", {"market": 0, "most": 1, "keeper": "keeper0"}], ["move", {"market": 1, "bps":
        -163, "after": 46}], ["move", {"market": 0, "bps": -48, "after": 16969}], ["crank_all", {"market": 0, "most":
        2, "keeper": "keeper0"}], ["open", {"who": "trader2", "market": 0, "lots": -198, "margin_bps": 400}], ["move",
        {"market": 0, "bps": 133, "after": 26808}], ["move", {"market": 0, "bps": 199, "after": 509}], ["crank",
        {"market": 0, "most": 3, "keeper": "keeper0"}], ["wait", {"seconds": 86400}], ["open", {"who": "trader6",
        "market": 0, "lots": -228, "margin_bps": 400}], ["move", {"market": 0, "bps": -127, "after": 500}], ["move",
        {"market": 0, "bps": 1900, "after": 2}], ["crank", {"market": 0, "most": 2, "keeper": "keeper0"}]]}""",
    # the same
    "loss_per_unit_at_a_small_price": """
        {"setup": {"decimals": 18, "price": 1000000000000, "vault": 50000, "skin": 100, "insurance": 5000, "reserve":
        1000, "budget": 30000, "skew_scale": 5000000}, "actions": [["open", {"who": "trader0", "market": 0, "lots":
        325, "margin_bps": 2037}], ["open", {"who": "trader1", "market": 0, "lots": -550, "margin_bps": 4580}],
        ["open", {"who": "trader2", "market": 0, "lots": 227, "margin_bps": 250}], ["open", {"who": "trader3",
        "market": 0, "lots": -220, "margin_bps": 798}], ["open", {"who": "trader4", "market": 0, "lots": 456,
        "margin_bps": 400}], ["open", {"who": "trader5", "market": 0, "lots": -221, "margin_bps": 2513}], ["open",
        {"who": "trader6", "market": 0, "lots": 269, "margin_bps": 400}], ["open", {"who": "trader7", "market": 0,
        "lots": -450, "margin_bps": 400}], ["move", {"market": 0, "bps": -323, "after": 50}], ["close", {"who":
        "trader1", "market": 0, "part_bps": 10000}], ["move", {"market": 0, "bps": 289, "after": 517}], ["crank",
        {"market": 0, "most": 1, "keeper": "keeper0"}], ["move", {"market": 0, "bps": 272, "after": 155}], ["move",
        {"market": 0, "bps": -155, "after": 23}], ["crank_all", {"market": 0, "most": 2, "keeper": "keeper0"}],
        ["move", {"market": 0, "bps": 3600, "after": 43}], ["crank", {"market": 0, "most": 2, "keeper":
        "keeper0"}]]}""",
    # a position a few WADs smaller than the order that closes it was refused
    "close_by_what_was_bought": """
        {"setup": {"decimals": 18, "price": 3000000000000000000000, "vault": 50000, "skin": 2000, "insurance": 200,
        "adl_step_bps": 3333}, "actions": [["open", {"who": "trader4", "market": 0, "lots": 305, "margin_bps": 400}],
        ["open", {"who": "trader4", "market": 0, "lots": -176, "margin_bps": 400}], ["open", {"who": "trader4",
        "market": 0, "lots": -129, "margin_bps": 400}]]}""",
    # of an empty vault the model asked for the 1e-21 coins that rounded units had left owing
    "margin_added_while_the_vault_is_empty": """
        {"setup": {"vault": 2000, "skin": 2000, "skew_scale": 20000, "adl_step_bps": 10000, "adl_fee_bps": 20},
        "actions": [["open", {"who": "trader1", "market": 0, "lots": -283, "margin_bps": 400}], ["open", {"who":
        "trader2", "market": 0, "lots": 280, "margin_bps": 1000}], ["open", {"who": "trader4", "market": 0, "lots":
        131, "margin_bps": 400}], ["open", {"who": "trader4", "market": 1, "lots": 110, "margin_bps": 395}],
        ["move", {"market": 0, "bps": -121, "after": 276}], ["crank_all", {"market": 0, "most": 1000, "keeper":
        "keeper0"}], ["move", {"market": 1, "bps": 2354, "after": 26}], ["crank_all", {"market": 1, "most": 3,
        "keeper": "keeper0"}], ["close", {"who": "trader4", "market": 0, "part_bps": 5330}], ["margin", {"who":
        "trader2", "market": 0, "bps": 852}]]}""",
}


@pytest.mark.parametrize("script", SCENARIOS.values(), ids=SCENARIOS)
def test_found__by_the_model__stays_fixed(script: str) -> None:
    test_model.replay(script)
