"""Fresh shares are locked."""

from __future__ import annotations

import boa
import pytest

from tests.unit.support import DAY, DEPOSIT_LOCK
from tests.unit.vault.conftest import Lps


def to_period(lps: Lps, offset: int = 0) -> int:
    """Goes on to `offset` seconds after the start of a lock period."""
    boa.env.time_travel(seconds=DEPOSIT_LOCK - boa.env.timestamp % DEPOSIT_LOCK + offset)
    return int(boa.env.timestamp)


def move(lps: Lps, name: str, amount: int, way: str = "transfer") -> None:
    owner, to = lps.system.account(name), lps.system.account("friend")
    if way == "transfer":
        lps.system.as_(owner, lps.vault.transfer, to, amount)
    elif way == "transferFrom":
        lps.system.as_(owner, lps.vault.approve, to, amount)
        lps.system.as_(to, lps.vault.transferFrom, owner, to, amount)
    else:
        lps.request(name, amount)


WAYS = pytest.mark.parametrize("way", ["transfer", "transferFrom", "request"])


@WAYS
@pytest.mark.parametrize("offset", [0, DEPOSIT_LOCK - 1])
def test_fresh_shares__stay_for_one_to_two_locks(lps: Lps, way: str, offset: int) -> None:
    start = to_period(lps, offset)
    shares = lps.deposit("lp", 1_000)
    lp = lps.system.account("lp")
    until = start - offset + 2 * DEPOSIT_LOCK
    assert lps.told("SharesLocked") == (lp, shares, until)
    assert (lps.vault.locked_shares(lp), lps.vault.unlocked_at(lp)) == (shares, until)
    boa.env.time_travel(seconds=until - boa.env.timestamp - 1)
    with boa.reverts("shares are locked"):
        move(lps, "lp", 1, way)
    boa.env.time_travel(seconds=1)
    assert (lps.vault.locked_shares(lp), lps.vault.unlocked_at(lp)) == (0, 0)
    move(lps, "lp", shares, way)
    assert lps.vault.balanceOf(lp) == 0


@WAYS
def test_gift_of_fresh_shares__locks_the_gift_alone(lps: Lps, way: str) -> None:
    held = lps.hold("lp", 1_000)
    stranger, lp = lps.system.tokens("stranger", 10, lps.vault), lps.system.account("lp")
    gift = lps.system.as_(stranger, lps.vault.deposit, 10, lp)
    assert lps.vault.locked_shares(lp) == gift
    with boa.reverts("shares are locked"):
        move(lps, "lp", held + 1, way)
    move(lps, "lp", held, way)


def test_gift_of_fresh_shares__prolongs_no_lock(lps: Lps) -> None:
    """However often somebody sends some, what came first is free when it was to be."""
    to_period(lps)
    first = lps.deposit("lp", 1_000)
    lp = lps.system.account("lp")
    until = lps.vault.unlocked_at(lp)
    stranger = lps.system.tokens("stranger", 100, lps.vault)
    gifts = 0
    while boa.env.timestamp < until - 7:
        gifts += 1
        lps.system.as_(stranger, lps.vault.deposit, 1, lp)
        boa.env.time_travel(seconds=7)
    assert gifts > 10
    boa.env.time_travel(seconds=until - boa.env.timestamp)
    assert lps.vault.balanceOf(lp) - lps.vault.locked_shares(lp) >= first
    move(lps, "lp", first)


def test_lock__two_parts__each_with_its_own_end(lps: Lps) -> None:
    lp = lps.system.account("lp")
    to_period(lps, DEPOSIT_LOCK - 1)
    first = lps.deposit("lp", 1_000)
    boa.env.time_travel(seconds=1)
    second = lps.deposit("lp", 500)
    third = lps.deposit("lp", 200)
    assert lps.vault.locked_shares(lp) == first + second + third
    boa.env.time_travel(seconds=DEPOSIT_LOCK)
    assert lps.vault.locked_shares(lp) == second + third
    fourth = lps.deposit("lp", 100)
    assert lps.vault.locked_shares(lp) == second + third + fourth
    boa.env.time_travel(seconds=DEPOSIT_LOCK)
    assert lps.vault.locked_shares(lp) == fourth


def test_lock__of_zero__is_none(lps: Lps) -> None:
    lps.set("set_deposit_lock", 0)
    shares = lps.deposit("lp", 1_000)
    assert not [event for event in lps.vault.get_logs() if type(event).__name__ == "SharesLocked"]
    move(lps, "lp", shares)


def test_lock__made_longer__leaves_what_is_locked(lps: Lps) -> None:
    lp = lps.system.account("lp")
    shares = lps.deposit("lp", 1_000)
    until = lps.vault.unlocked_at(lp)
    lps.set("set_deposit_lock", DAY)
    assert lps.vault.unlocked_at(lp) == until
    boa.env.time_travel(seconds=until - boa.env.timestamp)
    move(lps, "lp", shares)


@pytest.mark.parametrize("way", ["transfer", "transferFrom"])
def test_transfer__to_the_vault__reverts(lps: Lps, way: str) -> None:
    """Whoever could add to what is asked out would slow redemptions down for good."""
    shares = lps.hold("lp", 1_000)
    lp = lps.system.account("lp")
    with boa.reverts("bad receiver"):
        if way == "transfer":
            lps.system.as_(lp, lps.vault.transfer, lps.vault.address, shares)
        else:
            lps.system.as_(lp, lps.vault.approve, lp, shares)
            lps.system.as_(lp, lps.vault.transferFrom, lp, lps.vault.address, shares)


def test_transfer__more_than_held__says_so(lps: Lps) -> None:
    shares = lps.hold("lp", 1_000)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        move(lps, "lp", shares + 1)
    with boa.reverts("erc20: insufficient allowance"):
        lps.system.as_(
            lps.system.account("friend"), lps.vault.transferFrom, lps.system.account("lp"), lps.system.owner, 1
        )
