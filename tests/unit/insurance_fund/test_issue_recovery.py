"""How much RECOVER a market may have issued: a broken one is bounded, and nobody is kept from leaving by the bound."""

from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import DAY, last_event


@pytest.fixture
def capped(fund: Fund) -> Fund:
    """100 a day for the market."""
    fund.system.as_(fund.system.owner, fund.fund.set_recovery_cap, fund.market, 100)
    return fund


def test_issue_recovery__mints_and_says_so(fund: Fund) -> None:
    winner = fund.issue("winner", 60)
    event = last_event(fund.fund, "RecoveryIssued")
    assert (event.market, event.owner, event.amount) == (fund.market, winner, 60)
    assert fund.system.recovery.balanceOf(winner) == 60
    assert fund.fund.recovery_day(fund.market).used == 60


def test_issue_recovery__beyond_the_cap__the_rest_waits_and_nothing_reverts(capped: Fund) -> None:
    first = capped.issue("first", 70)
    second = capped.issue("second", 50)
    event = last_event(capped.fund, "RecoveryDeferred")
    assert (event.market, event.owner, event.amount) == (capped.market, second, 20)
    balance_of = capped.system.recovery.balanceOf
    assert (balance_of(first), balance_of(second)) == (70, 30)
    capped.issue("second", 2**200)
    assert capped.fund.unissued(capped.market, second) == 20 + 2**200
    assert capped.system.recovery.totalSupply() == 100


def test_issue_rest__day_by_day__until_all_is_there(capped: Fund) -> None:
    winner = capped.issue("winner", 250)
    assert capped.fund.issue_rest(capped.market, winner) == 0
    for issued in (100, 50, 0):
        boa.env.time_travel(seconds=DAY)
        assert capped.system.as_(capped.system.account("stranger"), capped.fund.issue_rest, capped.market, winner) == (
            issued
        )
    assert capped.system.recovery.balanceOf(winner) == 250
    assert capped.fund.unissued(capped.market, winner) == 0


def test_issue_rest__of_another_market_or_owner__nothing(capped: Fund) -> None:
    winner = capped.issue("winner", 250)
    boa.env.time_travel(seconds=DAY)
    assert capped.fund.issue_rest(capped.other_market, winner) == 0
    assert capped.fund.issue_rest(capped.market, capped.system.account("stranger")) == 0
    with boa.reverts("only markets"):
        capped.fund.issue_rest(winner, winner)


def test_recovery_cap__each_market_has_its_own(capped: Fund) -> None:
    capped.issue("winner", 200)
    winner = capped.system.account("winner")
    capped.system.as_(capped.other_market, capped.fund.issue_recovery, winner, 200)
    assert capped.system.recovery.balanceOf(winner) == 300


@pytest.mark.parametrize(("elapsed", "more"), [(DAY - 1, 0), (DAY, 100)])
def test_recovery_cap__is_for_a_day_that_begins_with_the_first_claim(capped: Fund, elapsed: int, more: int) -> None:
    winner = capped.issue("winner", 100)
    boa.env.time_travel(seconds=elapsed)
    capped.issue("winner", 1_000)
    assert capped.system.recovery.balanceOf(winner) == 100 + more


def test_recovery_cap__broken_market__dilutes_the_pot_by_no_more(capped: Fund) -> None:
    """Honest holders of 900 share the pot with 100 that a broken market made up, however much it asks for."""
    honest = capped.system.account("honest")
    capped.system.as_(capped.other_market, capped.fund.issue_recovery, honest, 900)
    for _ in range(20):
        capped.issue("thief", 10**9)
    capped.reserve(1_000 * capped.system.unit)
    capped.income(1_000)
    assert capped.fund.redeemable(900) == 450
    assert capped.fund.recovery() == (500, 1_000, 5 * 10**17)


def test_recovery_cap__owner_stops_a_broken_market(capped: Fund) -> None:
    system = capped.system
    system.as_(system.owner, capped.fund.set_recovery_cap, capped.market, 0)
    assert last_event(capped.fund, "RecoveryCapSet").cap == 0
    capped.issue("thief", 10)
    boa.env.time_travel(seconds=DAY)
    capped.issue("thief", 10)
    assert system.recovery.totalSupply() == 0


def test_set_recovery_cap__who_and_what(fund: Fund) -> None:
    system = fund.system
    with boa.reverts("ownable: caller is not the owner"):
        system.as_(system.account("stranger"), fund.fund.set_recovery_cap, fund.market, 1)
    with boa.reverts("unknown market"):
        system.as_(system.owner, fund.fund.set_recovery_cap, system.account("stranger"), 1)
    with boa.reverts("recovery cap out of bounds"):
        system.as_(system.owner, fund.fund.set_recovery_cap, fund.market, 2**96)
    system.as_(system.owner, fund.fund.set_recovery_cap, fund.market, 2**96 - 1)
    assert fund.fund.recovery_day(fund.market).cap == 2**96 - 1


def test_recovery__pot_supply_and_price(fund: Fund) -> None:
    assert fund.fund.recovery() == (0, 0, 10**18)
    fund.issue("winner", 90)
    assert fund.fund.recovery() == (0, 90, 0)
    fund.reserve(1_000 * fund.system.unit)
    fund.income(120)
    assert fund.fund.recovery() == (60, 90, 666_666_666_666_666_666)
    fund.income(120)
    assert fund.fund.recovery() == (90, 90, 10**18)


def test_fund_recovery_pot__up_to_the_supply(fund: Fund) -> None:
    fund.issue("winner", 90)
    giver = fund.tokens("giver", 200)
    fund.system.as_(giver, fund.fund.fund_recovery_pot, 50)
    event = last_event(fund.fund, "RecoveryPotFunded")
    assert (event.payer, event.amount) == (giver, 50)
    fund.system.as_(giver, fund.fund.fund_recovery_pot, 150)
    assert fund.fund.recovery() == (90, 90, 10**18)
    assert fund.system.token.balanceOf(giver) == 110
    with boa.reverts("nothing to deposit"):
        fund.system.as_(giver, fund.fund.fund_recovery_pot, 1)
    fund.check_booked()


def test_redeem_recovery__below_minimum__reverts(fund: Fund) -> None:
    winner = fund.issue("winner", 60)
    fund.reserve(1_000 * fund.system.unit)
    fund.income(60)
    with boa.reverts("below minimum"):
        fund.system.as_(winner, fund.fund.redeem_recovery, 60, 31)
    assert fund.system.as_(winner, fund.fund.redeem_recovery, 60, 30) == 30
