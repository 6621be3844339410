"""Capital goes into the vault and the insurance fund, and comes back, through the forms."""

from tests.web.browser import Browser, test_id, units
from tests.web.flows import USD, connect, fund, wallet_balance
from tests.web.stage import Stack


def connect_at(stack: Stack, browser: Browser, page: str) -> None:
    connect(stack, browser)
    browser.click(f"page-{page}")


def test_deposit_and_stake(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect_at(stack, browser, "vault")
    had = wallet_balance(stack, browser.account)
    assert had >= 500 * USD
    holder = stack.contract("CapitalLens").functions.holder(browser.account)
    held = holder.call()[1]
    browser.fill("vault-deposit", "99999999")
    browser.wait_text("vault-deposit-problem", "more than your wallet holds")
    browser.fill("vault-deposit", "300")
    browser.click("vault-deposit-submit")
    browser.wait_text("toast", "300.00 USDC work in the vault")
    assert wallet_balance(stack, browser.account) == had - 300 * USD
    assets = holder.call()[1]
    assert abs(assets - held - 300 * USD) < USD
    browser.wait_text("vault-holding", rf"^({assets // USD - 1}|{assets // USD})\.")

    # Fresh shares are locked: nothing can be asked for yet.
    browser.click("capital-request")
    browser.fill("vault-request", "100")
    browser.wait_text("vault-request-problem", "fewer unlocked shares")

    browser.fill("stake", "100")
    browser.click("stake-submit")
    browser.wait_text("toast", "100.00 USDC stand behind the traders")
    assert wallet_balance(stack, browser.account) == had - 400 * USD
    browser.click("request-unstake")
    browser.wait(test_id("unstake"))
    assert not browser.is_enabled("unstake")
    assert stack.contract("InsuranceFund").functions.unstake_request(browser.account).call()[0] > 0
    browser.click("cancel-unstake")
    browser.wait(test_id("request-unstake"))


def test_request__cancelled__and_redeemed_after_the_cooldown(stack: Stack, asked: None, lp: Browser) -> None:
    browser = lp
    connect_at(stack, browser, "vault")
    browser.wait(f"{test_id('redeem-1')}:enabled", seconds=70)
    worth = units(browser.text("vault-worth"), 6)
    chain = stack.contract("CapitalLens").functions.vault().call()[0]
    assert abs(worth - chain) < chain // 100
    had = wallet_balance(stack, browser.account)
    expected = stack.contract("CapitalLens").functions.request(1).call()[3]
    browser.click("redeem-1")
    browser.wait_text("toast", "It is in your wallet")
    paid = wallet_balance(stack, browser.account) - had
    assert abs(paid - expected) < USD

    browser.click("capital-request")
    browser.fill("vault-request", "250")
    browser.click("vault-request-submit")
    browser.wait(test_id("request-2"))
    assert not browser.is_enabled("redeem-2")
    shares = stack.contract("Vault").functions.balanceOf(browser.account)
    before = shares.call()
    browser.click("cancel-request-2")
    browser.wait(test_id("request-2"), state="detached")
    assert shares.call() > before
