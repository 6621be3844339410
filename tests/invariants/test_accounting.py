"""What events tell about everybody's money, against the contracts, after each action of random scenarios."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from plimsoll.accounting import Ledger
from plimsoll.market_books import VAULT_SOURCES
from tests.invariants import income_cases, test_model
from tests.invariants.exchange import address_of, deployed
from tests.invariants.recorder import Recorder
from tests.invariants.world import NAMES, TRADERS, World, world

Action = tuple[str, dict[str, Any]]
SCENARIOS = 10


def check(seen: World, ledger: Ledger, recorder: Recorder) -> None:
    """Sources against contracts: what the vault has and is owed, the fund's layers, everybody's shares and RECOVER."""
    ex = seen.exchange
    is_told, all_dust = True, 10
    assert ledger.vault_cash() == ex.pool.balance_of(ex.vault.address)
    for market in ex.markets:
        books, state = ledger.markets[market.address], market.state()
        assert books.skew == state.units_long - state.units_short
        accrued = books.skew * (market.funding_index_now() - state.funding_index)
        owed = state.cash - state.claimable - state.trader_equity + accrued // ledger.scale
        off = books.unsettled // ledger.scale - owed
        # two coins a call, and a WAD of funding for all that is open
        dust = 10 + len(recorder.times) * (2 + (state.units_long + state.units_short) // ledger.scale)
        assert abs(off) <= dust, f"vault and market owe each other {owed}, told {owed + off}"
        is_told &= state.index_price == ex.source.price(market.feed())[0]
        all_dust += dust
    if is_told:
        assert abs(ledger.vault_worth() - ex.vault.totalAssets()) <= all_dust
    fund, at = ledger.fund, ex.fund
    assert (fund.skin, fund.insurance) == (at.skin_in_the_game(), at.insurance())
    assert (fund.reserve, fund.pot) == (at.reward_reserve(), at.recovery_pot())
    assert fund.unvested(seen.now) == at.unvested()
    for name in NAMES:
        account, address = ledger.account(address_of(name)), address_of(name)
        assert account.stake.shares == at.shares_of(address)
        assert account.recovery.held == ex.recovery.balanceOf(address)
        waiting = sum(r.shares for r in seen.requests.values() if r.owner == name)
        assert account.vault.shares == ex.vault.balanceOf(address) + waiting
        assert ledger.stake_statement(address).worth == at.value_of(at.shares_of(address))
        assert ledger.recovery_worth(address) == at.redeemable(ex.recovery.balanceOf(address))
        deferred = sum(at.unissued(market.address, address) for market in ex.markets)
        assert account.recovery_deferred == deferred


def actions_of(draws: random.Random, actions: list[Action]) -> list[Action]:
    """Between what traders do, capital comes and goes."""
    mixed: list[Action] = []
    for action in actions:
        mixed.append(action)
        who, kind = draws.choice(["0", "1"]), draws.randrange(8)
        amount = draws.choice([1, 1_000, 50_000]) * 10**6
        mixed += [
            [("stake", {"who": f"staker{who}", "amount": amount})],
            [("request_unstake", {"who": f"staker{who}", "part_bps": 5_000}), ("wait", {"seconds": 90_000})],
            [("move", {"market": i, "bps": 0, "after": 1}) for i in (0, 1)] + [("unstake", {"who": f"staker{who}"})],
            [("lp_deposit", {"who": f"lp{who}", "amount": amount})],
            [("token", {"which": "vault", "who": "lp0", "to": "lp1", "part_bps": 1_000, "way": 0})],
            [("lp_request", {"who": f"lp{who}", "part_bps": 2_000, "form": 0, "receiver": f"lp{who}"})],
            [("sync", {"who": name, "market": 0, "by": "keeper0"}) for name in TRADERS],
            [("redeem_recovery", {"who": draws.choice(TRADERS), "part_bps": 5_000})],
        ][kind]
    return mixed


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_ledger__random_scenario__agrees_with_the_contracts_after_each_action(seed: int) -> None:
    draws = random.Random(f"accounting {seed}")
    setup, actions = test_model.draw(draws)
    exchange = deployed(setup.decimals)
    recorder = Recorder(exchange)
    ledger = Ledger(exchange.vault.address, setup.decimals)
    with recorder.recording(), world(setup) as played:
        for action, terms in actions_of(draws, actions):
            getattr(played, f"do_{action}")(**terms)
            played.compare()
            ledger.take(recorder.take(), recorder.times)
            ledger.advance(played.now)
            check(played, ledger, recorder)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_statement__nobody_comes_or_goes__sources_tell_all_that_was_earned(seed: int) -> None:
    """One provider, one staker: what they earned is what the sources say, the skew reserve and what vests included."""
    setup, actions = test_model.draw(random.Random(f"statement {seed}"))
    setup = replace(setup, decimals=6, insurance=5_000, reserve=3_000, price=100 * 10**18)
    exchange = deployed(setup.decimals)
    recorder = Recorder(exchange)
    ledger = Ledger(exchange.vault.address, setup.decimals)
    with recorder.recording(), world(setup) as played:
        end: list[Action] = [("move", {"market": 0, "bps": 0, "after": 1})]
        end.append(("crank_all", {"market": 0, "most": 100, "keeper": "keeper0"}))
        for action, terms in actions + end:
            getattr(played, f"do_{action}")(**terms)
            ledger.take(recorder.take(), recorder.times)
        ledger.advance(played.now)
        for statement in (
            ledger.vault_statement(address_of("lp0")),
            ledger.stake_statement(address_of("staker0")),
        ):
            assert statement.paid_in > 0 == statement.taken_out
            assert sum(statement.sources.values()) == statement.earned
            assert sum(map(abs, statement.sources.values())) > 10_000, "something has happened"
            others = statement.sources["others"]
            assert abs(others) <= 10 + statement.paid_in // 10**9 or statement.worth == 0, statement
        told = sum(each.income for each in ledger.insurance_by_market_and_day().values())
        assert told == sum(ledger.fund.of(market.address).income for market in exchange.markets) > 0


def test_income_cases__of_the_page__are_what_the_contracts_tell_today() -> None:
    assert income_cases.FILE.read_text(encoding="utf-8") == income_cases.written(), (
        "write them anew: python -m tests.invariants.income_cases"
    )
    sources = [case["sources"] for case in income_cases.cases()]
    assert all(any(each[name] != "0" for each in sources) for name in VAULT_SOURCES), "a source that no case has"
