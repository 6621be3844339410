from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import COOLDOWN, DAY, VESTING_PERIOD, every_decimals, insurance_params, last_event

VIRTUAL = 10**6


def _request(fund: Fund, name: str, shares: int) -> str:
    staker = fund.system.account(name)
    fund.system.as_(staker, fund.fund.request_unstake, shares)
    return staker


@every_decimals
def test_stake__first__gets_shares_at_par(fund: Fund) -> None:
    unit = fund.system.unit
    shares = fund.stake("staker", 100 * unit)
    event = last_event(fund.fund, "Staked")
    assert shares == 100 * unit * VIRTUAL
    assert (event.owner, event.amount, event.shares) == (fund.system.account("staker"), 100 * unit, shares)
    assert fund.fund.value_of(shares) == 100 * unit
    assert fund.layers == (0, 100 * unit, 0, 0)
    fund.check_booked()


def test_stake__after_a_loss__buys_cheaper(fund: Fund) -> None:
    first = fund.stake("staker", 1_000)
    fund.cover(250)
    second = fund.stake("late", 750)
    assert fund.fund.value_of(first) == pytest.approx(750, abs=1)
    assert second == pytest.approx(first, rel=1e-2)
    assert fund.fund.value_of(second) <= 750, "rounded for those who are in"


def test_stake__income__belongs_to_those_who_are_in(fund: Fund) -> None:
    fund.reserve(1_000 * fund.system.unit)
    first = fund.stake("staker", 1_000_000)
    fund.income(500_000)
    second = fund.stake("late", 1_000_000)
    boa.env.time_travel(seconds=VESTING_PERIOD)
    assert fund.fund.value_of(first) == pytest.approx(1_500_000, abs=2)
    assert fund.fund.value_of(second) == pytest.approx(1_000_000, abs=2)


def test_stake__too_small__reverts(fund: Fund) -> None:
    fund.reserve(1_000 * fund.system.unit)
    fund.stake("staker", 1)
    fund.income(10**7)
    with boa.reverts("amount too small"):
        fund.stake("late", 1)


def test_stake__inflation_attack__costs_the_attacker_more_than_it_harms(fund: Fund) -> None:
    fund.reserve(1_000 * fund.system.unit)
    mine = fund.stake("attacker", 1)
    gift = 1_000 * fund.system.unit
    fund.income(gift)
    theirs = fund.stake("victim", 1_000 * fund.system.unit)
    boa.env.time_travel(seconds=VESTING_PERIOD)
    lost = 1_000 * fund.system.unit - fund.fund.value_of(theirs)
    assert lost <= 1_000 * fund.system.unit // 10**5
    assert fund.fund.value_of(mine) < gift


