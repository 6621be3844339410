"""What the lens foretells of a request is what the vault does."""

from __future__ import annotations

import boa
import pytest

from tests.system import WAD
from tests.unit.capital_lens.conftest import Desk

USD = 10**6
DAY = 86_400


def check(desk: Desk, request: int, error: str) -> None:
    view, refusal = desk.lens.request(request), desk.refusal(request)
    assert view.error == error
    assert error in refusal
    assert bool(error) == bool(refusal)
    assert (view.shares_now, view.assets_now) == desk.vault.redeemable(request)


def test_request__unknown__is_empty(desk: Desk) -> None:
    view = desk.lens.request(7)
    assert view.error == "no such request"
    assert view.error in desk.refusal(7)
    assert view.shares == view.ready_at == 0


def test_request__from_asking_to_lapsing(desk: Desk) -> None:
    lp = desk.world.account("lp")
    shares = desk.join("lp", 1_000_000 * USD)
    request = desk.ask("lp", shares, 900_000 * USD)
    view = desk.lens.request(request)
    assert (view.owner, view.receiver, view.shares, view.min_assets) == (lp, lp, shares, 900_000 * USD)
    assert view.assets == desk.vault.convertToAssets(shares)
    assert (view.ready_at, view.lapses_at) == (boa.env.timestamp + DAY, boa.env.timestamp + 3 * DAY)
    assert view.cancel_fee_shares == 0
    check(desk, request, "wait: cooldown")
    boa.env.time_travel(seconds=DAY)
    check(desk, request, "wait: market not settled")
    desk.refresh()
    view = desk.lens.request(request)
    assert (view.shares_now, view.assets_now, view.cancel_fee_shares) == (shares, view.assets, shares // 1_000)
    check(desk, request, "")
    boa.env.time_travel(seconds=2 * DAY)
    desk.refresh()
    check(desk, request, "request lapsed")


def test_request__loss__below_the_minimum(desk: Desk) -> None:
    request = desk.ask("lp", desk.join("lp", 1_000_000 * USD), 999_990 * USD)
    desk.world.open("long", 20_000 * WAD, 100_000 * USD)
    desk.cool()
    desk.world.set_price(110 * WAD)
    check(desk, request, "below minimum")


@pytest.mark.parametrize("budget", [10_500_000, 12_000_000])
def test_request__not_all_free__waits_for_the_next_round(desk: Desk, budget: int) -> None:
    world = desk.world
    request = desk.ask("lp", desk.join("lp", 1_000_000 * USD))
    params = world.market.params()._replace(loss_budget=budget * USD)
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 20_000_000 * USD)
        world.market.set_params(params)
    world.open("long", 1_000 * WAD, 100_000 * USD)
    desk.cool()
    if budget > 11_000_000:
        check(desk, request, "wait: nothing is free")
        return
    check(desk, request, "")
    desk.vault.redeem_request(request)
    check(desk, request, "wait: next round")
