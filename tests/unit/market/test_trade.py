"""Increase, decrease, flip, fees, limits: what an order does to position, cash and books."""

from __future__ import annotations

import boa
import pytest
from boa.contracts.event_decoder import RawLogEntry

from tests.system import LONG, SHORT, WAD, World, beta_of, build_world, check_books, events, floor_of

USD = 10**6


def test_trade__open_long__locks_what_the_bucket_needs_and_returns_the_rest(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    position = world.position("trader")
    fill = world.order_book.get_logs()
    assert fill
    assert (position.side, position.units) == (LONG, 1_000 * WAD)
    # P_f = P * (1 + d / (2 psi)), psi = 10,000,000
    fill_price = 100 * WAD + 100 * WAD * 1_000 // (2 * 10_000_000)
    # kept to 45 significant bits
    assert 0 <= fill_price - position.entry_price <= fill_price >> 44
    premium, fee = 5 * USD, 50 * USD
    equity = 10_000 * USD - premium - fee
    per_unit = equity * 10**12 // 1_000
    width = floor_of(position.bucket >> 16 & 255) // 16
    assert position.beta == beta_of(position.bucket) == -(-(100 * WAD - per_unit) // width) * width
    locked = -(-(1_000 * WAD * (100 * WAD - position.beta)) // 10**30)
    assert world.free("trader") == equity - locked
    assert 0 <= 100 * WAD - position.beta - position.basis <= position.basis >> 34
    assert position.basis < per_unit
    check_books(world)


def test_trade__round_trip_at_one_price__costs_the_fees_alone(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    world.close("trader")
    # taker to open, maker to close, on 100,000 USD; one base unit for each rounding
    cost = 10_000 * USD - world.free("trader")
    assert 70 * USD <= cost <= 70 * USD + 30_000  # a second of funding
    assert world.position("trader").units == 0
    check_books(world)


def test_trade__fee__is_split_between_vault_insurance_and_treasury(world: World) -> None:
    before = world.pool.balance_of(world.vault.address)
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    assert world.pool.balance_of(world.vault.address) - before == 30 * USD + 5 * USD
    insurance = world.pool.balance_of(world.insurance.address)
    world.crank()
    assert world.pool.balance_of(world.insurance.address) - insurance == 10 * USD
    assert world.pool.balance_of(world.treasury) == 10 * USD


def test_trade__against_a_position__reduces_then_flips(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    world.fund("trader", 10**12)
    assert world.trade("trader", -400 * WAD)
    assert world.position("trader").units == 600 * WAD
    bucket = world.position("trader").bucket
    assert world.trade("trader", -1_000 * WAD, 8_000 * USD)
    position = world.position("trader")
    assert (position.side, position.units) == (SHORT, 400 * WAD)
    assert position.bucket != bucket
    check_books(world)


def test_trade__increase__averages_entry_and_basis(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    first = world.position("trader")
    world.set_price(110 * WAD)
    world.open("trader", 1_000 * WAD, 20_000 * USD)
    second = world.position("trader")
    assert second.units == 2_000 * WAD
    assert first.entry_price < second.entry_price < 111 * WAD
    # contributed margin: 9,495 locked and 20,000 over 2,000 units
    exact = (1_000 * first.basis + 20_000 * WAD) // 2_000
    assert 0 <= exact - second.basis <= exact >> 34
    check_books(world)


def test_trade__profit__is_paid_out_of_the_vault(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    world.set_price(110 * WAD)
    vault = world.pool.balance_of(world.vault.address)
    world.close("trader")
    # 10,000 of profit less fees and the skew it pays back
    assert 19_800 * USD < world.free("trader") < 20_000 * USD
    assert vault - world.pool.balance_of(world.vault.address) > 9_900 * USD
    check_books(world)


def test_trade__close_with_equity_below_the_fee__takes_what_is_there(world: World) -> None:
    world.open("trader", 1_000 * WAD, 2_300 * USD)
    position = world.position("trader")
    # equity of 0.01 USD a unit is left, the fee alone is 0.02
    world.set_price(position.beta + WAD // 100)
    assert world.is_clean()
    world.close("trader")
    assert world.position("trader").units == 0
    check_books(world)


@pytest.mark.parametrize(
    ("size", "margin", "reason"),
    [
        (1_000, 2_000, "below initial margin"),
        (1_000, 40, "margin does not cover premium and fee"),
        (1, 0, "margin does not cover premium and fee"),
        (10**17 / WAD, 10, "position below the smallest value"),
        (40_000, 1_000_000, "market is at its open capacity"),
    ],
)
def test_trade__not_allowed__fails_with_its_reason_and_refunds(
    world: World, size: float, margin: int, reason: str
) -> None:
    fee = world.order_book.keeper_fee()
    world.fund("trader", margin * USD + fee)
    assert not world.trade("trader", int(size * WAD), margin * USD)
    assert world.failure() == reason
    assert world.free("trader") == margin * USD + fee
    check_books(world)


def test_trade__reduce_only_without_position__fails(world: World) -> None:
    world.fund("trader", USD)
    assert not world.trade("trader", WAD, reduce_only=True)
    assert world.failure() == "nothing to reduce"


@pytest.mark.parametrize(("size", "acceptable"), [(1_000, 100 * WAD), (-1_000, 100 * WAD)])
def test_trade__fill_beyond_the_acceptable_price__fails(world: World, size: int, acceptable: int) -> None:
    world.fund("trader", 20_000 * USD)
    order = world.place("trader", size * WAD, 10_000 * USD, acceptable=acceptable)
    world.refresh()
    assert not world.execute(order)
    side = "above" if size > 0 else "below"
    assert world.failure() == f"price {side} the acceptable price"


def test_trade__price_not_newer_than_the_order__waits(world: World) -> None:
    world.fund("trader", 20_000 * USD)
    order = world.place("trader", WAD, 100 * USD)
    with boa.reverts("wait: price not newer than the order"):
        world.execute(order)
    world.refresh()
    assert world.execute(order)


def test_trade__stale_price__waits(world: World) -> None:
    world.fund("trader", 20_000 * USD)
    order = world.place("trader", WAD, 100 * USD)
    world.refresh()
    boa.env.time_travel(seconds=61)
    with boa.reverts("wait: stale price"):
        world.execute(order)


def test_trade__while_a_bankrupt_bucket_is_open__waits_for_the_crank(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.open("other", 1_000 * WAD, 50_000 * USD)
    world.fund("other", USD)
    order = world.place("other", -WAD, 0, reduce_only=True)
    world.set_price(90 * WAD)
    with boa.reverts("wait: crank first"):
        world.execute(order)
    world.crank()
    assert world.execute(order)
    check_books(world)


def test_trade__paused__still_closes(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    world.fund("other", 10**12)
    assert not world.trade("other", WAD, 100 * USD)
    assert world.failure() == "market is paused"
    world.close("trader")


def test_trade__by_anyone_but_the_order_book__reverts(world: World) -> None:
    with boa.reverts("only the order book"):
        world.market.trade(world.owner, WAD, 0, 0, False, 0)
    with boa.reverts("only the order book"):
        world.market.change_margin(world.owner, 1)


def test_trade__traded_event__tells_the_position_after_it(world: World) -> None:
    world.open("trader", -500 * WAD, 5_000 * USD)
    position = world.position("trader")
    fee = world.order_book.keeper_fee()
    world.fund("trader", fee)
    order = world.place("trader", 200 * WAD, 0, reduce_only=True)
    world.refresh()
    with boa.env.prank(world.order_book.address):
        world.market.trade(world.account("trader"), 200 * WAD, 0, 0, True, 0)
    (traded,) = events(world.market, "Traded")
    assert (traded.units_delta, traded.units_after) == (200 * WAD, -300 * WAD)
    assert traded.bucket == position.bucket
    assert order


@pytest.mark.parametrize("decimals", [6, 8, 18])
@pytest.mark.parametrize("price", [10**12, 100 * WAD, 10**7 * WAD])
def test_trade__any_decimals_and_price__balances(anchored: None, decimals: int, price: int) -> None:
    """Prices from 1e-6 to 1e7 USD a unit."""
    psi = 10**9 * WAD * WAD // price
    world = build_world(decimals=decimals, price=price, skew_scale=psi)
    units = 10_000 * WAD * WAD // price
    world.open("long", units, 1_000 * world.unit)
    world.open("short", -units, 500 * world.unit)
    world.set_price(price * 103 // 100)
    world.crank()
    check_books(world)
    world.close("long")
    world.close("short")
    check_books(world)
    gained = world.free("long") - 1_000 * world.unit
    assert 280 * world.unit < gained < 300 * world.unit


def test_trade__traded_event__tells_what_was_realised(world: World) -> None:
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    entry = world.position("trader").entry_price
    world.set_price(103 * WAD)
    world.fund("trader", world.order_book.keeper_fee())
    assert world.trade("trader", -400 * WAD, 0, reduce_only=True), world.failure()
    logs = world.order_book._computation.get_raw_log_entries()
    told = [
        world.market.decode_log(RawLogEntry(*log)) for log in logs if log[1] == world.market.address.canonical_address
    ]
    (event,) = [each for each in told if type(each).__name__ == "Traded"]
    # the units' gain since entry, less the fee
    gain = 400 * (event.fill_price - entry) // 10**12
    assert gain - event.fee - 1 <= event.realised <= gain - event.fee
    assert event.fee > 0


@pytest.mark.parametrize("more", [0, 1, 10**6])
def test_trade__close_by_what_was_once_bought__leaves_nothing_behind(world: World, more: int) -> None:
    """A position that shrank by rounding is a few WADs smaller than what its owner bought."""
    world.open("trader", 10 * WAD, 100 * USD)
    size = -world.position("trader").units - more
    world.fund("trader", world.order_book.keeper_fee())
    quote = world.lens.quote(world.market.address, world.account("trader"), size, 0)
    assert quote.error == ""
    assert world.trade("trader", size), world.failure()
    assert world.position("trader").units == 0
    assert world.state().units_long == world.state().units_short == 0


def test_trade__more_than_rounding_beyond_the_position__is_an_order_for_the_other_side(world: World) -> None:
    world.open("trader", 10 * WAD, 100 * USD)
    world.fund("trader", world.order_book.keeper_fee())
    assert not world.trade("trader", -10 * WAD - 10**6 - 1)
    assert "position below the smallest value" in world.failure() or "margin" in world.failure()
