"""The insurance fund: first-loss stake, stakers, recovery."""

from __future__ import annotations

from tests.invariants.exchange import address_of
from tests.invariants.world.capital import LiquidityProviders


class Stakers(LiquidityProviders):
    def do_fund_skin(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.fund_skin, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.skin += amount
        return not refused

    def do_fund_reserve(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.fund_reward_reserve, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.reserve += amount
        return not refused

    def do_stake(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.stake, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.insurance += amount
        return not refused

    def do_request_unstake(self, who: str, part_bps: int) -> bool:
        shares = self.exchange.fund.shares_of(address_of(who)) * part_bps // 10_000
        _, refused = self._call(self.exchange.fund.request_unstake, shares, sender=who)
        assert not refused, refused
        return True

    def do_unstake(self, who: str) -> bool:
        fund = self.exchange.fund
        is_open, insurance, total = self._is_vault_open(), fund.insurance(), fund.total_shares()
        shares, _ = fund.unstake_request(address_of(who))
        amount, refused = self._call(fund.unstake, sender=who)
        if refused:
            known = ("nothing requested", "wait: cooldown", "request lapsed", "wait: market not settled")
            assert refused in known or shares > fund.shares_of(address_of(who)), refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        self.flows -= amount
        self.capital.insurance -= amount
        assert amount * (total + 10**6) <= shares * (insurance + 1)
        return True

    def do_redeem_recovery(self, who: str, part_bps: int) -> bool:
        amount = self.exchange.recovery.balanceOf(address_of(who)) * part_bps // 10_000
        _, refused = self._call(self.exchange.fund.redeem_recovery, amount, sender=who)
        assert not refused, refused
        if amount:
            self.capital.redeem_recovery(who, amount)
        self.coins += 4
        return True
