"""Gas of orders, prices, margin and cash, in a market that is in use."""

from typing import Any

import boa

from bench.exchange import PRICE, USD, Bench
from bench.meter import send
from plimsoll import accounts
from plimsoll.deploy import WAD

LOT = WAD // 100
MARGIN = 200 * USD
"""For one lot, which is 1,000 USD: leverage 5."""
WAITING, FIRST, SECOND, THIRD, LONER = 900, 10, 11, 12, 13


def market_in_use() -> Bench:
    """What storage a market ever uses is in use: longs and shorts, orders filled, closed and liquidated, a keeper paid.

    Traders FIRST, SECOND and THIRD have traded before, have nothing open and keep a free balance.
    """
    bench = Bench.build()
    for number in range(4):
        bench.open([number], LOT, (100 + 40 * number) * USD, PRICE)
        bench.open([100 + number], -LOT, (100 + 40 * number) * USD, PRICE)
    bench.open([200], LOT, 30 * USD, PRICE)
    bench.publish(98_000)
    assert bench.crank() == 1, "the warm-up liquidation is missing"
    for number in (FIRST, SECOND, THIRD, LONER):
        (trader,) = bench.open([number], LOT, MARGIN, PRICE)
        bench.fund(number, 1_000 * USD)
        order_id = bench.place(trader, -LOT, 0, reduce_only=True)
        bench.publish(PRICE)
        bench.execute(order_id)
    return bench


def leave_order(bench: Bench) -> None:
    """An order that waits: the order book holds its escrow."""
    bench.place(bench.fund(WAITING, 500 * USD), LOT, MARGIN)


def bucket_of(bench: Bench, trader: str) -> Any:
    return bench.market.position(trader).bucket


def orders() -> dict[str, float]:
    """Placing, executing and cancelling market orders."""
    bench = market_in_use()
    first, second, third = (bench.fund(number, 1) for number in (FIRST, SECOND, THIRD))
    gas: dict[str, float] = {}
    gas["place_market_escrow_empty"] = bench.send_place(first, LOT, MARGIN)[0].gas
    leave_order(bench)

    sent, order_id = bench.send_place(second, LOT, MARGIN)
    gas["place_market"] = sent.gas
    gas["cancel"] = send(bench.contract("OrderBook").cancel, order_id, sender=second).gas

    # first opens a bucket in a live column, second joins it at the next price
    live = {bucket_of(bench, bench.fund(number, 1)) for number in range(4)}
    order_id = bench.contract("OrderBook").next_id() - 3
    bench.publish(PRICE)
    gas["execute_open_new_bucket"] = bench.send_execute(order_id).gas
    assert bucket_of(bench, first) not in live, "not a new bucket"
    order_ids = [bench.place(second, LOT, MARGIN), bench.place(third, LOT, MARGIN)]
    bench.publish(PRICE)
    gas["execute_open"] = bench.send_execute(order_ids[0]).gas
    gas["execute_open_price_known"] = bench.send_execute(order_ids[1]).gas
    assert bucket_of(bench, first) == bucket_of(bench, second) == bucket_of(bench, third), "not a live bucket"

    loner = bench.fund(LONER, 10_000 * USD)
    order_id = bench.place(loner, LOT, 5_000 * USD)
    bench.publish(PRICE)
    gas["execute_open_new_column"] = bench.send_execute(order_id).gas

    order_id = bench.place(first, LOT, 2 * MARGIN)
    bench.publish(PRICE)
    gas["execute_increase"] = bench.send_execute(order_id).gas
    sent, order_id = bench.send_place(second, -LOT // 2, 0, reduce_only=True)
    gas["place_market_reduce_only"] = sent.gas
    bench.publish(PRICE)
    gas["execute_decrease"] = bench.send_execute(order_id).gas

    closes = {"execute_close": second, "execute_close_last_in_bucket": third, "execute_close_last_in_column": loner}
    for name, trader in closes.items():
        order_id = bench.place(trader, -LOT, 0, reduce_only=True)
        bench.publish(PRICE)
        gas[name] = bench.send_execute(order_id).gas
    return gas


def prices() -> dict[str, float]:
    """Price updates, alone and through the relay."""
    bench = market_in_use()
    leave_order(bench)
    gas: dict[str, float] = {
        "price_update_4of5": bench.send_price(PRICE).gas,
        "price_update_5of5": bench.send_price(PRICE, signers=5).gas,
    }
    feed = bench.contract("PriceFeed")
    gas["price_update_replayed"] = send(feed.update, bench.signed(PRICE), sender=bench.keeper).gas
    first = bench.fund(FIRST, 1)
    bench.open([SECOND], LOT, MARGIN, PRICE)
    order_id = bench.place(first, LOT, MARGIN)
    boa.env.time_travel(seconds=2)
    act = bench.contract("Relay").act
    gas["relay_price_and_open"] = send(act, bench.signed(PRICE), [], 0, [order_id], sender=bench.keeper).gas
    assert bucket_of(bench, first), "the relay did not open"
    boa.env.time_travel(seconds=2)
    gas["relay_price_and_idle_crank"] = send(
        act, bench.signed(PRICE), [bench.market.address], 1, [], sender=bench.keeper
    ).gas
    return gas


def cash() -> dict[str, float]:
    """Margin in and out of a position, collateral in and out of the pool, LP money in and out of the vault."""
    bench = market_in_use()
    leave_order(bench)
    book, pool, vault, token = (
        bench.contract(name) for name in ("OrderBook", "MarginPool", "Vault", "CollateralToken")
    )
    (first,) = bench.open([FIRST], LOT, MARGIN, PRICE)
    bench.fund(FIRST, 1_000 * USD)
    lp = accounts.dev_account(accounts.LP).address
    for owner, spender in ((first, pool), (lp, vault)):
        token.mint(owner, 2_000 * USD, sender=accounts.dev_account(accounts.DEPLOYER).address)
        token.approve(spender.address, 2_000 * USD, sender=owner)
    market = bench.market.address
    gas: dict[str, float] = {}
    bench.publish(PRICE)
    gas["add_margin"] = send(book.add_margin, market, 50 * USD, sender=first).gas
    bench.publish(PRICE)
    gas["remove_margin"] = send(book.remove_margin, market, 50 * USD, sender=first).gas
    gas["deposit"] = send(pool.deposit, 1_000 * USD, first, sender=first).gas
    gas["withdraw"] = send(pool.withdraw, 500 * USD, first, sender=first).gas
    gas["vault_deposit"] = send(vault.deposit, 1_000 * USD, lp, sender=lp).gas
    return gas
