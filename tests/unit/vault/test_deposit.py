from __future__ import annotations

import boa
import pytest
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.support import System, deployer, every_decimals, last_event, sign_permit
from tests.unit.vault.conftest import Lps

VIRTUAL = 10**6


@every_decimals
def test_deposit__first__at_par(lps: Lps) -> None:
    unit, vault = lps.system.unit, lps.vault
    assert vault.decimals() == lps.system.decimals + 6
    assert vault.previewDeposit(100 * unit) == 100 * unit * VIRTUAL

    shares = lps.deposit("lp", 100 * unit)

    event = last_event(vault, "Deposit")
    lp = lps.system.account("lp")
    assert (event.sender, event.owner, event.assets, event.shares) == (lp, lp, 100 * unit, shares)
    assert shares == 100 * unit * VIRTUAL == vault.balanceOf(lp) == vault.totalSupply()
    assert vault.totalAssets() == lps.system.pool.balance_of(vault.address) == 100 * unit
    assert vault.convertToAssets(shares) == 100 * unit
    assert vault.convertToShares(100 * unit) == shares
    assert vault.asset() == lps.system.token.address


def test_deposit__for_a_receiver(lps: Lps) -> None:
    lp, friend = lps.system.tokens("lp", 10, lps.vault), lps.system.account("friend")
    shares = lps.system.as_(lp, lps.vault.deposit, 10, friend)
    assert (lps.vault.balanceOf(lp), lps.vault.balanceOf(friend)) == (0, shares)


def test_deposit__after_a_gain__buys_dearer(lps: Lps) -> None:
    first = lps.deposit("lp", 1_000_000)
    lps.gain(500_000)
    second = lps.deposit("late", 1_500_000)
    assert second == pytest.approx(first, rel=1e-5)
    assert lps.vault.convertToAssets(second) <= 1_500_000
    assert lps.vault.convertToAssets(first) == pytest.approx(1_500_000, abs=2)


def test_deposit__after_a_loss__buys_cheaper(lps: Lps) -> None:
    lps.deposit("lp", 1_000_000)
    lps.lose(400_000)
    shares = lps.deposit("late", 600_000)
    assert lps.vault.convertToAssets(shares) == pytest.approx(600_000, abs=2)


@pytest.mark.parametrize(
    ("owed", "reserve", "worth"),
    [(300, 0, 1_300), (-300, 0, 700), (0, 100, 900), (300, 400, 900), (-1_000, 0, 0), (-900, 200, 0)],
)
def test_totalAssets__unsettled_margin_and_skew_reserve__count(lps: Lps, owed: int, reserve: int, worth: int) -> None:
    lps.deposit("lp", 1_000)
    lps.system.market.set_vault_position(owed, reserve, True)
    assert lps.vault.totalAssets() == worth


