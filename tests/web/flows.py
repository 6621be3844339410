"""What several tests do in the page, and what they ask the chain to compare with."""

import time
from collections.abc import Callable
from typing import Any

from tests.stack import Stack as Services
from tests.stack import read
from tests.web.browser import Browser, test_id
from tests.web.stage import Stack

USD = 10**6
WAD = 10**18
CRASH_SECONDS = 60.0


def connect(stack: Stack, browser: Browser) -> None:
    """Opens the page and connects the wallet that announced itself."""
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    browser.click("connect")
    browser.click("wallet-org.plimsoll.test")
    browser.wait(test_id("address"))


def free_balance(stack: Stack, account: str) -> int:
    """Cash in the pool."""
    return stack.contract("MarginPool").functions.balance_of(account).call()


def wallet_balance(stack: Stack, account: str) -> int:
    """Tokens outside of the pool."""
    return stack.contract("CollateralToken").functions.balanceOf(account).call()


def position(stack: Stack, account: str, symbol: str) -> Any:
    """`Lens.position`, its fields by name."""
    lens = stack.w3.eth.contract(
        address=stack.deployment.contracts["Lens"], abi=stack.contract("Lens").abi, decode_tuples=True
    )
    return read(lens.functions.position(stack.deployment.markets[symbol].address, account))


def deposit(browser: Browser, amount: str) -> None:
    """Sends the form; the caller waits for what comes of it."""
    browser.click("way-deposit")
    browser.fill("cash-amount", amount)
    browser.click("cash-amount-submit")


def order(
    browser: Browser, symbol: str, side: str, size: str, leverage: int, kind: str = "market", at: int = 0
) -> None:
    """Fills the ticket and waits until it can be placed. A limit or stop is triggered `at` so many USD."""
    browser.click(f"market-{symbol}")
    browser.click(f"kind-{kind}")
    browser.click(f"side-{side}")
    if at:
        browser.fill("trigger", str(at))
    browser.fill("leverage", str(leverage))
    browser.fill("size", size)
    browser.wait(f'{test_id("place")}[aria-disabled="false"]')


def placed(stack: Stack, account: str) -> list[int]:
    """Ids of all orders that `account` ever placed."""
    events = stack.contract("OrderBook").events.OrderPlaced()
    logs = events.get_logs(from_block=stack.deployment.start_block, argument_filters={"owner": account})
    return [log["args"]["id"] for log in logs]


def fund(stack: Stack, account: str) -> None:
    """Puts test money into the free balance, unless there is some."""
    if free_balance(stack, account) >= 1_000 * USD:
        return
    token, pool = stack.contract("CollateralToken").functions, stack.contract("MarginPool")
    calls = []
    if token.next_faucet_at(account).call() == 0:
        calls.append(token.faucet())
    amount = 5_000 * USD
    calls += [token.approve(pool.address, amount), pool.functions.deposit(amount, account)]
    for call in calls:
        stack.w3.eth.wait_for_transaction_receipt(call.transact({"from": account}))


def place_market(stack: Services, account: str, symbol: str, usd: int, margin: int) -> None:
    """Places an order at the next price, without the page: `usd` above zero buys. `margin` in base units."""
    market = stack.deployment.markets[symbol].address
    price = read(stack.contract("Lens").functions.market(market))[2]
    now = stack.w3.eth.get_block("latest")["timestamp"]
    asked = (market, 0, usd * WAD * WAD // price, margin, 0, 0 if usd < 0 else price * 2, False, now + 120)
    sent = stack.contract("OrderBook").functions.place(asked).transact({"from": account})
    assert stack.w3.eth.wait_for_transaction_receipt(sent)["status"] == 1


def wait_until(what: Callable[[], Any], told: str) -> None:
    """Until the chain says so; AssertionError `told` if it does not within CRASH_SECONDS."""
    deadline = time.monotonic() + CRASH_SECONDS
    while not what():
        assert time.monotonic() < deadline, told
        time.sleep(0.5)


def crash(stack: Stack, winner: str, loser: str) -> None:
    """A jump in which `loser` loses more than they have, so that the BTC long of `winner` is closed by ADL."""
    stack.rest()
    for account, usd, leverage in ((winner, 50_000, 25), (loser, -120_000, 36)):
        fund(stack, account)
        place_market(stack, account, "BTC", usd, abs(usd) * USD // leverage)
    for account in (winner, loser):
        wait_until(lambda account=account: position(stack, account, "BTC").units > 0, "an order was not executed")
    stack.jump()
    wait_until(lambda: position(stack, winner, "BTC").claim_owed > 0, "nobody was deleveraged")
    stack.rest()
