from __future__ import annotations

import boa
import pytest

from tests.unit.support import COOLDOWN, DAY, last_event
from tests.unit.vault.conftest import Lps

WINDOW = 2 * DAY


@pytest.mark.parametrize(("elapsed", "fee_bps"), [(0, 0), (COOLDOWN - 1, 0), (COOLDOWN, 10), (COOLDOWN + 9 * DAY, 10)])
def test_cancel_request__at_any_time__gives_the_shares_back(lps: Lps, elapsed: int, fee_bps: int) -> None:
    """Without a charge during the cooldown; then it was an option on leaving."""
    vault, lp = lps.vault, lps.system.account("lp")
    shares = lps.hold("lp", 1_000)
    request = lps.request("lp", shares)
    boa.env.time_travel(seconds=elapsed)
    lps.system.market.set_vault_position(0, 0, False)

    lps.cancel("lp", request)

    fee = shares * fee_bps // 10_000
    assert lps.told("RedeemCancelled") == (request, lp, shares - fee, fee)
    assert (vault.balanceOf(lp), vault.balanceOf(vault.address)) == (shares - fee, 0)
    assert vault.totalSupply() == shares - fee
    with boa.reverts("not your request"):
        lps.cancel("lp", request)


def test_cancel_request__ready__pays_those_who_stay(lps: Lps) -> None:
    stays = lps.deposit("other", 1_000_000)
    request = lps.asked("lp", 1_000_000)
    lps.cancel("lp", request)
    mine = lps.vault.convertToAssets(lps.vault.balanceOf(lps.system.account("lp")))
    assert mine < 999_501
    assert lps.vault.convertToAssets(stays) > 1_000_499


def test_cancel_request__one_share__rounds_the_fee_up(lps: Lps) -> None:
    lps.hold("lp", 1_000)
    request = lps.request("lp", 1)
    boa.env.time_travel(seconds=COOLDOWN)
    lps.cancel("lp", request)
    event = last_event(lps.vault, "RedeemCancelled")
    assert (event.shares, event.fee_shares) == (0, 1)


@pytest.mark.parametrize("caller", ["stranger", "owner"])
def test_cancel_request__of_somebody_else__once_lapsed(lps: Lps, caller: str) -> None:
    request = lps.asked("lp", 1_000)
    shares = lps.vault.request(request).shares
    boa.env.time_travel(seconds=WINDOW)
    account = lps.system.owner if caller == "owner" else lps.system.account("stranger")
    for each in (request, request + 1, 0):
        with boa.reverts("not your request"):
            lps.system.as_(account, lps.vault.cancel_request, each)
    boa.env.time_travel(seconds=1)
    lps.system.as_(account, lps.vault.cancel_request, request)
    assert lps.vault.balanceOf(lps.system.account("lp")) == shares - shares // 1_000
    for each in (request, request + 1, 0):
        with boa.reverts("not your request"):
            lps.system.as_(account, lps.vault.cancel_request, each)


def test_cancel_request__what_is_left_of_it(lps: Lps) -> None:
    request = lps.asked("lp", 1_000)
    shares = lps.vault.request(request).shares
    lps.reserve(500)
    assert lps.redeem(request) == 500
    lps.cancel("lp", request)
    left = shares - shares // 2
    assert lps.vault.balanceOf(lps.system.account("lp")) == pytest.approx(left - left // 1_000, abs=10**6)
    assert lps.vault.balanceOf(lps.vault.address) == 0
