"""Orders of every type on Anvil, placed by wallets, session keys and relayers, executed by the keeper."""

from typing import Any

import ape
from eth_account import Account
from eth_account.signers.local import LocalAccount

from plimsoll import accounts
from plimsoll.deploy import WAD
from plimsoll.signing import Signer
from tests.integration.conftest import BTC_PRICE, HOUR, USD, World

LIMIT, STOP = 1, 2
CLOSE_LONG = -(2**255)
KEY: LocalAccount = Account.from_key(b"\x21" * 32)


def now() -> int:
    return int(ape.chain.blocks.head.timestamp)


def order(world: World, kind: int, size: int, trigger: int, **changes: Any) -> tuple[Any, ...]:
    terms = {"margin": 0, "trigger": trigger * WAD, "acceptable": 0, "reduce_only": True, "expires_at": now() + HOUR}
    return (world.market.address, kind, size, *(terms | changes).values())


def execute(world: World, id_: int) -> str:
    """How it ended, in the name of its event and the reason."""
    receipt = world.contract("OrderBook").execute(id_, sender=world.keeper)
    if world.events(receipt, "OrderBook", "OrderExecuted"):
        return "executed"
    return str(world.events(receipt, "OrderBook", "OrderFailed")[0].reason)


def test_orders__bracket__stop_gaps_and_the_take_profit_is_cancelled(world: World, trader: Any) -> None:
    book = world.contract("OrderBook")
    world.fund(trader, 3_000)
    entry = order(world, LIMIT, WAD // 10, 99_000, margin=2_000 * USD, reduce_only=False)
    exits = [order(world, LIMIT, CLOSE_LONG, 110_000), order(world, STOP, CLOSE_LONG, 95_000)]
    id_ = book.next_id()
    book.place_linked(trader.address, [entry, *exits], sender=trader)
    world.publish(BTC_PRICE)
    with ape.reverts("wait: trigger not reached"):
        book.execute(id_, sender=world.keeper)
    with ape.reverts("wait: attached to an order not filled"):
        book.execute(id_ + 2, sender=world.keeper)
    world.publish(98_900 * WAD)
    assert execute(world, id_) == "executed"
    world.publish(96_000 * WAD)
    with ape.reverts("wait: trigger not reached"):
        book.execute(id_ + 2, sender=world.keeper)
    world.publish(92_000 * WAD)  # over the trigger in one step
    receipt = book.execute(id_ + 2, sender=world.keeper)
    (filled,) = world.events(receipt, "OrderBook", "OrderExecuted")
    assert abs(filled.fill_price - 92_000 * WAD) < 100 * WAD
    assert [event.id for event in world.events(receipt, "OrderBook", "OrderCancelled")] == [id_ + 1]
    assert world.market.position(trader.address).units == 0
    assert world.free(book) == 0


def test_orders__owner_liquidated_first__order_refunds(world: World, trader: Any, shorts: list[Any]) -> None:
    book = world.contract("OrderBook")
    world.open(shorts[0], -WAD // 10, 4_000)
    world.open(trader, WAD // 10, 400)
    before = world.free(trader)
    id_ = book.next_id()
    book.place_linked(trader.address, [order(world, STOP, CLOSE_LONG, 99_000)], sender=trader)
    world.publish(96_500 * WAD)
    world.crank()
    assert world.market.position(trader.address).units == 0
    assert execute(world, id_) == "nothing to reduce"
    assert world.free(trader) >= before


def test_orders__paused_or_expired__fail_alone_and_refund(world: World, trader: Any) -> None:
    book = world.contract("OrderBook")
    world.fund(trader, 2_000)
    before = world.free(trader)
    id_ = world.place(trader, WAD // 10, 1_000)
    guardian = ape.accounts.test_accounts[accounts.GUARDIAN]
    world.contract("Guardian").pause(world.market.address, sender=guardian)
    world.publish(BTC_PRICE)
    assert execute(world, id_) == "market is paused"
    id_ = book.next_id()
    book.place(order(world, LIMIT, WAD // 10, 90_000, reduce_only=False, expires_at=now() + 5), sender=trader)
    world.publish(BTC_PRICE, seconds=10)
    assert execute(world, id_) == "expired"
    assert world.free(trader) == before


def test_orders__no_eth__deposits_trades_and_cancels_through_a_relayer(world: World, trader: Any) -> None:
    token, pool, book = (world.contract(name) for name in ("CollateralToken", "MarginPool", "OrderBook"))
    assert ape.chain.provider.get_balance(KEY.address) == 0
    token.mint(KEY.address, 5_000 * USD, sender=ape.accounts.test_accounts[0])
    deadline = now() + HOUR
    deposits = Signer(KEY, "MarginPool", pool.address, ape.chain.chain_id)
    orders = Signer(KEY, "OrderBook", book.address, ape.chain.chain_id)
    v, r, s = permit(token, pool.address, 5_000 * USD, deadline)
    signed = deposits.deposit(5_000 * USD, USD, 0, deadline)
    pool.deposit_signed(KEY.address, 5_000 * USD, USD, 0, deadline, signed, v, r, s, sender=trader)
    assert (world.free(KEY.address), world.free(trader)) == (4_999 * USD, USD)

    opening = order(world, 0, WAD // 10, 0, margin=2_000 * USD, reduce_only=False)
    id_ = book.next_id()
    signature = orders.placement(opening, 9, deadline, USD)
    book.place_signed(opening, KEY.address, 9, deadline, signature, USD, sender=trader)
    with ape.reverts("nonce already used"):
        book.place_signed(opening, KEY.address, 9, deadline, signature, USD, sender=trader)
    world.publish(BTC_PRICE)
    assert execute(world, id_) == "executed"
    assert world.market.position(KEY.address).units == WAD // 10

    stop = order(world, STOP, CLOSE_LONG, 90_000)
    id_ = book.next_id()
    book.place_signed(stop, KEY.address, 3, deadline, orders.placement(stop, 3, deadline), sender=trader)
    book.cancel_signed(id_, KEY.address, 4, deadline, orders.cancellation(id_, 4, deadline, USD), USD, sender=trader)
    closing = order(world, 0, CLOSE_LONG, 0)
    id_ = book.next_id()
    book.place_signed(closing, KEY.address, 5, deadline, orders.placement(closing, 5, deadline), sender=trader)
    world.publish(BTC_PRICE)
    assert execute(world, id_) == "executed"
    assert world.market.position(KEY.address).units == 0
    assert world.free(trader) == 3 * USD
    assert 4_970 * USD < world.free(KEY.address) < 4_997 * USD


def permit(token: Any, spender: str, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
    domain = {
        "name": token.name(),
        "version": "1",
        "chainId": ape.chain.chain_id,
        "verifyingContract": token.address,
    }
    fields = (("owner", "address"), ("spender", "address"), *((n, "uint256") for n in ("value", "nonce", "deadline")))
    types = {"Permit": [{"name": name, "type": kind} for name, kind in fields]}
    message = {"owner": KEY.address, "spender": spender, "value": amount, "nonce": 0, "deadline": deadline}
    signed = Account.sign_typed_data(KEY.key, domain, types, message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_orders__session_key__trades_and_tops_up(world: World, trader: Any, longs: list[Any]) -> None:
    book, key = world.contract("OrderBook"), longs[1]
    world.fund(trader, 3_000)
    world.fund(key, 5)
    book.set_delegate(key.address, world.market.address, now() + HOUR, 2, 11_000 * USD, sender=trader)
    opening = order(world, 0, WAD // 10, 0, margin=2_000 * USD, reduce_only=False)
    id_ = book.next_id()
    book.place_for(trader.address, opening, sender=key)
    with ape.reverts("delegate: notional used up"):
        book.place_for(trader.address, opening, sender=key)
    book.top_up(id_, 2 * USD, sender=key)
    earned = world.free(world.keeper)
    world.publish(BTC_PRICE)
    assert execute(world, id_) == "executed"
    assert world.free(world.keeper) == earned + 2 * USD + book.keeper_fee()
    id_ = book.next_id()
    book.place_for(trader.address, order(world, 0, CLOSE_LONG, 0), sender=key)
    book.set_delegate(key.address, world.market.address, 0, 0, 0, sender=trader)
    with ape.reverts("not your order"):
        book.cancel(id_, sender=key)
    world.publish(BTC_PRICE)
    assert execute(world, id_) == "executed"
    assert world.market.position(trader.address).units == 0
    assert world.free(key) == 3 * USD
