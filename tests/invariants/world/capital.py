"""Liquidity providers, and whoever holds vault shares or RECOVER."""

from __future__ import annotations

from fractions import Fraction

from plimsoll.reference.grid import LONG, beta_of
from tests.invariants.exchange import MAX_AGE, address_of
from tests.invariants.world.pool import Pool
from tests.invariants.world.terms import Request


class LiquidityProviders(Pool):
    def _worth(self) -> int:
        return int(self.exchange.vault.totalAssets())

    def _is_vault_open(self) -> bool:
        """Every market clean at the newest price, and that fresh."""
        for i, model in enumerate(self.models):
            price, published_at = self.models[i].offered
            if self.now > published_at + MAX_AGE:
                return False
            price = model.price if model.is_settling else price
            adjusted = price - self.market(i).funding_index_now()
            for bucket, _ in self.buckets(i):
                if beta_of(bucket) > (adjusted if bucket >> 24 == LONG else -adjusted):
                    return False
        return True

    def do_lp_deposit(self, who: str, amount: int) -> bool:
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        shares, refused = self._call(vault.deposit, amount, address_of(who), sender=who)
        if refused:
            self._lp_refused(refused, worth, is_open)
            return False
        assert is_open, "vault flow while a bankrupt bucket is open, or at an old price"
        self._lp_entered(amount, shares, worth, supply)
        return True

    def _lp_refused(self, refused: str, worth: int, is_open: bool) -> None:
        known = ("amount too small", "nothing to deposit", "erc20: transfer amount exceeds balance")
        if refused == "wait: market not settled":
            assert not is_open
        elif refused == "vault owes more than it has":
            assert worth == 0
        else:
            assert refused in known, refused

    def _lp_entered(self, amount: int, shares: int, worth: int, supply: int) -> None:
        self.flows += amount
        self.capital.vault += amount
        self.last.is_vault_flow = True
        # nobody joins at the cost of who is in: shares / amount <= supply / worth
        assert shares * (worth + 1) <= amount * (supply + 10**6)

    def do_lp_mint(self, who: str, shares: int) -> bool:
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        amount, refused = self._call(vault.mint, shares, address_of(who), sender=who)
        if refused:
            self._lp_refused(refused, worth, is_open)
            return False
        assert is_open
        self._lp_entered(amount, shares, worth, supply)
        return True

    def do_lp_request(self, who: str, part_bps: int, form: int, receiver: str) -> bool:
        """`form`: with how many of its arguments."""
        vault = self.exchange.vault
        shares = vault.balanceOf(address_of(who)) * part_bps // 10_000
        args = (shares, address_of(receiver), 0)[: form + 1]
        number, refused = self._call(vault.request_redeem, *args, sender=who)
        assert (refused == "") == (shares > 0), refused
        if not refused:
            to = who if form == 0 else receiver
            self.requests[number] = Request(who, shares, to, self.now + vault.cooldown())
        return not refused

    def do_lp_redeem(self, request: int) -> bool:
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        mine = self.requests[number]
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        assets, refused = self._call(vault.redeem_request, number, sender=mine.owner)
        if refused:
            known = ("wait: cooldown", "request lapsed", "wait: market not settled", "wait: not enough cash")
            assert refused in known, refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        del self.requests[number]
        self.flows -= assets
        self.capital.vault -= assets
        self.last.is_vault_flow = True
        # nobody leaves at the cost of who stays
        assert assets * (supply + 10**6) <= mine.shares * (worth + 1)
        return True

    def do_lp_cancel(self, request: int, by: str) -> bool:
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        _, refused = self._call(self.exchange.vault.cancel_request, number, sender=by)
        assert (refused == "") == (by == self.requests[number].owner), refused
        if not refused:
            del self.requests[number]
        return not refused

    def do_token(self, which: str, who: str, to: str, part_bps: int, way: int) -> bool:
        """Vault shares or RECOVER change hands: transfer, approve and transferFrom, permit and transferFrom."""
        token = self.exchange.vault if which == "vault" else self.exchange.recovery
        amount = token.balanceOf(address_of(who)) * part_bps // 10_000
        if way == 0:
            _, refused = self._call(token.transfer, address_of(to), amount, sender=who)
        else:
            if way == 1:
                self._call(token.approve, address_of(to), amount, sender=who)
            else:
                deadline = self.now + 60
                signature = self._permit(token, who, address_of(to), amount, deadline)
                args = address_of(who), address_of(to), amount, deadline, *signature
                _, refused = self._call(token.permit, *args, sender=to)
                assert not refused, refused
            _, refused = self._call(token.transferFrom, address_of(who), address_of(to), amount, sender=to)
        assert not refused, refused
        if which != "vault":
            recovery = self.capital.recovery
            recovery[who] = recovery.get(who, Fraction(0)) - amount
            recovery[to] = recovery.get(to, Fraction(0)) + amount
        return True
