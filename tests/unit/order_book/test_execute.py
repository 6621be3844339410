from __future__ import annotations

import boa
import pytest

from tests.unit.order_book.conftest import Desk
from tests.unit.support import LIMIT, STOP, WAD, deployer, every_decimals, last_event

P = 100 * WAD


@every_decimals
def test_execute__fills_and_pays_the_keeper(desk: Desk) -> None:
    system, market = desk.system, desk.system.market
    order_id = desk.place(size_delta=-3 * WAD, acceptable_price=99 * WAD, reduce_only=True)
    placed_at = boa.env.timestamp
    market.will_fill(10_000, 2 * system.unit)
    desk.new_price(P + 5)

    assert desk.execute(order_id) is True

    event = last_event(system.order_book, "OrderExecuted")
    assert (event.id, event.owner, event.market, event.executor) == (
        order_id,
        desk.trader,
        market.address,
        desk.keeper,
    )
    assert (event.fill_price, event.units_delta, event.fee, event.paid_out) == (P + 5, -3 * WAD, 7, 2 * system.unit)
    assert (market.last_owner(), market.last_size_delta(), market.last_margin()) == (
        desk.trader,
        -3 * WAD,
        50 * system.unit,
    )
    assert (market.last_acceptable_price(), market.last_is_reduce_only()) == (99 * WAD, True)
    assert market.last_newer_than() == placed_at
    assert desk.free(desk.keeper) == desk.fee
    assert desk.free(desk.trader) == 952 * system.unit - desk.fee
    assert desk.free(market.address) == 48 * system.unit
    assert desk.escrow == 0
    assert system.order_book.order(order_id).expires_at == 0


def test_execute__twice__reverts(desk: Desk) -> None:
    order_id = desk.place()
    desk.new_price()
    desk.execute(order_id)
    with boa.reverts("no such order"):
        desk.execute(order_id)


@pytest.mark.parametrize("order_id", [0, 2, 2**256 - 1])
def test_execute__no_such_order__reverts(desk: Desk, order_id: int) -> None:
    desk.place()
    with boa.reverts("no such order"):
        desk.execute(order_id)


def test_execute__owner__gets_the_fee_back(desk: Desk) -> None:
    order_id = desk.place(margin=0)
    desk.new_price()
    assert desk.system.as_(desk.trader, desk.system.order_book.execute, order_id)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit


