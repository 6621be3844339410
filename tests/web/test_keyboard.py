"""The page without a pointer and without eyes."""

from tests.web.browser import Browser, test_id
from tests.web.flows import connect, fund, order, place_market, position, wait_until
from tests.web.stage import Stack

WALLET = "wallet-org.plimsoll.test"


def tab_to(browser: Browser, name: str) -> None:
    """Moves on with Tab to what carries the test id."""
    browser.do("tab_to", selector=test_id(name), most=70)


def press(browser: Browser, *keys: str) -> None:
    for key in keys:
        browser.do("press", key=key)


def wait_focus(browser: Browser, name: str) -> None:
    """Until it is there."""
    browser.wait(f"{test_id(name)}:focus", state="attached")


def test_skip_link__reaches_the_page(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    press(browser, "Tab", "Enter")
    assert browser.do("focused") == "MAIN"


def test_dialog__opens_again_at_once(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.click("connect")
    browser.wait(test_id(WALLET))
    browser.do("escape_and_click")
    assert browser.do("count", selector=test_id(WALLET)) == 1


def test_place__keeps_the_focus_over_a_new_price(stack: Stack, browser: Browser) -> None:
    stack.rest()
    fund(stack, browser.account)
    connect(stack, browser)
    order(browser, "SOL", "long", "500", 5)
    tab_to(browser, "place")
    shown = browser.text("index-price").splitlines()[0]
    stack.begin()
    browser.wait(f"{test_id('index-price')}:not(:has-text('{shown}'))")
    browser.wait(f'{test_id("place")}[aria-disabled="false"]')
    assert browser.do("focused") == "place"


def test_position__opened_and_closed_with_the_keyboard_alone(stack: Stack, browser: Browser) -> None:
    stack.rest()
    fund(stack, browser.account)
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    tab_to(browser, "connect")
    press(browser, "Enter")
    browser.wait(test_id(WALLET))
    press(browser, "Escape")
    wait_focus(browser, "connect")
    press(browser, "Enter")
    tab_to(browser, WALLET)
    press(browser, "Enter")
    wait_focus(browser, "disconnect")

    tab_to(browser, "market-SOL")
    press(browser, "Space")
    tab_to(browser, "side-short")
    press(browser, "Space")
    tab_to(browser, "size")
    browser.do("type", text="500")
    tab_to(browser, "leverage")
    press(browser, "Home", *["ArrowRight"] * 4)
    browser.wait(f'{test_id("place")}[aria-disabled="false"]')
    tab_to(browser, "place")
    press(browser, "Enter")
    browser.wait(test_id("position-SOL"))
    held = position(stack, browser.account, "SOL")
    assert held.side == 1
    assert held.units > 0
    assert abs(held.leverage / 10**18 - 5) < 0.5

    tab_to(browser, "close-SOL")
    press(browser, "Enter")
    browser.wait_text("close-payout", "USDC")
    press(browser, "Escape")
    wait_focus(browser, "close-SOL")
    press(browser, "Enter")
    browser.wait_text("close-payout", "USDC")
    tab_to(browser, "close-confirm")
    press(browser, "Enter")
    wait_focus(browser, "close-SOL")
    browser.wait(test_id("position-SOL"), state="detached")
    assert position(stack, browser.account, "SOL").units == 0


def test_pictures__are_told_in_words(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    place_market(stack, browser.account, "ETH", 2_000, 500 * 10**6)
    wait_until(lambda: position(stack, browser.account, "ETH").units > 0, "the order was not executed")
    connect(stack, browser)
    browser.click("market-ETH")
    browser.wait(test_id("position-ETH"))
    told = browser.wait_text("chart-words", "^From .* lowest .* highest ")
    assert "Entry " in told
    assert "Liq. " in told

    browser.click("adl-ETH")
    wait_focus(browser, "close-dialog")
    assert "Long buckets of ETH" in (browser.attribute("queue-picture", "aria-label") or "")
    tab_to(browser, "queue-step")
    told = browser.attribute("queue-step", "aria-valuetext") or ""
    assert "(you)" in told, told
    assert "ETH in bucket" in told
    press(browser, "Escape")
    wait_focus(browser, "adl-ETH")
