"""The books of one market as its events tell them: what vault and insurance fund earned there, from which source. Pure.

Amounts are exact: cash in base units times `scale` = 10**(36 - decimals), the product of a price and units in WAD.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.chain import Event
from plimsoll.reference.grid import LONG, beta_of

BPS = 10_000
DAY = 86_400

VAULT_SOURCES = {
    "fees": "the vault's share of trading fees",
    "premium": "what those paid who unbalanced the market, less what those got who brought it back",
    "price": "the price moves of the position that the vault holds, the other side of the skew",
    "funding": "funding of that position",
    "liquidation_spread": "liquidated positions taken over at another price than the index price",
    "penalties": "the vault's share of liquidation penalties",
    "last_resort": "losses that nobody else was left to bear (negative)",
    "rewards": "keepers' rewards that neither penalties nor the fund's reserve paid (negative)",
    "unpaid_exits": "equity that exits from a settled market were not paid",
}
INSURANCE_SOURCES = {
    "fees": "the fund's share of trading fees",
    "penalties": "the fund's share of liquidation penalties",
    "adl_fees": "fees of the deleveraged",
}


@dataclass
class MarketBooks:
    """Feed it every event of one market, and the rewards that the fund paid there, in the order of the chain."""

    scale: int
    sources: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VAULT_SOURCES, 0))
    insurance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(INSURANCE_SOURCES, 0))
    settled: int = 0
    """Cash that the market has paid the vault, less what it drew: base units."""
    skew: int = 0
    price: int = 0
    funding: int = 0
    params: Any = None
    is_settling: bool = False
    _funded_at: int = 0
    _keeper_share: int = 0
    _topped_up: int = 0

    @property
    def earned(self) -> int:
        """All sources together, exact: what was settled, and what vault and market still owe each other."""
        return sum(self.sources.values())

    @property
    def unsettled(self) -> int:
        """What the market owes the vault (or the vault it, if negative) at its last price, exact."""
        return self.earned - self.settled * self.scale

    @property
    def reserve(self) -> int:
        """What the vault would pay back if the skew closed at the last price: P * K^2 / (2 * psi), exact. Nothing in
        settlement, where an exit pays no premium and is paid none."""
        if self.params is None or self.is_settling:
            return 0
        return self.price * self.skew * self.skew // (2 * self.params["skew_scale"])

    def advance(self, time: int) -> None:
        """Funding accrues up to `time`, at the price and skew in force."""
        if time <= self._funded_at or self.params is None or self.is_settling:
            return
        params, elapsed = self.params, time - self._funded_at
        limit = params["funding_max_bps"] * params["skew_scale"]
        rate = min(max(params["funding_k_bps"] * self.skew, -limit), limit)
        self._fund(self.funding + self.price * elapsed * rate // (params["skew_scale"] * BPS * DAY), time)

    def _fund(self, funding: int, time: int) -> None:
        self.sources["funding"] += self.skew * (funding - self.funding)
        self.funding, self._funded_at = funding, time

    def topped_up(self, amount: int) -> None:
        """The fund's reserve paid `amount` towards the reward of the crank that is being told."""
        self._topped_up += amount

    def take(self, event: Event, time: int) -> None:
        """One event of this market, in a block of that time."""
        args = event.args
        if event.name == "PriceRound":
            self._fund(args["funding_index"], time)
            if self.price:
                self.sources["price"] -= self.skew * (args["index_price"] - self.price)
            self.price = args["index_price"]
            return
        self.advance(time)
        if event.name == "ParamsSet":
            self.params = fields_of(args["params"])
            self._funded_at = time
        elif event.name == "Traded":
            self._trade(args)
        elif event.name == "Liquidated":
            self._liquidate(args)
        elif event.name == "Deleveraged":
            self._deleverage(args)
        elif event.name == "RewardPaid":
            self.sources["rewards"] -= (args["amount"] - self._topped_up - self._keeper_share) * self.scale
            self._topped_up = self._keeper_share = 0
        elif event.name == "VariationMargin":
            self.settled -= args["amount"]
        elif event.name == "Settling":
            self.is_settling = True

    def _trade(self, args: dict[str, Any]) -> None:
        units = args["units_delta"]
        self.skew += units
        if self.is_settling:
            paid = args["paid_out"] - args["margin"]
            self.sources["unpaid_exits"] += self._equity(args["bucket"], abs(units)) - paid * self.scale
            return
        fee, params = args["fee"], self.params
        self.sources["premium"] += args["premium"] * self.scale
        self.sources["fees"] += fee * params["fee_vault_share_bps"] // BPS * self.scale
        self.insurance["fees"] += fee * params["fee_insurance_share_bps"] // BPS * self.scale

    def _liquidate(self, args: dict[str, Any]) -> None:
        sign, units, penalty = _sign(args["bucket"]), args["units"], args["penalty"]
        self.skew -= sign * units
        if args["to_vault"]:
            self.sources["liquidation_spread"] += sign * units * (args["index_price"] - args["fill_price"])
        keeper = penalty * self.params["penalty_keeper_share_bps"] // BPS
        insurance = penalty * self.params["penalty_insurance_share_bps"] // BPS
        self._keeper_share += keeper
        self.sources["penalties"] += (penalty - keeper - insurance) * self.scale
        self.sources["last_resort"] -= args["vault"] * self.scale
        self.insurance["penalties"] += insurance * self.scale

    def _deleverage(self, args: dict[str, Any]) -> None:
        self.skew -= _sign(args["bucket"]) * args["units"]
        left = self._equity(args["bucket"], args["units"]) // self.scale - args["paid"] - args["claim"]
        self.insurance["adl_fees"] += left * self.scale

    def _equity(self, bucket: int, units: int) -> int:
        return units * (_sign(bucket) * (self.price - self.funding) - int(beta_of(bucket)))


def _sign(bucket: int) -> int:
    return 1 if bucket >> 24 == LONG else -1


def fields_of(struct: Any) -> dict[str, Any]:
    """A struct of an event by name, whether it was decoded to a mapping or a named tuple."""
    return dict(struct if isinstance(struct, Mapping) else struct._asdict())
