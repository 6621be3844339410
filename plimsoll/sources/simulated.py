"""A price path made of hashes: whoever knows the seed knows every price, so publishers agree without a file.

The path wanders: noise of eleven time scales, from two seconds to half an hour, each double as long with a swing 1.4
times as wide.
"""

from collections.abc import Mapping

from eth_utils import keccak

from plimsoll.sources.base import NoPriceError

SCALES = 11
UNIT = 10**9
FIRST_SWING_PPM = 150


class SimulatedPath:
    """Prices of the feeds in `first_prices` (WAD)."""

    def __init__(self, seed: int, first_prices: Mapping[str, int]) -> None:
        self.seed = seed
        self.first_prices = first_prices

    def price(self, feed: str, second: int) -> int:
        """The first price, times what the noise of all scales makes of it."""
        if feed not in self.first_prices:
            raise NoPriceError(f"{feed}: the simulated path has no such feed")
        swing, total = FIRST_SWING_PPM * UNIT, 0
        for scale in range(1, SCALES + 1):
            total += self._noise(feed, scale, second) * swing // UNIT
            swing = swing * 14 // 10
        return self.first_prices[feed] * (1_000_000 * UNIT + total) // (1_000_000 * UNIT)

    def _noise(self, feed: str, scale: int, second: int) -> int:
        """Between -UNIT and UNIT; a straight line from one knot of the scale to the next."""
        step, rest = divmod(second, 2**scale)
        left, right = self._knot(feed, scale, step), self._knot(feed, scale, step + 1)
        return left + (right - left) * rest // 2**scale

    def _knot(self, feed: str, scale: int, step: int) -> int:
        digest = keccak(text=f"{self.seed}:{feed}:{scale}:{step}")
        return int.from_bytes(digest[:8]) % (2 * UNIT + 1) - UNIT

    async def run(self) -> None:
        """Nothing to do."""
