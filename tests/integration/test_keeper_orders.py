"""Every type of order: wallets place them, a keeper that runs by itself executes them, publishers sign the prices."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account
from web3.exceptions import ContractLogicError
from web3.types import RPCEndpoint

from plimsoll import accounts, artifacts
from plimsoll.deploy import WAD
from plimsoll.processes import Children
from tests.stack import Stack, standing_paths, start_stack

USD = 10**6
FEED, BTC = "BTC-USD", 122_550 * WAD
MARKET, LIMIT, STOP = 0, 1, 2
CLOSE_LONG = -(2**255)
SIZE = WAD // 100
WAIT_SECONDS = 30.0
COOLDOWN = 60
NOISE_BPS = 5
"""A price is there if it is this near: publishers differ by their noise."""


@dataclass(frozen=True)
class Trader:
    """An account of its own, for which the local chain signs."""

    stack: Stack
    address: str

    def send(self, function: Any, sender: str = "") -> Any:
        """The receipt of a transaction that must succeed."""
        sent = function.transact({"from": sender or self.address, "gas": 3_000_000})
        receipt = self.stack.w3.eth.wait_for_transaction_receipt(sent, timeout=WAIT_SECONDS, poll_latency=0.1)
        assert receipt["status"] == 1, function
        return receipt

    @property
    def book(self) -> Any:
        return self.stack.contract("OrderBook")

    @property
    def free(self) -> int:
        return self.stack.contract("MarginPool").functions.balance_of(self.address).call()

    @property
    def units(self) -> int:
        return self.stack.market("BTC").functions.position(self.address).call().units

    def order(self, kind: int, size: int, trigger: int = 0, **changes: Any) -> tuple[Any, ...]:
        later = self.stack.w3.eth.get_block("latest")["timestamp"] + 3_600
        terms = {"margin": 0, "trigger": trigger, "acceptable": 0, "reduce_only": size == CLOSE_LONG, "expires": later}
        return (self.stack.market("BTC").address, kind, size, *(terms | changes).values())

    def place(self, *orders: tuple[Any, ...]) -> int:
        """One order, or several that hang together; the id of the first."""
        functions = self.book.functions
        placing = functions.place(orders[0]) if len(orders) == 1 else functions.place_linked(self.address, list(orders))
        receipt = self.send(placing)
        return min(event["args"]["id"] for event in self.book.events.OrderPlaced().process_receipt(receipt))

    def outcome(self, id_: int) -> tuple[str, Any]:
        """How the keeper ended an order: the event's name and its arguments. Waits for it."""

        def ended() -> tuple[str, Any] | None:
            for name in ("OrderExecuted", "OrderFailed", "OrderCancelled"):
                found = self.book.events[name]().get_logs(from_block=0, argument_filters={"id": id_})
                if found:
                    return name, found[0]["args"]
            return None

        return until(ended, f"order {id_} still waits")

    def open_long(self, margin: int = 200 * USD) -> None:
        name, _ = self.outcome(self.place(self.order(MARKET, SIZE, margin=margin)))
        assert name == "OrderExecuted"
        assert self.units == SIZE

    def at(self, price: int) -> None:
        """Waits until the chain holds this price."""
        self.stack.set_price(FEED, price)
        feed = bytes.fromhex(self.stack.deployment.markets["BTC"].feed[2:])
        read = self.stack.contract("PriceFeed").functions.price(feed).call
        until(lambda: abs(read()[0] - price) * 10_000 <= NOISE_BPS * price, f"no price near {price}")


