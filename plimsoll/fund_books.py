"""The insurance fund as its events tell it: four layers, each market day by day, what a share is worth. Pure, exact.

Cash in base units of the collateral, times in seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from plimsoll.chain import Event
from plimsoll.market_books import fields_of

DAY = 86_400
VIRTUAL_SHARES = 10**6
SHRINK_BITS = 40

STAKER_SOURCES = {
    "income": "fees and penalties of the markets, as they reached the stakers' layer",
    "donations": "gifts",
    "cover": "losses covered, less what came back (negative)",
}


@dataclass
class MarketDay:
    """What the fund paid and earned for one market in one day of UTC."""

    skin_paid: int = 0
    """Losses covered by skin in the game, less what came back."""
    insurance_paid: int = 0
    rewards_paid: int = 0
    insurance_income: int = 0
    pot_income: int = 0
    reserve_income: int = 0

    @property
    def income(self) -> int:
        return self.insurance_income + self.pot_income + self.reserve_income

    @property
    def net(self) -> int:
        """Income less all that was paid."""
        return self.income - self.skin_paid - self.insurance_paid - self.rewards_paid


@dataclass
class FundBooks:
    """Feed it every event of the fund in the order of the chain."""

    skin: int = 0
    insurance: int = 0
    reserve: int = 0
    pot: int = 0
    vesting_period: int = 0
    total_shares: int = 0
    sources: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAKER_SOURCES, 0))
    days: dict[tuple[ChecksumAddress, int], MarketDay] = field(default_factory=dict)
    """By market and day, the number of days since 1970."""
    _unvested: int = 0
    _as_of: int = 0
    _seconds: int = 0

    def unvested(self, time: int) -> int:
        """Income in `insurance` that is not earned yet at `time`."""
        elapsed = time - self._as_of
        if elapsed >= self._seconds:
            return 0
        return -(-self._unvested * (self._seconds - elapsed) // self._seconds)

    def value_of(self, shares: int, time: int) -> int:
        """What `unstake` would pay for `shares` at `time`, base units."""
        earned = self.insurance - self.unvested(time)
        return shares * (earned + 1) // (self.total_shares + VIRTUAL_SHARES)

    def of(self, market: ChecksumAddress) -> MarketDay:
        """All days of a market together."""
        total = MarketDay()
        for (each, _), day in self.days.items():
            if each == market:
                for name in total.__dataclass_fields__:
                    setattr(total, name, getattr(total, name) + getattr(day, name))
        return total

    def take(self, event: Event, time: int) -> None:
        """One event of the fund, in a block of that time."""
        handler: Callable[[Event, int], None] | None = getattr(self, f"_{event.name}", None)
        if handler is not None:
            handler(event, time)

    def _day(self, event: Event, time: int) -> MarketDay:
        return self.days.setdefault((event.args["market"], time // DAY), MarketDay())

    def _put(self, insurance: int, unvested: int, seconds: int, time: int) -> None:
        self.insurance, self._unvested, self._seconds, self._as_of = insurance, unvested, seconds, time

    def _seconds_left(self, time: int) -> int:
        return max(0, self._seconds - (time - self._as_of))

    def _lose(self, amount: int, time: int) -> None:
        left = self.insurance - amount
        self._put(left, min(left, self.unvested(time)), self._seconds_left(time), time)

    def _give_back(self, amount: int, time: int) -> None:
        self._put(self.insurance + amount, self.unvested(time), self._seconds_left(time), time)

    def _earn(self, amount: int, time: int) -> None:
        if amount:
            vesting = self.unvested(time)
            weighted = vesting * self._seconds_left(time) + amount * self.vesting_period
            self._put(self.insurance + amount, vesting + amount, weighted // (vesting + amount), time)

    # One method for each event that moves money, by its name

    def _ParamsSet(self, event: Event, _: int) -> None:
        self.vesting_period = fields_of(event.args["params"])["vesting_period"]

    def _LossCovered(self, event: Event, time: int) -> None:
        skin, insurance = event.args["skin_in_the_game"], event.args["insurance"]
        self.skin -= skin
        self.sources["cover"] -= insurance
        if insurance:
            self._lose(insurance, time)
        day = self._day(event, time)
        day.skin_paid += skin
        day.insurance_paid += insurance

    def _CoverReturned(self, event: Event, time: int) -> None:
        skin, insurance = event.args["skin_in_the_game"], event.args["insurance"]
        self.skin += skin
        self.sources["cover"] += insurance
        self._give_back(insurance, time)
        day = self._day(event, time)
        day.skin_paid -= skin
        day.insurance_paid -= insurance

    def _IncomeReceived(self, event: Event, time: int) -> None:
        args = event.args
        self.pot += args["recovery_pot"]
        self.reserve += args["reward_reserve"]
        self.sources["income"] += args["insurance"]
        self._earn(args["insurance"], time)
        day = self._day(event, time)
        day.insurance_income += args["insurance"]
        day.pot_income += args["recovery_pot"]
        day.reserve_income += args["reward_reserve"]

    def _RewardPaid(self, event: Event, time: int) -> None:
        self.reserve -= event.args["amount"]
        self._day(event, time).rewards_paid += event.args["amount"]

    def _Donated(self, event: Event, time: int) -> None:
        self.sources["donations"] += event.args["amount"]
        self._earn(event.args["amount"], time)

    def _Staked(self, event: Event, time: int) -> None:
        self.total_shares += event.args["shares"]
        self._give_back(event.args["amount"], time)

    def _Unstaked(self, event: Event, time: int) -> None:
        self.total_shares -= event.args["shares"]
        self._lose(event.args["amount"], time)

    def _UnstakeLetGo(self, event: Event, _: int) -> None:
        self.total_shares -= event.args["fee_shares"]

    def _SharesShrunk(self, event: Event, _: int) -> None:
        self.total_shares = event.args["total_shares"]

    def _SkinFunded(self, event: Event, _: int) -> None:
        self.skin += event.args["amount"]

    def _SkinReleased(self, event: Event, _: int) -> None:
        self.skin -= event.args["amount"]

    def _RewardReserveFunded(self, event: Event, _: int) -> None:
        self.reserve += event.args["amount"]

    def _RecoveryPotFunded(self, event: Event, _: int) -> None:
        self.pot += event.args["amount"]

    def _RecoveryRedeemed(self, event: Event, _: int) -> None:
        self.pot -= event.args["paid"]
