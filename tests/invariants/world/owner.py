"""What the owner sets, and what nobody else may."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

from tests.invariants.exchange import MARKETS, OWNER, address_of, insurance_params
from tests.invariants.world.base import Base


class Ownership(Base):
    def do_pause(self, market: int, is_paused: bool) -> None:
        self.market(market).set_increase_paused(is_paused, sender=OWNER)
        self.models[market].is_increase_paused = is_paused

    def do_set_params(self, market: int, name: str, value: int) -> bool:
        model = self.models[market]
        params = replace(model.params, **{name: value})
        _, refused = self._call(self.market(market).set_params, tuple(asdict(params).values()), sender="owner")
        if refused:
            return False
        model.set_params(params)
        self.is_unsettled[market] = True
        return True

    def do_set_mandate(self, market: int, amount: int) -> None:
        self.exchange.pool.set_mandate(self.market(market).address, amount, sender=OWNER)
        mandate = self.capital.mandates[self.models[market].name]
        mandate.drawn, mandate.drawn_at = self.capital._used(self.models[market].name), self.now
        mandate.limit = Fraction(amount)

    def do_list(self, market: int, is_listed: bool) -> None:
        self.exchange.book.set_market(self.market(market).address, is_listed, sender=OWNER)

    def do_keeper_fee(self, amount: int) -> None:
        self.exchange.book.set_keeper_fee(amount, sender=OWNER)

    def do_cooldown(self, seconds: int) -> None:
        self.exchange.vault.set_cooldown(seconds, sender=OWNER)

    def do_deposit_lock(self, seconds: int) -> None:
        self.exchange.vault.set_deposit_lock(seconds, sender=OWNER)

    def do_deposit_cap(self, amount: int) -> None:
        self.exchange.vault.set_deposit_cap(min(amount, 2**104 - 1), sender=OWNER)

    def do_fund_params(self, cap_bps: int, share_bps: int) -> None:
        self.exchange.fund.set_params(insurance_params(self.unit, cap_bps, share_bps), sender=OWNER)
        self.capital.daily_cap_bps, self.capital.recovery_share_bps = cap_bps, share_bps

    def do_forbidden(self, which: int, who: str) -> None:
        """What only others may call."""
        ex = self.exchange
        market, victim, me = ex.markets[which % MARKETS], address_of("trader0"), address_of(who)
        params = tuple(asdict(self.models[0].params).values())
        calls: list[tuple[Any, tuple[Any, ...]]] = [
            (ex.pool.collect, (victim, 1)),
            (ex.pool.allow_pull, (market.address, 2**100)),
            (ex.pool.pay, (me, 1)),
            (ex.pool.release, (me, 1)),
            (ex.pool.settle, (0, [(me, 1)])),
            (ex.pool.settle, (1, [])),
            (ex.pool.draw, (1,)),
            (ex.pool.set_roles, (me, me)),
            (ex.pool.set_engine, (me, True)),
            (ex.pool.set_mandate, (market.address, 2**90)),
            (ex.pool.transfer_ownership, (me,)),
            (ex.pool.deposit, (1, market.address)),
            (ex.pool.withdraw, (2**200, me)),
            (market.trade, (victim, 1, 0, 0, False, 0)),
            (market.change_margin, (victim, -1)),
            (market.set_params, (params,)),
            (market.set_increase_paused, (True,)),
            (market.transfer_ownership, (me,)),
            (market.crank, (0,)),
            (ex.book.set_market, (market.address, False)),
            (ex.book.set_keeper_fee, (0,)),
            (ex.book.set_gas_price, (me, bytes(32))),
            (ex.book.transfer_ownership, (me,)),
            (ex.book.cancel, (2**63,)),
            (ex.book.execute, (2**63,)),
            (ex.book.add_margin, (me, 1)),
            (ex.vault.set_market, (market.address, False)),
            (ex.vault.set_cooldown, (60,)),
            (ex.vault.set_deposit_lock, (0,)),
            (ex.vault.set_deposit_cap, (0,)),
            (ex.vault.transfer, (ex.vault.address, 0)),
            (ex.vault.transfer_ownership, (me,)),
            (ex.vault.redeem_request, (2**63,)),
            (ex.vault.transferFrom, (address_of("lp0"), me, 10**30)),
            (ex.fund.cover, (1,)),
            (ex.fund.return_cover, (1, 0)),
            (ex.fund.pay_reward, (me, 1)),
            (ex.fund.record_income, (0,)),
            (ex.fund.issue_recovery, (me, 1)),
            (ex.fund.issue_rest, (me, me)),
            (ex.fund.request_skin, (1, me)),
            (ex.fund.release_skin, ()),
            (ex.fund.set_recovery_cap, (market.address, 2**90)),
            (ex.fund.set_params, (insurance_params(1),)),
            (ex.fund.set_market, (market.address, False)),
            (ex.fund.transfer_ownership, (me,)),
            (ex.fund.redeem_recovery, (2**200,)),
            (ex.recovery.mint, (me, 1)),
            (ex.recovery.burn, (victim, 1)),
            (ex.recovery.set_minter, (me,)),
            (ex.recovery.transfer_ownership, (me,)),
        ]
        function, args = calls[which % len(calls)]
        _, refused = self._call(function, *args, sender=who)
        assert refused, f"{function.name} let {who} pass"
