"""The money around the markets: ledger, vault, insurance fund, recovery. All markets share it. Exact."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

BPS = 10_000
DAY = 86_400
REWARD_CAP_BPS = 2_500  # of the reward reserve, a day and market

ZERO = Fraction(0)


@dataclass
class Allowance:
    """What a market may take in a day that begins with its first claim."""

    started_at: int = -DAY
    cap: Fraction = ZERO
    used: Fraction = ZERO


@dataclass
class Mandate:
    """What the vault pays a market at most; what was drawn frees itself over a day, or when it is paid back."""

    limit: Fraction
    drawn: Fraction = ZERO
    drawn_at: int = 0


@dataclass
class Capital:
    """Cash in base units of the collateral token. `free` is the ledger of everyone who is not an engine."""

    vault: Fraction = ZERO
    skin: Fraction = ZERO
    insurance: Fraction = ZERO
    reserve: Fraction = ZERO  # tops keepers' rewards up
    pot: Fraction = ZERO  # for holders of RECOVER
    treasury: Fraction = ZERO
    daily_cap_bps: int = BPS
    recovery_share_bps: int = 0
    reserve_target: int = 0
    now: int = 0
    free: dict[str, Fraction] = field(default_factory=dict)
    recovery: dict[str, Fraction] = field(default_factory=dict)  # RECOVER held
    supply: Fraction = ZERO
    mandates: dict[str, Mandate] = field(default_factory=dict)
    covered: dict[str, Allowance] = field(default_factory=dict)
    rewarded: dict[str, Allowance] = field(default_factory=dict)
    recovery_days: dict[str, Allowance] = field(default_factory=dict)  # a market that is not in here has no cap
    unissued: dict[tuple[str, str], Fraction] = field(default_factory=dict)  # by market and owner

    @property
    def wealth(self) -> Fraction:
        """Everything outside the markets. With theirs, only deposits and withdrawals change it."""
        engines = self.vault + self.skin + self.insurance + self.reserve + self.pot + self.treasury
        return engines + sum(self.free.values(), ZERO)

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, for `restore`."""
        kept = dict(self.__dict__)
        for name in ("free", "recovery", "unissued"):
            kept[name] = dict(kept[name])
        kept["mandates"] = {name: Mandate(m.limit, m.drawn, m.drawn_at) for name, m in self.mandates.items()}
        for name in ("covered", "rewarded", "recovery_days"):
            kept[name] = {key: Allowance(d.started_at, d.cap, d.used) for key, d in kept[name].items()}
        return kept

    def restore(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)

    # -------------------------------------------------------------- accounts

    def credit(self, owner: str, amount: Fraction | int) -> None:
        self.free[owner] = self.free.get(owner, ZERO) + amount

    def issue(self, market: str, owner: str, claim: Fraction) -> None:
        """RECOVER at face value, up to what the market may have issued in a day; the rest waits."""
        issued = self._issue(market, owner, claim)
        if issued < claim:
            key = market, owner
            self.unissued[key] = self.unissued.get(key, ZERO) + claim - issued

    def issue_rest(self, market: str, owner: str) -> None:
        rest = self.unissued.get((market, owner), ZERO)
        self.unissued[market, owner] = rest - self._issue(market, owner, rest)

    def _issue(self, market: str, owner: str, claim: Fraction) -> Fraction:
        issued = claim
        if market in self.recovery_days:
            day = self.recovery_days[market]
            if self.now >= day.started_at + DAY:
                day = Allowance(self.now, day.cap)
            issued = min(claim, day.cap - day.used)
            if issued > 0:
                self.recovery_days[market] = Allowance(day.started_at, day.cap, day.used + issued)
        self.recovery[owner] = self.recovery.get(owner, ZERO) + issued
        self.supply += issued
        return issued

    def set_recovery_cap(self, market: str, cap: int) -> None:
        self.recovery_days[market] = Allowance(cap=Fraction(cap))

    def redeem_recovery(self, owner: str, amount: int) -> None:
        paid = amount * min(Fraction(1), self.pot / self.supply) if self.supply else ZERO
        self.recovery[owner] -= amount
        self.supply -= amount
        self.pot -= paid
        self.credit(owner, paid)

    # -------------------------------------------------------------- vault

    def _used(self, market: str) -> Fraction:
        mandate = self.mandates[market]
        return max(ZERO, mandate.drawn - mandate.limit * (self.now - mandate.drawn_at) / DAY)

    def drawable(self, market: str) -> Fraction:
        if market not in self.mandates:
            return self.vault
        return min(self.vault, max(ZERO, self.mandates[market].limit - self._used(market)))

    def draw(self, market: str, amount: Fraction) -> Fraction:
        """The vault pays a market up to `amount`."""
        paid = min(amount, self.drawable(market))
        self.vault -= paid
        if market in self.mandates:
            mandate = self.mandates[market]
            mandate.drawn, mandate.drawn_at = self._used(market) + paid, self.now
        return paid

    def pay_vault(self, market: str, amount: Fraction) -> None:
        self.vault += amount
        if market in self.mandates:
            mandate = self.mandates[market]
            mandate.drawn, mandate.drawn_at = max(ZERO, self._used(market) - amount), self.now

    # -------------------------------------------------------------- insurance fund

    def _day(self, days: dict[str, Allowance], market: str, fund: Fraction, cap_bps: int) -> Allowance:
        day = days.setdefault(market, Allowance())
        if self.now >= day.started_at + DAY:
            return Allowance(self.now, fund * cap_bps / BPS)
        return day

    def cover(self, market: str, amount: Fraction) -> tuple[Fraction, Fraction]:
        """Towards a loss: skin in the game first, then insurance, up to the market's daily cap."""
        fund = self.skin + self.insurance
        day = self._day(self.covered, market, fund, self.daily_cap_bps)
        paid = min(amount, fund, day.cap - day.used)
        if paid <= 0:
            return ZERO, ZERO
        day.used += paid
        self.covered[market] = day
        skin = min(paid, self.skin)
        self.skin -= skin
        self.insurance -= paid - skin
        return skin, paid - skin

    def return_cover(self, market: str, skin: Fraction, insurance: Fraction) -> None:
        self.skin += skin
        self.insurance += insurance
        day = self.covered.setdefault(market, Allowance())
        day.used = max(ZERO, day.used - skin - insurance)

    def pay_reward(self, market: str, keeper: str, amount: Fraction) -> Fraction:
        """From the reserve, up to the market's daily cap."""
        day = self._day(self.rewarded, market, self.reserve, REWARD_CAP_BPS)
        paid = min(amount, self.reserve, day.cap - day.used)
        if paid <= 0:
            return ZERO
        day.used += paid
        self.rewarded[market] = day
        self.reserve -= paid
        self.credit(keeper, paid)
        return paid

    def record_income(self, amount: Fraction) -> None:
        """Insurance income: to the recovery pot while it is short of the supply, to the reserve, to the stakers."""
        to_pot = min(amount * self.recovery_share_bps / BPS, max(ZERO, self.supply - self.pot))
        to_reserve = min(amount - to_pot, max(ZERO, self.reserve_target - self.reserve))
        self.pot += to_pot
        self.reserve += to_reserve
        self.insurance += amount - to_pot - to_reserve
