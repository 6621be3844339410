from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import DAY, every_decimals, last_event


@every_decimals
def test_cover__skin_pays_first(fund: Fund) -> None:
    unit = fund.system.unit
    fund.skin(100 * unit)
    fund.stake("staker", 300 * unit)

    assert fund.cover(60 * unit) == (60 * unit, 0)
    assert fund.cover(40 * unit) == (40 * unit, 0)
    assert fund.layers == (0, 300 * unit, 0, 0)
    fund.check_booked()
    assert fund.system.pool.balance_of(fund.market) == 100 * unit


def test_cover__beyond_the_skin__insurance_pays(fund: Fund) -> None:
    fund.skin(100)
    fund.stake("staker", 900)
    paid = fund.cover(150)
    event = last_event(fund.fund, "LossCovered")
    assert paid == (100, 50)
    assert (event.market, event.skin_in_the_game, event.insurance) == (fund.market, 100, 50)
    assert fund.layers == (0, 850, 0, 0)
    fund.check_booked()


def test_cover__empty_fund__pays_nothing_and_does_not_revert(fund: Fund) -> None:
    assert fund.cover(10**30) == (0, 0)
    assert fund.cover(0) == (0, 0)


def test_cover__daily_cap__a_quarter_of_the_fund_for_each_market(fund: Fund) -> None:
    fund.skin(400)
    fund.stake("staker", 602)  # a quarter of 1,002 is 250.5: rounded down for the fund
    assert fund.fund.coverable(fund.market) == 250
    assert fund.cover(200) == (200, 0)
    assert fund.fund.coverable(fund.market) == 50
    assert fund.cover(200) == (50, 0)
    assert fund.cover(1) == (0, 0)
    # the other market's day begins with a smaller fund
    assert fund.fund.coverable(fund.other_market) == (1_002 - 250) // 4
    assert fund.cover(1_000, fund.other_market) == (150, 38)


@pytest.mark.parametrize(("elapsed", "again"), [(DAY - 1, 0), (DAY, 187)])
def test_cover__next_day__the_cap_starts_anew(fund: Fund, elapsed: int, again: int) -> None:
    fund.skin(1_000)
    assert fund.cover(1_000) == (250, 0)
    boa.env.time_travel(seconds=elapsed)
    assert fund.fund.coverable(fund.market) == again
    assert fund.cover(1_000) == (again, 0)


@pytest.mark.parametrize(("begun", "together"), [(True, 437_500), (False, 250_000)])
def test_cover__around_the_beginning_of_a_day__two_caps_at_most(fund: Fund, begun: bool, together: int) -> None:
    """A day that began with next to nothing still has its cap when the next one begins. No third comes in 24 hours."""
    fund.skin(1_000_000)
    if begun:
        fund.cover(1)
    boa.env.time_travel(seconds=DAY - 1)
    taken = sum(fund.cover(10**9))
    boa.env.time_travel(seconds=1)
    taken += sum(fund.cover(10**9))
    assert taken == pytest.approx(together, abs=1)
    boa.env.time_travel(seconds=DAY - 2)
    assert fund.cover(10**9) == (0, 0)


def test_cover__cap__is_that_of_the_start_of_the_day(fund: Fund) -> None:
    fund.skin(1_000)
    fund.cover(1)
    fund.skin(100_000)
    assert fund.cover(1_000) == (249, 0)


def test_cover__never_touches_reserve_and_pot(fund: Fund) -> None:
    fund.issue("winner", 100)
    fund.reserve(500)
    fund.income(100)
    assert fund.layers == (0, 0, 50, 550)
    assert fund.fund.coverable(fund.market) == 0
    assert fund.cover(1_000) == (0, 0)


def test_coverable__stranger__nothing(fund: Fund) -> None:
    fund.skin(1_000)
    assert fund.fund.coverable(fund.system.account("stranger")) == 0


@pytest.mark.parametrize(("skin", "insurance"), [(100, 50), (100, 0), (0, 50), (30, 20)])
def test_return_cover__goes_back_where_it_came_from(fund: Fund, skin: int, insurance: int) -> None:
    fund.skin(100)
    fund.stake("staker", 900)
    fund.cover(150)
    left = fund.fund.coverable(fund.market)
    fund.system.as_(fund.market, fund.system.pool.pay, fund.fund.address, skin + insurance)
    fund.system.as_(fund.market, fund.fund.return_cover, skin, insurance)
    event = last_event(fund.fund, "CoverReturned")
    assert (event.market, event.skin_in_the_game, event.insurance) == (fund.market, skin, insurance)
    assert fund.layers == (skin, 850 + insurance, 0, 0)
    assert fund.fund.coverable(fund.market) == left + skin + insurance
    fund.check_booked()


