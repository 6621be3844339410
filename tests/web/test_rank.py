"""What the drawer and the margin dialog foretell of the ADL rank is what the chain then says."""

import re

from tests.web.browser import Browser, test_id, units
from tests.web.flows import WAD, connect, free_balance, fund, order, position
from tests.web.stage import Stack


def test_lower_rank__reduce_then_add_margin__is_as_foretold(stack: Stack, browser: Browser) -> None:
    """A long of 25 x that has risen by a few percent is alone in its queue."""
    fund(stack, browser.account)
    stack.begin()
    connect(stack, browser)
    order(browser, "SOL", "long", "20000", 25)
    browser.click("place")
    browser.wait(test_id("position-SOL"))
    stack.rise()
    browser.wait(f'{test_id("position-SOL")} {test_id("lights")}[data-lights="5"]')
    stack.rest()
    held = position(stack, browser.account, "SOL")

    browser.click("adl-SOL")
    browser.wait_text("adl-standing", r"^0 SOL ahead of you, of [\d.,]+ SOL in the queue")
    rank = stack.contract("Lens").functions.adl_rank(held.market, browser.account).call()
    browser.wait_text("adl-paid", rf"^{rank[6] // WAD}\.\d+ a unit")
    browser.click("lower-reduce")
    browser.fill("lower-amount", "50")
    told = browser.wait_text("lower-rank", r"^5 of 5 lights, 0 of [\d.,]+ SOL ahead$")
    left = told.split(" of ")[2].split()[0]
    assert units(left, 18) < held.units * 51 // 100
    browser.click("lower-confirm")
    browser.wait_text("adl-standing", rf"^0 SOL ahead of you, of {re.escape(left)} SOL in the queue")
    assert position(stack, browser.account, "SOL").units == held.units - held.units // 2

    browser.click("lower-margin")
    browser.fill("lower-amount", "90")
    # What it brings depends on what is free: the lens is asked the same.
    amount = free_balance(stack, browser.account) * 90 // 100
    quote = stack.contract("Lens").functions.quote_margin(held.market, browser.account, amount).call()
    is_eligible = quote[10][0]
    browser.wait_text("lower-rank", "^5 of 5 lights" if is_eligible else "^not in the queue$")
    browser.click("lower-confirm")
    browser.wait_text("toast", "more stand behind it")
    browser.wait_text("adl-standing", "^0 SOL ahead" if is_eligible else "^Not in the queue")
    assert (position(stack, browser.account, "SOL").lights > 0) == is_eligible
    browser.do("press", key="Escape")

    browser.click("margin-SOL")
    browser.fill("margin-amount", "10")
    browser.wait_text("margin-rank", "^5 of 5 lights" if is_eligible else "^not in the queue$")
    foretold = units(browser.wait_text("margin-liquidation", r"\d"), 18)
    browser.click("margin-confirm")
    browser.wait_text("toast", "10.00 USDC more stand behind it")
    after = position(stack, browser.account, "SOL").liquidation_price
    assert abs(foretold - after) < after // 10_000

    browser.click("close-SOL")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-SOL"), state="detached")
