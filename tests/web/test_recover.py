"""A claim beyond what its market may issue in a day waits, is told, and is issued from the page when it can be."""

from typing import Any

from tests.web.browser import Browser, test_id
from tests.web.flows import USD, connect
from tests.web.stage import Stack

CLAIM = 15 * USD


def send_as(stack: Stack, address: str, call: Any) -> None:
    """A transaction of an account that has no key here: a contract, or the owner."""
    request = stack.w3.provider.make_request
    request("anvil_impersonateAccount", [address])
    request("anvil_setBalance", [address, hex(10**18)])
    sent = call.transact({"from": address})
    assert stack.w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
    request("anvil_stopImpersonatingAccount", [address])


def test_deferred_claim__is_told__and_issued_as_far_as_the_cap_goes(stack: Stack, browser: Browser) -> None:
    fund, market = stack.contract("InsuranceFund").functions, stack.deployment.markets["SOL"].address
    owner, usual = fund.owner().call(), fund.recovery_day(market).call()[1]
    held = stack.contract("RecoveryToken").functions.balanceOf(browser.account)
    had = held.call()
    connect(stack, browser)
    browser.click("page-vault")
    browser.wait(test_id("recovery-held"))
    assert browser.do("texts", selector=test_id("deferred-SOL")) == []

    send_as(stack, owner, fund.set_recovery_cap(market, 10 * USD))
    send_as(stack, market, fund.issue_recovery(browser.account, CLAIM))
    browser.wait_text("deferred-SOL", r"5\.00 RECOVER of yours wait")
    browser.wait_text("issue-SOL", "Nothing more today")
    assert not browser.is_enabled("issue-SOL")

    # A new cap begins a new day.
    send_as(stack, owner, fund.set_recovery_cap(market, 3 * USD))
    browser.wait_text("issue-SOL", r"Issue 3\.00 RECOVER now")
    browser.click("issue-SOL")
    browser.wait_text("deferred-SOL", r"2\.00 RECOVER of yours wait")
    assert held.call() - had == 13 * USD

    send_as(stack, owner, fund.set_recovery_cap(market, usual))
    browser.click("page-portfolio")
    browser.wait_text("issue-SOL", r"Issue 2\.00 RECOVER now")
    browser.click("issue-SOL")
    browser.wait(test_id("deferred-SOL"), state="detached")
    assert fund.unissued(market, browser.account).call() == 0
    assert held.call() - had == CLAIM

    # Nobody else's are worth less for this test: they are burned for what the pot has.
    browser.click("page-vault")
    browser.wait_text("redeem-recover", r"^Redeem [1-9]")
    sent = fund.redeem_recovery(held.call()).transact({"from": browser.account})
    stack.w3.eth.wait_for_transaction_receipt(sent)
    browser.wait(test_id("redeem-recover"), state="detached")
