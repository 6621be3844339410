"""Orders, changes of margin and collecting what is owed: what owners do."""

from __future__ import annotations

from fractions import Fraction

from .book import Book, atomic
from .grid import LONG, SHORT, OutOfRangeError, beta_of, bucket_id, ceil_tick, class_of
from .records import BPS, Position, RejectedError


class Trading(Book):
    """A market as its traders use it."""

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
