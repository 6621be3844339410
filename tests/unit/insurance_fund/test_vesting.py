"""Who earns an income, and when; what a share is worth after losses without end."""

from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import COOLDOWN, DAY, every_decimals, insurance_params, last_event


@pytest.fixture
def staked(fund: Fund) -> Fund:
    """A full reserve, so that all income is the stakers', and one of them with 1,000,000."""
    fund.reserve(1_000 * fund.system.unit)
    fund.stake("staker", 1_000_000)
    return fund


def value(fund: Fund, name: str) -> int:
    return int(fund.fund.value_of(fund.fund.shares_of(fund.system.account(name))))


def test_income__vests_evenly(staked: Fund) -> None:
    staked.income(700_000)
    assert staked.layers[1] == 1_700_000
    assert value(staked, "staker") == 1_000_000
    for day in range(1, 8):
        boa.env.time_travel(seconds=DAY)
        assert staked.fund.unvested() == 700_000 - 100_000 * day
        assert staked.fund.vested_at() == boa.env.timestamp + (7 - day) * DAY
        assert value(staked, "staker") == pytest.approx(1_000_000 + 100_000 * day, abs=2)
    boa.env.time_travel(seconds=DAY)
    assert staked.fund.unvested() == 0


def test_income__more_of_it__vests_over_the_weighted_time(staked: Fund) -> None:
    staked.income(700_000)
    boa.env.time_travel(seconds=5 * DAY)
    staked.income(100_000)
    assert staked.fund.unvested() == 300_000
    # 200,000 in two days and 100,000 in seven: 300,000 in eleven thirds
    boa.env.time_travel(seconds=11 * DAY // 3 - 1)
    assert staked.fund.unvested() > 0
    boa.env.time_travel(seconds=1)
    assert staked.fund.unvested() == 0


def test_income__dust_every_hour__does_not_put_off_what_vests(staked: Fund) -> None:
    staked.income(700_000)
    for _ in range(7 * 24):
        boa.env.time_travel(seconds=3_600)
        staked.income(1)
    assert staked.fund.unvested() <= 700


def test_loss__is_borne_at_once_and_takes_no_more_than_there_is_from_what_vests(staked: Fund) -> None:
    staked.income(1_000_000)
    staked.cover(500_000)
    assert (staked.fund.insurance(), staked.fund.unvested()) == (1_500_000, 1_000_000)
    assert value(staked, "staker") == pytest.approx(500_000, abs=2)
    wipe_out(staked)
    assert staked.fund.unvested() == staked.fund.insurance()
    assert value(staked, "staker") == 0


@pytest.mark.parametrize("loss", [0, 400_000])
def test_loss__less_than_what_is_earned__costs_who_leaves_and_who_stays_the_same(staked: Fund, loss: int) -> None:
    """Half of the loss each, although most of what vests afterwards goes to the one who stays."""
    staked.stake("leaver", 1_000_000)
    staked.income(700_000)
    staked.cover(loss)
    assert staked.fund.unvested() == 700_000
    assert staked.leave("leaver") == pytest.approx(1_000_000 - loss // 2, abs=2)
    staked.vest()
    assert value(staked, "staker") == pytest.approx(1_700_000 - loss // 2, abs=4)


def test_loss__that_comes_back__makes_nothing_vest(staked: Fund) -> None:
    staked.income(700_000)
    staked.cover(400_000)
    staked.system.as_(staked.market, staked.system.pool.pay, staked.fund.address, 400_000)
    staked.system.as_(staked.market, staked.fund.return_cover, 0, 400_000)
    assert (staked.fund.insurance(), staked.fund.unvested()) == (1_700_000, 700_000)


def test_leaver__gives_up_what_is_not_vested(staked: Fund) -> None:
    staked.stake("leaver", 1_000_000)
    staked.income(700_000)
    assert staked.leave("leaver") == pytest.approx(1_000_000, abs=2), "earned nothing from the request on"
    staked.vest()
    assert value(staked, "staker") == pytest.approx(1_700_000, abs=4)


def test_request__shares_earn_nothing_from_there_on(staked: Fund) -> None:
    staked.stake("leaver", 1_000_000)
    staked.income(700_000)
    boa.env.time_travel(seconds=DAY)
    worth = value(staked, "leaver")
    assert worth == pytest.approx(1_050_000, abs=2)
    assert staked.leave("leaver") == worth


def test_request__cover_that_comes_back__is_no_income(staked: Fund) -> None:
    staked.cover(250_000)
    staked.system.market.set_owed_to_insurance(0, 0, 250_000)
    staker = staked.system.account("staker")
    staked.system.as_(staker, staked.fund.request_unstake, staked.fund.shares_of(staker))
    assert staked.fund.unstake_request(staker).max_amount == pytest.approx(1_000_000, abs=1)
    staked.system.as_(staked.market, staked.system.pool.pay, staked.fund.address, 250_000)
    staked.system.as_(staked.market, staked.fund.return_cover, 0, 250_000)
    staked.system.market.set_owed_to_insurance(0, 0, 0)
    boa.env.time_travel(seconds=COOLDOWN)
    assert staked.system.as_(staker, staked.fund.unstake) == pytest.approx(1_000_000, abs=1)


def test_stake__pays_for_what_is_on_its_way(staked: Fund) -> None:
    """Half of income fills the pot, all else and the cover that is still out is the stakers'."""
    staked.issue("winner", 10**9)
    staked.cover(200_000)
    staked.system.market.set_owed_to_insurance(300_000, 70, 150_000)
    staked.system.other_market.set_owed_to_insurance(100_000, 0, 50_000)
    assert staked.fund.on_its_way() == 200_000 + 200_000
    expected = 1_200_000 * (10**12 + 10**6) // (800_000 + 400_000 + 1)
    assert staked.fund.preview_stake(1_200_000) == expected
    assert staked.stake("late", 1_200_000) == expected


def test_stake__market_not_settled__refused(staked: Fund) -> None:
    staked.system.other_market.set_vault_position(0, 0, False)
    with boa.reverts("wait: market not settled"):
        staked.stake("late", 1_000)


def test_stake__below_minimum__reverts(staked: Fund) -> None:
    late = staked.tokens("late", 1_000)
    shares = staked.fund.preview_stake(1_000)
    with boa.reverts("below minimum"):
        staked.system.as_(late, staked.fund.stake, 1_000, shares + 1)
    assert staked.system.as_(late, staked.fund.stake, 1_000, shares) == shares


def test_unstake__below_minimum__stays_whoever_asks(staked: Fund) -> None:
    staker = staked.system.account("staker")
    staked.system.as_(staker, staked.fund.request_unstake, staked.fund.shares_of(staker), 999_999)
    staked.cover(2)
    boa.env.time_travel(seconds=COOLDOWN)
    for caller in (staker, staked.system.account("stranger")):
        with boa.reverts("below minimum"):
            staked.system.as_(caller, staked.fund.unstake, staker)


@every_decimals
def test_unstake__by_anyone__pays_the_staker(fund: Fund) -> None:
    unit = fund.system.unit
    fund.stake("staker", 1_000 * unit)
    assert fund.leave("staker", by="stranger") == 1_000 * unit
    assert fund.system.token.balanceOf(fund.system.account("staker")) == 1_000 * unit
    assert fund.system.token.balanceOf(fund.system.account("stranger")) == 0


def test_donate__is_an_income_of_the_stakers(staked: Fund) -> None:
    giver = staked.tokens("giver", 500_000)
    staked.system.as_(giver, staked.fund.donate, 500_000)
    event = last_event(staked.fund, "Donated")
    assert (event.payer, event.amount) == (giver, 500_000)
    assert (staked.fund.insurance(), staked.fund.unvested()) == (1_500_000, 500_000)
    staked.vest()
    assert value(staked, "staker") == pytest.approx(1_500_000, abs=2)
    staked.check_booked()


def test_donation__tokens_sent_past_the_door__change_nothing(staked: Fund) -> None:
    system = staked.system
    giver = staked.tokens("giver", 500_000)
    system.as_(giver, system.token.transfer, staked.fund.address, 300_000)
    system.as_(giver, system.token.transfer, system.pool.address, 200_000)
    assert value(staked, "staker") == 1_000_000
    assert staked.stake("late", 1_000_000) == pytest.approx(10**12, rel=1e-5)
    staked.check_booked()


# Losses without end


def wipe_out(fund: Fund) -> None:
    """All of the insurance but dust: two markets whose days begin while all is there take half of it each."""
    system, half = fund.system, insurance_params(fund.system.unit, daily_cap_bps=5_000)
    system.as_(system.owner, fund.fund.set_params, half)
    boa.env.time_travel(seconds=DAY)
    for amount in (1, 10**30):
        for market in (fund.market, fund.other_market):
            fund.cover(amount, market)
    assert fund.fund.insurance() <= 2


@pytest.mark.parametrize("wipes", [1, 20])
def test_stake__after_total_losses__is_as_good_as_the_first(staked: Fund, wipes: int) -> None:
    amount = 1_000 * staked.system.unit
    for i in range(wipes):
        wipe_out(staked)
        name = f"staker {i}"
        staked.stake(name, amount)
        assert value(staked, name) >= amount - 2
    staked.income(amount)
    staked.vest()
    assert value(staked, name) >= 2 * amount - 10_000, "what others lost does not come back for them"
    assert value(staked, "staker") <= 10_000
    assert staked.leave(name) >= 2 * amount - 10_000
    staked.check_booked()


def test_stake__after_losses_without_end__all_shares_shrink_alike(staked: Fund) -> None:
    unit = staked.system.unit
    for i in range(12):
        staked.stake(f"staker {i}", 1_000 * unit)
        wipe_out(staked)
    staked.stake("first", 600 * unit)
    staked.stake("second", 300 * unit)
    names = ["staker", "first", "second", *(f"staker {i}" for i in range(12))]
    total = sum(staked.fund.shares_of(staked.system.account(name)) for name in names)
    assert total <= staked.fund.total_shares() < 2**160
    assert value(staked, "first") == pytest.approx(2 * value(staked, "second"), rel=1e-9)
    assert 0 <= staked.fund.insurance() - sum(value(staked, name) for name in names) <= 20
