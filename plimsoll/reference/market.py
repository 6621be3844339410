"""One market as exact as fractions are: liquidation, ADL and settlement, on top of trading.

Prices and coordinates are WAD, units are WAD base units, cash is in base units of the collateral token, all as
`Fraction`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor

from .book import atomic
from .grid import LONG, SHORT, beta_of, ceil_of
from .records import BPS, Deleveraging, Liquidation, Position, RejectedError
from .trading import Trading

FAIR_ADL = 2**256 - 1  # for_bucket of deleveraging that pays for no bucket


class Market(Trading):
    """A market, whole."""

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
