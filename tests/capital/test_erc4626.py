"""What holders of ERC-4626 shares may rely on, with live markets, open positions and prices that move.

Redemption is by request, so a way out is: ask, wait the cooldown at unchanged prices, redeem.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.invariants.calls import RevertedError
from tests.invariants.exchange import COOLDOWN, DEPOSIT_LOCK, MARKETS, OWNER, address_of
from tests.invariants.world import TRADERS, Setup, World, world

LP, NEWCOMER, GIVER = (address_of(name) for name in ("lp0", "lp1", "trader0"))
VIRTUAL_SHARES = 10**6

# trades of so many lots, moves of the price in bps, and whether anybody cranked after
histories = st.lists(
    st.tuples(st.integers(-600, 600), st.integers(-900, 900), st.sampled_from([0, 0, 1]), st.booleans()), max_size=6
)
amounts = st.one_of(st.integers(1, 1_000), st.integers(1, 10**12))
properties = settings(max_examples=40, deadline=None)


@contextmanager
def live(history: list[tuple[int, int, int, bool]], decimals: int = 6) -> Iterator[World]:
    """An exchange after `history`, with every market clean and prices fresh; what is unsettled may stay so."""
    with world(Setup(decimals=decimals, budget=100_000, skew_scale=100_000, insurance=5_000)) as played:
        for who, (lots, bps, market, is_cranked) in zip(TRADERS, history, strict=False):
            played.do_open(who, market, lots, 400)
            played.do_move(market, bps, 40)
            if is_cranked:
                played.do_crank_all(market, 1_000, "keeper0")
        for market in range(MARKETS):
            played.do_move(market, 0, 1)
            if not vault_is_open(played):
                played.do_crank_all(market, 1_000, "keeper0")
        yield played


def vault_is_open(played: World) -> bool:
    return bool(played.exchange.vault.maxDeposit(NEWCOMER))


def refresh(played: World, seconds: int) -> None:
    """Time passes; then the same prices again. Funding goes on."""
    played.chain.now += seconds
    for market in range(MARKETS):
        played.exchange.source.set_price_of(
            played.market(market).feed(), played.prices[market], played.now, sender=OWNER
        )


def leave(played: World, who: str, shares: int) -> int:
    """Asks, waits and redeems until nothing is left of the request."""
    vault = played.exchange.vault
    refresh(played, 2 * DEPOSIT_LOCK)
    request = vault.request_redeem(shares, sender=who)
    refresh(played, COOLDOWN)
    paid = 0
    for _ in range(30):
        paid += vault.redeem_request(request, sender=GIVER)
        if vault.request(request).shares == 0:
            break
        refresh(played, COOLDOWN)
    return paid


def price(played: World) -> tuple[int, int]:
    """Assets and shares, the virtual ones included."""
    vault = played.exchange.vault
    return vault.totalAssets() + 1, vault.totalSupply() + VIRTUAL_SHARES


def is_no_lower(after: tuple[int, int], before: tuple[int, int]) -> bool:
    return after[0] * before[1] >= before[0] * after[1]


@properties
@given(history=histories, amount=amounts, decimals=st.sampled_from([6, 8, 18]))
def test_conversions__round_down__and_depend_on_nobody(history: Any, amount: int, decimals: int) -> None:
    with live(history, decimals) as played:
        vault = played.exchange.vault
        assets, shares = price(played)
        for who in (LP, NEWCOMER, OWNER):
            assert vault.convertToShares(amount, sender=who) == amount * shares // assets
            assert vault.convertToAssets(amount, sender=who) == amount * assets // shares
        assert vault.convertToAssets(vault.convertToShares(amount)) <= amount
        assert vault.convertToShares(vault.convertToAssets(amount)) <= amount
        assert vault.asset() == played.exchange.token.address


@properties
@given(history=histories, amount=amounts, is_mint=st.booleans())
def test_preview__is_what_happens(history: Any, amount: int, is_mint: bool) -> None:
    with live(history) as played:
        vault, token = played.exchange.vault, played.exchange.token
        before, held, had = price(played), vault.balanceOf(NEWCOMER), token.balanceOf(NEWCOMER)
        preview, act = (vault.previewMint, vault.mint) if is_mint else (vault.previewDeposit, vault.deposit)
        foretold = preview(amount)
        if not foretold or not vault_is_open(played):
            return
        assert act(amount, NEWCOMER, sender=NEWCOMER) == foretold
        paid, got = (foretold, amount) if is_mint else (amount, foretold)
        assert had - token.balanceOf(NEWCOMER) == paid
        assert vault.balanceOf(NEWCOMER) - held == got
        assert is_no_lower(price(played), before), "who is in has paid for who came"
        assert vault.convertToAssets(got) <= paid


@properties
@given(history=histories, amount=st.integers(10**3, 10**12), is_mint=st.booleans())
def test_round_trip__in_and_out__brings_no_more_than_went_in(history: Any, amount: int, is_mint: bool) -> None:
    """But for what is earned meanwhile, which another holder of as many shares has too."""
    with live(history) as played:
        vault = played.exchange.vault
        if not vault_is_open(played):
            return
        shares = amount * VIRTUAL_SHARES if is_mint else vault.previewDeposit(amount)
        if shares == 0:
            return
        paid = vault.mint(shares, NEWCOMER, sender=NEWCOMER) if is_mint else amount
        if not is_mint:
            vault.deposit(amount, NEWCOMER, sender=NEWCOMER)
        before = price(played)
        with played.chain.anchor():
            refresh(played, 2 * DEPOSIT_LOCK + COOLDOWN)
            assets, supply = price(played)
        most = max(paid, shares * assets // supply)
        if before[0] * supply == assets * before[1]:
            assert most == paid
        try:
            assert leave(played, NEWCOMER, shares) <= most
        except RevertedError as error:
            # funding may have pushed somebody over the edge meanwhile
            assert str(error) == "wait: market not settled"


@properties
@given(history=histories, part_bps=st.integers(1, 10_000), is_mint=st.booleans())
def test_round_trip__out_and_in__gives_no_more_shares_for_the_same_money(
    history: Any, part_bps: int, is_mint: bool
) -> None:
    with live(history) as played:
        vault = played.exchange.vault
        refresh(played, 2 * DEPOSIT_LOCK)
        shares = vault.balanceOf(LP) * part_bps // 10_000
        request = vault.request_redeem(shares, sender=LP)
        refresh(played, COOLDOWN)
        taken, assets = vault.redeemable(request)
        if not assets or not vault_is_open(played):
            return
        before = price(played)
        assert vault.redeem_request(request, sender=GIVER) == assets
        assert is_no_lower(price(played), before), "who stays has paid for who left"
        if is_mint:
            assert vault.mint(taken, LP, sender=LP) >= assets
        else:
            assert vault.deposit(assets, LP, sender=LP) <= taken


@properties
@given(history=histories)
def test_zero__buys_nothing_and_costs_nothing(history: Any) -> None:
    with live(history) as played:
        vault = played.exchange.vault
        assert vault.convertToShares(0) == vault.convertToAssets(0) == 0
        assert vault.previewDeposit(0) == vault.previewMint(0) == 0
        before = price(played)
        for call, args in (
            (vault.deposit, (0, NEWCOMER)),
            (vault.mint, (0, NEWCOMER)),
            (vault.request_redeem, (0,)),
            (vault.donate, (0,)),
        ):
            with pytest.raises(RevertedError):
                call(*args, sender=NEWCOMER)
        assert price(played) == before


@properties
@given(history=histories, amount=amounts)
def test_most__never_reverts__and_ways_out_without_a_request_are_shut(history: Any, amount: int) -> None:
    with live(history) as played:
        vault = played.exchange.vault
        for seconds in (0, 10_000):  # fresh, and too old to deposit
            refresh(played, 0)
            played.chain.now += seconds
            most = vault.maxDeposit(NEWCOMER)
            assert (most == 0) == (vault.maxMint(NEWCOMER) == 0)
            assert vault.maxWithdraw(LP) == vault.maxRedeem(LP) == 0
            try:
                vault.deposit(amount, NEWCOMER, sender=NEWCOMER)
            except RevertedError as error:
                assert most < amount or str(error) == "amount too small"
            else:
                assert most >= amount


@properties
@given(history=histories, gift=amounts, amount=st.integers(10**3, 10**12))
def test_donation__is_everybodys__and_pays_nobody_who_gives(history: Any, gift: int, amount: int) -> None:
    with live(history) as played:
        vault, token = played.exchange.vault, played.exchange.token
        if not vault_is_open(played):
            return
        had = token.balanceOf(NEWCOMER)
        if not vault.previewDeposit(amount):
            return
        shares = vault.deposit(amount, NEWCOMER, sender=NEWCOMER)
        before, others = price(played), vault.convertToAssets(vault.balanceOf(LP))
        assert vault.donate(gift, sender=NEWCOMER) == gift
        after = price(played)
        assert after == (before[0] + gift, before[1])
        assert token.balanceOf(NEWCOMER) + vault.convertToAssets(shares) <= had
        assert vault.convertToAssets(vault.balanceOf(LP)) >= others


@properties
@given(history=histories, amount=amounts)
def test_somebody_elses_shares__take_an_allowance(history: Any, amount: int) -> None:
    with live(history) as played:
        vault = played.exchange.vault
        refresh(played, 2 * DEPOSIT_LOCK)
        amount = min(amount, vault.balanceOf(LP))
        with pytest.raises(RevertedError, match="insufficient allowance"):
            vault.transferFrom(LP, NEWCOMER, amount, sender=NEWCOMER)
        vault.approve(NEWCOMER, amount, sender=LP)
        vault.transferFrom(LP, NEWCOMER, amount, sender=NEWCOMER)
        with pytest.raises(RevertedError, match="insufficient allowance"):
            vault.transferFrom(LP, NEWCOMER, 1, sender=NEWCOMER)
        request = vault.request_redeem(amount, sender=NEWCOMER)
        with pytest.raises(RevertedError, match="not your request"):
            vault.cancel_request(request, sender=LP)
