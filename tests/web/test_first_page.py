"""The first page in a real browser: from a wallet to the contracts and back, each claim checked against the chain."""

from tests.web.browser import SCREENSHOTS, Browser, test_id, units
from tests.web.flows import USD, connect, deposit, free_balance, fund, order, placed, position, wallet_balance
from tests.web.stage import Stack


def test_deposit_open_close(stack: Stack, browser: Browser) -> None:
    stack.begin()
    connect(stack, browser)

    browser.click("faucet")
    browser.wait_text("wallet-balance", r"^10,000\.00 USDC$")
    assert wallet_balance(stack, browser.account) == 10_000 * USD

    # One signature and one transaction: the wallet can sign a permit.
    browser.do("asked")
    deposit(browser, "5,000")
    browser.wait_text("free-balance", r"^5,000\.00 USDC$")
    assert free_balance(stack, browser.account) == 5_000 * USD
    asked = browser.do("asked")
    assert asked.count("eth_signTypedData_v4") == 1
    assert asked.count("eth_sendTransaction") == 1

    # A short that the rise will liquidate, and the position of this test.
    order(browser, "ETH", "short", "20000", 40)
    browser.click("place")
    browser.wait(test_id("position-ETH"))
    order(browser, "BTC", "long", "50000", 25)
    browser.wait_text("quote-liquidation", r"% away")
    quoted = units(browser.text("quote-liquidation"), 18)
    browser.screenshot(SCREENSHOTS / "ticket.png", whole=False)
    before = free_balance(stack, browser.account)
    browser.click("place")
    browser.wait(test_id("position-BTC"))
    _, bought = placed(stack, browser.account)
    browser.wait(f'{test_id(f"order-{bought}")}[data-status="executed"]')

    held = position(stack, browser.account, "BTC")
    row = test_id("position-BTC")
    assert held.units > 0
    assert held.side == 0
    assert abs(held.notional - 50_000 * USD) < 500 * USD
    assert units(browser.do("text", selector=f"{row} {test_id('position-units')}"), 18) == held.units // 10**12 * 10**12
    assert (
        units(browser.do("text", selector=f"{row} {test_id('position-liquidation')}"), 18)
        == held.liquidation_price // 10**17 * 10**17
    )
    assert abs(quoted - held.liquidation_price) < held.liquidation_price // 200
    paid = before - free_balance(stack, browser.account)
    assert units(browser.wait_text("free-balance", "USDC"), 6) == free_balance(stack, browser.account) // 10**4 * 10**4
    # 25 x, less what the rounding to a tick left in the free balance.
    assert 1_800 * USD < paid < 2_100 * USD

    # A profit beyond the margin's class brings the position into the ADL queue.
    lights = f"{test_id('position-BTC')} {test_id('lights')}"
    browser.wait(f'{lights}[data-lights="0"]')
    stack.rise()
    browser.wait(f'{lights}[data-lights="5"]')
    browser.wait_text("position-pnl", r"^\+1,[345]\d\d\.\d\d$")
    held = position(stack, browser.account, "BTC")
    assert held.lights == 5
    assert 1_300 * USD < held.pnl < 1_600 * USD
    browser.screenshot(SCREENSHOTS / "first-page-light.png", theme="light", whole=False)
    browser.screenshot(SCREENSHOTS / "first-page-phone.png", width=390, height=844)
    assert browser.do("overflow") <= 0
    browser.screenshot(SCREENSHOTS / "first-page.png", whole=False)

    # The trader's interval of candles is kept.
    browser.click("interval-60")
    browser.wait_text("chart-span", "Index price, 1m, UTC")

    # It is told on every page until it is read, also after a reload.
    browser.wait(test_id("position-ETH"), state="detached")
    browser.wait_text("incident-liquidation-ETH", "below the maintenance margin")
    browser.click("page-risk")
    browser.wait_text("feed", "Liquidated")
    browser.open(stack.page_url)
    browser.wait_text("incident-liquidation-ETH", r"The vault took it over at 4,\d\d\d\.")
    browser.click("read-liquidation-ETH")
    browser.wait(test_id("incident-liquidation-ETH"), state="detached")
    browser.click("page-trade")
    browser.wait_text("chart-span", "Index price, 1m, UTC")
    owed = position(stack, browser.account, "ETH").cash_owed
    assert owed > 0
    browser.wait_text("owed-ETH", f"{owed // USD:,}\\.\\d\\d USDC")
    before = free_balance(stack, browser.account)
    browser.click("collect-ETH")
    browser.wait(test_id("owed-ETH"), state="detached")
    assert free_balance(stack, browser.account) == before + owed

    before = free_balance(stack, browser.account)
    browser.click("close-BTC")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-BTC"), state="detached")
    sold = placed(stack, browser.account)[-1]
    browser.wait(f'{test_id(f"order-{sold}")}[data-status="executed"]')
    assert position(stack, browser.account, "BTC").units == 0
    assert free_balance(stack, browser.account) - before > 2_500 * USD
    shown = units(browser.wait_text("free-balance", f"^{free_balance(stack, browser.account) // USD:,}\\."), 6)
    assert shown == free_balance(stack, browser.account) // 10**4 * 10**4

    browser.click("way-withdraw")
    browser.fill("cash-amount", "1000")
    had = wallet_balance(stack, browser.account)
    browser.click("cash-amount-submit")
    browser.wait_text("toast", "is in your wallet")
    assert wallet_balance(stack, browser.account) == had + 1_000 * USD


