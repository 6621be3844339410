"""One-click trading: a key in the browser trades within its limits, without the wallet, until it is revoked."""

from tests.web.browser import Browser, test_id
from tests.web.flows import USD, connect, fund, order, position
from tests.web.stage import Stack


def test_session_key__trades_without_the_wallet_until_revoked(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    browser.click("session-notional-10000")
    browser.click("session-orders-10")
    browser.click("session-start")
    browser.wait_text("session-orders", "^10$")
    browser.wait_text("session-notional", r"^10\.00K USDC$")

    browser.do("asked")
    order(browser, "ETH", "long", "2000", 5)
    browser.click("place")
    browser.wait_text("toast", "Bought")
    browser.wait(test_id("position-ETH"))
    assert "eth_sendTransaction" not in browser.do("asked")
    assert position(stack, browser.account, "ETH").units > 0
    browser.wait_text("session-orders", "^9$")

    # Beyond its notional the wallet is asked again.
    order(browser, "ETH", "long", "9000", 20)
    browser.click("place")
    browser.wait_text("position-ETH", r"\$1[01],\d\d\d\.")
    assert "eth_sendTransaction" in browser.do("asked")

    browser.click("session-end")
    browser.wait(test_id("session-start"))
    browser.do("asked")
    browser.click("close-ETH")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-ETH"), state="detached")
    assert "eth_sendTransaction" in browser.do("asked")
    changes = stack.contract("OrderBook").events.DelegateSet()
    events = changes.get_logs(from_block=stack.deployment.start_block, argument_filters={"owner": browser.account})
    first, last = events[0]["args"], events[-1]["args"]
    assert (first["orders"], first["notional"]) == (10, 10_000 * USD)
    assert (last["delegate"], last["expires_at"]) == (first["delegate"], 0)
