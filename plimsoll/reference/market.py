"""One market as exact as fractions are.

Prices and coordinates are WAD, units are WAD base units, cash is in base units of the collateral token, all as
`Fraction`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import wraps
from math import floor
from typing import Any, TypeVar, cast

from .capital import Capital
from .grid import LONG, SHORT, WAD, OutOfRangeError, beta_of, bucket_id, ceil_of, ceil_tick, class_of

BPS = 10_000
DAY = 86_400
FAIR_ADL = 2**256 - 1  # for_bucket of deleveraging that pays for no bucket


PRECISION = 64  # bits behind the point that are kept from one call to the next
LEAST_DEBT = Fraction(1, 10**6)  # coins; units are rounded at 1e-18, which leaves less than that owing

Method = TypeVar("Method", bound=Callable[..., Any])


class RejectedError(Exception):
    """The market refuses; the message says why."""


def atomic(method: Method) -> Method:
    """A refused call leaves no trace."""

    @wraps(method)
    def wrapped(self: Market, *args: Any, **named: Any) -> Any:
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


@dataclass
class Market:
    """A market, with the capital that it shares with others."""

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

    @property
    def coverage(self) -> Fraction:
        if not self.is_settling or self.trader_equity <= 0:
            return Fraction(1)
        return max(Fraction(0), min(Fraction(1), (self.cash - self.claimable) / self.trader_equity))

    # -------------------------------------------------------------- trading

    @atomic
    def trade(
        self,
        owner: str,
        size_delta: int | Fraction,
        margin: int,
        acceptable_price: int = 0,
        is_reduce_only: bool = False,
        newer_than: int = 0,
    ) -> Fraction:
        """Trade `size_delta` units (+ buys) with `margin` from the owner's free balance; returns the fill price."""
        self._touch()
        delta = Fraction(size_delta)
        held = self.positions.get(owner)
        if not self.is_settling:
            if self.published_at <= newer_than:
                raise RejectedError("wait: price not newer than the order")
            self._need_ready()
        closing = Fraction(0)
        if held is not None and held.signed_units * delta < 0:
            closing = min(abs(delta), held.units) * (1 if delta > 0 else -1)
        if self.is_settling or is_reduce_only:
            # exits only: what would open is left out
            delta = closing
            if closing == 0:
                raise RejectedError("nothing to reduce")
        opening = delta - closing
        fill = Fraction(self.price) if self.is_settling else self.fill_price(delta)
        is_bounded = acceptable_price != 0 and not self.is_settling
        if is_bounded and (fill > acceptable_price if delta > 0 else fill < acceptable_price):
            raise RejectedError("price not acceptable")
        fee = self._fee(delta)
        before = abs(self.skew + closing)
        if self.is_settling:
            self.sync.__wrapped__(self, owner)  # type: ignore[attr-defined]
        self._collect(owner)
        if closing != 0:
            assert held is not None
            self._close(held, abs(closing), fill, fee * closing / delta)
        if opening != 0:
            if self.is_increase_paused:
                raise RejectedError("market is paused")
            self._open(owner, opening, Fraction(margin), fill, fee * opening / delta)
            exposure = abs(self.skew) * self.price / self.cash_scale
            if abs(self.skew) > before and exposure > self.capacity(self.params.shock_open_bps):
                raise RejectedError("open capacity")
        if opening == 0:
            self._cut_bonus(owner, -closing * (fill - self.price) / self.cash_scale)
        self._need_vault()
        self._settle_trade()
        return fill

    def _need_ready(self) -> None:
        if not self.is_fresh:
            raise RejectedError("wait: stale price")
        if not self.is_clean:
            raise RejectedError("wait: crank first")

    def _fee(self, delta: Fraction) -> Fraction:
        """On notional at the index price: taker for what makes |K| grow, maker for what makes it shrink."""
        shrinking = min(abs(delta), abs(self.skew)) if self.skew * delta < 0 else Fraction(0)
        growing = abs(delta) - shrinking
        bps = growing * self.params.taker_fee_bps + shrinking * self.params.maker_fee_bps
        return bps / BPS * self.price / self.cash_scale

    def _share_fee(self, fee: Fraction) -> None:
        to_vault = fee * self.params.fee_vault_share_bps / BPS
        to_insurance = fee * self.params.fee_insurance_share_bps / BPS
        self.due_insurance += to_insurance
        self.due_treasury += fee - to_vault - to_insurance
        # The vault's part stays in the market's cash and goes to it with the variation margin.

    def _close(self, held: Position, units: Fraction, fill: Fraction, fee: Fraction) -> None:
        coordinate = fill - self.funding if held.side == LONG else self.funding - fill
        worth = max(Fraction(0), units * (coordinate - held.beta) / self.cash_scale)
        if self.is_settling:
            worth, fee = worth * self.coverage, Fraction(0)
        fee = min(fee, worth)
        left = held.units - units
        if left == 0:
            del self.positions[held.owner]
        else:
            self.positions[held.owner] = Position(held.owner, held.bucket, left, held.basis)
        self._pay(held.owner, worth - fee)
        self._share_fee(fee)

    def _pay(self, owner: str, amount: Fraction) -> None:
        self.cash -= amount
        self.capital.credit(owner, amount)

    def _open(self, owner: str, delta: Fraction, margin: Fraction, fill: Fraction, fee: Fraction) -> None:
        held = self.positions.get(owner)
        side = LONG if delta > 0 else SHORT
        premium = delta * (fill - self.price) / self.cash_scale
        units = abs(delta)
        contributed = margin * self.cash_scale
        equity = margin - premium - fee
        if held is not None:
            units += held.units
            contributed += held.units * held.basis
            equity += self.equity(held)
        self._place(owner, side, units, contributed / units, equity, margin, fee)
        held = self.positions[owner]
        value = units * self.price / self.cash_scale
        if value < self.params.min_value:
            raise RejectedError("position too small")
        self._need_initial_margin(held)

    def _need_initial_margin(self, held: Position) -> None:
        value = held.units * self.price / self.cash_scale
        if self.equity(held) < value * self.params.initial_margin_bps / BPS:
            raise RejectedError("initial margin")

    def _place(
        self,
        owner: str,
        side: int,
        units: Fraction,
        average: Fraction,
        equity: Fraction,
        margin: Fraction,
        fee: Fraction,
    ) -> None:
        """Put `units` with `equity` on the grid; what the rounding leaves over goes to the free balance."""
        per_unit = equity * self.cash_scale / units
        if per_unit <= 0:
            raise RejectedError("initial margin")
        coordinate = self.coordinate(side)
        try:
            cls = class_of(min(average, per_unit))
            tick = ceil_tick(cls, coordinate - per_unit)
        except OutOfRangeError as error:
            raise RejectedError(str(error)) from error
        bucket = bucket_id(side, cls, tick)
        left_over = equity - units * (coordinate - beta_of(bucket)) / self.cash_scale
        basis = min(average, coordinate - beta_of(bucket))
        self.positions[owner] = Position(owner, bucket, units, basis)
        self.cash += margin
        self.capital.credit(owner, -margin)
        self._share_fee(fee)
        self._pay(owner, left_over)

    @atomic
    def change_margin(self, owner: str, margin_delta: int) -> None:
        """Add (+) margin to, or remove (-) it from, the position of `owner`."""
        self._touch()
        if self.is_settling:
            raise RejectedError("market is settling: close instead")
        self._need_ready()
        held = self.positions.get(owner)
        if held is None:
            raise RejectedError("no position")
        delta = Fraction(margin_delta)
        equity = self.equity(held) + delta
        average = held.basis
        if delta > 0:
            average += delta * self.cash_scale / held.units
        elif self.is_increase_paused:
            raise RejectedError("market is paused")
        self._place(owner, held.side, held.units, average, equity, delta, Fraction(0))
        self._collect(owner)
        if delta < 0:
            self._need_initial_margin(self.positions[owner])
        elif self.positions[owner].beta > held.beta:
            raise RejectedError("amount too small for its tick")
        self._need_vault()
        self._settle_trade()

    @atomic
    def sync(self, owner: str) -> tuple[Fraction, Fraction]:
        """Pay out what liquidation and ADL owe `owner`; what market and vault can't pay today stays owed."""
        owed = self.owed.pop(owner, Fraction(0))
        paid = self._cash_for(owed)
        if paid < owed:
            self.owed[owner] = owed - paid
        self._pay(owner, paid)
        claim = self.claims.pop(owner, Fraction(0))
        if claim:
            self.capital.issue(self.name, owner, claim)
        return paid, claim

    def _collect(self, owner: str) -> None:
        """Whoever trades gets what they are owed, too."""
        self._pay(owner, self.owed.pop(owner, Fraction(0)))
        if claim := self.claims.pop(owner, Fraction(0)):
            self.capital.issue(self.name, owner, claim)

    # -------------------------------------------------------------- crank

    @atomic
    def crank(self, keeper: str, most: int | None = None, dust: int = 0, dusty: int = 0) -> int:
        """Liquidate and deleverage, worst bucket first, all there is or `most` pieces of work; returns the pieces done.

        A piece is what one counterparty (the vault, or one step of one winner's bucket) takes of one bucket. Rounding
        makes or swallows pieces of a few units: those up to `dust` are not counted; `dusty` of them are rewarded.
        """
        self._touch()
        self.earned, self.dust = Fraction(0), dust
        self.top_up = Fraction(dusty * self.params.reward_floor)
        if self.is_settling:
            self._settle_crank(keeper, Fraction(0), True)
            return 0
        if not self.is_fresh:
            raise RejectedError("stale price")
        done = 0
        is_over = most != 0  # an interrupted crank settles no market
        for units in self._work() if most != 0 else ():
            done += units > dust
            if done == most:
                is_over = False
                break
        topped_up = self.capital.pay_reward(self.name, keeper, self.top_up)
        self._settle_crank(keeper, self.earned + self.top_up - topped_up, is_over)
        return done

    def _work(self) -> Iterator[Fraction]:
        while (bucket := self._worst_bucket()) is not None:
            yield from self._liquidate(bucket)
        yield from self._fair_adl()

    def _flush(self) -> None:
        self.cash -= self.due_insurance + self.due_treasury
        self.capital.treasury += self.due_treasury
        self.capital.record_income(self.due_insurance)
        self.due_insurance = self.due_treasury = Fraction(0)

    def _members(self, bucket: int) -> list[Position]:
        return [p for p in self.positions.values() if p.bucket == bucket]

    def _units(self, bucket: int) -> Fraction:
        return sum((p.units for p in self._members(bucket)), Fraction(0))

    def _worst_bucket(self) -> int | None:
        """Lowest x - beta over both sides; ties: long before short, then the smaller class."""
        maintenance = Fraction(self.price * self.params.maintenance_margin_bps, BPS)
        worst = min(
            self.positions.values(),
            key=lambda p: (self.coordinate(p.side) - p.beta, p.side, p.cls),
            default=None,
        )
        if worst is None or self.coordinate(worst.side) - worst.beta >= maintenance:
            return None
        return worst.bucket

    def _liquidate(self, bucket: int) -> Iterator[Fraction]:
        side = bucket >> 24
        beta = beta_of(bucket)
        told = Liquidation(bucket, tuple(sorted(p.owner for p in self._members(bucket))))
        self.liquidations.append(told)
        # The vault takes over once at each price; then an interrupted crank goes on with ADL.
        if self.under_way != (bucket, self.price_round):
            self._return_cover()
            self.under_way = None
            taken = self._vault_takes(told, side, beta)
            if self._units(bucket) > 0:
                self.under_way = (bucket, self.price_round)
            if taken > 0:
                yield taken
        if self._units(bucket) > 0:
            yield from self._deleverage_for(told, side, beta)

    def _vault_takes(self, told: Liquidation, side: int, beta: int) -> Fraction:
        """The vault's turn, at a coordinate never worse than the fair one. Cover for the whole bucket is drawn here."""
        total = self._units(told.bucket)
        sign = 1 if side == LONG else -1
        room = floor(self.capacity(self.params.shock_backstop_bps) * self.cash_scale / self.price) + sign * self.skew
        units = self._worthwhile(max(Fraction(0), min(total, room)), total)
        x = self.coordinate(side)
        x_f = (self.fill_price(-sign * units) - self.funding) * sign
        y = max(x_f, min(Fraction(beta), x))
        loss = units * max(Fraction(0), beta - y) / self.cash_scale
        wanted = loss + (total - units) * max(Fraction(0), beta - x) / self.cash_scale
        skin, insurance = self.capital.cover(self.name, wanted)
        self.cash += skin + insurance
        self.held_skin, self.held_insurance = skin, insurance
        if loss > skin + insurance:
            # The price stays the one for all that there is room for, also where cover ends before.
            units = self._worthwhile((skin + insurance) * self.cash_scale / (beta - y), total)
            loss = units * (beta - y) / self.cash_scale
        if units == 0:
            return units
        told.units_to_vault = units
        told.loss_per_unit = max(Fraction(0), beta - y)
        self._use_cover(told, min(skin, loss), loss - min(skin, loss))
        self._close_losers(told, units, max(Fraction(0), y - beta))
        if units == total:
            self._return_cover()
        return units

    def _worthwhile(self, units: Fraction, total: Fraction) -> Fraction:
        """Nobody works on a part of a bucket that is worth less than the smallest position."""
        is_dust = units < total and units * self.price / self.cash_scale < self.params.min_value
        return Fraction(0) if is_dust else units

    def _use_cover(self, told: Liquidation, skin: Fraction, insurance: Fraction) -> None:
        self.held_skin -= skin
        self.held_insurance -= insurance
        told.skin += skin
        told.insurance += insurance

    def _close_losers(self, told: Liquidation, units: Fraction, left: Fraction) -> None:
        """One counterparty takes `units`: all owners alike get what is left per unit, less the penalty."""
        penalty = min(left, Fraction(self.price * self.params.liquidation_penalty_bps, BPS))
        told.penalty += units * penalty / self.cash_scale
        told.paid += units * (left - penalty) / self.cash_scale
        self._close_part(told.bucket, units, left - penalty, Fraction(0))
        self._reward(units, units * penalty / self.cash_scale)

    def _deleverage_for(self, told: Liquidation, side: int, beta: int) -> Iterator[Fraction]:
        while (rest := self._units(told.bucket)) > 0:
            winner = self._next_winner(1 - side)
            units = rest if winner is None else min(rest, winner[2])
            loss = units * max(Fraction(0), beta - self.coordinate(side)) / self.cash_scale
            # cover is spread over the units that it is held for
            skin = min(loss, self.held_skin * units / rest)
            insurance = min(loss - skin, self.held_insurance * units / rest)
            uncovered = loss - skin - insurance
            given_up = Fraction(0)
            if winner is None:
                told.units_last_resort += units
            else:
                told.units_to_adl += units
                given_up = self._give(winner, units, uncovered / units * self.cash_scale, told.bucket)
            self._use_cover(told, skin, insurance)
            told.adl += given_up
            told.vault += uncovered - given_up
            self._close_losers(told, units, max(Fraction(0), self.coordinate(side) - beta))
            if units == rest:
                self._return_cover()
                self.under_way = None
            yield units

    def _next_winner(self, side: int) -> tuple[Fraction, int, Fraction, int] | None:
        """Score, bucket, units its step still gives, and the step: the lowest not complete, best score first."""
        step_part = Fraction(self.params.adl_step_bps, BPS)
        ranked = self._ranked(side)
        step = 0
        while ranked and step * step_part < 1:
            step += 1
            left_part = max(Fraction(0), 1 - step * step_part)
            for score, bucket in ranked:
                units = self._units(bucket)
                base = units / (1 - self.given.get(bucket, 0))
                if units > base * left_part:
                    return score, bucket, units - base * left_part, step
        return None

    def _give(
        self, winner: tuple[Fraction, int, Fraction, int], units: Fraction, loss: Fraction, cause: int
    ) -> Fraction:
        """Closes `units`, each for its equity less h = min(loss, profit); returns the cash given up."""
        score, bucket, _, step = winner
        equity = self.coordinate(bucket >> 24) - beta_of(bucket)
        profit = equity - ceil_of((bucket >> 16) & 0xFF)
        given_up = min(loss, profit)
        fee = min(profit - given_up, Fraction(self.price * self.params.adl_fee_bps, BPS))
        self.due_insurance += units * fee / self.cash_scale
        before = self._units(bucket)
        base = before / (1 - self.given.get(bucket, 0))
        self._close_part(bucket, units, equity - given_up - fee, given_up)
        if units == before:
            self.given.pop(bucket, None)
        else:
            self.given[bucket] = 1 - (before - units) / base
        self.deleveragings.append(Deleveraging(bucket, cause, step, units, given_up, score))
        return units * given_up / self.cash_scale

    def _ranked(self, side: int) -> list[tuple[Fraction, int]]:
        """Winners' buckets by score, ties to the smaller class."""
        x = self.coordinate(side)
        ranked = []
        for bucket in {p.bucket for p in self.positions.values() if p.side == side}:
            equity = x - beta_of(bucket)
            ceiling = ceil_of((bucket >> 16) & 0xFF)
            if equity > ceiling:
                ranked.append((Fraction(equity - ceiling) / ceiling * self.price / equity, bucket))
        return sorted(ranked, key=lambda item: (-item[0], item[1]))

    def _close_part(self, bucket: int, units: Fraction, per_unit: Fraction, given_up: Fraction) -> None:
        """Take `units` from all owners of a bucket alike, for `per_unit` and a claim of what each unit gave up."""
        part = units / self._units(bucket)
        for p in self._members(bucket):
            gone = p.units * part
            self.owed[p.owner] = self.owed.get(p.owner, Fraction(0)) + gone * per_unit / self.cash_scale
            if given_up > 0:
                self.claims[p.owner] = self.claims.get(p.owner, Fraction(0)) + gone * given_up / self.cash_scale
            if part == 1:
                del self.positions[p.owner]
            else:
                self.positions[p.owner] = Position(p.owner, bucket, p.units - gone, p.basis)

    def _fair_adl(self) -> Iterator[Fraction]:
        """Bring the vault's own exposure down at the index price."""
        exposure = abs(self.skew) * self.price / self.cash_scale
        if not self.is_fair_adl_begun and exposure > self.capacity(self.params.shock_adl_bps):
            # Nobody is paid in full while the vault can't pay everybody: that is settlement.
            missing = max(Fraction(0), self._missing)
            drawn = self.capital.draw(self.name, missing)
            self.cash += drawn
            self.is_fair_adl_begun = drawn == missing
        if not self.is_fair_adl_begun:
            return
        target = Fraction(floor(self.capacity(self.params.shock_backstop_bps) * self.cash_scale / self.price))
        while (need := abs(self.skew) - target) > 0:
            winner = self._next_winner(LONG if self.skew > 0 else SHORT)
            if winner is None:
                return
            units = min(need, winner[2])
            self._give(winner, units, Fraction(0), FAIR_ADL)
            self._reward(units, Fraction(0))
            yield units

    def _reward(self, units: Fraction, penalty: Fraction) -> None:
        """Share a penalty; the keeper's part is topped up to its floor at each piece."""
        keeper = penalty * self.params.penalty_keeper_share_bps / BPS
        self.earned += keeper
        self.due_insurance += penalty * self.params.penalty_insurance_share_bps / BPS
        if units > self.dust:
            self.top_up += max(Fraction(0), self.params.reward_floor - keeper)
