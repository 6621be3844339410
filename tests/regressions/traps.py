"""The traps, in our own words. A test says by `@trap` which it springs, a module in `CANNOT_APPLY` why one can't be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

TRAPS: dict[str, tuple[str, ...]] = {
    "test_funding_and_interest": (
        "units so coarse that funding rounds to zero",
        "what one side pays is not what the other receives",
        "funding that outgrew the equity makes closing revert",
        "not accrued before its rate changes",
        "not accrued before margin is removed",
        "charged while nobody can close",
    ),
    "test_margin_and_health": (
        "opened and liquidatable at once",
        "margin removed against equity from before the accrual",
        "leverage measured against the wrong thing",
        "liquidation goes on while closing is stopped",
        "pending orders or fees left out of health",
        "the liquidator chooses how much is closed",
        "a partial close is booked off by its fee",
        "no reward for the keeper when nothing is left",
    ),
    "test_prices": (
        "free look: an order filled at a price known when it was placed",
        "the keeper picks among valid prices",
        "two prices inside one transaction",
        "the first transaction of a block fixes the price for all",
        "strictly growing timestamps lock others out",
        "a few signers move the median",
        "an old report is played again",
        "a report longer than the array",
        "one freshness rule for every market",
        "the collateral is taken to be worth one dollar",
    ),
    "test_liquidity_providers": (
        "the first depositor inflates the share price",
        "dust makes the worth zero and blocks everybody",
        "deposit, collect and withdraw in one go",
        "deposit before a gain that is known",
        "fees reach the vault only when positions close",
        "the worth leaves out pending funding or profit",
        "no minimum for what a withdrawal brings",
        "a run on the vault after a loss",
        "a whale on both sides farms the fees",
        "rounding in favour of whoever calls",
    ),
    "test_adl": (
        "no bound on the price that a deleveraged owner gets",
        "the victim is no candidate any more",
        "decided by a state of an older block",
        "the order is not enforced",
    ),
    "test_keepers": (
        "a hostile contract or its revert data blocks a batch",
        "empty lists earn a fee",
        "calldata is not paid for",
        "a fee fixed when placing strands the order",
        "a paused market blocks the others",
        "a spike of the gas price strands orders",
    ),
    "test_access": (
        "tx.origin as proof of who calls",
        "parameters without bounds drain a market",
        "the order of wiring matters",
        "no pause at all",
        "a pause that stops exits",
        "a signature used on another chain, contract or twice",
        "a delegate redirects the payout",
    ),
    "test_vyper": (
        "a growing array rewritten at each call",
        "a whole struct rewritten for one field",
        "arrays passed by value",
        "own functions called through the external interface",
        "bare // on signed numbers",
        "a side effect in a loop header or an argument list",
        "a file without its own nonreentrancy pragma",
    ),
}

Test = TypeVar("Test", bound=Callable[..., None])


def trap(*names: str) -> Callable[[Test], Test]:
    """Marks a test with the traps it springs."""

    def mark(test: Test) -> Test:
        test.traps = (*getattr(test, "traps", ()), *names)  # type: ignore[attr-defined]
        return test

    return mark
