"""maxDeposit and maxMint are what goes through, to the coin and the share."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.vault.conftest import Lps

MAX_SUPPLY = 2**150


def attempt(lps: Lps, function: str, amount: int) -> str:
    """Why it was refused."""
    lp = lps.system.tokens("newcomer", 2**104, lps.vault)
    try:
        with boa.env.anchor():
            lps.system.as_(lp, getattr(lps.vault, function), amount, lp)
    except boa.BoaError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("held", [0, 1, 600])
def test_cap__nobody_gets_beyond_it(lps: Lps, held: int) -> None:
    if held:
        lps.deposit("lp", held)
    lps.set("set_deposit_cap", 1_000)
    lp = lps.system.account("newcomer")
    assert lps.vault.maxDeposit(lp) == 1_000 - held
    assert attempt(lps, "deposit", 1_000 - held) == ""
    assert "above the deposit cap" in attempt(lps, "deposit", 1_001 - held)
    most = lps.vault.maxMint(lp)
    assert attempt(lps, "mint", most) == ""
    assert "above the deposit cap" in attempt(lps, "mint", most + 1)


def test_cap__below_the_worth__is_no_room(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.set("set_deposit_cap", 999)
    lp = lps.system.account("newcomer")
    assert lps.vault.maxDeposit(lp) == lps.vault.maxMint(lp) == 0
    assert "above the deposit cap" in attempt(lps, "deposit", 1)


def test_cap__zero__closes_the_vault(lps: Lps) -> None:
    lps.set("set_deposit_cap", 0)
    assert lps.vault.maxDeposit(lps.system.account("newcomer")) == 0
    assert "above the deposit cap" in attempt(lps, "deposit", 1)


def test_supply__has_an_end__and_both_know_it(lps: Lps) -> None:
    """Wiped out again and again a vault prints shares by the billion."""
    system, lp = lps.system, lps.system.account("newcomer")
    system.as_(system.owner, system.pool.set_mandate, system.market.address, 10**9 * system.unit)
    while lps.vault.maxMint(lp) != MAX_SUPPLY - lps.vault.totalSupply():
        lps.deposit("lp", min(10**9, lps.vault.maxDeposit(lp)))
        lps.lose(lps.vault.totalAssets())
    for function, most in (("mint", lps.vault.maxMint(lp)), ("deposit", lps.vault.maxDeposit(lp))):
        if most:
            assert attempt(lps, function, most) == ""
        assert "too many shares" in attempt(lps, function, most + 1)
    assert "too many shares" in attempt(lps, "mint", 2**256 - 1)
    assert lps.vault.totalSupply() <= MAX_SUPPLY


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(1, 10**13),
    gain=st.integers(0, 10**13),
    owed=st.integers(-(10**12), 10**12),
    cap=st.integers(0, 10**14),
)
def test_max__always__is_exact(lps: Lps, first: int, gain: int, owed: int, cap: int) -> None:
    lps.deposit("lp", first)
    lps.gain(gain)
    lps.system.market.set_vault_position(owed, 0, True)
    lps.set("set_deposit_cap", cap)
    lp = lps.system.account("newcomer")
    for function, most in (("deposit", lps.vault.maxDeposit(lp)), ("mint", lps.vault.maxMint(lp))):
        if most:
            # a deposit that buys less than a share is refused whatever the cap
            assert attempt(lps, function, most) == "" or lps.vault.previewDeposit(most) == 0
        refusal = attempt(lps, function, most + 1)
        assert (
            "above the deposit cap" in refusal
            or "vault owes more than it has" in refusal
            or ("amount too small" in refusal and lps.vault.previewDeposit(most + 1) == 0)
        )
