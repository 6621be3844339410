"""An outage costs no staker the request, nor the owner that for skin in the game."""

from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import COOLDOWN, DAY

WINDOW = 2 * DAY


def ask(fund: Fund, name: str) -> str:
    staker = fund.system.account(name)
    fund.system.as_(staker, fund.fund.request_unstake, fund.fund.shares_of(staker))
    return staker


@pytest.mark.parametrize("is_kept", [True, False])
def test_keep_requests__market_not_settled_for_days(fund: Fund, is_kept: bool) -> None:
    fund.stake("staker", 1_000)
    fund.skin(1_000)
    staker = ask(fund, "staker")
    fund.system.as_(fund.system.owner, fund.fund.request_skin, 100, staker)
    boa.env.time_travel(seconds=COOLDOWN + WINDOW)
    fund.system.market.set_vault_position(0, 0, False)
    if is_kept:
        assert fund.fund.keep_requests() == boa.env.timestamp + WINDOW
    boa.env.time_travel(seconds=WINDOW)
    fund.system.market.set_vault_position(0, 0, True)
    if is_kept:
        assert fund.fund.unstake_request(staker).lapses_at == boa.env.timestamp
        assert fund.system.as_(fund.system.owner, fund.fund.release_skin) == 100
        assert fund.fund.unstake(staker) == 1_000
    else:
        with boa.reverts("request lapsed"):
            fund.fund.unstake(staker)
        with boa.reverts("request lapsed"):
            fund.system.as_(fund.system.owner, fund.fund.release_skin)


def test_keep_requests__all_settled__refused(fund: Fund) -> None:
    fund.stake("staker", 1_000)
    ask(fund, "staker")
    with boa.reverts("markets are settled"):
        fund.fund.keep_requests()


def test_keep_requests__what_had_lapsed__stays_so(fund: Fund) -> None:
    fund.stake("old", 1_000)
    staker = ask(fund, "old")
    boa.env.time_travel(seconds=COOLDOWN + WINDOW + 1)
    fund.system.market.set_vault_position(0, 0, False)
    fund.fund.keep_requests()
    fund.system.market.set_vault_position(0, 0, True)
    with boa.reverts("request lapsed"):
        fund.fund.unstake(staker)
