"""What a wallet can do to a page, and what the page must be for everybody."""

import pytest

from tests.web.browser import Browser, test_id
from tests.web.conftest import NEWCOMER, Stack, dev
from tests.web.flows import connect, free_balance

PAGES = {"trade": "form", "vault": test_id("vault-worth"), "risk": "ol", "portfolio": "dl"}
"""What is there when a page has been read."""


def test_account_changed__shows_the_other_one(stack: Stack, browser: Browser) -> None:
    connect(stack, browser)
    mine = free_balance(stack, browser.account) // 10**6
    browser.wait_text("free-balance", rf"^{mine:,}\.")
    other = dev(NEWCOMER)
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
    # Chromium reports what did not load as an error of its own.
    assert all("ERR_CONNECTION_REFUSED" in problem for problem in browser.do("problems"))
    browser.do("forget_problems")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious_on_any_page(stack: Stack, browser: Browser, theme: str) -> None:
    connect(stack, browser)
    browser.do("theme", theme=theme)
    for page, content in PAGES.items():
        browser.click(f"page-{page}")
        browser.wait(f"main {content}", state="attached")
        assert browser.do("axe") == [], page


def test_keyboard__reaches_the_page_and_closes_dialogs(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    browser.do("press", key="Tab")
    browser.do("press", key="Enter")
    assert browser.do("focused") == "MAIN"
    browser.click("connect")
    browser.wait(test_id("wallet-org.plimsoll.test"))
    browser.do("press", key="Escape")
    browser.wait(test_id("wallet-org.plimsoll.test"), state="detached")