def test_totalAssets__sums_over_markets(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.system.market.set_vault_position(50, 3, True)
    lps.system.other_market.set_vault_position(-20, 4, False)
    assert lps.vault.totalAssets() == 1_023


def test_deposit__known_gain__is_paid_for(lps: Lps) -> None:
    first = lps.deposit("lp", 1_000_000)
    lps.system.market.set_vault_position(1_000_000, 0, True)
    second = lps.deposit("late", 1_000_000)
    assert second == pytest.approx(first / 2, rel=1e-5)


@pytest.mark.parametrize("which", ["market", "other_market"])
def test_deposit__market_not_settled__waits(lps: Lps, which: str) -> None:
    lps.deposit("lp", 1_000)
    getattr(lps.system, which).set_vault_position(0, 0, False)
    lp = lps.system.tokens("lp", 10, lps.vault)
    assert lps.vault.maxDeposit(lp) == lps.vault.maxMint(lp) == 0
    with boa.reverts("wait: market not settled"):
        lps.system.as_(lp, lps.vault.deposit, 10, lp)
    with boa.reverts("wait: market not settled"):
        lps.system.as_(lp, lps.vault.mint, VIRTUAL, lp)
    getattr(lps.system, which).set_vault_position(0, 0, True)
    assert lps.vault.maxDeposit(lp) > 10
    assert lps.vault.maxMint(lp) > VIRTUAL
    lps.system.as_(lp, lps.vault.deposit, 10, lp)


def test_deposit__too_small__reverts(lps: Lps) -> None:
    lps.deposit("lp", 1)
    lps.gain(10**7)
    lp = lps.system.tokens("late", 1, lps.vault)
    with boa.reverts("amount too small"):
        lps.system.as_(lp, lps.vault.deposit, 1, lp)


@every_decimals
def test_mint__takes_assets_rounded_up(lps: Lps) -> None:
    vault = lps.vault
    lps.deposit("lp", 1_000)
    lps.gain(501)
    lp = lps.system.tokens("late", 100, vault)
    shares = 7 * VIRTUAL + 3
    assets = vault.previewMint(shares)
    assert lps.system.as_(lp, vault.mint, shares, lp) == assets
    assert lps.system.token.balanceOf(lp) == 100 - assets
    assert vault.balanceOf(lp) == shares
    exact = shares * 1_502 / (1_001 * VIRTUAL)
    assert exact <= assets < exact + 1


def test_mint__zero__reverts(lps: Lps) -> None:
    lp = lps.system.account("lp")
    with boa.reverts("amount too small"):
        lps.system.as_(lp, lps.vault.mint, 0, lp)


def test_deposit__token_with_a_fee__counts_what_arrived(lps: Lps) -> None:
    token = deployer("OddToken").deploy(100, False)
    pool = deployer("MarginPool").deploy(token.address)
    vault = deployer("Vault").deploy(pool.address, 60, 0)
    pool.set_roles(lps.system.order_book.address, vault.address)
    pool.set_engine(vault.address, True)
    lp = boa.env.generate_address()
    token.mint(lp, 20_000)
    with boa.env.prank(lp):
        shares = vault.deposit(10_000, lp)
        # the fee is taken twice, on the way to the vault and on the way to the pool
        assert vault.totalAssets() == 9_801
        assert shares == 9_801 * VIRTUAL
        with boa.reverts("token takes a fee"):
            vault.mint(VIRTUAL * 100, lp)


@pytest.mark.parametrize(("least", "is_good"), [(10 * VIRTUAL, True), (10 * VIRTUAL + 1, False)])
def test_deposit__minimum(lps: Lps, least: int, is_good: bool) -> None:
    lp = lps.system.tokens("lp", 10, lps.vault)
    if is_good:
        assert lps.system.as_(lp, lps.vault.deposit, 10, lp, least) == least
    else:
        with boa.reverts("below minimum"):
            lps.system.as_(lp, lps.vault.deposit, 10, lp, least)


@pytest.mark.parametrize(("most", "is_good"), [(10, True), (9, False)])
def test_mint__maximum(lps: Lps, most: int, is_good: bool) -> None:
    lp = lps.system.tokens("lp", 10, lps.vault)
    if is_good:
        assert lps.system.as_(lp, lps.vault.mint, 10 * VIRTUAL, lp, most) == most
    else:
        with boa.reverts("above maximum"):
            lps.system.as_(lp, lps.vault.mint, 10 * VIRTUAL, lp, most)


@pytest.mark.parametrize("function", ["deposit", "mint"])
def test_deposit__for_nobody_or_for_the_vault__reverts(lps: Lps, function: str) -> None:
    """Shares of the vault are those that were asked out: nobody may add to them."""
    lp = lps.system.tokens("lp", 10, lps.vault)
    for receiver in ("0x" + "00" * 20, lps.vault.address):
        assert lps.vault.maxDeposit(receiver) == lps.vault.maxMint(receiver) == 0
        with boa.reverts("bad receiver"):
            lps.system.as_(lp, getattr(lps.vault, function), VIRTUAL if function == "mint" else 1, receiver)


def test_donation__past_the_door__changes_nothing(lps: Lps) -> None:
    """The classic inflation attack has no way in: gifts of tokens and deposits for the vault don't count."""
    shares = lps.deposit("attacker", 1)
    attacker = lps.system.tokens("attacker", 10**9)
    lps.system.as_(attacker, lps.system.token.transfer, lps.vault.address, 10**8)
    lps.system.as_(attacker, lps.system.token.transfer, lps.system.pool.address, 10**8)
    with boa.reverts("receiver is an engine"):
        lps.system.as_(attacker, lps.system.pool.deposit, 10**8, lps.vault.address)
    assert lps.vault.totalAssets() == 1
    assert lps.vault.convertToAssets(shares) == 1


def test_inflation__through_fees__costs_the_attacker_more_than_it_harms(lps: Lps) -> None:
    mine = lps.deposit("attacker", 1)
    lps.gain(10**9)
    theirs = lps.deposit("victim", 10**9)
    assert 10**9 - lps.vault.convertToAssets(theirs) <= 10**4
    assert lps.vault.convertToAssets(mine) < 10**9


def test_deposit__after_total_loss__vault_goes_on(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.lose(1_000)
    assert lps.vault.totalAssets() == 0
    shares = lps.deposit("late", 1_000)
    assert lps.vault.convertToAssets(shares) == pytest.approx(1_000, abs=2)


def test_deposit__vault_owes_more_than_it_has__reverts(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.system.market.set_vault_position(-1_001, 0, True)
    assert lps.vault.maxDeposit(lps.system.account("late")) == 0
    with boa.reverts("vault owes more than it has"):
        lps.deposit("late", 1_000)


def test_shares__permit(lps: Lps) -> None:
    key = Account.from_key(b"\x09" * 32)
    deadline = boa.env.timestamp + 60
    spender = lps.system.account("spender")
    lps.vault.permit(key.address, spender, 5, deadline, *sign_permit(key, lps.vault, spender, 5, deadline))
    assert lps.vault.allowance(key.address, spender) == 5


def test_shares__nobody_can_mint_or_burn_them_directly(system: System) -> None:
    assert not any(
        hasattr(system.vault, name) for name in ("burn", "burn_from", "set_minter", "is_minter", "renounce_ownership")
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(1, 10**13),
    change=st.integers(-(10**13), 10**13),
    owed=st.integers(-(10**12), 10**12),
    reserve=st.integers(0, 10**12),
    assets=st.integers(1, 10**13),
)
def test_deposit__rounding__never_favours_the_newcomer(
    lps: Lps, first: int, change: int, owed: int, reserve: int, assets: int
) -> None:
    vault, system = lps.vault, lps.system
    system.as_(system.owner, system.pool.set_mandate, system.market.address, 10**9 * system.unit)
    mine = lps.deposit("lp", first)
    if change > 0:
        lps.gain(change)
    elif change < 0:
        lps.lose(min(-change, first))
    system.market.set_vault_position(owed, reserve, True)
    before = vault.convertToAssets(mine)
    preview = vault.previewDeposit(assets)
    if preview == 0 or vault.maxDeposit(system.owner) == 0:
        return
    shares = lps.deposit("late", assets)
    assert shares == preview
    assert vault.convertToAssets(shares) <= assets + (vault.totalAssets() == 0)
    assert vault.convertToAssets(mine) >= before
    assert vault.previewMint(shares) >= vault.convertToAssets(shares)
    assert vault.convertToShares(vault.previewMint(preview)) >= preview