def test_execute__market_takes_less__the_rest_is_the_owners(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.market.will_fill(6_000, 0)
    desk.new_price()
    assert desk.execute(order_id)
    assert desk.free(desk.trader) == 970 * desk.system.unit - desk.fee
    assert desk.escrow == 0


def test_execute__allowance__does_not_outlive_the_call(desk: Desk) -> None:
    system = desk.system
    order_id = desk.place()
    system.market.will_fill(6_000, 0)
    desk.new_price()
    desk.execute(order_id)
    desk.place()
    with boa.reverts("pull not allowed"):
        system.as_(system.market.address, system.pool.settle, 1, [])


@pytest.mark.parametrize("kind", [0, LIMIT, STOP])
def test_execute__price_not_newer_than_the_order__waits(desk: Desk, kind: int) -> None:
    order_id = desk.place(kind=kind, trigger_price=P if kind else 0)
    boa.env.time_travel(seconds=5)
    with boa.reverts("wait: price not newer than the order"):
        desk.execute(order_id)
    assert desk.system.order_book.order_state(order_id).owner == desk.trader
    desk.new_price(P)
    assert desk.execute(order_id)


@pytest.mark.parametrize("is_buy", [True, False])
@pytest.mark.parametrize("kind", [LIMIT, STOP])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_execute__trigger(desk: Desk, kind: int, is_buy: bool, offset: int) -> None:
    order_id = desk.place(kind=kind, size_delta=WAD if is_buy else -WAD, trigger_price=P, acceptable_price=0)
    desk.new_price(P + offset)
    waits_for_fall = {(LIMIT, True): True, (LIMIT, False): False, (STOP, True): False, (STOP, False): True}
    is_reached = offset <= 0 if waits_for_fall[kind, is_buy] else offset >= 0
    if is_reached:
        assert desk.execute(order_id)
    else:
        with boa.reverts("wait: trigger not reached"):
            desk.execute(order_id)


@pytest.mark.parametrize("kind", [LIMIT, STOP])
def test_execute__trigger__source_went_back_behind_the_market__waits(desk: Desk, kind: int) -> None:
    order_id = desk.place(kind=kind, size_delta=WAD if kind == LIMIT else -WAD, trigger_price=P, acceptable_price=0)
    desk.new_price(P)
    desk.system.market.set_published_at(boa.env.timestamp + 1)
    with boa.reverts("wait: price older than the market's"):
        desk.execute(order_id)
    desk.system.market.set_published_at(boa.env.timestamp)
    assert desk.execute(order_id)


def test_execute__trigger__reads_the_feed_of_its_market(desk: Desk) -> None:
    system = desk.system
    source = deployer("StubPrices").deploy()
    market = deployer("StubMarket").deploy(system.pool.address, source.address, b"\x05" * 32)
    with boa.env.prank(system.owner):
        system.pool.set_engine(market.address, True)
        system.pool.set_mandate(market.address, 0)
        system.order_book.set_market(market.address, True)
    order_id = desk.place(market=market.address, kind=LIMIT, trigger_price=50 * WAD)
    desk.new_price(49 * WAD)  # of another market
    with boa.reverts("wait: no price"):
        desk.execute(order_id)
    source.set_price_of(b"\x05" * 32, 50 * WAD, boa.env.timestamp)
    assert desk.execute(order_id)


def test_execute__expires_at__still_good_in_that_second(desk: Desk) -> None:
    order_id = desk.place(expires_at=boa.env.timestamp + 10)
    desk.new_price(after=10)
    assert desk.execute(order_id)


def test_execute__expired__refunds_and_tells(desk: Desk) -> None:
    order_id = desk.place(expires_at=boa.env.timestamp + 10)
    desk.new_price(after=11)
    assert desk.execute(order_id) is False
    _assert_failed(desk, order_id, "expired")


@pytest.mark.parametrize(
    "reason", ["too much open interest", "", "w", "wait", "wait:", "waiting: no", "x" * 63, "x" * 64]
)
def test_execute__final_reason__refunds_everything(desk: Desk, reason: str) -> None:
    order_id = desk.place()
    desk.system.market.will_revert(reason)
    desk.new_price()
    assert desk.execute(order_id) is False
    _assert_failed(desk, order_id, reason)


def test_execute__long_reason__is_cut(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.market.will_revert("y" * 96)
    desk.new_price()
    assert desk.execute(order_id) is False
    _assert_failed(desk, order_id, "y" * 64)


def _assert_failed(desk: Desk, order_id: int, reason: str) -> None:
    event = last_event(desk.system.order_book, "OrderFailed")
    assert (event.id, event.owner, event.reason) == (order_id, desk.trader, reason)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
    assert desk.free(desk.keeper) == 0
    assert desk.escrow == 0
    with boa.reverts("no such order"):
        desk.execute(order_id)


@pytest.mark.parametrize("reason", ["wait: crank first", "wait: stale price", "wait: "])
def test_execute__wait__leaves_the_order(desk: Desk, reason: str) -> None:
    order_id = desk.place()
    desk.system.market.will_revert(reason)
    desk.new_price()
    with boa.reverts(reason):
        desk.execute(order_id)
    desk.system.market.will_fill(10_000, 0)
    assert desk.execute(order_id)


def test_execute__silent_revert__may_be_lack_of_gas_and_leaves_the_order(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.market.will_revert_silently()
    desk.new_price()
    with boa.reverts("not enough gas"):
        desk.execute(order_id)
    assert desk.system.order_book.order_state(order_id).owner == desk.trader


@pytest.mark.parametrize("gas", [100_000, 150_000, 200_000, 300_000, 1_000_000])
def test_execute__starved_of_gas__never_ends_the_order(desk: Desk, gas: int) -> None:
    order_id = desk.place()
    desk.system.market.will_burn_gas()
    desk.new_price()
    with boa.env.prank(desk.keeper), pytest.raises(boa.BoaError):
        desk.system.order_book.execute(order_id, gas=gas)
    assert desk.system.order_book.order_state(order_id).owner == desk.trader
    assert desk.escrow == 50 * desk.system.unit + desk.fee


def test_execute__every_gas_limit__fills_or_leaves_the_order(desk: Desk) -> None:
    order_id = desk.place()
    desk.new_price()
    outcomes = set()
    for gas in range(30_000, 250_000, 2_000):
        with boa.env.anchor(), boa.env.prank(desk.keeper):
            try:
                outcomes.add(desk.system.order_book.execute(order_id, gas=gas))
            except boa.BoaError:
                outcomes.add(None)
                assert desk.system.order_book.order_state(order_id).owner == desk.trader
    assert outcomes == {None, True}, "never False: an order does not fail for lack of gas"


@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"\x01", "trade failed"),
        (b"\x4e\x48\x7b\x71" + (17).to_bytes(32, "big"), "trade failed"),  # Panic(17)
        (b"\x08\xc3\x79\xa0", "trade failed"),
        # the length lies
        (b"\x08\xc3\x79\xa0" + (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big") + b"abc", "abc"),
        (b"\x08\xc3\x79\xa0" + (32).to_bytes(32, "big") + (200).to_bytes(32, "big") + b"z" * 188, "z" * 64),
        (b"\x08\xc3\x79\xa0" + (32).to_bytes(32, "big") + bytes(32), ""),
    ],
    ids=["one byte", "panic", "selector only", "lying length", "too long", "empty reason"],
)
def test_execute__odd_revert_data__cannot_block_the_refund(desk: Desk, junk: bytes, reason: str) -> None:
    order_id = desk.place()
    desk.system.market.will_revert_with(junk)
    desk.new_price()
    assert desk.execute(order_id) is False
    _assert_failed(desk, order_id, reason)


def test_execute__market_off_the_list__placed_orders_still_run(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.as_(desk.system.owner, desk.system.order_book.set_market, desk.system.market.address, False)
    desk.new_price()
    assert desk.execute(order_id)
