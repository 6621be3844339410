"""What a wallet can do to a page, and what the page must be for everybody."""

from collections.abc import Iterator
from signal import SIGCONT, SIGSTOP

from tests.web.browser import Browser, test_id
from tests.web.flows import connect, deposit, free_balance, fund, place_market, position, wait_until
from tests.web.stage import Stack


def test_account_changed__shows_the_other_one(stack: Stack, browser: Browser, strangers: Iterator[str]) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    mine = free_balance(stack, browser.account) // 10**6
    browser.wait_text("free-balance", rf"^{mine:,}\.")
    other = next(strangers)
    browser.do("switch_account", to=other)
    browser.wait_text("address", other[-4:])
    theirs = free_balance(stack, other) // 10**6
    assert theirs != mine
    browser.wait_text("free-balance", rf"^{theirs:,}\.")


def test_wallet_of_an_older_run_of_the_chain__is_told(stack: Stack, browser: Browser) -> None:
    connect(stack, browser)
    browser.wallet(genesis="0x" + "11" * 32)
    browser.wait_text("other-genesis", "older run of this one")
    assert not browser.is_enabled("faucet")
    browser.wallet(genesis=None)
    browser.wait(test_id("other-genesis"), state="detached")


def test_chain_that_stops_answering__keeps_the_last_numbers(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    price = browser.wait_text("index-price", r"\d")
    browser.do("node", answers=False)
    browser.wait_text("offline", "The chain does not answer")
    assert browser.text("index-price").split(",")[0] == price.split(",")[0]
    browser.do("node", answers=True)
    browser.wait(test_id("offline"), state="detached")
    browser.do("calls", answers=False)
    browser.wait_text("frozen", "The contracts cannot be read. What you see is as of block")
    browser.do("calls", answers=True)
    browser.wait(test_id("frozen"), state="detached")
    # The server of the page is not the chain: without it the page goes on.
    browser.do("part", name="local.json", loads=False)
    block = int(browser.text("block"))
    wait_until(lambda: int(browser.text("block")) > block + 3, "the page stands still")
    browser.do("part", name="local.json", loads=True)
    # Chromium reports what did not load as an error of its own.
    assert all("ERR_CONNECTION_REFUSED" in problem for problem in browser.do("problems"))
    browser.do("forget_problems")


def test_account_changed__closes_a_dialog_about_the_other_one(
    stack: Stack, browser: Browser, strangers: Iterator[str]
) -> None:
    other = next(strangers)
    for account in (browser.account, other):
        fund(stack, account)
        place_market(stack, account, "SOL", 1_000, 500 * 10**6)
    wait_until(lambda: position(stack, other, "SOL").units > 0, "the order was not executed")
    connect(stack, browser)
    browser.click("close-SOL")
    browser.wait_text("close-payout", "USDC")
    browser.do("switch_account", to=other)
    browser.wait("dialog", state="detached")
    browser.wait_text("address", other[-4:])
    browser.wait(test_id("position-SOL"))
    assert browser.do("count", selector="dialog") == 0

    # Nor does one go on with the next position, when its own has gone from under it.
    browser.click("margin-SOL")
    browser.wait(test_id("margin-amount"))
    place_market(stack, other, "SOL", -2_000, 500 * 10**6)
    browser.wait("dialog", state="detached")
    browser.wait_text("position-SOL", "Short")
    assert browser.do("count", selector="dialog") == 0


FAILURES = {
    (4001, "User denied transaction signature."): "You rejected it in the wallet. Nothing was sent.",
    (4100, "The account is not authorized."): "does not let this page use the account",
    (4900, "Disconnected from all chains."): "lost its connection",
    (-32002, "Request already pending."): "still waits for your answer to an earlier request",
    (-32000, "insufficient funds for gas * price + value"): "Not enough ETH for gas",
    (-32000, "nonce too high: next nonce 3, tx nonce 900"): "remembers an older run of this chain",
    (-32603, "Ledger: the device is locked"): "the device is locked",
}
"""What wallets answer, by code and message, and what the page must say then."""


def test_wallet_that_fails__is_told_in_words(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    before = free_balance(stack, browser.account)
    browser.click("way-withdraw")
    browser.fill("cash-amount", "1")
    for (code, message), told in FAILURES.items():
        browser.wallet(fails={"code": code, "message": message})
        browser.click("cash-amount-submit")
        browser.wait_text("toast", told)
        browser.do("click", selector=f"{test_id('toast')} button")
        browser.wait(test_id("toast"), state="detached")
    browser.wallet(fails=None)
    assert free_balance(stack, browser.account) == before

    # One that never answers keeps what was asked for busy, nothing else, and that only until it is dismissed.
    browser.wallet(isSilent=True)
    browser.click("cash-amount-submit")
    browser.wait_text("toast", "Confirm the withdrawal in your wallet")
    assert not browser.is_enabled("cash-amount-submit")
    browser.wallet(isSilent=False)
    deposit(browser, "2")
    browser.wait_text("toast", r"2\.00 USDC is in your free balance")
    browser.click("way-withdraw")
    browser.fill("cash-amount", "1")
    assert not browser.is_enabled("cash-amount-submit")
    browser.do("click", selector=f"{test_id('toast')}:has-text('Confirm the withdrawal') button")
    browser.click("cash-amount-submit")
    browser.wait_text("toast", "is in your wallet")


def test_wallet_that_will_not_connect__is_told_in_the_dialog(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    browser.wallet(rejects=True)
    browser.click("connect")
    browser.click("wallet-org.plimsoll.test")
    browser.wait_text("connect-problem", "You rejected it in the wallet")
    browser.wallet(rejects=False)
    browser.click("wallet-org.plimsoll.test")
    browser.wait(test_id("address"))


def test_chain_restarted__forgets_the_old_one_and_goes_on(stack: Stack, browser: Browser) -> None:
    connect(stack, browser)
    browser.do("restarted", is_restarted=True)
    browser.wait_text("notice", "The chain was started anew")
    browser.do("restarted", is_restarted=False)
    browser.wait(test_id("index-price"))
    browser.wait(test_id("address"))


def test_prices_that_stop__are_called_old(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    for publisher in stack.publishers:
        publisher.signal(SIGSTOP)
    try:
        browser.wait_text("stale", "The BTC price is too old", seconds=90)
        browser.fill("size", "500")
        browser.wait_text("ticket-problem", "too old")
    finally:
        for publisher in stack.publishers:
            publisher.signal(SIGCONT)
    browser.wait(test_id("stale"), state="detached")
