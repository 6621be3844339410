"""What the page says the vault has earned, source by source, is what `plimsoll.accounting` says of the same chain."""

import asyncio
from typing import Any

from plimsoll.accounting import Ledger
from plimsoll.capital_report import capital_section
from plimsoll.chain import Chain, gather_limited
from tests.web.browser import Browser, test_id, units
from tests.web.flows import USD, connect, fund, order
from tests.web.stage import Stack

CENT = USD // 100
DUST = 3 * CENT
"""Amounts are shown cut to the cent, and funding goes on between two looks."""
LOOKS = 12
"""Each waits for a block."""
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


Key = tuple[str, str]
"""A source and a market's symbol, or "" for all markets."""


async def told(stack: Stack, times: dict[int, int]) -> dict[Key, int]:
    """The vault's sources, as of the newest block and price. Keeps in `times` those of the blocks it asked for."""
    chain = Chain(stack.deployment)
    try:
        block = await chain.passed_block()
        events = await chain.events(stack.deployment.start_block, block)
        missing = {event.block for event in events} - times.keys()
        headers = await gather_limited(chain.w3.eth.get_block(number) for number in missing)
        times |= {header["number"]: header["timestamp"] for header in headers}
        report = await capital_section(chain, events, times, block)
        assert report["accounting_error"] == 0
        found = report["vault"]["sources"]
        for symbol, sources in found.items():
            await _to_the_newest_price(chain, stack.deployment.markets[symbol].address, sources, block)
        sums = {(name, symbol): sources[name] for symbol, sources in found.items() for name in ROWS}
        return sums | {(name, ""): sum(sources[name] for sources in found.values()) for name in ROWS}
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


def shown(stack: Stack, browser: Browser) -> dict[Key, int]:
    """The page's cells. A row of what is rare is there once there was some."""
    cells: dict[Key, int] = {}
    for name, row in ROWS.items():
        for symbol in (*stack.deployment.markets, ""):
            found = browser.do("texts", selector=test_id(f"income-{row}-{symbol}".rstrip("-")))
            assert found or name in RARE
            cells[name, symbol] = units(found[0].lstrip("+"), 6) if found else 0
    return cells


def test_income__of_every_source__is_that_of_the_accounting(stack: Stack, browser: Browser) -> None:
    fund(stack, browser.account)
    connect(stack, browser)
    order(browser, "BTC", "long", "20000", 20)
    browser.click("place")
    browser.wait(test_id("position-BTC"))
    browser.click("page-vault")
    browser.wait_text("income-fees", r"^\+[1-9]")
    times: dict[int, int] = {}
    for _ in range(LOOKS):
        mine, theirs = shown(stack, browser), asyncio.run(told(stack, times))
        assert mine.keys() == theirs.keys()
        if all(abs(mine[key] - theirs[key]) <= DUST for key in theirs):
            break
    else:
        raise AssertionError(f"the page says {mine}, the accounting {theirs}")
    assert theirs["fees", "BTC"] > USD
    assert theirs["premium", "BTC"] > 0
    browser.wait_text("income-rounding", r"^[+−]?0\.0\d$")
    browser.click("page-trade")
    browser.click("close-BTC")
    browser.wait_text("close-payout", "USDC")
    browser.click("close-confirm")
    browser.wait(test_id("position-BTC"), state="detached")
