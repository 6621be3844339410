"""What axe finds, in every state of every page, by day and by night, on a desk and on a phone."""

from collections.abc import Iterator

import pytest

from tests.web.browser import Browser, test_id
from tests.web.flows import connect, fund, order, place_market, position, wait_until
from tests.web.stage import Stack
from tests.web.test_risk import rounds

DESK, PHONE = (1440, 900), (390, 844)
VIEWS = [(theme, size) for size in (DESK, PHONE) for theme in ("dark", "light")]
PAGES = {"trade": "form", "vault": test_id("vault-worth"), "risk": "ol", "portfolio": "h2"}
"""What is there when a page has been read."""


class Found(list[str]):
    """What is wrong, state by state."""

    def look(self, browser: Browser, state: str) -> None:
        """What axe finds, and whether something is wider than the window, in any view. Leaves the desk's dark one."""
        for theme, (width, height) in reversed(VIEWS):
            browser.do("view", theme=theme, width=width, height=height)
            self += [f"{state}, {theme}, {width} px: {each}" for each in browser.do("axe")]
            if browser.do("overflow") > 0:
                self.append(f"{state}, {width} px: scrolls sideways")


@pytest.fixture
def found() -> Iterator[Found]:
    """Must be empty at the end."""
    found = Found()
    yield found
    assert not found, "\n".join(found)


def check_pages(found: Found, browser: Browser, state: str) -> None:
    """Each of the four pages."""
    for page, content in PAGES.items():
        browser.click(f"page-{page}")
        browser.wait(f"main {content}", state="attached")
        found.look(browser, f"{page} {state}")
    browser.click("page-trade")


def check_dialog(found: Found, browser: Browser, name: str, content: str) -> None:
    """Opens it by the button `name` and closes it again."""
    browser.click(name)
    browser.wait(f"dialog {content}")
    found.look(browser, f"dialog of {name}")
    browser.do("press", key="Escape")
    browser.wait("dialog", state="detached")


def test_axe__nobody_and_somebody_with_nothing(stack: Stack, found: Found, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    check_dialog(found, browser, "connect", test_id("wallet-org.plimsoll.test"))
    check_pages(found, browser, "of nobody")
    connect(stack, browser)
    check_pages(found, browser, "of a stranger")
    browser.wallet(chainId="0x1")
    browser.wait(test_id("wrong-chain"))
    found.look(browser, "wrong chain")
    browser.open(f"{stack.page_url}#/risk/BTC/1")
    browser.wait_text("round-empty", "There was no ADL")
    found.look(browser, "round that never was")


def test_axe__a_trader(stack: Stack, found: Found, winner: Browser) -> None:
    fund(stack, winner.account)
    place_market(stack, winner.account, "ETH", 5_000, 1_000 * 10**6)
    wait_until(lambda: position(stack, winner.account, "ETH").units > 0, "the order was not executed")
    connect(stack, winner)
    winner.wait(test_id("incident-adl-BTC"))
    check_pages(found, winner, "of a trader")

    winner.wait(test_id("position-ETH"))
    check_dialog(found, winner, "close-ETH", test_id("close-payout"))
    check_dialog(found, winner, "margin-ETH", test_id("margin-amount"))
    check_dialog(found, winner, "exits-ETH", test_id("position-stop-loss"))
    check_dialog(found, winner, "adl-ETH", test_id("queue-picture"))
    order(winner, "ETH", "short", "100", 5, "limit", 9_000)
    winner.click("exits")
    winner.click("session-start")
    winner.wait(test_id("session-end"))
    winner.fill("cash-amount", "1e9")
    found.look(winner, "forms that are filled in")

    winner.open(f"{stack.page_url}#/risk/BTC/{rounds(stack)[0]}")
    winner.wait(test_id("verdict"))
    found.look(winner, "round")


def test_axe__capital(stack: Stack, found: Found, asked: None, lp: Browser) -> None:
    connect(stack, lp)
    lp.click("page-vault")
    lp.click("capital-request")
    lp.wait(test_id("vault-request"))
    found.look(lp, "vault of an LP")


def test_axe__no_chain(stack: Stack, found: Found, browser: Browser) -> None:
    good = stack.deployment_path.read_text()
    try:
        stack.deployment_path.write_text("{}")
        browser.open(stack.page_url)
        browser.wait(test_id("notice"))
        found.look(browser, "nothing to read")
    finally:
        stack.deployment_path.write_text(good)
    browser.wait(test_id("index-price"))
    browser.do("node", answers=False)
    browser.wait(test_id("offline"))
    found.look(browser, "offline")
    browser.do("node", answers=True)
    browser.wait(test_id("offline"), state="detached")
    # Chromium reports what did not load as an error of its own.
    browser.do("forget_problems")
