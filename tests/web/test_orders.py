"""Every kind of order and what can be done with a position, through the forms, compared with the chain."""

import pytest

from tests.web.browser import Browser, test_id, units
from tests.web.flows import USD, WAD, connect, free_balance, fund, order, placed, position, wait_until
from tests.web.stage import Stack

pytestmark = pytest.mark.usefixtures("asked")
CLOSE_LONG = -(2**255)


def orders_of(stack: Stack, account: str) -> list[int]:
    """Ids of the orders of `account` that are still there."""
    book = stack.contract("OrderBook").functions
    return [id_ for id_ in range(1, book.next_id().call()) if book.order_state(id_).call()[0] == account]


def price(stack: Stack, symbol: str) -> int:
    """Index price in whole USD, rounded down."""
    lens = stack.contract("Lens").functions
    return lens.market(stack.deployment.markets[symbol].address).call()[2] // WAD


def test_limit_with_exits__one_fills_and_cancels_the_other(stack: Stack, browser: Browser) -> None:
    stack.rest()
    fund(stack, browser.account)
    connect(stack, browser)
    now = price(stack, "ETH")
    order(browser, "ETH", "long", "8000", 10, "limit", now * 101 // 100)
    browser.click("expiry-3600")
    browser.click("exits")
    browser.fill("take-profit", str(now // 2))
    browser.wait_text("ticket-problem", "take-profit of a long is above")
    assert not browser.is_enabled("place")
    browser.fill("take-profit", str(now * 105 // 100))
    browser.fill("stop-loss", str(now * 80 // 100))
    browser.wait_text("quote-rank", "not in the queue")
    browser.click("place")
    # The limit is above the price: a purchase that fills at once, at the next price.
    browser.wait(test_id("position-ETH"))
    profit, loss = orders_of(stack, browser.account)
    book = stack.contract("OrderBook").functions
    assert book.order_state(profit).call()[4:] == (profit - 1, loss)
    for id_, kind in ((profit, 1), (loss, 2)):
        placed = book.order(id_).call()
        assert (placed[1], placed[2], placed[6]) == (kind, CLOSE_LONG, True)
    browser.wait_text(f"order-{profit}", rf"Take profit\s*or #{loss}")

    stack.jump()
    browser.wait(f'{test_id(f"order-{profit}")}[data-status="executed"]')
    browser.wait(f'{test_id(f"order-{loss}")}[data-status="cancelled"]')
    browser.wait(test_id("position-ETH"), state="detached")
    assert position(stack, browser.account, "ETH").units == 0
    stack.rest()


def test_stop__waits_and_is_cancelled(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    before = free_balance(stack, browser.account)
    browser.click("market-SOL")
    browser.click("unit-units")
    order(browser, "SOL", "long", "20", 5, "stop", price(stack, "SOL") * 2)
    browser.click("place")
    browser.wait_text("toast", "reaches the stop")
    (id_,) = orders_of(stack, browser.account)
    assert stack.contract("OrderBook").functions.order(id_).call()[1:3] == (2, 20 * WAD)
    browser.wait_text(f"order-{id_}", "Waiting for a price at or above the trigger")
    assert free_balance(stack, browser.account) < before
    browser.click(f"cancel-{id_}")
    browser.wait(f'{test_id(f"order-{id_}")}[data-status="cancelled"]')
    assert free_balance(stack, browser.account) == before


def test_enter__sent_before_the_quote_is_there__counts(stack: Stack, browser: Browser) -> None:
    stack.rest()
    fund(stack, browser.account)
    connect(stack, browser)
    order(browser, "ETH", "long", "700", 5)
    browser.fill("size", "900")
    browser.do("press", key="Enter")
    browser.wait(test_id("position-ETH"))
    held = position(stack, browser.account, "ETH")
    assert abs(held.units * price(stack, "ETH") // WAD - 900) < 10
    assert browser.do("attribute", selector=test_id("size"), name="value") == ""


def test_enter__in_an_order_that_cannot_be_placed__places_nothing_later(stack: Stack, browser: Browser) -> None:
    stack.rest()
    fund(stack, browser.account)
    connect(stack, browser)
    order(browser, "ETH", "long", "700", 5)
    browser.fill("size", "60000")
    browser.do("press", key="Enter")
    browser.wait_text("ticket-problem", "short. Deposit first")
    browser.fill("size", "700")
    browser.wait(f'{test_id("place")}[aria-disabled="false"]')
    assert placed(stack, browser.account) == []


def test_position__margin_exits_reduce_only_and_a_part(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    browser.click("market-SOL")
    browser.click("reduce-only")
    browser.fill("size", "100")
    browser.wait_text("ticket-problem", "no position on the other side")
    browser.click("reduce-only")
    order(browser, "SOL", "long", "3000", 10)
    browser.click("place")
    browser.wait(test_id("position-SOL"))

    equity = position(stack, browser.account, "SOL").equity
    browser.click("margin-SOL")
    browser.fill("margin-amount", "100")
    browser.wait(f"{test_id('margin-confirm')}:enabled")
    browser.click("margin-confirm")
    browser.wait_text("toast", "100.00 USDC more stand behind it")
    assert position(stack, browser.account, "SOL").equity - equity > 50 * USD
    browser.click("margin-SOL")
    browser.click("margin-remove")
    browser.fill("margin-amount", "5000")
    browser.wait_text("margin-problem", "more than the position is worth")
    assert not browser.is_enabled("margin-confirm")
    browser.fill("margin-amount", "50")
    browser.wait(f"{test_id('margin-confirm')}:enabled")
    browser.click("margin-confirm")
    browser.wait_text("toast", "50.00 USDC are in your free balance")

    browser.click("exits-SOL")
    browser.fill("position-stop-loss", str(price(stack, "SOL") * 2))
    browser.wait_text("exits-problem", "stop-loss of a long is below")
    browser.fill("position-stop-loss", str(price(stack, "SOL") // 2))
    browser.click("exits-confirm")
    browser.wait_text("toast", "close the whole position")
    (stop,) = orders_of(stack, browser.account)
    browser.wait_text(f"order-{stop}", "Stop loss")

    held = position(stack, browser.account, "SOL").units
    browser.click("close-SOL")
    browser.click("close-part-50")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait_text("toast", "Sold")
    left = position(stack, browser.account, "SOL").units
    assert abs(left - held // 2) <= 1
    row = f"{test_id('position-SOL')} {test_id('position-units')}"
    wait_until(
        lambda: units(browser.do("text", selector=row), 18) == left // 10**14 * 10**14, "the row says something else"
    )

    # A whole close leaves nothing behind; the stop that stands for the position is then cancelled by hand.
    browser.click("close-SOL")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-SOL"), state="detached")
    assert position(stack, browser.account, "SOL").units == 0
    browser.click(f"cancel-{stop}")
    browser.wait(f'{test_id(f"order-{stop}")}[data-status="cancelled"]')
    assert orders_of(stack, browser.account) == []
