"""What the capital behind the waterfall paid and earned: the vault by source, the insurance fund, the recovery pot.

Told from events by `plimsoll.accounting` and held to what the contracts say.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from plimsoll.accounting import Ledger
from plimsoll.chain import Chain, Event, gather_limited
from plimsoll.market_books import VAULT_SOURCES

WAD = 10**18
SOURCE_NAMES = {
    "fees": "trading fees",
    "premium": "skew premium",
    "price": "price moves of its position",
    "funding": "funding",
    "liquidation_spread": "liquidation spread",
    "penalties": "liquidation penalties",
    "last_resort": "losses as last resort",
    "rewards": "keepers' rewards",
    "unpaid_exits": "exits not paid in full",
}
DUST_PER_EVENT = 2
"""Base units: rounding, at most this much for each thing that happened in a market."""


async def capital_section(
    chain: Chain, events: Sequence[Event], times: Mapping[int, int], block: int
) -> dict[str, Any]:
    """`events`: all since the deployment. `times`: of the blocks that are known already. Money in base units."""
    decimals = chain.deployment.collateral.decimals
    ledger = Ledger(chain.deployment.address("Vault"), decimals)
    ledger.take(events, await _times(chain, events, times))
    symbols = {item.address: symbol for symbol, item in chain.deployment.markets.items()}
    sources = {symbols[address]: told for address, told in ledger.vault_sources().items()}
    pot, supply = ledger.fund.pot, ledger.recovery_supply
    fund = ledger.fund
    return {
        "vault": {
            "sources": sources,
            "earned": sum(sum(told.values()) for told in sources.values()),
            "skew_reserve": sum(books.reserve for books in ledger.markets.values()) // ledger.scale,
            "worth": ledger.vault_worth(),
        },
        "insurance": {
            "markets": {symbol: asdict(fund.of(address)) for address, symbol in symbols.items()},
            "unvested": fund.unvested(ledger.now),
            "reward_reserve": fund.reserve,
        },
        "recovery": {"pot": pot, "supply": supply, "price_wad": WAD if pot >= supply else pot * WAD // supply},
        "accounting_error": await _error(chain, ledger, events, block),
    }


async def _times(chain: Chain, events: Sequence[Event], times: Mapping[int, int]) -> dict[int, int]:
    missing = sorted({event.block for event in events} - times.keys())
    headers = await gather_limited(chain.w3.eth.get_block(number) for number in missing)
    return {**times, **{header["number"]: header["timestamp"] for header in headers}}


async def _error(chain: Chain, ledger: Ledger, events: Sequence[Event], block: int) -> int:
    """By how much events and contracts differ: zero, or something was not told. Rounding in a market is dust."""
    fund, books = chain.contract("InsuranceFund").functions, ledger.fund
    told = [ledger.vault_cash(), books.skin, books.insurance, books.reserve, books.pot, ledger.recovery_supply]
    views = [
        chain.contract("MarginPool").functions.balance_of(ledger.vault),
        fund.skin_in_the_game(),
        fund.insurance(),
        fund.reward_reserve(),
        fund.recovery_pot(),
        chain.contract("RecoveryToken").functions.totalSupply(),
    ]
    held = await asyncio.gather(*(view.call(block_identifier=block) for view in views))
    error = sum(abs(mine - theirs) for mine, theirs in zip(told, held, strict=True))
    for address, market in ledger.markets.items():
        state = await chain.at("Market", address).functions.state().call(block_identifier=block)
        accrued = market.skew * (state.funding_index - market.funding)
        owed = state.cash - state.claimable - state.trader_equity
        off = abs((market.unsettled + accrued) // ledger.scale - owed)
        dust = DUST_PER_EVENT * sum(event.address == address for event in events)
        error += off if off > dust else 0
    return int(error)


def capital_table(report: dict[str, Any], symbol: str, decimals: int) -> Table:
    """The vault's profit and loss by source, the fund's by market, and the recovery pot."""
    capital, markets = report["capital"], list(report["markets"])
    table = Table(title=f"What the capital earned, {symbol}, since the deployment", title_justify="left")
    table.add_column("")
    for name in (*markets, "all"):
        table.add_column(name, justify="right")

    def row(label: str, values: list[int], style: str = "") -> None:
        cells = (*values, sum(values))
        table.add_row(label, *(money(value, decimals) for value in cells), style=style)

    sources = [capital["vault"]["sources"].get(name, {}) for name in markets]
    row("vault", [sum(each.values()) for each in sources], "bold")
    for name in VAULT_SOURCES:
        row(f"  {SOURCE_NAMES[name]}", [each.get(name, 0) for each in sources])
    days = [capital["insurance"]["markets"][name] for name in markets]
    earned = ("insurance_income", "pot_income", "reserve_income")
    paid = ("skin_paid", "insurance_paid", "rewards_paid")
    row("insurance fund", [sum(day[n] for n in earned) - sum(day[n] for n in paid) for day in days], "bold")
    row("  income to stakers", [day["insurance_income"] for day in days])
    row("  income to the recovery pot", [day["pot_income"] for day in days])
    row("  income to the reward reserve", [day["reserve_income"] for day in days])
    row("  losses paid by skin in the game", [-day["skin_paid"] for day in days])
    row("  losses paid by stakers", [-day["insurance_paid"] for day in days])
    row("  rewards paid", [-day["rewards_paid"] for day in days])
    recovery, blank = capital["recovery"], [""] * len(markets)
    table.add_row("recovery pot", *blank, money(recovery["pot"], decimals), style="bold")
    table.add_row("  RECOVER outstanding", *blank, money(recovery["supply"], decimals))
    table.add_row("  pays for each", *blank, money(recovery["price_wad"], 18))
    return table


def money(amount: int, decimals: int) -> str:
    """An amount for people, to the cent."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    cents = amount * 100 // 10**decimals
    return f"{sign}{cents // 100:,}.{cents % 100:02d}"
