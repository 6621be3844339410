"""A market's state, the price it has taken in, and its cash: what trading and cranks have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar, cast

from .capital import Capital
from .grid import LONG
from .records import BPS, Deleveraging, Liquidation, Params, Position, RejectedError

DAY = 86_400
PRECISION = 64  # bits behind the point that are kept from one call to the next
LEAST_DEBT = Fraction(1, 10**6)  # coins; units are rounded at 1e-18, which leaves less than that owing

Method = TypeVar("Method", bound=Callable[..., Any])


def atomic(method: Method) -> Method:
    """A refused call leaves no trace."""

    @wraps(method)
    def wrapped(self: Book, *args: Any, **named: Any) -> Any:
        kept, money = self.state(), self.capital.state()
        try:
            result = method(self, *args, **named)
        except RejectedError:
            self.restore(kept)
            self.capital.restore(money)
            raise
        self._shorten()
        return result

    return cast(Method, wrapped)


def shortened(amount: Fraction) -> Fraction:
    """Fractions would grow with every call; 2^-64 of a base unit is far below anything that the contracts round."""
    if amount.denominator.bit_length() <= 2 * PRECISION:
        return amount
    return Fraction((amount.numerator << PRECISION) // amount.denominator, 1 << PRECISION)


@dataclass
class Book:
    """The state of a market, and what it owes to whom; with the capital that it shares with other markets."""

    params: Params
    capital: Capital
    name: str = "market"
    cash_scale: int = 10**30

    price: int = 0
    published_at: int = 0
    offered: tuple[int, int] = (0, 0)  # newest price of the source, when published
    price_round: int = 0
    funding: Fraction = Fraction(0)
    funded_at: int = 0
    budget_left: Fraction = Fraction(0)
    is_settling: bool = False
    is_fair_adl_begun: bool = False
    is_increase_paused: bool = False
    # An interrupted liquidation: bucket and round, and the cover held for what is left of it
    under_way: tuple[int, int] | None = None
    held_skin: Fraction = Fraction(0)
    held_insurance: Fraction = Fraction(0)

    cash: Fraction = Fraction(0)
    due_insurance: Fraction = Fraction(0)  # income that waits for the end of the next crank
    due_treasury: Fraction = Fraction(0)
    owed: dict[str, Fraction] = field(default_factory=dict)
    claims: dict[str, Fraction] = field(default_factory=dict)  # recovery not yet collected
    positions: dict[str, Position] = field(default_factory=dict)
    given: dict[int, Fraction] = field(default_factory=dict)  # bucket -> part of its base given to ADL at this price
    liquidations: list[Liquidation] = field(default_factory=list)
    deleveragings: list[Deleveraging] = field(default_factory=list)
    earned: Fraction = Fraction(0)  # by the keeper in the present crank, from penalties
    top_up: Fraction = Fraction(0)  # up to the floor of each piece
    dust: int = 0  # units; a smaller piece is not counted in the present crank

    # -------------------------------------------------------------- what the state means

    @property
    def now(self) -> int:
        return self.capital.now

    @property
    def skew(self) -> Fraction:
        return sum((p.signed_units for p in self.positions.values()), Fraction(0))

    @property
    def claimable(self) -> Fraction:
        held = self.held_skin + self.held_insurance
        return sum(self.owed.values(), Fraction(0)) + self.due_insurance + self.due_treasury + held

    def units(self, side: int) -> Fraction:
        return sum((p.units for p in self.positions.values() if p.side == side), Fraction(0))

    def coordinate(self, side: int) -> Fraction:
        adjusted = self.price - self.funding
        return adjusted if side == LONG else -adjusted

    def equity(self, position: Position) -> Fraction:
        return position.units * (self.coordinate(position.side) - position.beta) / self.cash_scale

    @property
    def trader_equity(self) -> Fraction:
        return sum((self.equity(p) for p in self.positions.values()), Fraction(0))

    @property
    def is_clean(self) -> bool:
        return all(self.coordinate(p.side) >= p.beta for p in self.positions.values())

    @property
    def is_fresh(self) -> bool:
        return self.now <= self.published_at + self.params.max_age

    def fill_price(self, size_delta: Fraction) -> Fraction:
        return self.price * (1 + (self.skew + size_delta / 2) / self.params.skew_scale)

    def capacity(self, shock_bps: int) -> Fraction:
        """Cash, of |K| * P."""
        return self.budget_left * BPS / shock_bps

    # -------------------------------------------------------------- undo, and length of numbers

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, for `restore`."""
        kept = dict(self.__dict__)
        for name in ("owed", "claims", "positions", "given"):
            kept[name] = dict(kept[name])
        for name in ("liquidations", "deleveragings"):
            kept[name] = list(kept[name])
        return kept

    def restore(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)

    def _shorten(self) -> None:
        for holder in (self, self.capital):
            for name, value in holder.__dict__.items():
                if isinstance(value, Fraction):
                    holder.__dict__[name] = shortened(value)
        for amounts in (self.owed, self.claims, self.given, self.capital.free, self.capital.recovery):
            for key in list(amounts):
                amounts[key] = shortened(amounts[key])  # type: ignore[index]
        for p in self.positions.values():
            p.units, p.basis = shortened(p.units), shortened(p.basis)

    # -------------------------------------------------------------- time and price

    def accrued(self) -> Fraction:
        """Funding since the last interaction."""
        elapsed = self.now - self.funded_at
        if self.is_settling or self.price == 0:
            return Fraction(0)
        params = self.params
        most = Fraction(params.funding_max_bps, BPS)
        rate = max(-most, min(most, Fraction(params.funding_k_bps, BPS) * self.skew / params.skew_scale))
        return rate * self.price * elapsed / DAY

    def _accrue(self) -> Fraction:
        accrued = self.accrued()
        self.funded_at = self.now
        self.funding += accrued
        return accrued

    def _take_price(self, accrued: Fraction) -> None:
        price, published_at = self.offered
        if self.is_settling or published_at <= self.published_at:
            return
        elapsed = published_at - self.published_at
        old_price = self.price
        self.price, self.published_at = price, published_at
        self.price_round += 1
        self.given.clear()
        self.is_fair_adl_begun = False
        self.under_way = None
        full = Fraction(self.params.loss_budget)
        owed = Fraction(0)
        if old_price != 0:
            # What this price, with the funding since the last interaction, makes the vault owe.
            owed = self.skew * (price - old_price - accrued) / self.cash_scale
        left = min(full, self.budget_left + full * elapsed / DAY)
        if owed > 0 or self.is_clean:
            left -= owed
        self.budget_left = max(Fraction(0), min(full, left))
        self._return_cover()

    def _touch(self) -> None:
        accrued = self._accrue()
        self._take_price(accrued)

    def _return_cover(self) -> None:
        """The cover of an unfinished liquidation is a new question at a new price, or with another bucket in front."""
        wanted = self.held_skin + self.held_insurance
        if wanted == 0:
            return
        cash = self._cash_for(wanted)
        insurance = min(self.held_insurance, cash)
        skin = min(self.held_skin, cash - insurance)
        self.held_skin = self.held_insurance = Fraction(0)
        self.cash -= skin + insurance
        self.capital.return_cover(self.name, skin, insurance)

    @atomic
    def touch_only(self) -> None:
        """Takes time and price in and does nothing else."""
        self._touch()

    @atomic
    def set_params(self, params: Params) -> None:
        """What has accrued so far accrues at the old rate."""
        self._touch()
        self.params = params

    # -------------------------------------------------------------- the vault

    @property
    def _missing(self) -> Fraction:
        return self.trader_equity + self.claimable - self.cash

    def _cash_for(self, amount: Fraction) -> Fraction:
        """What can be paid towards `amount`: own cash, then the vault's."""
        if self.cash < amount:
            self.cash += self.capital.draw(self.name, amount - self.cash)
        return min(self.cash, amount)

    def _need_vault(self) -> None:
        """A trade that the vault owes more for than it can pay has to wait."""
        if not self.is_settling and self._missing - self.capital.drawable(self.name) > LEAST_DEBT:
            raise RejectedError("wait: crank first")

    def _cut_bonus(self, owner: str, bonus: Fraction) -> None:
        """A close earns no more of its premium than the vault can pay; it is not kept from closing."""
        lacking = self._missing - self.capital.drawable(self.name)
        if not self.is_settling and 0 < lacking <= bonus:
            self._pay(owner, -lacking)

    def _pay_or_draw(self) -> Fraction:
        """Variation margin: the market keeps C = U + E, the rest is the vault's. Returns what the vault can't pay."""
        missing = self._missing
        if missing <= 0:
            self.cash += missing
            self.capital.pay_vault(self.name, -missing)
            return Fraction(0)
        drawn = self.capital.draw(self.name, missing)
        self.cash += drawn
        return missing - drawn

    def _settle_trade(self) -> None:
        if not self.is_settling and self.is_clean:
            self._pay_or_draw()

    def _settle_crank(self, keeper: str, reward: Fraction, is_over: bool) -> None:
        """A reward the vault can't pay on top of variation margin is cut; margin it can't pay settles the market."""
        if not self.is_clean:
            self._pay(keeper, self._cash_for(reward))
            return
        self._pay(keeper, reward)
        missing = self._pay_or_draw()
        if missing < reward + 1:  # less than a coin is no debt
            self._pay(keeper, -min(missing, reward))
            self._flush()
        elif is_over:
            self.is_settling = True

    def _flush(self) -> None:
        self.cash -= self.due_insurance + self.due_treasury
        self.capital.treasury += self.due_treasury
        self.capital.record_income(self.due_insurance)
        self.due_insurance = self.due_treasury = Fraction(0)

    @property
    def coverage(self) -> Fraction:
        if not self.is_settling or self.trader_equity <= 0:
            return Fraction(1)
        return max(Fraction(0), min(Fraction(1), (self.cash - self.claimable) / self.trader_equity))
