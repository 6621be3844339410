"""Cranks, what a crank settles, and the relay."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from plimsoll.reference import Deleveraging, Liquidation
from plimsoll.reference.grid import LONG, SHORT
from tests.invariants.exchange import MARKETS, MAX_AGE, address_of
from tests.invariants.world.comparing import merge, near
from tests.invariants.world.trading import Trading


class Cranks(Trading):
    def do_crank(self, market: int, most: int, keeper: str) -> int:
        contract = self.market(market)
        foretold = self._foretell(market)
        done, refused = self._call(contract.crank, most, sender=keeper)
        self._cranked(market, most, keeper, done, refused, foretold)
        return int(done or 0)

    def do_crank_all(self, market: int, most: int, keeper: str) -> int:
        """`most` at a time until there is nothing left."""
        buckets = 0
        for _ in range(2_000):
            done = self.do_crank(market, most, keeper)
            buckets += done
            if done < most:
                break
        return buckets

    def _foretell(self, market: int) -> Any:
        address, lens = self.market(market).address, self.exchange.lens
        if self.now - self.models[market].offered[1] > MAX_AGE or self.models[market].is_settling:
            return None
        work = lens.work(address)
        if work.buckets == 0:
            return work, lens.market(address), ()
        return work, lens.market(address), tuple(lens.queue(address, side, 64) for side in (LONG, SHORT))

    def _cranked(self, market: int, most: int, keeper: str, done: int, refused: str, foretold: Any) -> None:
        model = self.models[market]
        liquidations, deleveragings = len(model.liquidations), len(model.deleveragings)
        if refused:
            # where the vault can't be asked for cover, or the price is old
            assert not self._agree(refused, model.crank, keeper, most)
            return
        is_to_the_end = done < most
        mine = self.chain.logs(self.market(market))
        liquidated = [e for e in mine if type(e).__name__ == "Liquidated"]
        deleveraged = [e for e in mine if type(e).__name__ == "Deleveraged"]
        # Some pieces are but the rounding of others.
        self.coins += 10 * done
        for event in liquidated:
            if event.to_vault and event.loss:
                # so many units does the smallest coin of cover make the vault's
                self.loose_units += 4 * event.units // event.loss
        dust = self.units_dust(market)
        dusty = sum(e.units <= dust for e in deleveraged) + sum(e.units <= dust for e in liquidated if e.to_vault)
        pieces: list[int] = []
        wanted = None if is_to_the_end else most - dusty
        assert self._agree("", lambda: pieces.append(model.crank(keeper, wanted, dust, dusty)))
        told, gave = model.liquidations[liquidations:], model.deleveragings[deleveragings:]
        self.coins += 20 + 10 * max(0, pieces[0] - done)
        self.moved_units += sum((d.units for d in gave), Fraction(0))
        for each in told:
            self.moved_units += each.units_to_vault + each.units_to_adl + each.units_last_resort
            if each.loss_per_unit > 0:
                self.loose_units += 4 * self.scale // max(1, floor(each.loss_per_unit))
        self.last.market, self.last.keeper, self.last.pieces = market, keeper, done
        self.is_unsettled[market], self.is_interrupted[market] = False, not is_to_the_end
        if not is_to_the_end:
            assert done - dusty == pieces[0], f"{done} buckets done, {pieces[0]} in the model"
        elif foretold is not None:
            self._compare_work(foretold, done, liquidated, deleveraged)
        self._compare_liquidations(market, liquidated, told)
        self._compare_deleveragings(market, deleveraged, gave)

    def _compare_work(self, foretold: Any, buckets: int, liquidated: list[Any], deleveraged: list[Any]) -> None:
        """The lens foretold what the crank would find."""
        work, view, queues = foretold
        assert view.is_clean == (work.bankrupt_buckets == 0)
        assert len({e.bucket for e in liquidated}) >= work.liquidatable_buckets
        assert work.buckets >= buckets, f"{buckets} buckets done, {work} foretold"
        if buckets > 0 and not liquidated:
            assert work.is_adl_due
        for side, queue in enumerate(queues):
            first = [e for e in deleveraged if e.step == 1 and e.bucket >> 24 == side]
            ids = list(dict.fromkeys(e.bucket for e in first))
            foretold_ids = [item.bucket for item in queue]
            if not work.has_new_price:
                # those that gave their step before the crank was interrupted are passed over
                foretold_ids = [bucket for bucket in foretold_ids if bucket in ids]
            assert ids == foretold_ids[: len(ids)]

    def _compare_liquidations(self, market: int, events: list[Any], expected: list[Liquidation]) -> None:
        dust, cash_dust = self.units_dust(market), self.cash_dust(market)
        expected = [
            told for told in expected if told.units_to_vault + told.units_to_adl + told.units_last_resort > dust
        ]
        order = list(dict.fromkeys(e.bucket for e in events))
        order = [b for b in order if sum(e.units for e in events if e.bucket == b) > dust]
        assert order == [told.bucket for told in expected], "liquidated buckets or their order"
        for told in expected:
            mine = [e for e in events if e.bucket == told.bucket]
            # what the last resort leaves to the vault stands in the events of either counterparty
            units = sum(e.units for e in mine)
            near(units, told.units_to_vault + told.units_to_adl + told.units_last_resort, dust, "units liquidated")
            for name, amount in (
                ("paid", told.paid),
                ("penalty", told.penalty),
                ("loss", told.loss),
                ("skin_in_the_game", told.skin),
                ("insurance", told.insurance),
                ("adl", told.adl),
                ("vault", told.vault),
            ):
                near(sum(getattr(e, name) for e in mine), amount, cash_dust, f"{name} of {told}")

    def _compare_deleveragings(self, market: int, events: list[Any], expected: list[Deleveraging]) -> None:
        """Order, steps, units and price of every deleveraging; less than dust may come once more or not at all."""
        dust = self.units_dust(market)
        mine = merge([(e.bucket, e.for_bucket, e.step, e.units, e.loss_per_unit) for e in events], dust)
        theirs = merge([(d.bucket, d.for_bucket, d.step, d.units, d.loss_per_unit) for d in expected], dust)
        assert [m[:3] for m in mine] == [t[:3] for t in theirs], "deleveraged buckets, their order or their steps"
        for m, t in zip(mine, theirs, strict=True):
            near(m[3], t[3], dust, f"units of {t}")
            a_coin = self.scale * (10 + self.coins) // floor(t[3])
            near(m[4], t[4], a_coin + self.funding_dust(market), f"loss per unit of {t}")

    def do_sync(self, who: str, market: int, by: str) -> None:
        _, refused = self._call(self.market(market).sync, address_of(who), sender=by)
        assert not refused, refused
        self.models[market].sync(who)
        self.coins += 4
        self.last.market = market

    def do_relay(self, keeper: str, most: int, orders: int) -> None:
        """Cranks every market and tries the first `orders` orders."""
        ids = list(self.orders)[:orders]
        markets = [market.address for market in self.exchange.markets]
        with self.anchor():
            # the same one by one, to compare with: the relay is a keeper that passes on what it earns
            results: list[Any] = []
            for i in range(MARKETS):
                done, refused = self._call(self.market(i).crank, most, sender=keeper)
                results.append(0 if refused else done)
            filled = failed = waiting = 0
            for number in ids:
                done, refused = self._call(self.exchange.book.execute, number, sender=keeper)
                waiting += bool(refused)
                filled += bool(done)
                failed += not refused and not done
            expected = self.snapshot()
        result, refused = self._call(self.exchange.relay.act, [], markets, most, ids, sender=keeper)
        assert not refused, refused
        assert (list(result.buckets), result.orders_filled) == (results, filled)
        assert (result.orders_failed, result.orders_waiting) == (failed, waiting)
        mine = self.snapshot()
        assert mine.ledger == expected.ledger and mine.engines == expected.engines
        assert [v.state for v in mine.markets] == [v.state for v in expected.markets]
        self._follow_relay(keeper, most, ids, results)

    def _follow_relay(self, keeper: str, most: int, ids: list[int], buckets: list[int]) -> None:
        events = self.last.events
        raw = self.chain.raw_logs
        for i, done in enumerate(buckets):
            model = self.models[i]
            refused = ""
            if done == 0 and not model.is_settling and self.now - max(model.published_at, model.offered[1]) > MAX_AGE:
                refused = "stale price"
            self._cranked(i, most, keeper, done, refused, None)
        for number in ids:
            if number not in self.orders:
                continue
            ends = ("OrderExecuted", "OrderFailed")
            told = [e for e in events if getattr(e, "id", None) == number and type(e).__name__ in ends]
            self.quoted = None
            if not told:
                if self._is_triggered(self.orders[number]):
                    order = self.orders[number]
                    terms = Fraction(order.size), order.margin, order.acceptable, order.reduce_only, order.placed_at
                    assert not self._agree("wait", self.models[order.market].trade, order.owner, *terms)
                continue
            self.last.events = told + [e for e in events if type(e).__name__ == "Traded"]
            self._executed(number, keeper, type(told[-1]).__name__ == "OrderExecuted", "")
        self.last.events, self.chain.raw_logs = events, raw
        self.last.market, self.last.pieces, self.last.is_filled = None, None, False
