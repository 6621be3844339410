from __future__ import annotations

import boa
import pytest

from tests.unit.support import COOLDOWN, DAY, every_decimals, last_event
from tests.unit.vault.conftest import Lps


@every_decimals
def test_redeem_request__pays_tokens_at_todays_worth(lps: Lps) -> None:
    unit, vault = lps.system.unit, lps.vault
    lp = lps.system.account("lp")
    shares = lps.deposit("lp", 100 * unit)

    request = lps.request("lp", shares // 2)

    event = last_event(vault, "RedeemRequested")
    assert (event.id, event.owner, event.shares, event.ready_at) == (
        1,
        lp,
        shares // 2,
        boa.env.timestamp + COOLDOWN,
    )
    assert tuple(vault.request(request)) == (lp, shares // 2, lp, 0, boa.env.timestamp + COOLDOWN)
    assert (vault.balanceOf(lp), vault.balanceOf(vault.address)) == (shares - shares // 2, shares // 2)
    boa.env.time_travel(seconds=COOLDOWN)
    lps.gain(20 * unit)
    worth = vault.convertToAssets(shares // 2)
    assert lps.redeem("lp", request) == worth

    event = last_event(vault, "Withdraw")
    assert (event.sender, event.receiver, event.owner) == (lp, lp, lp)
    assert (event.assets, event.shares) == (worth, shares // 2)
    assert lps.system.token.balanceOf(lp) == worth
    assert worth == pytest.approx(60 * unit, abs=2)
    assert vault.totalSupply() == shares - shares // 2
    assert vault.totalAssets() == 120 * unit - worth


def test_redeem_request__all__leaves_dust_at_most(lps: Lps) -> None:
    shares = lps.deposit("lp", 1_000)
    request = lps.request("lp", shares)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem("lp", request) == 1_000
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
    request = lps.request("lp", lps.deposit("lp", 1_000))
    boa.env.time_travel(seconds=elapsed)
    if error:
        with boa.reverts(error):
            lps.redeem("lp", request)
    else:
        assert lps.redeem("lp", request) == 1_000


def test_redeem_request__loss_during_the_cooldown__is_borne(lps: Lps) -> None:
    request = lps.request("lp", lps.deposit("lp", 1_000))
    lps.lose(250)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem("lp", request) == 750


@pytest.mark.parametrize("which", ["market", "other_market"])
def test_redeem_request__market_not_settled__waits(lps: Lps, which: str) -> None:
    request = lps.request("lp", lps.deposit("lp", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    getattr(lps.system, which).set_vault_position(0, 0, False)
    with boa.reverts("wait: market not settled"):
        lps.redeem("lp", request)


def test_redeem_request__worth_still_in_a_market__waits_for_the_cash(lps: Lps) -> None:
    request = lps.request("lp", lps.deposit("lp", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    lps.system.market.set_vault_position(1_000, 0, True)
    with boa.reverts("wait: not enough cash"):
        lps.redeem("lp", request)


@pytest.mark.parametrize(("minimum", "is_good"), [(750, True), (751, False)])
def test_redeem_request__minimum(lps: Lps, minimum: int, is_good: bool) -> None:
    lp = lps.system.account("lp")
    request = lps.request("lp", lps.deposit("lp", 1_000), lp, minimum)
    lps.lose(250)
    boa.env.time_travel(seconds=COOLDOWN)
    if is_good:
        assert lps.redeem("lp", request) == 750
    else:
        with boa.reverts("below minimum"):
            lps.redeem("lp", request)


def test_redeem_request__receiver__is_fixed_by_the_request(lps: Lps) -> None:
    wallet = lps.system.account("wallet")
    request = lps.request("lp", lps.deposit("lp", 1_000), wallet)
    boa.env.time_travel(seconds=COOLDOWN)
    with boa.reverts("not your request"):
        lps.redeem("wallet", request)
    lps.redeem("lp", request)
    assert lps.system.token.balanceOf(wallet) == 1_000


def test_redeem_request__twice__reverts(lps: Lps) -> None:
    shares = lps.deposit("lp", 1_000)
    request = lps.request("lp", shares // 2)
    lps.request("lp", shares // 2)
    boa.env.time_travel(seconds=COOLDOWN)
    lps.redeem("lp", request)
    with boa.reverts("not your request"):
        lps.redeem("lp", request)


@pytest.mark.parametrize("function", ["redeem_request", "cancel_request"])
@pytest.mark.parametrize("caller", ["stranger", "owner"])
def test_request__of_somebody_else__reverts(lps: Lps, function: str, caller: str) -> None:
    request = lps.request("lp", lps.deposit("lp", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    account = lps.system.owner if caller == "owner" else lps.system.account("stranger")
    for each in (request, request + 1, 0):
        with boa.reverts("not your request"):
            lps.system.as_(account, getattr(lps.vault, function), each)


def test_request_redeem__bad_input__says_what_is_wrong(lps: Lps) -> None:
    shares = lps.deposit("lp", 1_000)
    with boa.reverts("shares are zero"):
        lps.request("lp", 0)
    for receiver in ("0x" + "00" * 20, lps.vault.address, lps.system.pool.address):
        with boa.reverts("bad receiver"):
            lps.request("lp", shares, receiver)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        lps.request("lp", shares + 1)


def test_request_redeem__ids_count_up(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    assert [lps.request("lp", 1) for _ in range(3)] == [1, 2, 3]
    assert lps.vault.next_request_id() == 4


@pytest.mark.parametrize("elapsed", [0, COOLDOWN, COOLDOWN + 10 * DAY])
def test_cancel_request__at_any_time__gives_the_shares_back(lps: Lps, elapsed: int) -> None:
    shares = lps.deposit("lp", 1_000)
    lp = lps.system.account("lp")
    request = lps.request("lp", shares)
    boa.env.time_travel(seconds=elapsed)
    lps.system.market.set_vault_position(0, 0, False)
    lps.system.as_(lp, lps.vault.cancel_request, request)
    event = last_event(lps.vault, "RedeemCancelled")
    assert (event.id, event.owner, event.shares) == (request, lp, shares)
    assert lps.vault.balanceOf(lp) == shares
    with boa.reverts("not your request"):
        lps.system.as_(lp, lps.vault.cancel_request, request)


@pytest.mark.parametrize(("cooldown", "is_good"), [(59, False), (60, True), (30 * DAY, True), (30 * DAY + 1, False)])
def test_set_cooldown__bounds(lps: Lps, cooldown: int, is_good: bool) -> None:
    if not is_good:
        with boa.reverts("cooldown out of bounds"):
            lps.system.as_(lps.system.owner, lps.vault.set_cooldown, cooldown)
        return
    lps.system.as_(lps.system.owner, lps.vault.set_cooldown, cooldown)
    assert last_event(lps.vault, "CooldownSet").cooldown == cooldown
    assert lps.vault.cooldown() == cooldown


def test_set_cooldown__requests_keep_theirs(lps: Lps) -> None:
    request = lps.request("lp", lps.deposit("lp", 1_000))
    lps.system.as_(lps.system.owner, lps.vault.set_cooldown, 30 * DAY)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem("lp", request) == 1_000


def test_maxWithdraw__and_maxRedeem__are_zero(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lp = lps.system.account("lp")
    assert lps.vault.maxWithdraw(lp) == lps.vault.maxRedeem(lp) == 0
