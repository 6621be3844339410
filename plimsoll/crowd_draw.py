"""The crowd, drawn: who trades what, when, at which leverage. Pure; the same seed gives the same crowd.

One trader after the other:

| | distribution |
|---|---|
| market | BTC 50 %, ETH 30 %, SOL 20 % |
| side | long with 55 %, crowds lean long before a fall; but see below |
| notional | Pareto with exponent 1.1 from 20,000 USD, cut off at 400,000: most are small, a few hold most of it |
| leverage | log-uniform from 2 to 50, to a tenth |
| joins | 20 % late, uniform over the first 60 % of the replay; the rest before it begins |
| closes | 12 % by themselves, uniform over the rest of the replay after they joined |

While one side of a market leads by more than 5 % of all drawn there, the next trader takes the other side: skew in
the fill price and funding pay for that, and a market takes no more skew than its vault's room.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

BPS = 10_000
LONG_BPS = 5_500
MOST_SKEW_BPS = 500
LATE_BPS = 2_000
CLOSING_BPS = 1_200
LATEST_JOIN_BPS = 6_000
PARETO_EXPONENT = 1.1
SMALLEST_NOTIONAL = Decimal(20_000)
LARGEST_NOTIONAL = Decimal(400_000)
LEAST_LEVERAGE = 2.0
MOST_LEVERAGE = 50.0
MARKET_WEIGHTS = {"BTC": 50, "ETH": 30, "SOL": 20}
ROUNDING_BPS = 700
"""Added to the margin: the grid rounds a bankruptcy coordinate up by as much as a sixteenth of the margin."""
FEES_BPS = 15
"""Of notional, added to the margin: taker fee, skew premium, and the price moving until execution."""


@dataclass(frozen=True)
class Trader:
    """One trader. Moments are parts of the replay in basis points; 0 is before it begins."""

    index: int
    symbol: str
    is_long: bool
    notional: Decimal
    """USD, to the cent."""
    leverage_milli: int
    joins_bps: int
    closes_bps: int | None

    def margin(self, decimals: int) -> int:
        """What to offer as margin, in base units of a collateral with `decimals`, rounded up."""
        notional = self.notional_cash(decimals)
        margin = -(-notional * 1000 * (BPS + ROUNDING_BPS) // (self.leverage_milli * BPS))
        return margin - (-notional * FEES_BPS // BPS)

    def notional_cash(self, decimals: int) -> int:
        """Notional in base units of the collateral."""
        return int(self.notional * 10**decimals)

    def units(self, price_wad: int, decimals: int) -> int:
        """Signed size in base units (WAD) at a price, rounded down."""
        size = self.notional_cash(decimals) * 10 ** (36 - decimals) // price_wad
        return size if self.is_long else -size


def draw_crowd(seed: int, count: int) -> list[Trader]:
    """`count` traders; a longer crowd begins with the shorter one."""
    traders: list[Trader] = []
    skew = dict.fromkeys(MARKET_WEIGHTS, Decimal(0))
    total = dict.fromkeys(MARKET_WEIGHTS, Decimal(0))
    for index in range(count):
        trader = _draw_trader(Random(f"{seed}:trader:{index}"), index)
        symbol, size = trader.symbol, trader.notional
        is_one_sided = abs(skew[symbol]) * BPS > MOST_SKEW_BPS * total[symbol] > 0
        if is_one_sided:
            trader = replace(trader, is_long=skew[symbol] < 0)
        skew[symbol] += size if trader.is_long else -size
        total[symbol] += size
        traders.append(trader)
    return traders


def _draw_trader(rng: Random, index: int) -> Trader:
    symbol = rng.choices(list(MARKET_WEIGHTS), weights=list(MARKET_WEIGHTS.values()))[0]
    is_long = rng.randrange(BPS) < LONG_BPS
    scale = Decimal(repr(round(rng.paretovariate(PARETO_EXPONENT), 6)))
    notional = min(LARGEST_NOTIONAL, SMALLEST_NOTIONAL * scale).quantize(Decimal("0.01"))
    leverage = LEAST_LEVERAGE * (MOST_LEVERAGE / LEAST_LEVERAGE) ** rng.random()
    joins_bps = rng.randrange(1, LATEST_JOIN_BPS) if rng.randrange(BPS) < LATE_BPS else 0
    closes_bps = rng.randrange(joins_bps + 1, BPS) if rng.randrange(BPS) < CLOSING_BPS else None
    return Trader(index, symbol, is_long, notional, round(leverage * 10) * 100, joins_bps, closes_bps)
