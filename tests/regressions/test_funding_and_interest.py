from __future__ import annotations

import boa

from tests.regressions.support import USD, equity, remove_margin, set_params
from tests.regressions.traps import trap
from tests.system import DEFAULTS, WAD, World, build_world, check_books

DAY = 86_400


def index_after(world: World, seconds: int, times: int) -> int:
    """The funding index after `times` touches `seconds` apart."""
    with boa.env.anchor():
        for _ in range(times):
            boa.env.time_travel(seconds=seconds)
            world.crank()
        return int(world.state().funding_index)


@trap("units so coarse that funding rounds to zero")
def test_rounding__smallest_position_touched_every_second__accrues_what_it_owes(world: World) -> None:
    world.open("trader", WAD // 5, 10 * USD)
    began = world.state().funding_index
    often = index_after(world, 1, 40) - began
    once = index_after(world, 40, 1) - began
    # P * k * K / psi * dt, with a fifth of a unit: 100 * 0.2 * 0.2 / 10^7 * 40 / 86,400 USD
    exact = 100 * WAD * 40 * DEFAULTS["funding_k_bps"] * (WAD // 5) // (DEFAULTS["skew_scale"] * 10_000 * DAY)
    assert exact > 10**6
    assert exact - 40 <= often <= once <= exact


@trap("what one side pays is not what the other receives")
def test_payment__a_month__longs_pay_what_shorts_and_vault_receive(world: World) -> None:
    world.open("payer", 30_000 * WAD, 1_000_000 * USD)
    world.open("receiver", -10_000 * WAD, 1_000_000 * USD)
    world.crank()
    before = equity(world, "payer"), equity(world, "receiver"), world.pool.balance_of(world.vault.address)
    began = world.state().funding_index
    boa.env.time_travel(seconds=30 * DAY)
    world.refresh()
    world.crank()
    paid = before[0] - equity(world, "payer")
    received = equity(world, "receiver") - before[1]
    to_vault = world.pool.balance_of(world.vault.address) - before[2]
    moved = world.state().funding_index - began
    assert paid > 1_000 * USD
    assert abs(paid - 30_000 * moved // 10**12) <= 1
    assert abs(paid - received - to_vault) <= 3
    check_books(world)


def overgrown() -> World:
    """A month of funding at 1 % a day has eaten a position's margin, and nobody has touched the market."""
    world = build_world(funding_k_bps=10_000, funding_max_bps=1_000, skew_scale=1_000_000 * WAD)
    world.open("trader", 10_000 * WAD, 50_000 * USD)
    return world


@trap("funding that outgrew the equity makes closing revert")
def test_close__funding_outgrew_the_equity__owner_gets_out_and_gets_the_escrow_back() -> None:
    world = overgrown()
    boa.env.time_travel(seconds=30 * DAY)
    world.refresh()
    fee = world.order_book.keeper_fee()
    world.fund("trader", fee + 7 * USD)
    order = world.place("trader", -10_000 * WAD, 7 * USD, reduce_only=True)
    world.refresh()
    with boa.reverts("wait: crank first"):
        world.execute(order)
    # anyone may, and the same order is answered then
    assert world.crank() > 0
    free = world.free("trader")
    assert not world.execute(order)
    assert world.failure() == "nothing to reduce"
    assert world.free("trader") == free + fee + 7 * USD
    check_books(world)


@trap("funding that outgrew the equity makes closing revert")
def test_close__equity_below_the_fee__pays_nothing_and_closes() -> None:
    world = overgrown()
    # by hand to where some equity is left, but less than the fee and the premium
    margin = equity(world, "trader")
    while equity(world, "trader") > margin // 50:
        boa.env.time_travel(seconds=600)
        world.refresh()
    assert world.lens.market(world.market.address).is_clean
    world.close("trader")
    assert world.position("trader").units == 0
    check_books(world)


@trap("not accrued before its rate changes")
def test_rate_change__after_a_day__leaves_the_day_at_the_old_rate(world: World) -> None:
    world.open("trader", 10_000 * WAD, 100_000 * USD)
    boa.env.time_travel(seconds=DAY)
    owed = world.market.funding_index_now()
    assert owed > 0
    set_params(world, funding_k_bps=0, funding_max_bps=0)
    assert world.state().funding_index == owed
    boa.env.time_travel(seconds=DAY)
    assert world.market.funding_index_now() == owed


@trap("not accrued before margin is removed")
def test_remove_margin__funding_of_a_day__is_charged_first(world: World) -> None:
    world.open("trader", 10_000 * WAD, 100_000 * USD)
    boa.env.time_travel(seconds=DAY)
    world.refresh()
    owed = world.market.funding_index_now()
    before, free = equity(world, "trader"), world.free("trader")
    remove_margin(world, "trader", 10_000 * USD)
    assert world.state().funding_index == owed
    taken = world.free("trader") - free
    assert taken >= 10_000 * USD
    assert taken + equity(world, "trader") <= before
    check_books(world)


@trap("charged while nobody can close")
def test_settlement__nobody_trades_any_more__funding_stands_still() -> None:
    world = build_world(vault=1_000, skin=0, insurance=0, reserve=0)
    world.open("winner", 1_000 * WAD, 10_000 * USD)
    world.set_price(110 * WAD)
    world.crank()
    assert world.state().is_settling
    index = world.state().funding_index
    boa.env.time_travel(seconds=10 * DAY)
    assert world.market.funding_index_now() == index
    world.crank()
    assert world.state().funding_index == index


@trap("charged while nobody can close")
def test_pause__funding_goes_on__and_so_does_closing(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    boa.env.time_travel(seconds=DAY)
    world.refresh()
    world.close("trader")
    assert world.position("trader").units == 0
