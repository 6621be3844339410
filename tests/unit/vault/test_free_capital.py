from __future__ import annotations

import pytest

from tests.unit.vault.conftest import Lps


@pytest.mark.parametrize(
    ("units", "budget", "mandate", "is_settling", "owed", "reserve", "reserved"),
    [
        (0, 300, 1_000, False, 0, 0, 0),  # nobody has a position
        (1, 300, 1_000, False, 0, 0, 300),
        (1, 300, 200, False, 0, 0, 200),  # the pool lets the market draw no more
        (1, 300, 1_000, True, 0, 0, 0),  # opens nothing any more
        (1, 300, 1_000, True, -70, 0, 70),  # but is owed
        (0, 300, 1_000, False, -70, 5, 75),
        (1, 300, 1_000, False, -70, 5, 375),
        (1, 300, 1_000, False, 70, 5, 305),  # what it owes the vault is not there yet
    ],
)
def test_reserved__of_one_market(
    lps: Lps, units: int, budget: int, mandate: int, is_settling: bool, owed: int, reserve: int, reserved: int
) -> None:
    lps.deposit("lp", 1_000)
    system, market = lps.system, lps.system.market
    system.as_(system.owner, system.pool.set_mandate, market.address, mandate)
    market.set_open(units, budget, is_settling)
    market.set_vault_position(owed, reserve, True)
    assert lps.vault.reserved(market.address) == reserved
    assert lps.vault.free_capital() == 1_000 - reserved


def test_free_capital__sums_over_markets_and_stops_at_zero(lps: Lps) -> None:
    lps.deposit("lp", 1_000)
    lps.reserve(400)
    lps.system.other_market.set_open(1, 500, False)
    assert (lps.vault.free_capital(), lps.vault.utilisation_bps()) == (100, 9_000)
    lps.system.other_market.set_vault_position(-101, 0, True)
    assert (lps.vault.free_capital(), lps.vault.utilisation_bps()) == (0, 10_000)


@pytest.mark.parametrize(("reserve", "utilisation"), [(0, 0), (1, 2), (3_333, 3_334), (10_000, 10_000)])
def test_utilisation_bps__rounds_up(lps: Lps, reserve: int, utilisation: int) -> None:
    lps.deposit("lp", 9_999)
    lps.reserve(reserve)
    assert lps.vault.utilisation_bps() == utilisation


def test_utilisation_bps__empty_vault__is_zero(lps: Lps) -> None:
    assert lps.vault.utilisation_bps() == 0
