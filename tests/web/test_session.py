"""One-click trading: a key in the browser trades within its limits, without the wallet, until it is revoked."""

from typing import Any

from tests.web.browser import Browser, test_id
from tests.web.flows import USD, connect, fund, order, position
from tests.web.stage import Stack

ETHER = 10**18


def delegations(stack: Stack, owner: str) -> list[Any]:
    """What `owner` ever allowed or forbade a key, oldest first."""
    changes = stack.contract("OrderBook").events.DelegateSet()
    logs = changes.get_logs(from_block=stack.deployment.start_block, argument_filters={"owner": owner})
    return [log["args"] for log in logs]


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

    # Without ether for gas, too, and that is told.
    key = delegations(stack, browser.account)[0]["delegate"]
    stack.w3.provider.make_request("anvil_setBalance", [key, "0x0"])
    browser.wallet(isSilent=True)
    order(browser, "ETH", "long", "500", 5)
    browser.click("place")
    browser.wait_text("toast", "The session key has too little ether for gas. Confirm the order in your wallet")
    browser.do("click", selector=f"{test_id('toast')}:has-text('too little ether') button")
    browser.wallet(isSilent=False)

    # What it has left comes back.
    stack.w3.provider.make_request("anvil_setBalance", [key, hex(ETHER)])
    had = stack.w3.eth.get_balance(browser.account)
    browser.click("session-end")
    browser.wait_text("toast", "its ether is back in your wallet")
    browser.wait(test_id("session-start"))
    assert stack.w3.eth.get_balance(browser.account) > had + ETHER // 2
    assert stack.w3.eth.get_balance(key) < ETHER // 100
    browser.do("asked")
    browser.click("close-ETH")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-ETH"), state="detached")
    assert "eth_sendTransaction" in browser.do("asked")
    first, *_, last = delegations(stack, browser.account)
    assert (first["orders"], first["notional"]) == (10, 10_000 * USD)
    assert (last["delegate"], last["expires_at"]) == (first["delegate"], 0)
