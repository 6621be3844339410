from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import COOLDOWN, DAY, every_decimals, insurance_params, last_event


@every_decimals
def test_record_income__reserve_first_then_insurance(fund: Fund) -> None:
    unit = fund.system.unit
    fund.income(900 * unit)
    assert fund.layers == (0, 0, 0, 900 * unit)
    fund.income(300 * unit)
    event = last_event(fund.fund, "IncomeReceived")
    assert (event.market, event.insurance, event.recovery_pot, event.reward_reserve) == (
        fund.market,
        200 * unit,
        0,
        100 * unit,
    )
    assert fund.layers == (0, 200 * unit, 0, 1_000 * unit)
    fund.check_booked()


def test_record_income__half_to_the_pot_until_it_equals_supply(fund: Fund) -> None:
    fund.issue("winner", 100)
    fund.reserve(1_000 * fund.system.unit)
    fund.income(151)
    assert fund.layers[1:3] == (76, 75)
    fund.income(151)
    assert fund.layers[1:3] == (76 + 126, 100)
    fund.income(151)
    assert fund.layers[1:3] == (76 + 126 + 151, 100)


def test_record_income__claims_more_than_it_paid__books_what_arrived(fund: Fund) -> None:
    fund.reserve(1_000 * fund.system.unit)
    fund.income(10, claimed=10**30)
    assert fund.layers[1] == 10
    fund.check_booked()
    fund.income(0, claimed=10**30)
    assert fund.layers[1] == 10


def test_record_income__reserve_above_its_target__takes_none(fund: Fund) -> None:
    fund.reserve(2_000 * fund.system.unit)
    fund.income(10)
    assert fund.layers == (0, 10, 0, 2_000 * fund.system.unit)


@pytest.mark.parametrize(("share", "pot"), [(0, 0), (10_000, 60), (3_333, 19)])
def test_record_income__share__is_a_parameter(fund: Fund, share: int, pot: int) -> None:
    system = fund.system
    params = insurance_params(system.unit, recovery_share_bps=share, reward_reserve_target=0)
    system.as_(system.owner, fund.fund.set_params, params)
    fund.issue("winner", 1_000)
    fund.income(60)
    assert fund.layers == (0, 60 - pot, pot, 0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"daily_cap_bps": 5_001}, "daily cap out of bounds"),
        ({"recovery_share_bps": 10_001}, "recovery share out of bounds"),
        ({"reward_reserve_target": 2**96}, "reserve target out of bounds"),
        ({"cooldown": 59}, "cooldown out of bounds"),
        ({"vesting_period": 90 * DAY, "cooldown": 30 * DAY + 1}, "cooldown out of bounds"),
        ({"vesting_period": COOLDOWN - 1}, "vesting period out of bounds"),
        ({"vesting_period": 90 * DAY + 1}, "vesting period out of bounds"),
        ({"skin_floor_bps": 10_001}, "skin floor out of bounds"),
    ],
)
def test_set_params__bounds(fund: Fund, changes: dict[str, int], error: str) -> None:
    system = fund.system
    with boa.reverts(error):
        system.as_(system.owner, fund.fund.set_params, insurance_params(system.unit, **changes))
    name, value = list(changes.items())[-1]
    inside = value + 1 if value in (59, COOLDOWN - 1) else value - 1
    system.as_(system.owner, fund.fund.set_params, insurance_params(system.unit, **changes | {name: inside}))
    assert getattr(last_event(fund.fund, "ParamsSet").params, name) == inside
    assert getattr(fund.fund.params(), name) == inside


def test_owner_functions__others__revert(fund: Fund) -> None:
    stranger = fund.system.account("stranger")
    with boa.reverts("ownable: caller is not the owner"):
        fund.system.as_(stranger, fund.fund.set_params, insurance_params(fund.system.unit))
    with boa.reverts("ownable: caller is not the owner"):
        fund.system.as_(stranger, fund.fund.set_market, fund.market, False)


STEP = st.tuples(
    st.sampled_from(["skin", "stake", "reserve", "income", "cover", "return", "reward", "issue", "redeem", "unstake"]),
    st.integers(0, 100_000),
    st.integers(0, 2 * 86_400),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=5, max_size=30))
def test_fund__any_sequence__every_unit_stays_in_one_layer(fund: Fund, steps: list[tuple[str, int, int]]) -> None:
    system, contract = fund.system, fund.fund
    winner = system.account("winner")
    staker = system.account("staker")
    for step, amount, elapsed in steps:
        boa.env.time_travel(seconds=elapsed)
        if step in ("skin", "reserve") and amount:
            getattr(fund, step)(amount)
        elif step == "stake" and amount:
            try:
                fund.stake("staker", amount)
            except boa.BoaError as error:
                assert "amount too small" in str(error)
        elif step == "income":
            fund.income(amount)
        elif step == "cover":
            coverable = contract.coverable(fund.market)
            assert sum(fund.cover(amount)) == min(amount, coverable)
        elif step == "return":
            skin, insurance = fund.cover(amount)
            system.as_(fund.market, system.pool.pay, contract.address, skin + insurance)
            system.as_(fund.market, contract.return_cover, skin, insurance)
        elif step == "reward":
            system.as_(fund.market, contract.pay_reward, system.account("keeper"), amount)
        elif step == "issue" and amount:
            fund.issue("winner", amount)
        elif step == "redeem":
            held = system.recovery.balanceOf(winner)
            system.as_(winner, contract.redeem_recovery, min(amount, held))
        elif step == "unstake":
            shares = contract.shares_of(staker)
            if shares:
                system.as_(staker, contract.request_unstake, shares)
                boa.env.time_travel(seconds=contract.params().cooldown)
                system.as_(staker, contract.unstake)
        fund.check_booked()
        assert contract.recovery_pot() <= system.recovery.totalSupply()
