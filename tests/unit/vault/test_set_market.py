from __future__ import annotations

import boa
import pytest

from tests.unit.support import FEED, deployer, last_event
from tests.unit.vault.conftest import Lps


def _new_market(lps: Lps) -> str:
    system = lps.system
    return str(deployer("StubMarket").deploy(system.pool.address, system.source.address, FEED).address)


def test_set_market__adds_and_removes(lps: Lps) -> None:
    system, vault = lps.system, lps.vault
    both = [system.market.address, system.other_market.address]
    assert vault.markets() == both
    system.as_(system.owner, vault.set_market, both[0], False)
    event = last_event(vault, "MarketSet")
    assert (event.market, event.is_market) == (both[0], False)
    assert vault.markets() == [both[1]]
    assert not vault.is_market(both[0])
    system.as_(system.owner, vault.set_market, both[1], False)
    assert vault.markets() == []


def test_set_market__removed__no_longer_counts(lps: Lps) -> None:
    system, vault = lps.system, lps.vault
    lps.deposit("lp", 1_000)
    system.market.set_vault_position(-300, 0, False)
    assert vault.totalAssets() == 700
    system.as_(system.owner, vault.set_market, system.market.address, False)
    assert vault.totalAssets() == 1_000
    lps.deposit("lp", 1)


def test_set_market__the_middle_one__keeps_the_others(lps: Lps) -> None:
    system, vault = lps.system, lps.vault
    third, fourth = _new_market(lps), _new_market(lps)
    for market in (third, fourth):
        system.as_(system.owner, vault.set_market, market, True)
    system.as_(system.owner, vault.set_market, system.other_market.address, False)
    assert vault.markets() == [system.market.address, fourth, third]
    system.as_(system.owner, vault.set_market, third, False)
    assert vault.markets() == [system.market.address, fourth]


def test_set_market__at_most_eight(lps: Lps) -> None:
    system, vault = lps.system, lps.vault
    for _ in range(6):
        system.as_(system.owner, vault.set_market, _new_market(lps), True)
    assert len(vault.markets()) == 8
    with boa.reverts("too many markets"):
        system.as_(system.owner, vault.set_market, _new_market(lps), True)


def test_set_market__insurance_fund__at_most_sixteen(lps: Lps) -> None:
    system = lps.system
    for _ in range(14):
        system.as_(system.owner, system.insurance.set_market, _new_market(lps), True)
    with boa.reverts("too many markets"):
        system.as_(system.owner, system.insurance.set_market, _new_market(lps), True)


@pytest.mark.parametrize("is_market", [True, False])
def test_set_market__already_so__reverts(lps: Lps, is_market: bool) -> None:
    market = lps.system.market.address if is_market else _new_market(lps)
    with boa.reverts("market already set"):
        lps.system.as_(lps.system.owner, lps.vault.set_market, market, is_market)


def test_set_market__not_a_contract__reverts(lps: Lps) -> None:
    with boa.reverts("unknown market"):
        lps.system.as_(lps.system.owner, lps.vault.set_market, lps.system.account("nobody"), True)


@pytest.mark.parametrize("function", ["set_market", "set_cooldown"])
def test_owner_functions__others__revert(lps: Lps, function: str) -> None:
    args = (lps.system.market.address, False) if function == "set_market" else (60,)
    with boa.reverts("ownable: caller is not the owner"):
        lps.system.as_(lps.system.account("stranger"), getattr(lps.vault, function), *args)
