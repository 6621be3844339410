"""The keeper fee follows the price of gas: at placing within bounds, later as far as somebody topped it up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from tests.unit.order_book.conftest import Desk
from tests.unit.support import WAD, build_system, deployer, last_event

GAS = 300_000
GWEI = 10**9
NATIVE = b"\x09" * 32


def set_native_price(desk: Desk, price: int = 2_000 * WAD) -> Any:
    source = deployer("StubPrices").deploy()
    source.set_price_of(NATIVE, price, boa.env.timestamp)
    desk.system.as_(desk.system.owner, desk.system.order_book.set_gas_price, source.address, NATIVE)
    desk.system.order_book.refresh_gas_price()
    return source


def top_up(desk: Desk, order_id: int, amount: int, by: str = "friend") -> str:
    account = desk.system.cash(by, amount)
    desk.system.as_(account, desk.system.order_book.top_up, order_id, amount)
    return account


def set_base_fee(wei: int) -> None:
    boa.env.evm.vm.state.execution_context._base_fee_per_gas = wei


@pytest.fixture
def slow_desk() -> Iterator[Desk]:
    """On py-evm: calls on revm are in blocks without a base fee."""
    with boa.swap_env(boa.Env()):
        system = build_system()
        trader = system.cash("trader", 1_000 * system.unit)
        system.set_price(100 * WAD)
        yield Desk(system, trader, system.account("keeper"), system.order_book.keeper_fee())


def test_top_up__by_anyone__is_escrowed(desk: Desk) -> None:
    order_id = desk.place()
    friend = top_up(desk, order_id, 30)
    event = last_event(desk.system.order_book, "OrderToppedUp")
    assert (event.id, event.payer, event.amount) == (order_id, friend, 30)
    top_up(desk, order_id, 12)
    assert desk.system.order_book.order_state(order_id).top_up == 42
    assert desk.escrow == 50 * desk.system.unit + desk.fee + 42
    assert desk.system.order_book.order_state(order_id).keeper_fee == desk.fee
    assert tuple(desk.system.order_book.order(order_id)) == desk.order().tuple_


@pytest.mark.parametrize(
    ("gwei", "earned_cents"),
    [(0, 10), (1, 60), (2, 120), (3, 180), (10, 310), (100_000, 310)],
    ids=["nothing", "1 gwei", "2 gwei", "3 gwei", "above the escrow", "far above"],
)
def test_execute__topped_up__follows_the_base_fee_within_the_escrow(
    slow_desk: Desk, gwei: int, earned_cents: int
) -> None:
    """300,000 gas at 1 gwei and 2,000 USD cost 0.60 USD; the fee is 0.10, the top-up 3 USD."""
    desk, unit = slow_desk, slow_desk.system.unit
    set_base_fee(0)
    set_native_price(desk)
    order_id = desk.place()
    top_up(desk, order_id, 3 * unit)
    desk.new_price()
    set_base_fee(gwei * GWEI)
    assert desk.execute(order_id)
    assert desk.free(desk.keeper) == earned_cents * unit // 100
    assert desk.free(desk.trader) == 950 * unit - desk.fee + (310 - earned_cents) * unit // 100
    assert desk.escrow == 0
    assert desk.system.order_book.order_state(order_id).top_up == 0


def test_execute__topped_up__cost_is_rounded_up(slow_desk: Desk) -> None:
    desk = slow_desk
    set_base_fee(0)
    set_native_price(desk, WAD // 10**5)
    order_id = desk.place()
    top_up(desk, order_id, desk.system.unit)
    desk.new_price()
    set_base_fee(GWEI * 10**6 + 1)
    exact = GAS * (GWEI * 10**6 + 1) * 10 ** (-5 + 6)
    assert exact % WAD
    assert desk.execute(order_id)
    assert desk.free(desk.keeper) == max(desk.fee, exact // WAD + 1)


def test_execute__topped_up__without_a_price_of_gas__pays_all(desk: Desk) -> None:
    order_id = desk.place()
    top_up(desk, order_id, 42)
    desk.new_price()
    assert desk.execute(order_id)
    assert desk.free(desk.keeper) == desk.fee + 42
    assert desk.escrow == 0


@pytest.mark.parametrize(
    ("gwei", "cents"),
    [(0, 10), (1, 60), (2, 120), (16, 960), (17, 1_000), (100_000, 1_000)],
    ids=["least", "1 gwei", "2 gwei", "16 gwei", "at the bound", "far above"],
)
def test_place__keeper_fee__follows_the_base_fee_within_bounds(slow_desk: Desk, gwei: int, cents: int) -> None:
    """At 2,000 USD the fee is 0.60 USD for each gwei; at least 0.10, at most 10 USD."""
    desk, book, unit = slow_desk, slow_desk.system.order_book, slow_desk.system.unit
    set_native_price(desk)
    set_base_fee(gwei * GWEI)
    fee = cents * unit // 100
    assert book.keeper_fee() == book.keeper_fee(gwei * GWEI) == fee
    order_id = desk.place()
    assert last_event(book, "OrderPlaced").keeper_fee == book.order_state(order_id).keeper_fee == fee
    assert desk.free(desk.trader) == 950 * unit - fee
    # What the price of gas does later changes nothing for this order.
    set_base_fee(0)
    desk.new_price()
    assert desk.execute(order_id)
    assert desk.free(desk.keeper) == fee
    assert desk.escrow == 0


def test_place__keeper_fee__is_rounded_up_to_three_digits_and_comes_back_whole(slow_desk: Desk) -> None:
    desk, book = slow_desk, slow_desk.system.order_book
    set_base_fee(0)
    set_native_price(desk)
    fees = {1_234_567_891: 741_000, GWEI + 1: 601_000, 1_705_000_000: 1_023_000, 1_706_000_000: 1_030_000}
    for wei, fee in fees.items():
        exact = -(-GAS * wei * 2_000 // 10**12)
        assert book.keeper_fee(wei) == fee
        assert exact <= fee < exact * 102 // 100
        set_base_fee(wei)
        order_id = desk.place()
        desk.system.as_(desk.trader, book.cancel, order_id)
        assert (desk.escrow, desk.free(desk.trader)) == (0, 1_000 * desk.system.unit)


def test_place__no_price_of_gas__least_fee_at_any_base_fee(slow_desk: Desk) -> None:
    desk, book = slow_desk, slow_desk.system.order_book
    assert book.keeper_fee(10**6 * GWEI) == desk.fee
    source = set_native_price(desk)
    assert book.keeper_fee(GWEI) > desk.fee
    # Another source: its price counts from the next refresh on.
    desk.system.as_(desk.system.owner, book.set_gas_price, source.address, b"\x01" * 32)
    assert (book.gas_price()[0], book.keeper_fee(GWEI)) == (0, desk.fee)


@pytest.mark.parametrize("end", ["cancel", "fail", "expire"])
def test_top_up__order_ends_without_a_fill__is_the_owners(desk: Desk, end: str) -> None:
    order_id = desk.place(expires_at=boa.env.timestamp + 10)
    top_up(desk, order_id, 42)
    if end == "cancel":
        desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)
    else:
        desk.system.market.will_revert("no")
        desk.new_price(after=11 if end == "expire" else 1)
        assert desk.execute(order_id) is False
    assert desk.free(desk.trader) == 1_000 * desk.system.unit + 42
    assert (desk.escrow, desk.system.order_book.order_state(order_id).top_up) == (0, 0)


def test_top_up__order_waits__stays(desk: Desk) -> None:
    order_id = desk.place()
    top_up(desk, order_id, 42)
    with boa.reverts("wait: price not newer than the order"):
        desk.execute(order_id)
    assert desk.system.order_book.order_state(order_id).top_up == 42


def test_top_up__bad_input__says_what_is_wrong(desk: Desk) -> None:
    order_id, friend = desk.place(), desk.system.cash("friend", 5)
    for args, error in (
        ((order_id, 0), "amount is zero"),
        ((order_id, 6), "not enough free balance"),
        ((order_id + 1, 5), "no such order"),
    ):
        with boa.reverts(error):
            desk.system.as_(friend, desk.system.order_book.top_up, *args)
    assert desk.free(friend) == 5


def test_set_gas_price__only_the_owner(desk: Desk) -> None:
    book = desk.system.order_book
    source = set_native_price(desk)
    event = last_event(book, "GasPriceRefreshed")
    assert event.price == 2_000 * WAD
    assert tuple(book.gas_price()) == (2_000 * WAD, source.address, NATIVE)
    with boa.reverts("ownable: caller is not the owner"):
        desk.system.as_(desk.trader, book.set_gas_price, source.address, NATIVE)
    none = "0x" + "00" * 20
    desk.system.as_(desk.system.owner, book.set_gas_price, none, bytes(32))
    event = last_event(book, "GasPriceSet")
    assert (event.source, event.feed) == (none, bytes(32))
    assert tuple(book.gas_price()) == (0, none, bytes(32))


def test_refresh_gas_price__anyone_takes_the_newest(desk: Desk) -> None:
    book = desk.system.order_book
    source = set_native_price(desk)
    source.set_price_of(NATIVE, 3_000 * WAD, boa.env.timestamp)
    assert book.gas_price()[0] == 2_000 * WAD
    desk.system.as_(desk.keeper, book.refresh_gas_price)
    assert book.gas_price()[0] == 3_000 * WAD
    # ids and the least fee stand in the same word
    assert (book.next_id(), book.keeper_fee(0)) == (1, desk.fee)


def test_refresh_gas_price__no_source_or_a_bad_price__says_so(desk: Desk) -> None:
    book = desk.system.order_book
    with boa.reverts("no source for the price of gas"):
        book.refresh_gas_price()
    source = set_native_price(desk)
    source.set_price_of(NATIVE, 2**96, boa.env.timestamp)
    with boa.reverts("price too big"):
        book.refresh_gas_price()
    source.set_price_of(NATIVE, 0, boa.env.timestamp)
    with boa.reverts("wait: no price"):
        book.refresh_gas_price()
    assert book.gas_price()[0] == 2_000 * WAD
