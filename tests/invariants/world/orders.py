"""Orders: placing and cancelling them, alone or linked, by the owner, a delegate or a signature."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plimsoll.reference.grid import SHORT
from tests.invariants.exchange import address_of
from tests.invariants.world.pool import Pool
from tests.invariants.world.terms import YEAR, Grant, Order


class Orders(Pool):
    def do_place(
        self,
        who: str,
        market: int,
        size: int,
        margin: int,
        kind: int = 0,
        trigger: int = 0,
        acceptable: int = 0,
        reduce_only: bool = False,
        expires_in: int = YEAR,
    ) -> int:
        """The order's number, 0 if it was refused."""
        book, pool = self.exchange.book, self.exchange.pool
        expires_at = self.now + expires_in
        order = (self.market(market).address, kind, size, margin, trigger, acceptable, reduce_only, expires_at)
        fee = book.keeper_fee()
        balance = pool.balance_of(address_of(who))
        number, refused = self._call(book.place, order, sender=who)
        fits = (kind == 0) == (trigger == 0) and expires_in > 0 and size != 0
        is_open = reduce_only or book.is_listed(self.market(market).address)
        assert (refused == "") == (fits and is_open and balance >= margin + fee), refused
        if refused:
            return 0
        self.orders[number] = Order(
            who, market, kind, size, margin, trigger, acceptable, reduce_only, expires_at, self.now, fee
        )
        return int(number)

    def do_top_up(self, order: int, amount: int, by: str) -> bool:
        """What is topped up is as if it were the order's fee."""
        number = list(self.orders)[order % len(self.orders)] if self.orders else 0
        balance = self.exchange.pool.balance_of(address_of(by))
        _, refused = self._call(self.exchange.book.top_up, number, amount, sender=by)
        assert (refused == "") == bool(number and 0 < amount <= balance), refused
        if refused:
            return False
        theirs = self.orders[number]
        self._pay(by, theirs.owner, amount)
        self.orders[number] = replace(theirs, fee=theirs.fee + amount)
        return True

    def _exits(self, market: int, is_buy: bool, size: int, widths: tuple[int, int]) -> list[tuple[Any, ...]]:
        """Take-profit and stop-loss so many bps away from the price, 0 for none; size 0 closes all."""
        address, price, sign = self.market(market).address, self.prices[market], 1 if is_buy else -1
        size = sign * abs(size) if size else (2**255 - 1 if is_buy else -(2**255))
        made = []
        for kind, bps in ((1, -widths[0]), (2, widths[1])):
            if bps:
                trigger = price * (10_000 + sign * bps) // 10_000
                made.append((address, kind, size, 0, trigger, 0, True, self.now + YEAR))
        return made

    def _remember_exits(self, who: str, market: int, exits: list[tuple[Any, ...]], first: int, parent: int) -> None:
        fee = self.exchange.book.keeper_fee()
        for i, (_, kind, size, margin, trigger, _, _, expires_at) in enumerate(exits):
            twin = first + 1 - i if len(exits) == 2 else 0
            self.orders[first + i] = Order(
                who, market, kind, size, margin, trigger, 0, True, expires_at, self.now, fee, parent, twin, True
            )
            assert tuple(self.exchange.book.order_state(first + i))[-2:] == (parent, twin)

    def do_place_attached(
        self, who: str, market: int, size: int, margin: int, widths: tuple[int, int], is_full: bool
    ) -> int:
        book, pool, fee = self.exchange.book, self.exchange.pool, self.exchange.book.keeper_fee()
        expires_at = self.now + YEAR
        order = (self.market(market).address, 0, size, margin, 0, 0, False, expires_at)
        exits = self._exits(market, size < 0, 0 if is_full else size, widths)
        balance = pool.balance_of(address_of(who))
        number, refused = self._call(book.place_linked, address_of(who), [order, *exits], sender=who)
        fits = size != 0 and exits and balance >= margin + (1 + len(exits)) * fee and book.is_listed(order[0])
        assert (refused == "") == bool(fits), refused
        if refused:
            return 0
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, False, expires_at, self.now, fee)
        self._remember_exits(who, market, exits, number + 1, number)
        return int(number)

    def do_place_exits(self, who: str, market: int, part_bps: int, widths: tuple[int, int]) -> int:
        """Of what is held; without a position they wait all the same."""
        held = self.market(market).position(address_of(who))
        exits = self._exits(market, held.side == SHORT, held.units * part_bps // 10_000, widths)
        balance, fee = self.exchange.pool.balance_of(address_of(who)), self.exchange.book.keeper_fee()
        number, refused = self._call(self.exchange.book.place_linked, address_of(who), exits, sender=who)
        assert (refused == "") == (bool(exits) and balance >= len(exits) * fee), refused
        if refused:
            return 0
        self._remember_exits(who, market, exits, number, 0)
        return int(number)

    def do_set_delegate(self, who: str, by: str, market: int | None, lasts: int, orders: int, usd: int) -> None:
        address = "0x" + "00" * 20 if market is None else self.market(market).address
        terms = (address, self.now + lasts, orders, usd * self.unit)
        _, refused = self._call(self.exchange.book.set_delegate, address_of(by), *terms, sender=who)
        assert (refused == "") == (who != by), refused
        if not refused:
            self.grants[who, by] = Grant(market, self.now + lasts if lasts > 0 else 0, orders, usd * self.unit)

    def _is_delegate(self, owner: str, by: str, market: int) -> bool:
        grant = self.grants.get((owner, by))
        return grant is not None and grant.expires_at >= self.now and grant.market in (None, market)

    def do_place_for(self, who: str, by: str, market: int, size: int, margin: int, reduce_only: bool) -> int:
        """A market order of `who`, placed by `by`."""
        book, pool = self.exchange.book, self.exchange.pool
        expires_at = self.now + YEAR
        order = (self.market(market).address, 0, size, margin, 0, 0, reduce_only, expires_at)
        fee, balance = book.keeper_fee(), pool.balance_of(address_of(who))
        number, refused = self._call(book.place_for, address_of(who), order, sender=by)
        grant = self.grants.get((who, by))
        notional = 0 if reduce_only else -(-abs(size) * self.prices[market] // self.scale)
        fits = grant is not None and grant.orders > 0 and notional <= grant.notional and balance >= margin + fee
        is_open = reduce_only or book.is_listed(self.market(market).address)
        assert (refused == "") == (fits and is_open and size != 0 and self._is_delegate(who, by, market)), refused
        if refused:
            return 0
        assert grant is not None
        left = replace(grant, orders=grant.orders - 1, notional=grant.notional - notional)
        self.grants[who, by] = left
        terms = book.delegate_terms(address_of(who), address_of(by))
        assert (terms.expires_at, terms.orders, terms.notional) == (left.expires_at, left.orders, left.notional)
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, reduce_only, expires_at, self.now, fee)
        return int(number)

    def do_place_signed(
        self, who: str, market: int, size: int, margin: int, nonce: int, fee: int, by: str, is_good: bool = True
    ) -> int:
        """A market order of `who`, brought by `by`."""
        book, pool, deadline = self.exchange.book, self.exchange.pool, self.now + 60
        order = (self.market(market).address, 0, size, margin, 0, 0, False, self.now + YEAR)
        signature = self._signer(who if is_good else "owner", who, book).placement(order, nonce, deadline, fee)
        terms = (order, address_of(who), nonce, deadline, signature)
        keeper_fee, balance = book.keeper_fee(), pool.balance_of(address_of(who))
        is_used = book.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        is_listed = book.is_listed(self.market(market).address)
        number, refused = self._call(book.place_signed, *terms, *([fee] if fee else []), sender=by)
        fits = is_good and not is_used and size != 0 and fee <= 10 * self.unit and is_listed
        assert (refused == "") == (fits and balance >= margin + keeper_fee + fee), refused
        if refused:
            return 0
        self._pay(who, by, fee)
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, False, self.now + YEAR, self.now, keeper_fee)
        return int(number)

    def do_cancel_signed(self, order: int, nonce: int, fee: int, by: str) -> bool:
        """The `order`-th of the open ones, by its owner's signature; without one only the nonce is used up."""
        book, deadline = self.exchange.book, self.now + 60
        number = list(self.orders)[order % len(self.orders)] if self.orders else 0
        who = self.orders[number].owner if self.orders else "trader0"
        back = self.orders[number].margin + self.orders[number].fee if self.orders else 0
        balance = self.exchange.pool.balance_of(address_of(who))
        is_used = book.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        signature = self._signer(who, who, book).cancellation(number, nonce, deadline, fee)
        terms = (number, address_of(who), nonce, deadline, signature)
        _, refused = self._call(book.cancel_signed, *terms, *([fee] if fee else []), sender=by)
        fits = not is_used and fee <= 10 * self.unit and balance + back >= fee
        assert (refused == "") == fits, refused
        if refused:
            return False
        self._pay(who, by, fee)
        if number:
            self._end(number)
        return True

    def do_cancel(self, order: int, by: str) -> bool:
        """The `order`-th of the open ones."""
        if not self.orders:
            return False
        number = list(self.orders)[order % len(self.orders)]
        theirs = self.orders[number]
        _, refused = self._call(self.exchange.book.cancel, number, sender=by)
        is_for_them = by == theirs.owner or self._is_delegate(theirs.owner, by, theirs.market)
        is_over = self.now > theirs.expires_at or self._is_left_behind(theirs)
        assert (refused == "") == (is_for_them or is_over), refused
        if not refused:
            self._end(number)
        return not refused

    def _is_left_behind(self, order: Order) -> bool:
        """An exit of a position that is gone."""
        if not order.is_exit or order.parent in self.orders:
            return False
        return self.exchange.markets[order.market].position(address_of(order.owner)).units == 0

    def _end(self, number: int, is_filled: bool = False) -> None:
        """It is gone, and what hangs on it."""
        order = self.orders.pop(number)
        if is_filled:
            self.orders.pop(order.twin, None)
        else:
            for other in [each for each, theirs in self.orders.items() if theirs.parent == number]:
                del self.orders[other]
