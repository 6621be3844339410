"""One trader, from the first look at the page to the claim after a crash."""

import csv
from collections.abc import Iterator
from decimal import Decimal

from tests.web.browser import SCREENSHOTS, Browser, test_id, units
from tests.web.flows import USD, connect, deposit, free_balance, fund, order, place_market, position
from tests.web.stage import Stack

CENT = Decimal("0.01")


def check_file(text: str, entry: Decimal, cash_owed: int, claim: int) -> None:
    """Everything from the faucet to the claim, and of the deleveraging what it closed, paid and cost."""
    rows = list(csv.DictReader(text.splitlines()))
    kinds = [row["kind"] for row in rows]
    closed = [row for row in rows if row["kind"] == "deleveraged"]
    assert kinds == ["collected", *["deleveraged"] * len(closed), "buy", "deposit"]
    assert closed

    def total(name: str, of: list[dict[str, str]] = closed) -> Decimal:
        return sum((Decimal(row[name]) for row in of), Decimal(0))

    assert abs(total("paid") - Decimal(cash_owed).scaleb(-6)) < CENT
    assert abs(total("recover") - Decimal(claim).scaleb(-6)) < CENT
    assert total("units") == Decimal(rows[-2]["units"])
    gained = sum(Decimal(row["units"]) * (Decimal(row["price_usd"]) - entry) for row in closed)
    assert abs(total("realised") - (gained - total("recover") - total("fee"))) < CENT
    assert total("realised") > 0
    # What was put in and what was gained is what came out, but for funding and the fee of the opening.
    put_in = -Decimal(rows[-2]["cash"]) - Decimal(rows[-2]["fee"])
    assert abs(total("cash", rows[:1]) - put_in - total("realised")) < put_in / 50


def test_newcomer__opens__is_deleveraged_in_a_crash__reads_why__claims(
    stack: Stack, browser: Browser, strangers: Iterator[str]
) -> None:
    rival = next(strangers)
    stack.rest()
    connect(stack, browser)
    browser.click("faucet")
    browser.wait_text("wallet-balance", r"^10,000\.00 USDC$")
    deposit(browser, "8,000")
    browser.wait_text("free-balance", r"^8,000\.00 USDC$")
    order(browser, "BTC", "long", "50000", 25)
    browser.wait_text("quote-rank", "not in the queue")
    browser.click("place")
    browser.wait(test_id("position-BTC"))
    entry = Decimal(position(stack, browser.account, "BTC").entry_price).scaleb(-18)

    fund(stack, rival)
    place_market(stack, rival, "BTC", -120_000, 120_000 * USD // 36)
    browser.wait_text("oi-short", r"\$1[12]\d\.")
    stack.jump()

    browser.wait(test_id("incident-adl-BTC"))
    browser.wait(test_id("position-BTC"), state="detached")
    # It comes from events: a reload changes nothing.
    browser.open(stack.page_url)
    told = browser.wait_text("incident-adl-BTC", "claim of as many RECOVER")
    for words in ("the whole of your BTC long", "was number 1 of", "the vault had no room left", "Its shortfall was"):
        assert words in told, told
    owed = position(stack, browser.account, "BTC")
    assert owed.claim_owed > 0
    shown = units(browser.text("incident-paid"), 6)
    assert abs(shown - owed.cash_owed) <= 20_000
    browser.screenshot(SCREENSHOTS / "deleveraged.png", whole=False)

    browser.do("click", selector=f"{test_id('incident-adl-BTC')} a")
    browser.wait(f'{test_id("verdict")}[data-holds="true"]')

    before = free_balance(stack, browser.account)
    browser.click("claim-BTC")
    browser.wait(test_id("claim-BTC"), state="detached")
    assert free_balance(stack, browser.account) == before + owed.cash_owed
    held = stack.contract("RecoveryToken").functions.balanceOf(browser.account).call()
    assert held == owed.claim_owed
    browser.click("read-adl-BTC")
    browser.wait(test_id("incident-adl-BTC"), state="detached")

    browser.click("page-portfolio")
    assert units(browser.wait_text("recover-balance", r"\d"), 6) == held // 10**4 * 10**4
    # the pool's events and the market's are read one after the other: the file has what the page has
    for kind in ("deposit", "buy", "deleveraged", "collected"):
        browser.wait(f'{test_id("history-row")}[data-kind="{kind}"]')
    name, text = browser.do("download", selector=test_id("csv"))
    assert name == "plimsoll-history.csv"
    check_file(text, entry, owed.cash_owed, held)
    stack.rest()