def test_unstake__pays_tokens_after_the_cooldown(fund: Fund) -> None:
    shares = fund.stake("staker", 1_000)
    staker = _request(fund, "staker", shares // 2)
    event = last_event(fund.fund, "UnstakeRequested")
    ready_at = boa.env.timestamp + COOLDOWN
    assert (event.owner, event.shares, event.min_amount, event.ready_at) == (staker, shares // 2, 0, ready_at)
    assert fund.fund.unstake_request(staker) == (shares // 2, 0, 500, ready_at, ready_at + 2 * DAY)
    boa.env.time_travel(seconds=COOLDOWN)
    paid = fund.system.as_(staker, fund.fund.unstake)
    event = last_event(fund.fund, "Unstaked")
    assert (event.owner, event.amount, event.shares) == (staker, 500, shares // 2)
    assert paid == fund.system.token.balanceOf(staker) == 500
    assert fund.layers == (0, 500, 0, 0)
    assert fund.fund.shares_of(staker) == fund.fund.total_shares() == shares - shares // 2
    fund.check_booked()
    with boa.reverts("nothing requested"):
        fund.system.as_(staker, fund.fund.unstake)


@pytest.mark.parametrize(
    ("elapsed", "error"),
    [(COOLDOWN - 1, "wait: cooldown"), (COOLDOWN, ""), (COOLDOWN + 2 * DAY, ""), (COOLDOWN + 2 * DAY + 1, "lapsed")],
)
def test_unstake__window(fund: Fund, elapsed: int, error: str) -> None:
    staker = _request(fund, "staker", fund.stake("staker", 1_000))
    boa.env.time_travel(seconds=elapsed)
    if error:
        with boa.reverts("request lapsed" if error == "lapsed" else error):
            fund.system.as_(staker, fund.fund.unstake)
    else:
        assert fund.system.as_(staker, fund.fund.unstake) == 1_000


def test_unstake__loss_during_the_cooldown__is_borne(fund: Fund) -> None:
    staker = _request(fund, "staker", fund.stake("staker", 1_000))
    fund.cover(250)
    boa.env.time_travel(seconds=COOLDOWN)
    assert fund.system.as_(staker, fund.fund.unstake) == 750


def test_unstake__loss_not_yet_booked__cannot_be_dodged(fund: Fund) -> None:
    staker = _request(fund, "staker", fund.stake("staker", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    fund.system.other_market.set_vault_position(0, 0, False)
    with boa.reverts("wait: market not settled"):
        fund.system.as_(staker, fund.fund.unstake)
    fund.system.as_(fund.system.owner, fund.fund.set_market, fund.other_market, False)
    assert fund.system.as_(staker, fund.fund.unstake) == 1_000, "a market that is gone blocks nobody"


def test_request_unstake__again__replaces_and_starts_over(fund: Fund) -> None:
    shares = fund.stake("staker", 1_000)
    staker = _request(fund, "staker", shares)
    boa.env.time_travel(seconds=COOLDOWN - 1)
    _request(fund, "staker", shares // 4)
    boa.env.time_travel(seconds=1)
    with boa.reverts("wait: cooldown"):
        fund.system.as_(staker, fund.fund.unstake)
    boa.env.time_travel(seconds=COOLDOWN)
    assert fund.system.as_(staker, fund.fund.unstake) == 250


def test_request_unstake__zero__withdraws_the_request(fund: Fund) -> None:
    shares = fund.stake("staker", 1_000)
    _request(fund, "staker", shares)
    staker = _request(fund, "staker", 0)
    boa.env.time_travel(seconds=COOLDOWN)
    with boa.reverts("nothing requested"):
        fund.system.as_(staker, fund.fund.unstake)


def test_request_unstake__more_than_held__reverts(fund: Fund) -> None:
    shares = fund.stake("staker", 1_000)
    fund.stake("other", 1_000)
    with boa.reverts("not enough shares"):
        _request(fund, "staker", shares + 1)


def test_unstake__cooldown_changed__old_requests_keep_theirs(fund: Fund) -> None:
    system = fund.system
    staker = _request(fund, "staker", fund.stake("staker", 1_000))
    system.as_(
        system.owner, fund.fund.set_params, insurance_params(system.unit, cooldown=30 * DAY, vesting_period=30 * DAY)
    )
    boa.env.time_travel(seconds=COOLDOWN)
    assert system.as_(staker, fund.fund.unstake) == 1_000


def test_fund_skin__says_who(fund: Fund) -> None:
    fund.skin(70)
    event = last_event(fund.fund, "SkinFunded")
    assert (event.payer, event.amount) == (fund.system.account("treasury"), 70)
    fund.reserve(5)
    event = last_event(fund.fund, "RewardReserveFunded")
    assert (event.payer, event.amount) == (fund.system.account("treasury"), 5)
    assert fund.layers == (70, 0, 0, 5)
    fund.check_booked()


AMOUNTS = st.integers(1, 10**12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=AMOUNTS, second=AMOUNTS, loss_bps=st.integers(0, 2_500), gain=st.integers(0, 10**12))
def test_stake__rounding__never_pays_out_more_than_is_fair(
    fund: Fund, first: int, second: int, loss_bps: int, gain: int
) -> None:
    fund.reserve(1_000 * fund.system.unit)
    mine = fund.stake("first", first)
    fund.cover(first * loss_bps // 10_000)
    fund.income(gain)
    before = fund.fund.insurance()
    try:
        theirs = fund.stake("second", second)
    except boa.BoaError as error:
        assert "amount too small" in str(error)
        return
    assert fund.fund.value_of(theirs) <= second
    assert fund.fund.value_of(mine) <= before
    assert fund.fund.value_of(mine) + fund.fund.value_of(theirs) <= fund.fund.insurance() - fund.fund.unvested()
    boa.env.time_travel(seconds=VESTING_PERIOD)
    assert fund.fund.value_of(mine) + fund.fund.value_of(theirs) <= fund.fund.insurance()
    assert fund.fund.value_of(theirs) <= second


@pytest.mark.parametrize("part", [1, 2, 0])
@pytest.mark.parametrize(
    ("elapsed", "fee"), [(COOLDOWN - 1, 0), (COOLDOWN, 10**9), (COOLDOWN + 2 * DAY, 10**9), (COOLDOWN + 9 * DAY, 10**9)]
)
def test_request_unstake__one_that_was_ready__is_let_go_for_a_fee(
    fund: Fund, elapsed: int, fee: int, part: int
) -> None:
    """Replaced by one for all, by one for half, or taken back."""
    fund.stake("loyal", 1_000_000)
    shares = fund.stake("staker", 1_000_000)
    staker = _request(fund, "staker", shares)
    boa.env.time_travel(seconds=elapsed)
    asked = shares // part if part else 0
    fund.system.as_(staker, fund.fund.request_unstake, asked)
    event = last_event(fund.fund, "UnstakeRequested")
    if fee:
        told = last_event(fund.fund, "UnstakeLetGo")
        assert (told.owner, told.fee_shares) == (staker, fee)
    assert event.shares == fund.fund.unstake_request(staker).shares == min(asked, shares - fee)
    assert fund.fund.shares_of(staker) == shares - fee
    assert fund.fund.total_shares() == 2 * shares - fee
    gained = fund.fund.value_of(fund.fund.shares_of(fund.system.account("loyal"))) - 1_000_000
    assert gained == pytest.approx(500 if fee else 0, abs=2)


def test_request_unstake__paid_out_before__is_none_that_was_let_go(fund: Fund) -> None:
    shares = fund.stake("staker", 1_000)
    staker = _request(fund, "staker", shares // 2)
    boa.env.time_travel(seconds=COOLDOWN)
    fund.system.as_(staker, fund.fund.unstake)
    fund.system.as_(staker, fund.fund.request_unstake, shares - shares // 2)
    assert fund.fund.shares_of(staker) == shares - shares // 2