def until(check: Callable[[], Any], complaint: str, seconds: float = WAIT_SECONDS) -> Any:
    """What `check` gives as soon as it is truthy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # While Anvil mines, it shows a new state at an old time: reads may fail.
        with contextlib.suppress(ContractLogicError):
            if found := check():
                return found
        time.sleep(0.2)
    raise AssertionError(complaint)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("keeper")
    children = Children(folder / "logs")
    artifacts.compile_all()
    try:
        sizes = {"PLIMSOLL_COOLDOWN": str(COOLDOWN), "PLIMSOLL_DEPOSIT_LOCK": "0"}
        yield asyncio.run(start_stack(children, folder, standing_paths(), sizes=sizes))
    finally:
        children.stop_all()


@pytest.fixture(scope="module", autouse=True)
def redemption(stack: Stack) -> tuple[int, str]:
    """Asked for before all else, so that its cooldown passes meanwhile: id and receiver."""
    vault, lp = stack.contract("Vault"), Trader(stack, accounts.dev_account(accounts.LP).address)
    receiver = Account.create().address
    lp.send(vault.functions.request_redeem(vault.functions.balanceOf(lp.address).call() // 100, receiver, 0))
    return vault.functions.next_request_id().call() - 1, receiver


@pytest.fixture(scope="module", autouse=True)
def staker(stack: Stack) -> Trader:
    """Asked to leave before all else too."""
    fund, staker = stack.contract("InsuranceFund"), Trader(stack, accounts.dev_account(accounts.STAKER).address)
    staker.send(fund.functions.request_unstake(fund.functions.shares_of(staker.address).call() // 100, 0))
    return staker


@pytest.fixture
def trader(stack: Stack) -> Trader:
    """A fresh one with 1,000 USD of free balance, at the price of listing."""
    trader = Trader(stack, Account.create().address)
    for method, values in (("anvil_impersonateAccount", []), ("anvil_setBalance", [hex(10 * WAD)])):
        answer = stack.w3.provider.make_request(RPCEndpoint(method), [trader.address, *values])
        assert "error" not in answer, answer
    token, pool = stack.contract("CollateralToken"), stack.contract("MarginPool")
    trader.send(token.functions.mint(trader.address, 1_000 * USD), accounts.dev_account(accounts.DEPLOYER).address)
    trader.send(token.functions.approve(pool.address, 1_000 * USD))
    trader.send(pool.functions.deposit(1_000 * USD, trader.address))
    trader.at(BTC)
    return trader


def test_market_order__opens_and_a_full_close_leaves_nothing(trader: Trader) -> None:
    trader.open_long()
    name, fill = trader.outcome(trader.place(trader.order(MARKET, CLOSE_LONG)))
    assert (name, fill.units_delta, trader.units) == ("OrderExecuted", -SIZE, 0)
    assert 990 * USD < trader.free < 1_000 * USD


def test_limit_order__waits_for_its_price(trader: Trader) -> None:
    id_ = trader.place(trader.order(LIMIT, SIZE, BTC * 99 // 100, margin=200 * USD))
    trader.at(BTC * 995 // 1000)
    assert until(trader.book.functions.order_state(id_).call, "no state")[0] == trader.address
    trader.at(BTC * 98 // 100)
    name, fill = trader.outcome(id_)
    assert name == "OrderExecuted"
    assert fill.fill_price <= BTC * 99 // 100
    assert trader.units == SIZE


def test_stop_entry__gaps__fills_at_the_price_beyond(trader: Trader) -> None:
    id_ = trader.place(trader.order(STOP, SIZE, BTC * 101 // 100, margin=200 * USD))
    trader.at(BTC * 104 // 100)  # over the trigger in one step
    name, fill = trader.outcome(id_)
    assert name == "OrderExecuted"
    assert fill.fill_price > BTC * 103 // 100


def test_stop__gaps_past_the_acceptable_price__fails_and_refunds(trader: Trader) -> None:
    before = trader.free
    id_ = trader.place(
        trader.order(STOP, SIZE, BTC * 101 // 100, margin=200 * USD, acceptable=BTC * 102 // 100),
    )
    trader.at(BTC * 104 // 100)
    name, failure = trader.outcome(id_)
    assert (name, failure.reason) == ("OrderFailed", "price above the acceptable price")
    assert (trader.free, trader.units) == (before, 0)


@pytest.mark.parametrize(
    ("price_bps", "filled", "cancelled"), [(10_300, 1, 2), (9_700, 2, 1)], ids=["take-profit", "stop-loss that gaps"]
)
def test_bracket__one_exit_fills_and_the_other_is_cancelled(
    trader: Trader, price_bps: int, filled: int, cancelled: int
) -> None:
    entry = trader.order(MARKET, SIZE, margin=200 * USD)
    profit = trader.order(LIMIT, CLOSE_LONG, BTC * 102 // 100)
    loss = trader.order(STOP, CLOSE_LONG, BTC * 99 // 100)
    id_ = trader.place(entry, profit, loss)
    assert trader.outcome(id_)[0] == "OrderExecuted"
    trader.at(BTC * price_bps // 10_000)
    name, fill = trader.outcome(id_ + filled)
    assert (name, trader.units) == ("OrderExecuted", 0)
    assert abs(fill.fill_price * 10_000 - BTC * price_bps) < BTC * 10
    assert trader.outcome(id_ + cancelled)[0] == "OrderCancelled"
    # 3 % of 1,225 USD won or lost, three keeper fees and two trading fees
    assert abs(trader.free - 1_000 * USD - (price_bps - 10_000) * USD * 12_255 // 100_000) < 3 * USD


def test_exits__on_a_position__close_it(trader: Trader) -> None:
    trader.open_long()
    profit = trader.order(LIMIT, CLOSE_LONG, BTC * 101 // 100)
    id_ = trader.place(profit, trader.order(STOP, CLOSE_LONG, BTC * 99 // 100))
    trader.at(BTC * 102 // 100)
    assert trader.outcome(id_)[0] == "OrderExecuted"
    assert trader.outcome(id_ + 1)[0] == "OrderCancelled"
    assert trader.units == 0


def test_reduce_only__without_a_position__refunds(trader: Trader) -> None:
    before = trader.free
    name, failure = trader.outcome(trader.place(trader.order(MARKET, -SIZE, reduce_only=True)))
    assert (name, failure.reason, trader.free) == ("OrderFailed", "nothing to reduce", before)


def test_owner_liquidated_first__order_refunds(trader: Trader) -> None:
    trader.open_long(margin=30 * USD)
    fee_held = trader.free
    id_ = trader.place(trader.order(STOP, CLOSE_LONG, BTC * 99 // 100))
    assert trader.free < fee_held
    trader.at(BTC * 97 // 100)  # past the maintenance margin and the trigger at once
    name, failure = trader.outcome(id_)
    assert (name, failure.reason, trader.units) == ("OrderFailed", "nothing to reduce", 0)
    assert trader.free >= fee_held


def test_paused_market__opens_nothing_and_closes(trader: Trader, stack: Stack) -> None:
    trader.open_long()
    before = trader.free
    guardian = accounts.dev_account(accounts.GUARDIAN).address
    market = stack.market("BTC").address
    snapshot = stack.w3.provider.make_request(RPCEndpoint("anvil_impersonateAccount"), [guardian])
    assert "error" not in snapshot
    trader.send(stack.contract("Guardian").functions.pause(market), guardian)
    name, failure = trader.outcome(trader.place(trader.order(MARKET, SIZE, margin=200 * USD)))
    assert (name, failure.reason, trader.free) == ("OrderFailed", "market is paused", before)
    assert trader.outcome(trader.place(trader.order(MARKET, CLOSE_LONG)))[0] == "OrderExecuted"
    assert trader.units == 0
    timelock = stack.contract("TimelockController").address
    for method, values in (("anvil_impersonateAccount", []), ("anvil_setBalance", [hex(WAD)])):
        stack.w3.provider.make_request(RPCEndpoint(method), [timelock, *values])
    trader.send(stack.market("BTC").functions.set_increase_paused(False), timelock)


def test_expired__keeper_clears_it_and_all_comes_back(trader: Trader, stack: Stack) -> None:
    before = trader.free
    soon = stack.w3.eth.get_block("latest")["timestamp"] + 4
    id_ = trader.place(trader.order(LIMIT, SIZE, BTC * 90 // 100, margin=200 * USD, expires=soon))
    name, failure = trader.outcome(id_)
    assert (name, failure.reason, trader.free) == ("OrderFailed", "expired", before)


def test_chores__exits_of_a_position_that_is_gone__are_cleared(trader: Trader) -> None:
    trader.open_long()
    profit, loss = BTC * 110 // 100, BTC * 90 // 100
    id_ = trader.place(trader.order(LIMIT, CLOSE_LONG, profit), trader.order(STOP, CLOSE_LONG, loss))
    assert trader.outcome(trader.place(trader.order(MARKET, CLOSE_LONG)))[0] == "OrderExecuted"
    assert [trader.outcome(each)[0] for each in (id_, id_ + 1)] == ["OrderCancelled"] * 2
    assert 990 * USD < trader.free < 1_000 * USD


def test_chores__price_of_gas__is_taken_over(stack: Stack) -> None:
    read = stack.contract("OrderBook").functions.gas_price().call
    until(lambda: read()[0] > 0, "no price of gas")
    feed = bytes.fromhex(stack.deployment.markets["ETH"].feed[2:])
    price, _ = stack.contract("PriceFeed").functions.price(feed).call()
    assert abs(read()[0] - price) * 50 <= price


def test_chores__redemption__is_paid_when_its_time_has_come(stack: Stack, redemption: tuple[int, str]) -> None:
    id_, receiver = redemption
    read = stack.contract("CollateralToken").functions.balanceOf(receiver).call
    until(lambda: read() > 0, f"request {id_} is not paid", COOLDOWN + WAIT_SECONDS)
    assert stack.contract("Vault").functions.request(id_).call()[1] == 0, "all of it: the vault has enough"


def test_chores__unstaking__is_carried_out_when_it_is_ripe(stack: Stack, staker: Trader) -> None:
    read = stack.contract("InsuranceFund").functions.unstake_request(staker.address).call
    until(lambda: read()[0] == 0, "the stake does not leave", COOLDOWN + WAIT_SECONDS)
    assert (
        stack.contract("InsuranceFund").events.Unstaked().get_logs(from_block=0)[0]["args"]["owner"] == staker.address
    )
