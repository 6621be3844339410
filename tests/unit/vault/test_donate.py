from __future__ import annotations

import boa
import pytest

from tests.unit.vault.conftest import Lps


def give(lps: Lps, amount: int) -> int:
    giver = lps.system.tokens("giver", amount, lps.vault)
    return int(lps.system.as_(giver, lps.vault.donate, amount))


def test_donate__raises_the_worth_for_no_shares(lps: Lps) -> None:
    shares = lps.deposit("lp", 1_000)
    assert give(lps, 500) == 500
    assert lps.told("Donated") == (lps.system.account("giver"), 500)
    assert (lps.vault.totalAssets(), lps.vault.totalSupply()) == (1_500, shares)


def test_donate__market_not_settled__is_taken(lps: Lps) -> None:
    lps.system.market.set_vault_position(0, 0, False)
    assert give(lps, 500) == 500


def test_donate__nothing__reverts(lps: Lps) -> None:
    with boa.reverts("nothing to deposit"):
        give(lps, 0)


def test_donate__to_a_vault_that_owes__opens_it_again(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.system.market.set_vault_position(-1_500, 0, True)
    with boa.reverts("vault owes more than it has"):
        lps.deposit("late", 1_000)
    give(lps, 600)
    shares = lps.deposit("late", 1_000)
    assert lps.vault.convertToAssets(shares) == pytest.approx(1_000, abs=1)


@pytest.mark.parametrize("gift", [10**6, 10**9, 10**12])
def test_donate__after_a_first_deposit_of_one_coin__costs_more_than_it_harms(lps: Lps, gift: int) -> None:
    mine = lps.deposit("attacker", 1)
    give(lps, gift)
    theirs = lps.deposit("victim", 10**9)
    harm = 10**9 - lps.vault.convertToAssets(theirs)
    cost = gift + 1 - lps.vault.convertToAssets(mine)
    assert harm <= gift // 10**6 + 1
    assert cost > gift * 49 // 100 > harm
