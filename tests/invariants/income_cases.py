"""Random scenarios for the page: a market's events, and the vault's sources that `plimsoll.accounting` tells from them.

`python -m tests.invariants.income_cases` writes the file that `frontend/src/lib/history/income.test.ts` reads.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from plimsoll.accounting import Ledger
from plimsoll.artifacts import ROOT
from plimsoll.chain import Event
from plimsoll.market_books import fields_of
from tests.invariants import test_model
from tests.invariants.exchange import deployed
from tests.invariants.recorder import Recorder
from tests.invariants.world import world

FILE = ROOT / "frontend/src/lib/history/income_cases.json"
SEEDS = (5, 11, 21)
"""Together they have something from every source."""
DECIMALS = 6
PARAMS = (
    *("fee_vault_share_bps", "penalty_keeper_share_bps", "penalty_insurance_share_bps"),
    *("funding_k_bps", "funding_max_bps", "skew_scale"),
)
READ = {
    "ParamsSet": ("params",),
    "PriceRound": ("index_price", "funding_index"),
    "Traded": ("bucket", "units_delta", "margin", "paid_out", "fee", "premium"),
    "Liquidated": ("bucket", "units", "index_price", "fill_price", "to_vault", "penalty", "vault"),
    "Deleveraged": ("bucket", "units"),
    "RewardPaid": ("amount",),
    "Settling": (),
}
"""What of a market's events the vault's income depends on."""


def cases() -> list[dict[str, Any]]:
    """Numbers as texts: the page reads them as bigints."""
    return [_case(seed) for seed in SEEDS]


def _case(seed: int) -> dict[str, Any]:
    setup, actions = test_model.draw(random.Random(f"statement {seed}"))
    setup = replace(setup, decimals=DECIMALS)
    exchange = deployed(DECIMALS)
    recorder = Recorder(exchange)
    ledger = Ledger(exchange.vault.address, DECIMALS)
    with recorder.recording(), world(setup) as played:
        for action, terms in actions:
            getattr(played, f"do_{action}")(**terms)
        events = recorder.take()
        ledger.take(events, recorder.times)
        ledger.advance(played.now)
    market = exchange.markets[0].address
    books = ledger.markets[market]
    return {
        "seed": seed,
        "now": {
            "price": str(books.price),
            "fundingIndex": str(books.funding),
            "toppedUp": str(_topped_up(events, market)),
        },
        "sources": {name: str(amount) for name, amount in ledger.vault_sources()[market].items()},
        "events": [_told(event, recorder.times) for event in events if event.address == market and event.name in READ],
    }


def _topped_up(events: Iterable[Event], market: str) -> int:
    fund = (event for event in events if event.contract == "InsuranceFund" and event.name == "RewardPaid")
    return sum(event.args["amount"] for event in fund if event.args["market"] == market)


def _told(event: Event, times: Mapping[int, int]) -> list[Any]:
    args = {name: event.args[name] for name in READ[event.name]}
    if event.name == "ParamsSet":
        params = fields_of(args["params"])
        args["params"] = {name: str(params[name]) for name in PARAMS}
    return [event.name, str(times[event.block]), {name: _text(value) for name, value in args.items()}]


def _text(value: Any) -> Any:
    return value if isinstance(value, bool | dict) else str(value)


def written() -> str:
    """The file, an event on each line."""
    return "[" + ",\n".join(_lines(case) for case in cases()) + "]\n"


def _lines(case: dict[str, Any]) -> str:
    events = ",\n".join(json.dumps(event) for event in case["events"])
    head = json.dumps({name: value for name, value in case.items() if name != "events"})
    return f'{head[:-1]}, "events": [\n{events}]}}'


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
