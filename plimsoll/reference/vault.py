"""What the vault is worth, what of it is free, and what its shares buy and bring. Exact."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .capital import Capital
from .grid import LONG
from .market import Market

BPS = 10_000
VIRTUAL_SHARES = 10**6
LATE_CANCEL_FEE = Fraction(1, 1_000)


@dataclass(frozen=True)
class Stake:
    """What a market means to the vault at the newest price."""

    owed: Fraction  # unsettled variation margin, + to the vault
    reserve: Fraction  # what the vault would pay back if the skew closed
    mandate: Fraction  # what it may still lose there
    is_settled: bool  # nothing is liquidatable and the price is fresh

    @classmethod
    def of(cls, market: Market, mandate: Fraction) -> Stake:
        """`mandate`: what the pool lets the market draw in a day."""
        price, published_at = market.offered
        if market.is_settling:
            # stands still: of any age
            price, published_at = market.price, market.now
        adjusted = price - market.funding - market.accrued()
        margin = 0 if market.is_settling else Fraction(price * market.params.maintenance_margin_bps, BPS)
        equity = Fraction(0)
        is_sound = market.now <= published_at + market.params.max_age
        for held in market.positions.values():
            per_unit = (adjusted if held.side == LONG else -adjusted) - held.beta
            equity += held.units * per_unit / market.cash_scale
            is_sound = is_sound and per_unit >= margin
        skew = market.skew
        reserve = price * skew * skew / (2 * market.params.skew_scale) / market.cash_scale
        if market.is_settling:
            reserve = Fraction(0)  # exits pay and are paid no premium
        is_open = bool(market.positions) and not market.is_settling
        may_lose = min(Fraction(market.params.loss_budget), mandate) if is_open else Fraction(0)
        return cls(market.cash - market.claimable - equity, reserve, may_lose, is_sound)


@dataclass
class Vault:
    """Shares in base units, those that wait to be redeemed among them. Everything else is worked out."""

    capital: Capital
    markets: list[Market]
    supply: Fraction = Fraction(0)
    asked: Fraction = Fraction(0)

    @property
    def stakes(self) -> list[Stake]:
        return [Stake.of(market, self.capital.mandates[market.name].limit) for market in self.markets]

    @property
    def net(self) -> Fraction:
        """Below zero where it owes more than it has."""
        return self.capital.vault + sum((stake.owed - stake.reserve for stake in self.stakes), Fraction(0))

    @property
    def free(self) -> Fraction:
        """Cash that no market's mandate, skew reserve or due needs."""
        kept = sum((s.mandate + s.reserve + max(Fraction(0), -s.owed) for s in self.stakes), Fraction(0))
        return max(Fraction(0), self.capital.vault - kept)

    @property
    def price(self) -> Fraction:
        """Assets for a share."""
        return (max(Fraction(0), self.net) + 1) / (self.supply + VIRTUAL_SHARES)

    @property
    def fraction(self) -> Fraction:
        """Of each request, in a round that opens now."""
        asked = self.asked * self.price
        return min(Fraction(1), self.free / asked) if asked else Fraction(1)

    def enter(self, assets: int) -> Fraction:
        """Shares bought."""
        shares = assets / self.price
        self.capital.vault += assets
        self.supply += shares
        return shares

    def ask(self, shares: int) -> None:
        self.asked += shares

    def redeem(self, shares: int, fraction: Fraction) -> tuple[Fraction, Fraction]:
        """Shares burned and assets paid for a request of `shares` in a round of `fraction`."""
        part = shares * fraction
        assets = part * self.price
        if assets > self.free:
            part, assets = self.free / self.price, self.free
        self.capital.vault -= assets
        self.supply -= part
        self.asked -= part
        return part, assets

    def cancel(self, shares: int, is_ready: bool) -> Fraction:
        """Shares given back."""
        fee = shares * LATE_CANCEL_FEE if is_ready else Fraction(0)
        self.supply -= fee
        self.asked -= shares
        return shares - fee
