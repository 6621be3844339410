"""One market as exact as fractions are.

Prices and coordinates are WAD, units are WAD base units, cash is in base units of the collateral token, all as
`Fraction`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from .grid import LONG, SHORT, WAD, OutOfRangeError, beta_of, bucket_id, ceil_of, ceil_tick, class_of

BPS = 10_000
DAY = 86_400
FAIR_ADL = 2**256 - 1  # for_bucket of deleveraging that pays for no bucket


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


@dataclass
class Market:
    """A market with the capital around it. `free` is the ledger of everyone who is not the market."""

    params: Params
    vault: Fraction
    skin: Fraction = Fraction(0)
    insurance: Fraction = Fraction(0)
    reserve: Fraction = Fraction(0)  # tops keepers' rewards up
    cash_scale: int = 10**30
    mandate: Fraction | None = None  # what the vault may pay at most; None for all it has

    price: int = 0
    published_at: int = 0
    offered: tuple[int, int] = (0, 0)  # newest price of the source, when published
    price_round: int = 0
    now: int = 0
    funding: Fraction = Fraction(0)
    funded_at: int = 0
    budget_left: Fraction = Fraction(0)
    is_settling: bool = False
    is_fair_adl_begun: bool = False
    under_way: tuple[int, int] | None = None  # bucket and round of an interrupted liquidation

    cash: Fraction = Fraction(0)
    due_insurance: Fraction = Fraction(0)  # income that waits for the end of the next crank
    due_treasury: Fraction = Fraction(0)
    treasury: Fraction = Fraction(0)
    keeper: Fraction = Fraction(0)
    free: dict[str, Fraction] = field(default_factory=dict)
    owed: dict[str, Fraction] = field(default_factory=dict)
    claims: dict[str, Fraction] = field(default_factory=dict)  # recovery not yet collected
    claims_ever: dict[str, Fraction] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    given: dict[int, Fraction] = field(default_factory=dict)  # bucket -> units given to ADL at this price
    liquidations: list[Liquidation] = field(default_factory=list)
    deleveragings: list[Deleveraging] = field(default_factory=list)

    # -------------------------------------------------------------- what the state means

    @property
    def skew(self) -> Fraction:
        return sum((p.signed_units for p in self.positions.values()), Fraction(0))

    @property
    def claimable(self) -> Fraction:
        return sum(self.owed.values(), Fraction(0)) + self.due_insurance + self.due_treasury

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

    def fill_price(self, size_delta: Fraction) -> Fraction:
        return self.price * (1 + (self.skew + size_delta / 2) / self.params.skew_scale)

    def capacity(self, shock_bps: int) -> Fraction:
        """Cash, of |K| * P."""
        return self.budget_left * BPS / shock_bps

    @property
    def wealth(self) -> Fraction:
        """Everything that anybody owns. Only deposits and withdrawals change it."""
        outside = self.vault + self.skin + self.insurance + self.reserve + self.treasury + self.keeper
        return outside + self.cash + sum(self.free.values(), Fraction(0))

    # -------------------------------------------------------------- time and price

    def _accrue(self) -> Fraction:
        elapsed = self.now - self.funded_at
        self.funded_at = self.now
        if self.is_settling or self.price == 0:
            return Fraction(0)
        params = self.params
        most = Fraction(params.funding_max_bps, BPS)
        rate = max(-most, min(most, Fraction(params.funding_k_bps, BPS) * self.skew / params.skew_scale))
        accrued = rate * self.price * elapsed / DAY
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
        full = Fraction(self.params.loss_budget)
        if old_price == 0:
            self.budget_left = full
            return
        # What this price, with the funding since the last interaction, makes the vault owe.
        owed = self.skew * (price - old_price - accrued) / self.cash_scale
        left = min(full, self.budget_left + full * elapsed / DAY)
        if owed > 0 or self.is_clean:
            left -= owed
        self.budget_left = max(Fraction(0), min(full, left))

    def _touch(self) -> None:
        accrued = self._accrue()
        self._take_price(accrued)

    # -------------------------------------------------------------- the vault

    @property
    def _missing(self) -> Fraction:
        return self.trader_equity + self.claimable - self.cash

    def _need_vault(self) -> None:
        """A trade that the vault owes more for than it can pay has to wait."""
        if not self.is_settling and self._missing > self._vault_able:
            raise RejectedError("wait: crank first")

    def _cut_bonus(self, owner: str, bonus: Fraction) -> None:
        """A close earns no more of its premium than the vault can pay; it is not kept from closing."""
        lacking = self._missing - self._vault_able
        if not self.is_settling and 0 < lacking <= bonus:
            self._pay(owner, -lacking)

    @property
    def _vault_able(self) -> Fraction:
        return self.vault if self.mandate is None else min(self.vault, self.mandate)

    def _settle(self) -> None:
        """Variation margin: the market keeps C = U + E, the rest is the vault's."""
        if self.is_settling or not self.is_clean:
            return
        missing = self._missing
        paid = min(missing, self._vault_able)
        self.vault -= paid
        self.cash += paid
        if self.mandate is not None:
            self.mandate -= paid
        if paid < missing:
            self.is_settling = True

    @property
    def coverage(self) -> Fraction:
        if not self.is_settling or self.trader_equity <= 0:
            return Fraction(1)
        return max(Fraction(0), min(Fraction(1), (self.cash - self.claimable) / self.trader_equity))

    # -------------------------------------------------------------- trading

    def trade(self, owner: str, size_delta: int | Fraction, margin: int, acceptable_price: int = 0) -> None:
        """Trade `size_delta` units (+ buys) with `margin` from the owner's free balance."""
        self._touch()
        delta = Fraction(size_delta)
        held = self.positions.get(owner)
        if not self.is_clean and not self.is_settling:
            raise RejectedError("wait: crank first")
        closing = Fraction(0)
        if held is not None and held.signed_units * delta < 0:
            closing = min(abs(delta), held.units) * (1 if delta > 0 else -1)
        if self.is_settling:
            # exits only: what would open is left out
            delta = closing
            if closing == 0:
                raise RejectedError("nothing to reduce")
        opening = delta - closing
        fill = Fraction(self.price) if self.is_settling else self.fill_price(delta)
        if acceptable_price and (fill > acceptable_price if delta > 0 else fill < acceptable_price):
            raise RejectedError("price not acceptable")
        fee = self._fee(delta)
        before = abs(self.skew + closing)
        snapshot = (dict(self.free), self.cash, self.due_insurance, self.due_treasury, dict(self.positions))
        try:
            if closing != 0:
                assert held is not None
                self._close(held, abs(closing), fill, fee * closing / delta)
            if opening != 0:
                self._open(owner, opening, Fraction(margin), fill, fee * opening / delta)
                exposure = abs(self.skew) * self.price / self.cash_scale
                if abs(self.skew) > before and exposure > self.capacity(self.params.shock_open_bps):
                    raise RejectedError("open capacity")
            if opening == 0:
                self._cut_bonus(owner, -closing * (fill - self.price) / self.cash_scale)
            self._need_vault()
        except RejectedError:
            self.free, self.cash, self.due_insurance, self.due_treasury, self.positions = snapshot
            raise
        self._settle()

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

    def _draw_if_short(self) -> None:
        """While a bankrupt bucket is open, cash comes from the vault only where a payout needs it."""
        drawn = min(max(Fraction(0), -self.cash), self._vault_able)
        self.cash += drawn
        self.vault -= drawn

    def _pay(self, owner: str, amount: Fraction) -> None:
        self.cash -= amount
        self.free[owner] = self.free.get(owner, Fraction(0)) + amount

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
        self.free[owner] = self.free.get(owner, Fraction(0)) - margin
        self._share_fee(fee)
        self._pay(owner, left_over)

    def change_margin(self, owner: str, margin_delta: int) -> None:
        """Add (+) margin to, or remove (-) it from, the position of `owner`."""
        self._touch()
        held = self.positions.get(owner)
        if held is None:
            raise RejectedError("no position")
        if self.is_settling or not self.is_clean:
            raise RejectedError("wait: crank first")
        delta = Fraction(margin_delta)
        equity = self.equity(held) + delta
        average = held.basis
        if delta > 0:
            average += delta * self.cash_scale / held.units
        snapshot = (dict(self.free), self.cash, dict(self.positions))
        try:
            self._place(owner, held.side, held.units, average, equity, delta, Fraction(0))
            if delta < 0:
                self._need_initial_margin(self.positions[owner])
            self._need_vault()
        except RejectedError:
            self.free, self.cash, self.positions = snapshot
            raise
        self._settle()

    def sync(self, owner: str) -> tuple[Fraction, Fraction]:
        """Pay out what liquidation and ADL owe `owner`."""
        amount = self.owed.pop(owner, Fraction(0))
        self._pay(owner, amount)
        self._draw_if_short()
        return amount, self.claims.pop(owner, Fraction(0))

    # -------------------------------------------------------------- crank

    def crank(self, most: int | None = None) -> int:
        """Liquidate and deleverage, worst bucket first, all there is or `most` pieces of work; returns the pieces done.

        A piece is what one counterparty (the vault, or one step of one winner's bucket) takes of one bucket.
        """
        self._touch()
        if self.is_settling:
            return 0
        done = 0
        for _ in self._work():
            done += 1
            if done == most:
                break
        self._settle()
        if self.is_clean and not self.is_settling:
            self._flush()
        return done

    def _work(self) -> Iterator[None]:
        while (bucket := self._worst_bucket()) is not None:
            yield from self._liquidate(bucket)
        yield from self._fair_adl()

    def _flush(self) -> None:
        self.insurance += self.due_insurance
        self.treasury += self.due_treasury
        self.cash -= self.due_insurance + self.due_treasury
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

    def _liquidate(self, bucket: int) -> Iterator[None]:
        side = bucket >> 24
        beta = beta_of(bucket)
        told = Liquidation(bucket, tuple(sorted(p.owner for p in self._members(bucket))))
        self.liquidations.append(told)
        # The vault takes over once at each price; then an interrupted crank goes on with ADL.
        if self.under_way != (bucket, self.price_round):
            self.under_way = (bucket, self.price_round)
            taken, y = self._vault_purchase(side, beta, self._units(bucket))
            if taken > 0:
                told.units_to_vault = taken
                told.loss_per_unit = max(Fraction(0), beta - y)
                self._cover(told, taken * told.loss_per_unit / self.cash_scale)
                self._close_losers(told, taken, max(Fraction(0), y - beta))
                yield
        if self._units(bucket) > 0:
            yield from self._deleverage_for(told, side, beta)
        self.under_way = None

    def _vault_purchase(self, side: int, beta: int, total: Fraction) -> tuple[Fraction, Fraction]:
        """Units that the vault takes over and the coordinate it pays, never worse than the fair one for a loss."""
        sign = 1 if side == LONG else -1
        room = floor(self.capacity(self.params.shock_backstop_bps) * self.cash_scale / self.price) + sign * self.skew
        units = max(Fraction(0), min(total, room))
        fill = self.fill_price(-sign * units)
        x_f = (fill - self.funding) * sign
        y = max(x_f, min(Fraction(beta), self.coordinate(side)))
        if beta > y:
            # The price stays the one for all that there is room for, also where cover ends before.
            units = min(units, (self.skin + self.insurance) * self.cash_scale / (beta - y))
        return units, y

    def _cover(self, told: Liquidation, amount: Fraction) -> None:
        """Skin in the game first, then insurance."""
        skin = min(amount, self.skin)
        insurance = min(amount - skin, self.insurance)
        self.skin -= skin
        self.insurance -= insurance
        self.cash += skin + insurance
        told.skin += skin
        told.insurance += insurance

    def _close_losers(self, told: Liquidation, units: Fraction, left: Fraction) -> None:
        """One counterparty takes `units`: all owners alike get what is left per unit, less the penalty."""
        penalty = min(left, Fraction(self.price * self.params.liquidation_penalty_bps, BPS))
        told.penalty += units * penalty / self.cash_scale
        told.paid += units * (left - penalty) / self.cash_scale
        self._close_part(told.bucket, units, left - penalty, Fraction(0))
        self._reward(units * penalty / self.cash_scale)

    def _deleverage_for(self, told: Liquidation, side: int, beta: int) -> Iterator[None]:
        rest = self._units(told.bucket)
        x = self.coordinate(side)
        left = max(Fraction(0), x - beta)
        loss = max(Fraction(0), beta - x)
        cover = min(loss, (self.skin + self.insurance) * self.cash_scale / rest)
        uncovered = loss - cover
        for units, given_up in self._winners(1 - side, rest, uncovered, told.bucket):
            self._cover(told, cover * units / self.cash_scale)
            told.units_to_adl += units
            told.adl += units * given_up / self.cash_scale
            told.vault += units * (uncovered - given_up) / self.cash_scale
            self._close_losers(told, units, left)
            yield
        rest = self._units(told.bucket)
        if rest > 0:
            self._cover(told, cover * rest / self.cash_scale)
            told.units_last_resort = rest
            told.vault += rest * uncovered / self.cash_scale
            self._close_losers(told, rest, left)
            yield

    def _winners(
        self, side: int, need: Fraction, loss: Fraction, for_bucket: int
    ) -> Iterator[tuple[Fraction, Fraction]]:
        """Close `need` units of winners in steps, best score first; yields units and what each unit gave up."""
        ranked = self._ranked(side)
        step_part = Fraction(self.params.adl_step_bps, BPS)
        held_at_price = {bucket: self._units(bucket) + self.given.get(bucket, 0) for _, bucket in ranked}
        step = 0
        while need > 0 and any(self._units(bucket) > 0 for _, bucket in ranked):
            step += 1
            for score, bucket in ranked:
                allowed = min(Fraction(1), step * step_part) * held_at_price[bucket] - self.given.get(bucket, 0)
                units = min(need, allowed, self._units(bucket))
                if units <= 0:
                    continue
                profit = self.coordinate(side) - beta_of(bucket) - ceil_of((bucket >> 16) & 0xFF)
                given_up = min(loss, profit)
                fee = min(profit - given_up, Fraction(self.price * self.params.adl_fee_bps, BPS))
                self.due_insurance += units * fee / self.cash_scale
                per_unit = self.coordinate(side) - beta_of(bucket) - given_up - fee
                self._close_part(bucket, units, per_unit, given_up)
                self.given[bucket] = self.given.get(bucket, Fraction(0)) + units
                self.deleveragings.append(Deleveraging(bucket, for_bucket, step, units, given_up, score))
                need -= units
                yield units, given_up
                if need == 0:
                    return

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
                for book in (self.claims, self.claims_ever):
                    book[p.owner] = book.get(p.owner, Fraction(0)) + gone * given_up / self.cash_scale
            if part == 1:
                del self.positions[p.owner]
            else:
                self.positions[p.owner] = Position(p.owner, bucket, p.units - gone, p.basis)

    def _fair_adl(self) -> Iterator[None]:
        """Bring the vault's own exposure down at the index price."""
        skew = self.skew
        exposure = abs(skew) * self.price / self.cash_scale
        # Nobody is paid in full while the vault can't pay everybody: that is settlement.
        if exposure > self.capacity(self.params.shock_adl_bps) and self._missing <= self._vault_able:
            self.is_fair_adl_begun = True
        if not self.is_fair_adl_begun:
            return
        target = Fraction(floor(self.capacity(self.params.shock_backstop_bps) * self.cash_scale / self.price))
        need = abs(skew) - target
        if need > 0:
            for _ in self._winners(LONG if skew > 0 else SHORT, need, Fraction(0), FAIR_ADL):
                self._reward(Fraction(0))
                yield

    def _reward(self, penalty: Fraction) -> None:
        """Share a penalty; the reserve, then the vault, top the keeper's part up to its floor at each piece."""
        params = self.params
        keeper = penalty * params.penalty_keeper_share_bps / BPS
        insurance = penalty * params.penalty_insurance_share_bps / BPS
        self.cash -= keeper
        self.keeper += keeper
        self.due_insurance += insurance
        top_up = max(Fraction(0), params.reward_floor - keeper)
        from_reserve = min(self.reserve, top_up)
        self.reserve -= from_reserve
        self.cash -= top_up - from_reserve
        self.keeper += top_up
        self._draw_if_short()
