"""A run: four fifths of all shares ask out while the market crashes."""

from __future__ import annotations

import boa
import pytest

from tests.capital.support import COOLDOWN, ROUND, ask, join, unlock
from tests.regressions.support import USD, set_params
from tests.system import WAD, World, build_world, check_books

NAMES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
EACH = 1_000_000 * USD
HOUR = 3_600
BUDGET = 3_000_000 * USD
CRASH = ((9_300, BUDGET), (8_900, BUDGET), (8_500, BUDGET * 3 // 4), (8_000, BUDGET * 3 // 4), (7_600, BUDGET * 5 // 8))


@pytest.fixture(scope="module")
def world() -> World:
    """Ten providers of a million each; the owner is the one who stays. Crowded on the long side."""
    world = build_world(vault=2_000_000, skin=10_000, insurance=20_000, loss_budget=BUDGET, funding_k_bps=0)
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 2 * BUDGET)
    for name in NAMES:
        join(world, name, EACH)
    for name in NAMES:
        unlock(world, name)
    for i in range(12):
        world.open(f"long {i}", (3_000 + 500 * i) * WAD, (9_000 + 4_000 * i) * USD)
        world.open(f"short {i}", -(2_500 + 300 * i) * WAD, (12_000 + 5_000 * i) * USD)
    return world


def crash(world: World, price: int) -> None:
    """A new price, and one crank that does all its work."""
    world.set_price(price * WAD // 100, after=30)
    world.crank()


def check_mandate(world: World, drawn_before: int) -> None:
    """Neither fence is crossed: what the market has of the vault, and the room that its budget leaves."""
    state, params = world.state(), world.market.params()
    assert not state.is_settling
    assert drawn_before - world.pool.balance_of(world.vault.address) <= world.pool.mandate(world.market.address)
    notional = abs(state.units_long - state.units_short) * state.index_price // 10**30
    assert notional <= state.budget_left * 10_000 // params.shock_adl_bps + 1


def pay_all(world: World, requests: dict[str, int], order: tuple[str, ...]) -> dict[str, int]:
    """Everybody is redeemed by a stranger, in this order. What each was paid."""
    paid = {}
    for name in order:
        with boa.env.prank(world.keeper):
            paid[name] = int(world.vault.redeem_request(requests[name]))
    return paid


def test_run__in_a_crash__everybody_gets_the_same_and_the_market_goes_on(world: World) -> None:
    vault = world.vault
    # they ask one after the other, the last when half the cooldown of the first is over
    shares = {name: vault.balanceOf(world.account(name)) for name in NAMES}
    assert len(set(shares.values())) == 1
    assert sum(shares.values()) * 10 >= vault.totalSupply() * 8 * 999 // 1_000
    requests = {}
    for i, name in enumerate(NAMES):
        requests[name] = ask(world, name, shares[name])
        crash(world, 9_950 - 50 * i)
    boa.env.time_travel(seconds=COOLDOWN)
    cash = world.pool.balance_of(vault.address)

    totals = dict.fromkeys(NAMES, 0)
    for round_, (price, budget) in enumerate(CRASH):
        # the owner cuts what the market may still cost, and that frees something
        set_params(world, loss_budget=budget)
        crash(world, price)
        assert vault.free_capital() < vault.convertToAssets(vault.balanceOf(vault.address))
        left = {vault.request(requests[name]).shares for name in NAMES}
        assert len(left) == 1, "the same is left of each"
        free = vault.free_capital()
        # now from the first, now from the last
        paid = pay_all(world, requests, NAMES if round_ % 2 else NAMES[::-1])
        assert max(paid.values()) - min(paid.values()) <= 2
        assert sum(paid.values()) <= free
        assert free - sum(paid.values()) <= max(10**6, free // 10**6), "all that is free goes"
        for name in NAMES:
            totals[name] += paid[name]
        cash -= sum(paid.values())
        check_mandate(world, cash)
        check_books(world)
        boa.env.time_travel(seconds=ROUND)
    assert min(totals.values()) > EACH // 2, "most of it at once"

    # the traders leave, and with them what their mandate kept
    for i in range(12):
        for side in ("long", "short"):
            if world.position(f"{side} {i}").units:
                world.close(f"{side} {i}")
    world.refresh()
    world.crank()
    boa.env.time_travel(seconds=ROUND)
    world.refresh()
    paid = pay_all(world, requests, NAMES)
    assert max(paid.values()) - min(paid.values()) <= 2
    assert vault.balanceOf(vault.address) == 0, "nobody is left waiting"
    stays = vault.convertToAssets(vault.balanceOf(world.owner))
    gone = totals["first"] + paid["first"]
    # who stayed bore the last losses, and each who left their part until they were paid
    assert stays < 2 * gone
    check_books(world)


@pytest.mark.parametrize("hours", [1, 12, 23])
def test_run__a_head_start__brings_no_more_turns(hours: int) -> None:
    """Whoever can redeem does so at once, hour after hour. Half of what two equal providers ask for is free."""
    world = build_world(vault=2_000_000, loss_budget=6_000_000 * USD, funding_k_bps=0)
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 6_000_000 * USD)
    for name in NAMES[:2]:
        join(world, name, 4 * EACH)
    for name in NAMES[:2]:
        unlock(world, name)
    world.open("trader", 10 * WAD, 500 * USD)
    requests = {"first": ask(world, "first", world.vault.balanceOf(world.account("first")))}
    boa.env.time_travel(seconds=hours * HOUR)
    requests["second"] = ask(world, "second", world.vault.balanceOf(world.account("second")))

    paid = dict.fromkeys(requests, 0)
    for _ in range(48):
        world.refresh()
        for name, request in requests.items():
            if world.vault.redeemable(request)[0] > 0:
                paid[name] += int(world.vault.redeem_request(request))
        boa.env.time_travel(seconds=HOUR)
    assert sum(paid.values()) > 3_999_000 * USD
    assert paid["first"] == pytest.approx(paid["second"], rel=1e-3)


def test_run__while_a_price_is_not_cranked__waits_and_nothing_is_lost(world: World) -> None:
    request = ask(world, "first", world.vault.balanceOf(world.account("first")))
    boa.env.time_travel(seconds=COOLDOWN)
    world.set_price(80 * WAD)
    with boa.reverts("wait: market not settled"):
        world.vault.redeem_request(request)
    world.crank()
    assert world.vault.redeem_request(request) > 0


@pytest.mark.parametrize("is_silent", [False, True])
def test_run__an_outage_of_a_week__costs_nobody_the_request(world: World, is_silent: bool) -> None:
    """Prices stop, or their source does not even answer. Somebody says so every other day."""
    shares = world.vault.balanceOf(world.account("first"))
    request = ask(world, "first", shares)
    price, published_at = world.source.price(world.feeds[0])
    boa.env.time_travel(seconds=COOLDOWN)
    for _ in range(4):
        boa.env.time_travel(seconds=2 * COOLDOWN)
        if is_silent:
            world.source.set_price_of(world.feeds[0], 0, published_at)
        with boa.env.prank(world.keeper):
            world.vault.keep_requests()
    boa.env.time_travel(seconds=2 * COOLDOWN - 1)
    with boa.env.prank(world.keeper), boa.reverts("not your request"):
        world.vault.cancel_request(request)
    world.set_price(price)
    world.crank()
    with boa.reverts("markets are settled"):
        world.vault.keep_requests()
    assert world.vault.redeem_request(request) > 0


def test_run__mandates_above_the_worth__pays_nothing_until_traders_leave(world: World) -> None:
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 100_000_000 * USD)
    set_params(world, loss_budget=50_000_000 * USD)
    request = ask(world, "first", world.vault.balanceOf(world.account("first")))
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    assert world.vault.redeem_request(request) == 0
    for _ in range(4):
        boa.env.time_travel(seconds=COOLDOWN)
        world.refresh()
        assert world.vault.redeem_request(request) == 0, "and does not lapse"
    for i in range(12):
        world.close(f"long {i}")
        world.close(f"short {i}")
    assert world.vault.redeem_request(request) > EACH * 99 // 100
