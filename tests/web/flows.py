"""What several tests do in the page, and what they ask the chain to compare with."""

from typing import Any

from tests.web.browser import Browser, test_id
from tests.web.conftest import Stack

USD = 10**6
WAD = 10**18


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
    return lens.functions.position(stack.deployment.markets[symbol].address, account).call()


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
    browser.wait(f"{test_id('place')}:enabled")


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
