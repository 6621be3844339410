"""Who plays, how an exchange begins, and the records a world keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from plimsoll.reference import Params
from tests.invariants.exchange import MAX_AGE, WAD

TRADERS = tuple(f"trader{i}" for i in range(8))
LPS = ("lp0", "lp1")
STAKERS = ("staker0", "staker1")
KEEPERS = ("keeper0", "keeper1")
NAMES = (*TRADERS, *LPS, *STAKERS, *KEEPERS, "owner", "treasury")
LOT_USD = 100  # a lot is so many units as are worth this at the first price
NONE = 2**256 - 1
YEAR = 365 * 86_400

# Refusals that come from how the contracts store things. The model has no such limits.
STORAGE_LIMITS = (
    "too small for its bucket",
    "bucket is worn out: change the margin a little",
    "open interest out of range",
    "dues out of range",
)


@dataclass(frozen=True)
class Setup:
    """How an exchange begins. Amounts in USD, `skew_scale` in lots."""

    decimals: int = 6
    price: int = 100 * WAD
    vault: int = 1_000_000
    skin: int = 0
    insurance: int = 0
    reserve: int = 0
    budget: int = 10_000
    skew_scale: int = 1_000_000
    adl_step_bps: int = 5_000
    adl_fee_bps: int = 0
    mandate: int = 10**9
    cap_bps: int = 5_000
    cash: int = 10_000_000
    params: tuple[tuple[str, int], ...] = ()

    @property
    def unit(self) -> int:
        return int(10**self.decimals)

    @property
    def lot(self) -> int:
        return LOT_USD * WAD * WAD // self.price

    def market_params(self) -> Params:
        given = Params(
            adl_step_bps=self.adl_step_bps,
            adl_fee_bps=self.adl_fee_bps,
            max_age=MAX_AGE,
            skew_scale=self.skew_scale * self.lot,
            min_value=20 * self.unit,
            loss_budget=self.budget * self.unit,
            reward_floor=self.unit // 2,
        )
        return replace(given, **dict(self.params))


@dataclass
class Order:
    owner: str
    market: int
    kind: int
    size: int
    margin: int
    trigger: int
    acceptable: int
    reduce_only: bool
    expires_at: int
    placed_at: int
    fee: int
    parent: int = 0  # waits for this one to fill
    twin: int = 0  # if one fills the other is cancelled
    is_exit: bool = False


@dataclass(frozen=True)
class Grant:
    market: int | None
    expires_at: int
    orders: int
    notional: int


@dataclass
class Request:
    owner: str
    shares: int
    receiver: str
    ready_at: int
    min_assets: int = 0
    round: int = 0


@dataclass
class View:
    """What a market says of itself and of everybody in it."""

    state: Any
    positions: dict[str, Any]
    buckets: list[tuple[int, int]]  # id and units, upward column by column


@dataclass
class Snapshot:
    markets: list[View]
    ledger: dict[str, int]  # of people
    engines: dict[str, int]
    total: int


@dataclass
class Last:
    """The last call: what the invariants need besides the state before and after."""

    action: str = ""
    market: int | None = None
    events: list[Any] = field(default_factory=list)
    keeper: str = ""
    pieces: int | None = None
    is_filled: bool = False
    is_vault_flow: bool = False
    is_donation: bool = False


ROUNDING = 10**6  # units: what the market takes for rounding, not for an order
