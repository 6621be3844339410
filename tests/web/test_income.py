"""What the page says the vault has earned, source by source, is what `plimsoll.accounting` says of the same chain."""

import asyncio
import time
from typing import Any

from plimsoll.accounting import Ledger
from plimsoll.capital_report import capital_section
from plimsoll.chain import Chain
from tests.web.browser import Browser, test_id, units
from tests.web.conftest import Stack
from tests.web.flows import USD, connect, fund, order

CENT = USD // 100
DUST = 3 * CENT
"""Amounts are shown cut to the cent, and funding goes on between two looks."""
AGREE_SECONDS = 30.0
ROWS = {
    "fees": "fees",
    "premium": "premium",
    "price": "price",
    "funding": "funding",
    "liquidation_spread": "liquidationSpread",
    "penalties": "penalties",
    "last_resort": "lastResort",
    "rewards": "rewards",
    "unpaid_exits": "unpaidExits",
}
RARE = {"rewards", "unpaid_exits"}


async def told(stack: Stack) -> dict[str, int]:
    """The vault's sources of all markets, as of the newest block and price."""
    chain = Chain(stack.deployment)
    try:
        block = await chain.w3.eth.block_number
        events = await chain.events(stack.deployment.start_block, block)
        report = await capital_section(chain, events, {}, block)
        assert report["accounting_error"] == 0
        sums = dict.fromkeys(ROWS, 0)
        for sources in report["vault"]["sources"].values():
            for name, amount in sources.items():
                sums[name] += amount
        for market in stack.deployment.markets.values():
            await _to_the_newest_price(chain, market.address, sums, block)
        return sums
    finally:
        await chain.close()


async def _to_the_newest_price(chain: Chain, market: Any, sums: dict[str, int], block: int) -> None:
    """The accounting stops at the last price and the last funding that reached the market."""
    at = {"block_identifier": block}
    stored = await chain.at("Market", market).functions.state().call(**at)
    now = await chain.contract("Lens").functions.market(market).call(**at)
    scale = Ledger(market, chain.deployment.collateral.decimals).scale
    sums["price"] -= now.skew * (now.index_price - stored.index_price) // scale
    sums["funding"] += now.skew * (now.funding_index - stored.funding_index) // scale


def shown(browser: Browser) -> dict[str, int]:
    """The page's rows. Those of what is rare are there once there was some."""
    texts = {name: browser.do("texts", selector=test_id(f"income-{row}")) for name, row in ROWS.items()}
    assert {name for name, found in texts.items() if not found} <= RARE
    return {name: units(found[0].lstrip("+"), 6) if found else 0 for name, found in texts.items()}


def test_income__of_every_source__is_that_of_the_accounting(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    order(browser, "BTC", "long", "20000", 20)
    browser.click("place")
    browser.wait(test_id("position-BTC"))
    browser.click("page-vault")
    browser.wait_text("income-fees", r"^\+[1-9]")
    deadline = time.monotonic() + AGREE_SECONDS
    while True:
        mine, theirs = shown(browser), asyncio.run(told(stack))
        if all(abs(mine[name] - theirs[name]) <= DUST for name in ROWS):
            break
        assert time.monotonic() < deadline, f"the page says {mine}, the accounting {theirs}"
    assert theirs["fees"] > USD
    assert theirs["premium"] > 0
    browser.wait_text("income-rounding", r"^[+−]?0\.0\d ")
    browser.click("page-trade")
    browser.click("close-BTC")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-BTC"), state="detached")
