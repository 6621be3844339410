"""The bundled reconstruction: the published prices are met, and the same seed gives the same bars."""

from decimal import Decimal

import pytest

from plimsoll.bars import WAD, path_of_bars
from plimsoll.scenario import GAPS, LOW_AT, MINUTES, NAME, START, WAYPOINTS, reconstruct

SEEDS = [1, 7, 20251010]


def wad(price: str) -> int:
    return int(Decimal(price) * WAD)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("symbol", "first", "low"), [("BTC", "122550", "102000"), ("ETH", "4393.63", "3435")])
def test_reconstruct__meets_the_published_prices(seed: int, symbol: str, first: str, low: str) -> None:
    bars = reconstruct(seed)[symbol]
    low_time = 1760131200  # 2025-10-10 21:20:00 UTC
    path = path_of_bars(bars)
    assert path.at(START * 1000) == wad(first)
    assert path.at(low_time * 1000) == wad(low) == min(path.prices)
    assert bars[LOW_AT].ts == low_time


@pytest.mark.parametrize("seed", SEEDS)
def test_reconstruct__bars_are_consistent(seed: int) -> None:
    for bars in reconstruct(seed).values():
        assert len(bars) == MINUTES
        for bar in bars:
            assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


@pytest.mark.parametrize("seed", SEEDS)
def test_reconstruct__falls_with_gaps_common_to_all(seed: int) -> None:
    gaps = {}
    for symbol, bars in reconstruct(seed).items():
        moves = {i: bars[i].open * 10_000 // bars[i - 1].close - 10_000 for i in range(1, MINUTES)}
        gaps[symbol] = {minute for minute, bps in moves.items() if bps <= -30}
    assert len(gaps["BTC"]) == GAPS and LOW_AT in gaps["BTC"]
    assert gaps["BTC"] == gaps["ETH"] == gaps["SOL"]


def test_reconstruct__recovers_afterwards() -> None:
    for symbol, bars in reconstruct().items():
        last = int(WAYPOINTS[symbol].last * WAD)
        assert abs(bars[-1].close - last) * 200 < last


def test_reconstruct__same_seed_same_bars_other_seed_others() -> None:
    assert reconstruct(3) == reconstruct(3)
    assert reconstruct(3) != reconstruct(4)


def test_name__says_that_it_is_reconstructed_and_what_is_assumed() -> None:
    assert "reconstructed" in NAME
    assert WAYPOINTS["SOL"].is_assumed and not WAYPOINTS["BTC"].is_assumed
