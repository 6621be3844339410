"""What a market is made of and what it tells: parameters, positions, liquidations, deleveragings."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .grid import LONG, WAD, beta_of

BPS = 10_000


class RejectedError(Exception):
    """The market refuses; the message says why."""


@dataclass
class Params:
    """The numbers of DESIGN 2.7, named as in `IMarket.Params`."""

    initial_margin_bps: int = 200
    maintenance_margin_bps: int = 100
    taker_fee_bps: int = 5
    maker_fee_bps: int = 2
    fee_vault_share_bps: int = 6_000
    fee_insurance_share_bps: int = 2_000
    liquidation_penalty_bps: int = 50
    penalty_keeper_share_bps: int = 2_000
    penalty_insurance_share_bps: int = 5_000
    adl_fee_bps: int = 0
    adl_step_bps: int = 5_000
    shock_open_bps: int = 3_000
    shock_backstop_bps: int = 1_000
    shock_adl_bps: int = 500
    funding_k_bps: int = 2_000
    funding_max_bps: int = 100
    max_age: int = 60
    skew_scale: int = 10_000 * WAD
    min_value: int = 20 * 10**6
    loss_budget: int = 1_000_000 * 10**6
    reward_floor: int = 500_000


@dataclass
class Position:
    owner: str
    bucket: int
    units: Fraction
    basis: Fraction

    @property
    def side(self) -> int:
        return self.bucket >> 24

    @property
    def cls(self) -> int:
        return (self.bucket >> 16) & 0xFF

    @property
    def beta(self) -> int:
        return beta_of(self.bucket)

    @property
    def signed_units(self) -> Fraction:
        return self.units if self.side == LONG else -self.units


@dataclass
class Liquidation:
    """What became of one liquidated bucket."""

    bucket: int
    owners: tuple[str, ...]
    loss_per_unit: Fraction = Fraction(0)  # of what the vault took over
    units_to_vault: Fraction = Fraction(0)
    units_to_adl: Fraction = Fraction(0)
    units_last_resort: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)  # cash to the owners
    penalty: Fraction = Fraction(0)
    skin: Fraction = Fraction(0)
    insurance: Fraction = Fraction(0)
    adl: Fraction = Fraction(0)
    vault: Fraction = Fraction(0)

    @property
    def loss(self) -> Fraction:
        return self.skin + self.insurance + self.adl + self.vault


@dataclass
class Deleveraging:
    """What one bucket gave up at one step."""

    bucket: int
    for_bucket: int
    step: int
    units: Fraction
    loss_per_unit: Fraction
    score: Fraction