def test_return_cover__without_the_money__books_nothing(fund: Fund) -> None:
    fund.skin(100)
    fund.stake("staker", 900)
    fund.cover(150)
    fund.system.as_(fund.market, fund.fund.return_cover, 10**30, 10**30)
    assert fund.layers == (0, 850, 0, 0)
    assert fund.fund.coverable(fund.market) == 100
    fund.check_booked()


def test_return_cover__more_than_it_took__does_not_raise_the_cap(fund: Fund) -> None:
    fund.skin(1_000)
    fund.cover(10)
    fund.system.engine_cash(fund.system.market, 500)
    fund.system.as_(fund.market, fund.system.pool.pay, fund.fund.address, 500)
    fund.system.as_(fund.market, fund.fund.return_cover, 500, 0)
    assert fund.fund.coverable(fund.market) == 250


def test_pay_reward__out_of_the_reserve_only(fund: Fund) -> None:
    fund.skin(1_000)
    fund.reserve(400)
    keeper = fund.system.account("keeper")
    assert fund.system.as_(fund.market, fund.fund.pay_reward, keeper, 30) == 30
    event = last_event(fund.fund, "RewardPaid")
    assert (event.market, event.keeper, event.amount) == (fund.market, keeper, 30)
    assert fund.system.pool.balance_of(keeper) == 30
    assert fund.layers == (1_000, 0, 0, 370)
    fund.check_booked()


def test_pay_reward__a_quarter_of_the_reserve_a_day_for_each_market(fund: Fund) -> None:
    fund.reserve(400)
    keeper = fund.system.account("keeper")
    pay = fund.fund.pay_reward
    assert fund.system.as_(fund.market, pay, keeper, 1_000) == 100
    assert fund.system.as_(fund.market, pay, keeper, 1) == 0
    assert fund.system.as_(fund.other_market, pay, keeper, 1_000) == 75
    boa.env.time_travel(seconds=DAY)
    assert fund.system.as_(fund.market, pay, keeper, 1_000) == 225 // 4


def test_pay_reward__empty_reserve__pays_nothing_and_does_not_revert(fund: Fund) -> None:
    assert fund.system.as_(fund.market, fund.fund.pay_reward, fund.market, 10**30) == 0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("cover", (1,)),
        ("return_cover", (1, 1)),
        ("pay_reward", ("0x" + "11" * 20, 1)),
        ("record_income", (1,)),
        ("issue_recovery", ("0x" + "11" * 20, 1)),
    ],
)
def test_market_functions__others__revert(fund: Fund, function: str, args: tuple[object, ...]) -> None:
    for caller in (fund.system.owner, fund.system.account("stranger"), fund.system.vault.address):
        with boa.reverts("only markets"):
            fund.system.as_(caller, getattr(fund.fund, function), *args)


def test_set_market__off_the_list__loses_its_rights(fund: Fund) -> None:
    fund.skin(1_000)
    fund.reserve(1_000)
    fund.system.as_(fund.system.owner, fund.fund.set_market, fund.market, False)
    assert fund.cover(1) == (0, 0)
    assert fund.fund.coverable(fund.market) == 0
    assert fund.system.as_(fund.market, fund.fund.pay_reward, fund.system.account("keeper"), 1) == 0
    assert fund.layers == (1_000, 0, 0, 1_000)
    assert fund.cover(1, fund.other_market) == (1, 0)


def test_set_market__off_the_list__keeps_its_duties_and_its_traders_claims(fund: Fund) -> None:
    """Nothing that a market does for those who leave it may depend on the owner."""
    fund.stake("staker", 1_000)
    fund.cover(100)
    fund.system.as_(fund.system.owner, fund.fund.set_market, fund.market, False)
    fund.system.as_(fund.market, fund.system.pool.pay, fund.fund.address, 60)
    fund.system.as_(fund.market, fund.fund.return_cover, 0, 60)
    winner = fund.issue("winner", 40)
    fund.income(20)
    assert fund.layers == (0, 960, 10, 10)
    assert fund.system.recovery.balanceOf(winner) == 40
    fund.check_booked()


def test_cover_day__tells_what_was_taken_and_given_back(fund: Fund) -> None:
    fund.skin(1_000)
    begun = boa.env.timestamp
    fund.cover(100)
    assert fund.fund.cover_day(fund.market) == (begun, 250, 100)
    fund.system.as_(fund.market, fund.system.pool.pay, fund.fund.address, 30)
    fund.system.as_(fund.market, fund.fund.return_cover, 30, 0)
    assert fund.fund.cover_day(fund.market) == (begun, 250, 70)
    fund.reserve(400)
    fund.system.as_(fund.market, fund.fund.pay_reward, fund.system.account("keeper"), 30)
    assert fund.fund.reward_day(fund.market) == (begun, 100, 30)
