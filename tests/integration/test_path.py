"""From the faucet to a withdrawal and through a crash, as wallets and keepers do it."""

from typing import Any

import ape
import pytest

from plimsoll.deploy import WAD
from tests.integration.conftest import BTC_PRICE, USD, World

CRASH_PRICE = 80_000 * WAD


def test_path__faucet_to_withdrawal__everybody_gets_their_money(world: World, trader: Any) -> None:
    token, pool, book = (world.contract(name) for name in ("CollateralToken", "MarginPool", "OrderBook"))
    token.faucet(sender=trader)
    wallet = token.balanceOf(trader.address)
    assert wallet == 10_000 * USD

    token.approve(pool.address, wallet, sender=trader)
    pool.deposit(wallet, trader.address, sender=trader)
    assert world.free(trader) == wallet

    id_ = world.place(trader, WAD // 10, 1_000)
    with ape.reverts("wait: price not newer than the order"):
        book.execute(id_, sender=world.keeper)
    world.publish(BTC_PRICE)
    executed = book.execute(id_, sender=world.keeper)
    assert len(world.events(executed, "OrderBook", "OrderExecuted")) == 1
    assert world.market.position(trader.address).units == WAD // 10
    assert world.free(world.keeper) == book.keeper_fee()

    id_ = world.place(trader, -WAD // 10, 0, reduce_only=True)
    world.publish(BTC_PRICE + 1_000 * WAD)
    book.execute(id_, sender=world.keeper)
    assert world.market.position(trader.address).units == 0

    left = world.free(trader)
    # 0.1 BTC earned 1,000 USD per BTC, less fees of 5 and 2 bps, the price of skew, and two keeper fees.
    assert 10_080 * USD < left < 10_100 * USD
    pool.withdraw(left, trader.address, sender=trader)
    assert token.balanceOf(trader.address) == left
    assert world.free(trader) == 0
    assert world.ledger_gap() == 0


def test_path__order_that_cannot_fill__gives_margin_and_fee_back(world: World, trader: Any) -> None:
    world.fund(trader, 100)
    before = world.free(trader)
    id_ = world.place(trader, WAD, 50)  # 100,000 USD of BTC on 50 USD of margin
    world.publish(BTC_PRICE)
    receipt = world.contract("OrderBook").execute(id_, sender=world.keeper)
    assert len(world.events(receipt, "OrderBook", "OrderFailed")) == 1
    assert world.free(trader) == before


def test_path__relay__updates_cranks_and_executes_in_one_call(world: World, trader: Any) -> None:
    world.fund(trader, 1_001)
    id_ = world.place(trader, WAD // 10, 1_000)
    published_at = ape.chain.blocks.head.timestamp + 2
    ape.chain.pending_timestamp = published_at
    relay = world.contract("Relay")
    relay.act(world.observe(BTC_PRICE, published_at), [world.market.address], 10, [id_], sender=world.keeper)
    assert world.market.position(trader.address).units == WAD // 10
    assert world.free(world.keeper) >= world.contract("OrderBook").keeper_fee()
    assert world.free(relay) == 0


@pytest.fixture
def crowded(world: World, longs: list[Any], shorts: list[Any]) -> World:
    """Two longs at 20x against two shorts at 5x: half a BTC each."""
    for long, short in zip(longs, shorts, strict=True):
        world.open(long, WAD // 2, 2_600)
        world.open(short, -WAD // 2, 10_100)
    return world


def test_path__crash__passes_through_every_layer(crowded: World, longs: list[Any], shorts: list[Any]) -> None:
    world = crowded
    pool, market, lens = world.contract("MarginPool"), world.market, world.contract("Lens")
    total = pool.total()
    assert lens.adl_rank(market.address, shorts[0].address).lights == 0

    world.publish(CRASH_PRICE)
    assert lens.work(market.address).liquidatable_buckets > 0
    assert lens.work(market.address).bankrupt_buckets > 0
    assert lens.adl_rank(market.address, shorts[0].address).lights > 0
    trade = world.place(shorts[0], WAD // 100, 0, reduce_only=True)
    world.publish(CRASH_PRICE)
    with ape.reverts("wait: crank first"):
        world.contract("OrderBook").execute(trade, sender=world.keeper)

    receipt = world.crank()
    liquidated = world.events(receipt, "Market", "Liquidated")
    deleveraged = world.events(receipt, "Market", "Deleveraged")
    assert sum(event.units for event in liquidated) == WAD  # both longs, whole
    layers = ("skin_in_the_game", "insurance", "adl", "vault")
    loss = {name: sum(getattr(event, name) for event in liquidated) for name in layers}
    assert sum(event.loss for event in liquidated) == sum(loss.values())
    assert loss["skin_in_the_game"] > 0
    assert loss["insurance"] > 0
    assert loss["adl"] == sum(event.claim for event in deleveraged) > 0
    assert sum(event.loss_per_unit for event in deleveraged) > 0
    assert world.events(receipt, "Market", "RewardPaid")
    assert lens.work(market.address).bankrupt_buckets == 0
    assert pool.total() == total
    assert world.ledger_gap() == 0
    assert 0 <= world.books_gap() < 100

    for long in longs:
        assert market.position(long.address).units == 0
    recovery = world.contract("RecoveryToken")
    for short in shorts:
        owed = market.position(short.address)
        before = world.free(short)
        market.sync(short.address, sender=world.keeper)
        assert world.free(short) == before + owed.cash_owed
        assert recovery.balanceOf(short.address) == owed.claim_owed > 0
    assert 0 <= loss["adl"] - recovery.totalSupply() < 10
    assert world.ledger_gap() == 0


def test_path__crash__crank_in_pieces_ends_like_crank_at_once(crowded: World) -> None:
    world = crowded
    world.publish(CRASH_PRICE)
    snapshot = ape.chain.snapshot()
    world.crank()
    at_once = world.market.state()
    ape.chain.restore(snapshot)
    for _ in range(100):
        if not world.events(world.crank(1), "Market", "RewardPaid"):
            break
    in_pieces = world.market.state()
    assert (in_pieces.units_long, in_pieces.units_short) == (at_once.units_long, at_once.units_short)
    for name in ("cash", "claimable", "trader_equity"):
        # Blocks are seconds apart, so funding differs a little; tests/invariants compare at one and the same time.
        assert abs(getattr(in_pieces, name) - getattr(at_once, name)) < USD // 100, name


def test_path__after_a_crash__winners_close_and_leave(crowded: World, shorts: list[Any]) -> None:
    world = crowded
    world.publish(CRASH_PRICE)
    world.crank()
    token = world.contract("CollateralToken")
    for short in shorts:
        units = world.market.position(short.address).units
        if units:
            world.fund(short, 1)  # the keeper's fee
            id_ = world.place(short, units, 0, reduce_only=True)
            world.publish(CRASH_PRICE)
            world.contract("OrderBook").execute(id_, sender=world.keeper)
        world.market.sync(short.address, sender=short)
        free = world.free(short)
        # Never less than the margin put in, whatever ADL took of the profit.
        assert free > 10_000 * USD
        world.contract("MarginPool").withdraw(free, short.address, sender=short)
        assert token.balanceOf(short.address) == free
        assert world.market.position(short.address).units == 0
    assert world.market.state().units_short == 0
    assert world.ledger_gap() == 0
