from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import every_decimals, last_event


def _pot(fund: Fund, amount: int) -> None:
    """Fills the pot: half of an income goes there."""
    fund.reserve(1_000 * fund.system.unit)
    fund.income(2 * amount)


@every_decimals
def test_redeem_recovery__full_pot__pays_face_value(fund: Fund) -> None:
    unit = fund.system.unit
    winner = fund.issue("winner", 80 * unit)
    _pot(fund, 500 * unit)
    assert fund.layers[2] == 80 * unit

    assert fund.system.as_(winner, fund.fund.redeem_recovery, 30 * unit) == 30 * unit

    event = last_event(fund.fund, "RecoveryRedeemed")
    assert (event.owner, event.amount, event.paid) == (winner, 30 * unit, 30 * unit)
    assert fund.system.pool.balance_of(winner) == 30 * unit
    assert fund.system.recovery.balanceOf(winner) == fund.system.recovery.totalSupply() == 50 * unit
    assert fund.layers[2] == 50 * unit
    fund.check_booked()


def test_redeem_recovery__part_of_the_pot__pays_its_share_rounded_down(fund: Fund) -> None:
    first = fund.issue("first", 60)
    second = fund.issue("second", 40)
    _pot(fund, 33)
    assert fund.fund.redeemable(60) == 19
    assert fund.system.as_(first, fund.fund.redeem_recovery, 60) == 19
    # the last one takes what is left: never more than that
    assert fund.system.as_(second, fund.fund.redeem_recovery, 40) == 14
    assert fund.layers[2] == 0
    fund.check_booked()


def test_redeem_recovery__empty_pot__burns_for_nothing(fund: Fund) -> None:
    winner = fund.issue("winner", 60)
    assert fund.fund.redeemable(60) == 0
    assert fund.system.as_(winner, fund.fund.redeem_recovery, 60) == 0
    assert fund.system.recovery.totalSupply() == 0


@pytest.mark.parametrize("amount", [61, 101, 2**128])
def test_redeem_recovery__more_than_held__reverts(fund: Fund, amount: int) -> None:
    winner = fund.issue("winner", 60)
    fund.issue("other", 40)
    _pot(fund, 50)
    with boa.reverts("erc20: burn amount exceeds balance"):
        fund.system.as_(winner, fund.fund.redeem_recovery, amount)


def test_redeem_recovery__bought_tokens__pay_the_new_owner(fund: Fund) -> None:
    winner = fund.issue("winner", 60)
    buyer = fund.system.account("buyer")
    _pot(fund, 60)
    fund.system.as_(winner, fund.system.recovery.transfer, buyer, 60)
    assert fund.system.as_(buyer, fund.fund.redeem_recovery, 60) == 60
    with boa.reverts("erc20: burn amount exceeds balance"):
        fund.system.as_(winner, fund.fund.redeem_recovery, 1)
