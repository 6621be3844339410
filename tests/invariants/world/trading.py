"""Executing orders, and changing margin."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from plimsoll.reference import RejectedError
from plimsoll.reference.grid import LONG
from tests.invariants.exchange import address_of
from tests.invariants.world.comparing import Comparing
from tests.invariants.world.orders import Orders
from tests.invariants.world.prices import Prices
from tests.invariants.world.terms import ROUNDING, STORAGE_LIMITS, Order


class Trading(Orders, Prices, Comparing):
    def do_execute(self, order: int, keeper: str) -> bool:
        if not self.orders:
            return False
        return self._execute(list(self.orders)[order % len(self.orders)], keeper)

    def _execute(self, number: int, keeper: str) -> bool:
        order = self.orders[number]
        self._quote(order)
        done, refused = self._call(self.exchange.book.execute, number, sender=keeper)
        return self._executed(number, keeper, done, refused)

    def _quote(self, order: Order) -> None:
        self.quoted = None
        if not order.reduce_only:
            market, owner = self.market(order.market).address, address_of(order.owner)
            self.quoted = self.exchange.lens.quote(market, owner, order.size, order.margin)

    def _executed(self, number: int, keeper: str, done: bool, refused: str) -> bool:
        """Does in the model what `execute` did; the events are those of the call."""
        order = self.orders[number]
        model = self.models[order.market]
        is_dropped = not refused and not done
        if is_dropped:
            failed = [e for e in self.last.events if type(e).__name__ == "OrderFailed" and e.id == number]
            refused = failed[-1].reason
        if not refused or is_dropped:
            self._end(number, is_filled=not is_dropped)
        if self.now > order.expires_at:
            assert is_dropped and refused == "expired"
            return False
        if order.parent in self.orders:
            assert refused == "wait: attached to an order not filled"
            return False
        if refused == "wait: trigger not reached" or (order.kind and refused.startswith("wait: price not newer")):
            assert not is_dropped and not self._is_triggered(order)
            return False
        assert self._is_triggered(order)
        held = model.positions.get(order.owner)
        delta = Fraction(order.size)
        is_all = abs(order.size) >= 2**255 - 1  # all there is, whatever that is at execution
        if is_all:
            delta = Fraction(1 if order.size > 0 else -1)
        if held is not None and held.signed_units * delta < 0:
            left = [e.units_after for e in self.last.events if type(e).__name__ == "Traded"]
            beyond = abs(delta) - abs(held.signed_units)
            if is_all or left == [0] or 0 <= beyond <= ROUNDING:
                delta = -held.signed_units  # all of it: the market rounds units down, the model has fractions
        known = refused == "market only reduces"
        terms = order.owner, delta, order.margin, order.acceptable, order.reduce_only, order.placed_at
        if known or not self._agree(refused, model.trade, *terms):
            assert refused.startswith("wait: ") != is_dropped, refused
            return False
        self.coins += 20
        self.moved_units += abs(delta)
        # no price of gas is set: a keeper gets all that is there
        self.capital.credit(order.owner, -order.fee)
        self.capital.credit(keeper, order.fee)
        self.last.market, self.last.is_filled = order.market, True
        self.is_unsettled[order.market] = self.is_interrupted[order.market] = False
        fill = next(e for e in self.last.events if type(e).__name__ == "Traded")
        if self.quoted is not None:
            self._compare_quote(order, fill)
        return True

    def _is_triggered(self, order: Order) -> bool:
        if order.parent in self.orders:
            return False
        if order.kind == 0:
            return True
        price, published_at = self.models[order.market].offered
        waits_for_fall = (order.kind == 1) == (order.size > 0)
        reached = price <= order.trigger if waits_for_fall else price >= order.trigger
        return published_at > order.placed_at and reached

    def _compare_quote(self, order: Order, fill: Any) -> None:
        """The lens foretold what happened, to the coin."""
        quote = self.quoted
        assert not quote.error, f"the lens foretold {quote.error}"
        assert (quote.fill_price, quote.premium, quote.fee) == (fill.fill_price, fill.premium, fill.fee)
        # the premium of a close that the vault could not pay is not looked at by the lens
        assert 0 <= quote.paid_out - fill.paid_out <= max(0, -fill.premium)
        self._compare_rank(quote, order.owner, order.market)

    def _compare_rank(self, quote: Any, who: str, market: int) -> None:
        assert quote.rank == self.exchange.lens.adl_rank(self.market(market).address, address_of(who))

    def do_trade(self, who: str, market: int, size: int, margin: int, reduce_only: bool = False) -> bool:
        """Place, the same price a second later, execute; an order that has to wait is cancelled."""
        if size == 0 or not (number := self.do_place(who, market, size, margin, reduce_only=reduce_only)):
            return False
        self.refresh(market)
        is_filled = self._execute(number, "keeper0")
        if number in self.orders:
            last = self.last
            self.do_cancel(list(self.orders).index(number), who)
            self.last = last
        return is_filled

    def do_open(self, who: str, market: int, lots: int, margin_bps: int) -> bool:
        """`lots` (+ buys) at the newest price with margin_bps of their value; a size with odd digits."""
        size = lots * self.lot + (1_000_003 if lots > 0 else -1_000_003)
        value = abs(size) * self.prices[market] // self.scale
        return self.do_trade(who, market, size, value * margin_bps // 10_000)

    def do_close(self, who: str, market: int, part_bps: int) -> bool:
        held = self.market(market).position(address_of(who))
        size = max(1, held.units * part_bps // 10_000)
        if held.units == 0:
            return False
        return self.do_trade(who, market, -size if held.side == LONG else size, 0, reduce_only=True)

    def do_margin(self, who: str, market: int, bps: int) -> bool:
        """Adds (+) or removes (-) so much of the position's value."""
        held = self.market(market).position(address_of(who))
        amount = abs(held.units * self.prices[market] // self.scale * bps // 10_000) or 1
        return self.do_change_margin(who, market, amount if bps > 0 else -amount)

    def do_margin_for(self, who: str, market: int, bps: int, by: str) -> bool:
        held = self.market(market).position(address_of(who))
        return self.do_change_margin(
            who, market, held.units * self.prices[market] // self.scale * bps // 10_000 or 1, by
        )

    def do_change_margin(self, who: str, market: int, amount: int, by: str = "") -> bool:
        book, address = self.exchange.book, self.market(market).address
        balance = self.exchange.pool.balance_of(address_of(who))
        quote = self.exchange.lens.quote_margin(address, address_of(who), amount)
        if by:
            _, refused = self._call(book.add_margin_for, address_of(who), address, amount, sender=by)
            assert (refused == "not a delegate") != self._is_delegate(who, by, market)
            if refused == "not a delegate":
                return False
        else:
            function = book.add_margin if amount > 0 else book.remove_margin
            _, refused = self._call(function, address, abs(amount), sender=who)
        if refused == "not enough free balance":
            assert amount > balance
            return False
        self._compare_margin_quote(quote, who, market, amount, balance, refused)
        held = self.models[market].positions.get(who)
        if held is not None and held.units * self.prices[market] / self.scale < 10_000:
            # Worth less than ten thousand coins: a coin of its equity is more than a tick, and the tick is all there is
            # to compare. The money is compared all the same.
            return self._follow_margin(who, market, amount, refused)
        if not self._agree(refused, self.models[market].change_margin, who, amount):
            return False
        self.coins += 20
        self.last.market, self.last.is_filled = market, amount < 0
        self.is_unsettled[market] = False
        return True

    def _compare_margin_quote(self, quote: Any, who: str, market: int, amount: int, balance: int, refused: str) -> None:
        """The lens foretold it to the coin, a refusal in the market's own words."""
        if refused in STORAGE_LIMITS or (refused == "wait: crank first" and not quote.error):
            return  # the lens does not look whether the vault can pay
        assert quote.error == refused
        if refused:
            return
        paid = self.exchange.pool.balance_of(address_of(who)) - balance + max(0, amount)
        assert quote.paid_out == paid
        self._compare_rank(quote, who, market)

    def _follow_margin(self, who: str, market: int, amount: int, refused: str) -> bool:
        model = self.models[market]
        if refused:
            return False
        self.coins += 20_000
        try:
            model.change_margin(who, amount)
        except RejectedError:
            model.touch_only()
            model.cash += amount
            self.capital.credit(who, -amount)
        self.adopt()
        self.is_unsettled[market] = False
        return True
