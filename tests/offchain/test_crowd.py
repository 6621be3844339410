"""The crowd: repeatable, and distributed as documented."""

import asyncio
import logging
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hexbytes import HexBytes

from plimsoll.crowd import Crowd
from plimsoll.crowd_draw import (
    FEES_BPS,
    LARGEST_NOTIONAL,
    LATEST_JOIN_BPS,
    SMALLEST_NOTIONAL,
    Trader,
    draw_crowd,
)

MANY = draw_crowd(1, 4_000)
BPS = 10_000


def share(items: int) -> float:
    return items / len(MANY)


def test_draw_crowd__same_seed_same_crowd_and_a_longer_one_begins_alike() -> None:
    assert draw_crowd(5, 50) == draw_crowd(5, 50) == draw_crowd(5, 80)[:50]
    assert draw_crowd(5, 50) != draw_crowd(6, 50)


def test_draw_crowd__markets_and_sides() -> None:
    for symbol, expected in (("BTC", 0.5), ("ETH", 0.3), ("SOL", 0.2)):
        assert abs(share(sum(item.symbol == symbol for item in MANY)) - expected) < 0.03
    assert abs(share(sum(item.is_long for item in MANY)) - 0.55) < 0.03


def test_draw_crowd__notional_has_a_heavy_tail_with_a_cap() -> None:
    sizes = sorted(item.notional for item in MANY)
    assert sizes[0] >= SMALLEST_NOTIONAL and sizes[-1] == LARGEST_NOTIONAL
    assert sum(sizes[-len(sizes) // 10 :]) > sum(sizes) * Decimal("0.4")
    assert sizes[len(sizes) // 2] < 2 * SMALLEST_NOTIONAL


def test_draw_crowd__leverage_from_2_to_50_with_log_uniform_median() -> None:
    leverages = sorted(item.leverage_milli for item in MANY)
    assert leverages[0] >= 2_000 and leverages[-1] <= 50_000
    assert 9_000 < leverages[len(leverages) // 2] < 11_000


def test_draw_crowd__some_join_late_and_some_close_after_they_joined() -> None:
    assert abs(share(sum(item.joins_bps > 0 for item in MANY)) - 0.2) < 0.03
    closing = [item for item in MANY if item.closes_bps is not None]
    assert abs(share(len(closing)) - 0.12) < 0.03
    assert all(item.joins_bps < LATEST_JOIN_BPS for item in MANY)
    assert all(item.joins_bps < item.closes_bps < BPS for item in closing)


@pytest.mark.parametrize("decimals", [6, 8, 18])
@pytest.mark.parametrize("leverage_milli", [2_000, 49_600, 50_000])
def test_margin__leaves_the_initial_margin_after_rounding_and_fees(decimals: int, leverage_milli: int) -> None:
    trader = Trader(0, "BTC", True, Decimal("12345.67"), leverage_milli, 0, None)
    notional = trader.notional_cash(decimals)
    equity = trader.margin(decimals) - notional * FEES_BPS // BPS
    after_rounding = equity - equity // 16
    assert after_rounding * 50 >= notional
    assert after_rounding * leverage_milli >= notional * 1000


def test_units__signed_and_never_worth_more_than_the_notional() -> None:
    price = 122_550 * 10**18
    long = Trader(0, "BTC", True, Decimal("5000"), 10_000, 0, None)
    short = Trader(0, "BTC", False, Decimal("5000"), 10_000, 0, None)
    assert long.units(price, 6) == -short.units(price, 6) > 0
    assert long.units(price, 6) * price // 10**18 <= 5_000 * 10**18


class Mempool(Crowd):
    """A crowd whose orders lie in a mempool until somebody waits for them; there each of `statuses` ends one."""

    def __init__(self, traders: list[Trader], statuses: list[int]) -> None:
        super().__init__(SimpleNamespace(w3=None, receipts=self.receipts), traders, 1)
        self.statuses = statuses
        self.waited_for: list[HexBytes] = []

    async def receipts(self, hashes: list[HexBytes], _: float) -> list[dict[str, int]]:
        self.waited_for += hashes
        return [{"status": status} for status in self.statuses]

    async def place(self, trader: Trader) -> HexBytes:
        return HexBytes(bytes([trader.index] * 32))

    async def close(self, trader: Trader) -> HexBytes | None:
        return None if trader.index == 3 else HexBytes(bytes([trader.index + 100] * 32))


def test_follow__late_orders__are_mined_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    late = Trader(1, "BTC", True, Decimal(5_000), 10_000, 4_000, None)
    closes = [Trader(index, "BTC", True, Decimal(5_000), 10_000, 0, 6_000) for index in (2, 3)]
    crowd = Mempool([late, *closes], [1, 0])
    with caplog.at_level(logging.WARNING):
        asyncio.run(crowd.follow(lambda: BPS))
    assert crowd.waited_for == [HexBytes(b"\x01" * 32), HexBytes(bytes([102] * 32))]
    assert "1 of 2 late orders failed" in caplog.text
