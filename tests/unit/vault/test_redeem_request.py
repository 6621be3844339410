from __future__ import annotations

import boa
import pytest

from tests.unit.support import COOLDOWN, DAY, every_decimals
from tests.unit.vault.conftest import Lps

NOBODY = "0x" + "00" * 20


@every_decimals
def test_redeem_request__pays_tokens_at_todays_worth(lps: Lps) -> None:
    unit, vault = lps.system.unit, lps.vault
    lp = lps.system.account("lp")
    shares = lps.hold("lp", 100 * unit)

    request = lps.request("lp", shares // 2)

    ready_at = boa.env.timestamp + COOLDOWN
    assert lps.told("RedeemRequested") == (1, lp, shares // 2, lp, 0, ready_at)
    assert tuple(vault.request(request)) == (lp, shares // 2, lp, 0, ready_at, 0)
    assert (vault.balanceOf(lp), vault.balanceOf(vault.address)) == (shares - shares // 2, shares // 2)
    boa.env.time_travel(seconds=COOLDOWN)
    lps.gain(20 * unit)
    worth = vault.convertToAssets(shares // 2)
    assert vault.redeemable(request) == (shares // 2, worth)
    assert lps.redeem(request) == worth

    assert lps.told("Withdraw") == (lps.system.account("anyone"), lp, lp, worth, shares // 2)
    assert lps.told("RequestRedeemed") == (1, 1, worth, shares // 2, 0)
    assert vault.request(request).owner == NOBODY
    assert lps.system.token.balanceOf(lp) == worth
    assert worth == pytest.approx(60 * unit, abs=2)
    assert vault.totalSupply() == shares - shares // 2
    assert vault.totalAssets() == 120 * unit - worth


def test_redeem_request__all__leaves_dust_at_most(lps: Lps) -> None:
    shares = lps.hold("lp", 1_000)
    request = lps.request("lp", shares)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem(request) == 1_000
    assert lps.vault.totalSupply() == lps.vault.totalAssets() == 0


@pytest.mark.parametrize(
    ("elapsed", "error"),
    [
        (COOLDOWN - 1, "wait: cooldown"),
        (COOLDOWN, ""),
        (COOLDOWN + 2 * DAY, ""),
        (COOLDOWN + 2 * DAY + 1, "request lapsed"),
    ],
)
def test_redeem_request__window(lps: Lps, elapsed: int, error: str) -> None:
    request = lps.request("lp", lps.hold("lp", 1_000))
    boa.env.time_travel(seconds=elapsed)
    assert lps.vault.lapses_at(request) == lps.vault.request(request).ready_at + 2 * DAY
    assert (lps.vault.redeemable(request) == (0, 0)) == bool(error)
    if error:
        with boa.reverts(error):
            lps.redeem(request)
    else:
        assert lps.redeem(request) == 1_000


def test_redeem_request__loss_during_the_cooldown__is_borne(lps: Lps) -> None:
    request = lps.request("lp", lps.hold("lp", 1_000))
    lps.lose(250)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem(request) == 750


@pytest.mark.parametrize("which", ["market", "other_market"])
def test_redeem_request__market_not_settled__waits(lps: Lps, which: str) -> None:
    request = lps.request("lp", lps.hold("lp", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    getattr(lps.system, which).set_vault_position(0, 0, False)
    with boa.reverts("wait: market not settled"):
        lps.redeem(request)


def test_redeem_request__worth_still_in_a_market__pays_what_is_there(lps: Lps) -> None:
    request = lps.asked("lp", 1_000)
    lps.system.market.set_vault_position(1_000, 0, True)
    assert lps.redeem(request) == pytest.approx(1_000, abs=1)
    assert lps.vault.request(request).shares == pytest.approx(500 * 10**6, rel=1e-3)


@pytest.mark.parametrize(("minimum", "is_good"), [(750, True), (751, False)])
def test_redeem_request__minimum(lps: Lps, minimum: int, is_good: bool) -> None:
    lp = lps.system.account("lp")
    request = lps.request("lp", lps.hold("lp", 1_000), lp, minimum)
    lps.lose(250)
    boa.env.time_travel(seconds=COOLDOWN)
    if is_good:
        assert lps.redeem(request) == 750
    else:
        with boa.reverts("below minimum"):
            lps.redeem(request)


def test_redeem_request__receiver__is_fixed_by_the_request(lps: Lps) -> None:
    wallet = lps.system.account("wallet")
    request = lps.asked("lp", 1_000, wallet)
    lps.redeem(request)
    assert lps.system.token.balanceOf(wallet) == 1_000
    assert lps.system.token.balanceOf(lps.system.account("anyone")) == 0


@pytest.mark.parametrize("caller", ["lp", "anyone"])
def test_redeem_request__unknown_or_done__reverts(lps: Lps, caller: str) -> None:
    request = lps.asked("lp", 1_000)
    lps.redeem(request)
    for each in (request, request + 1, 0):
        with boa.reverts("no such request"):
            lps.redeem(each, caller)


def test_redeem_request__vault_worth_nothing__keeps_the_shares(lps: Lps) -> None:
    request = lps.asked("lp", 1_000)
    lps.system.market.set_vault_position(-1_000, 0, True)
    assert lps.redeem(request) == 0
    lps.system.market.set_vault_position(0, 0, True)
    assert lps.redeem(request) == 1_000


def test_request_redeem__bad_input__says_what_is_wrong(lps: Lps) -> None:
    shares = lps.hold("lp", 1_000)
    with boa.reverts("shares are zero"):
        lps.request("lp", 0)
    for receiver in ("0x" + "00" * 20, lps.vault.address, lps.system.pool.address):
        with boa.reverts("bad receiver"):
            lps.request("lp", shares, receiver)
    with boa.reverts("minimum too big"):
        lps.request("lp", shares, lps.system.account("lp"), 2**104)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        lps.request("lp", shares + 1)


def test_request_redeem__ids_count_up(lps: Lps) -> None:
    lps.hold("lp", 1_000)
    assert [lps.request("lp", 1) for _ in range(3)] == [1, 2, 3]
    assert lps.vault.next_request_id() == 4


def test_maxWithdraw__and_maxRedeem__are_zero(lps: Lps) -> None:
    lp = lps.system.account("lp")
    lps.hold("lp", 1_000)
    assert lps.vault.maxWithdraw(lp) == lps.vault.maxRedeem(lp) == 0