def test_deposit__wallet_without_typed_data__approves(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    browser.wallet(hasTypedData=False)
    browser.do("asked")
    before = free_balance(stack, browser.account)
    deposit(browser, "250")
    browser.wait_text("toast", r"250\.00 USDC is in your free balance")
    assert free_balance(stack, browser.account) == before + 250 * USD
    assert browser.do("asked").count("eth_sendTransaction") == 2


def test_rejection_and_refusal_are_told_in_words(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    before = free_balance(stack, browser.account), wallet_balance(stack, browser.account)
    browser.wallet(rejects=True)
    deposit(browser, "100")
    browser.wait_text("toast", "You rejected it in the wallet. Nothing was sent.")
    browser.wallet(rejects=False)

    # The faucet gives once an hour; the contract's reason is shown before the wallet opens.
    browser.do("asked")
    browser.click("faucet")
    browser.wait_text("toast", "The faucet has given you its share")
    assert "eth_sendTransaction" not in browser.do("asked")

    browser.click("market-ETH")
    browser.fill("size", "1")
    browser.wait_text("ticket-problem", "smallest size")
    assert not browser.is_enabled("place")
    browser.fill("size", "99999999")
    browser.wait_text("ticket-problem", r"short\. Deposit first|no room")
    assert not browser.is_enabled("place")
    browser.fill("size", "12..5")
    browser.wait_text("ticket-problem", "not a size")
    browser.fill("size", "0,125")
    browser.wait_text("ticket-problem", "decimals come after a point")
    assert (free_balance(stack, browser.account), wallet_balance(stack, browser.account)) == before


def test_wallet_on_another_chain__offers_to_switch(stack: Stack, browser: Browser) -> None:
    connect(stack, browser)
    browser.wallet(chainId="0x1")
    browser.wait_text("wrong-chain", "Your wallet is on chain 1")
    assert not browser.is_enabled("faucet")
    browser.wallet(rejects=True)
    browser.click("switch-chain")
    browser.wait_text("wrong-chain", "You rejected it in the wallet")
    browser.wallet(rejects=False)
    browser.do("asked")
    browser.click("switch-chain")
    browser.wait(test_id("wrong-chain"), state="detached")
    assert browser.is_enabled("faucet")
    assert "wallet_addEthereumChain" not in browser.do("asked")

    # A wallet that has not heard of the chain is told all about it.
    browser.wallet(chainId="0x1", knowsChain=False)
    browser.click("switch-chain")
    browser.wait(test_id("wrong-chain"), state="detached")
    assert "wallet_addEthereumChain" in browser.do("asked")


def test_page_that_does_not_load__says_what_to_do(stack: Stack, browser: Browser) -> None:
    browser.do("part", name="VaultPage", loads=False)
    # Nor does an address that nothing decodes leave a white page.
    browser.open(f"{stack.page_url}#/trade/%")
    browser.wait(test_id("index-price"))
    browser.click("page-vault")
    browser.wait_text("broken", "nothing is lost")
    browser.click("page-trade")
    browser.wait(test_id("index-price"))
    browser.do("part", name="VaultPage", loads=True)
    browser.click("page-vault")
    browser.click("reload")
    browser.wait(test_id("vault-worth"))
    assert all("VaultPage" in problem or "ERR_CONNECTION_REFUSED" in problem for problem in browser.do("problems"))
    browser.do("forget_problems")


def test_deployments_file__missing_or_of_an_earlier_chain__says_so_and_recovers(stack: Stack, browser: Browser) -> None:
    browser.open(stack.page_url)
    browser.wait(test_id("index-price"))
    good = stack.deployment_path.read_text()
    try:
        stack.deployment_path.unlink()
        browser.wait_text("notice", "Nothing is deployed yet")
        stack.deployment_path.write_text(good.replace(stack.deployment.genesis_hash, "0x" + "00" * 32))
        browser.wait_text("notice", "The chain was started anew")
        stack.deployment_path.write_text(good.replace('"chain_id"', '"chain"'))
        browser.wait_text("notice", "chain_id")
    finally:
        stack.deployment_path.write_text(good)
    browser.wait(test_id("index-price"))
    # A missing file is a 404, which Chromium reports as an error of its own.
    problems = browser.do("problems")
    assert all("404" in problem for problem in problems)
    browser.do("forget_problems")
