"""Liquidity providers, and whoever holds vault shares or RECOVER."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from plimsoll.reference.grid import LONG, beta_of
from tests.invariants.exchange import DAY, MAX_AGE, WAD, address_of
from tests.invariants.world.comparing import Comparing, near
from tests.invariants.world.pool import Pool
from tests.invariants.world.terms import STAKERS, Request


class LiquidityProviders(Pool, Comparing):
    def _worth(self) -> int:
        return int(self.exchange.vault.totalAssets())

    def _is_vault_open(self) -> bool:
        """No bucket liquidatable at the newest price, and that fresh."""
        for i, model in enumerate(self.models):
            price, published_at = model.offered
            if model.is_settling:
                price = model.price
            elif self.now > published_at + MAX_AGE:
                return False
            adjusted = price - self.market(i).funding_index_now()
            margin = 0 if model.is_settling else -(-price * model.params.maintenance_margin_bps // 10_000)
            for bucket, _ in self.buckets(i):
                if beta_of(bucket) > (adjusted if bucket >> 24 == LONG else -adjusted) - margin:
                    return False
        return True

    def do_lp_deposit(self, who: str, amount: int, receiver: str = "", short: int | None = None) -> bool:
        """For somebody else, too: their locks stay. `short`: by how much the bound is missed; None: there is none."""
        return self._lp_enter("deposit", who, receiver or who, amount, short)

    def do_lp_deposit_permit(self, who: str, amount: int, short: int = 0) -> bool:
        done = self._lp_enter("deposit_with_permit", who, who, amount, short)
        self._approve(self.exchange.vault, who)
        return done

    def do_lp_mint(self, who: str, shares: int, short: int | None = None) -> bool:
        return self._lp_enter("mint", who, who, shares, short)

    def _lp_enter(self, way: str, who: str, receiver: str, given: int, short: int | None) -> bool:
        vault, to = self.exchange.vault, address_of(receiver)
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        is_mint = way == "mint"
        most = vault.maxMint(to) if is_mint else vault.maxDeposit(to)
        foretold = (vault.previewMint if is_mint else vault.previewDeposit)(min(given, most))
        movable = vault.balanceOf(to) - vault.locked_shares(to)
        bound = () if short is None else (max(0, foretold - short) if is_mint else foretold + short,)
        permit = self._token_permit(vault, who, given) if way == "deposit_with_permit" else ()
        got, refused = self._call(getattr(vault, way), given, to, *bound, *permit, sender=who)
        if refused in ("below minimum", "above maximum"):
            assert short or given > most
            return False
        assert refused or not short
        if refused:
            self._lp_refused(refused, worth, is_open, given > most)
            return False
        assert is_open, "vault flow while a bankrupt bucket is open, or at an old price"
        assert given <= most and got == foretold
        assert vault.balanceOf(to) - vault.locked_shares(to) >= movable, "a deposit locked what was held before"
        amount, shares = (got, given) if is_mint else (given, got)
        self.flows += amount
        dust = self.shares_dust(shares)
        bought = self.shares.enter(amount)
        near(shares, bought, dust, "shares bought")
        # where a share is worth next to nothing a coin of rounding is many of them
        self.shares.supply += shares - bought
        self.last.is_vault_flow = True
        # nobody joins at the cost of who is in: shares / amount <= supply / worth
        assert shares * (worth + 1) <= amount * (supply + 10**6)
        return True

    def _lp_refused(self, refused: str, worth: int, is_open: bool, is_too_much: bool) -> None:
        known = ("amount too small", "nothing to deposit", "erc20: transfer amount exceeds balance")
        if refused == "wait: market not settled":
            assert not is_open
        elif refused == "vault owes more than it has":
            assert worth == 0
        elif refused in ("above the deposit cap", "too many shares"):
            assert is_too_much
        else:
            assert refused in known, refused

    def do_lp_donate(self, who: str, amount: int) -> bool:
        vault = self.exchange.vault
        supply = vault.totalSupply()
        _, refused = self._call(vault.donate, amount, sender=who)
        assert refused in ("", "nothing to deposit", "erc20: transfer amount exceeds balance"), refused
        if not refused:
            self.flows += amount
            self.capital.vault += amount
            assert vault.totalSupply() == supply
        return not refused

    def do_lp_request(self, who: str, part_bps: int, form: int, receiver: str, least_bps: int = 0) -> bool:
        """`form`: with how many of its arguments; the least is a part of today's worth."""
        vault, owner = self.exchange.vault, address_of(who)
        held, locked = vault.balanceOf(owner), vault.locked_shares(owner)
        shares = held * part_bps // 10_000
        least = vault.convertToAssets(shares) * least_bps // 10_000 if form == 2 else 0
        args = (shares, address_of(receiver), least)[: form + 1]
        number, refused = self._call(vault.request_redeem, *args, sender=who)
        assert (refused == "") == (0 < shares <= held - locked), refused
        if not refused:
            self.shares.ask(shares)
            to = who if form == 0 else receiver
            self.requests[number] = Request(who, shares, to, self.now + vault.cooldown(), least)
        return not refused

    def do_lp_redeem(self, request: int, by: str) -> bool:
        """By anyone; a part where not everything is free."""
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        mine, vault, token = self.requests[number], self.exchange.vault, self.exchange.token
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        free, foretold, lapses_at = vault.free_capital(), vault.redeemable(number), vault.lapses_at(number)
        asked, round_ = vault.convertToAssets(vault.balanceOf(vault.address)), vault.round()
        had = token.balanceOf(address_of(mine.receiver))
        assets, refused = self._call(vault.redeem_request, number, sender=by)
        if refused:
            assert {
                "wait: cooldown": self.now < mine.ready_at,
                "request lapsed": self.now > lapses_at,
                "wait: market not settled": not is_open,
                "wait: next round": mine.round == round_.number and self.now < round_.ends_at,
                "below minimum": foretold[1] * mine.shares < mine.min_assets * foretold[0] or mine.min_assets > 0,
            }[refused], refused
            return False
        assert is_open
        after = vault.round()
        if after.number != round_.number:
            assert after.fraction == (WAD if asked <= free else WAD * free // asked)
            loose = WAD * (8 * self.cash_dust() + 10) // max(1, asked)
            near(after.fraction, self.shares.fraction * WAD, loose, "fraction of the round")
        assert (vault.kept_until() >= after.ends_at) >= (after.fraction < WAD)
        self._lp_left(number, foretold, assets, supply - vault.totalSupply(), after)
        assert token.balanceOf(address_of(mine.receiver)) - had == assets <= free
        # nobody leaves at the cost of who stays
        assert assets * (supply + 10**6) <= (supply - vault.totalSupply()) * (worth + 1)
        return True

    def _lp_left(self, number: int, foretold: tuple[int, int], assets: int, shares: int, round_: Any) -> None:
        mine = self.requests[number]
        if assets == 0:
            assert shares == 0
            return
        self.flows -= assets
        self.last.is_vault_flow = True
        dust, cash_dust = self.shares_dust(mine.shares), 4 * self.cash_dust()
        part, paid = self.shares.redeem(mine.shares, Fraction(round_.fraction, WAD))
        near(shares, part, dust, "shares redeemed")
        self.shares.supply += part - shares
        self.shares.asked += part - shares
        near(assets, paid, cash_dust, "paid for them")
        assert (shares, assets) == foretold
        assert shares <= mine.shares * round_.fraction // WAD and mine.round != round_.number
        if shares == mine.shares:
            del self.requests[number]
            return
        least = -(-mine.min_assets * shares // mine.shares)
        assert assets >= least
        mine.shares, mine.min_assets, mine.round = mine.shares - shares, mine.min_assets - least, round_.number
        left = self.exchange.vault.request(number)
        assert (left.shares, left.min_assets, left.round) == (mine.shares, mine.min_assets, mine.round)

    def do_keep_requests(self, by: str) -> bool:
        """Of the vault and of the fund: what has not lapsed counts its two days anew, what has stays lapsed."""
        vault, fund = self.exchange.vault, self.exchange.fund
        is_open = self._is_vault_open()

        def lapses_at() -> list[int]:
            stakers = [fund.unstake_request(address_of(name)).lapses_at for name in STAKERS]
            return [vault.lapses_at(number) for number in self.requests] + stakers

        before = lapses_at()
        for keep in (vault.keep_requests, fund.keep_requests):
            until, refused = self._call(keep, sender=by)
            assert refused == ("markets are settled" if is_open else "")
            assert refused or until >= self.now + 2 * DAY
        for was, now in zip(before, lapses_at(), strict=True):
            if is_open:
                assert now == was
            elif was < self.now:
                # it may be told to have lapsed earlier, when an earlier extension is forgotten
                assert now <= was
            else:
                assert now >= self.now + 2 * DAY
        return not is_open

    def do_lp_cancel(self, request: int, by: str) -> bool:
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        vault, mine = self.exchange.vault, self.requests[number]
        is_lapsed = self.now > vault.lapses_at(number)
        held, supply = vault.balanceOf(address_of(mine.owner)), vault.totalSupply()
        _, refused = self._call(vault.cancel_request, number, sender=by)
        assert (refused == "") == (by == mine.owner or is_lapsed), refused
        if refused:
            return False
        fee = -(-mine.shares // 1_000) if self.now >= mine.ready_at else 0
        near(mine.shares - fee, self.shares.cancel(mine.shares, self.now >= mine.ready_at), 1, "shares given back")
        assert vault.balanceOf(address_of(mine.owner)) == held + mine.shares - fee
        assert vault.totalSupply() == supply - fee
        del self.requests[number]
        return True

    def do_token(self, which: str, who: str, to: str, part_bps: int, way: int) -> bool:
        """Vault shares or RECOVER change hands: transfer, approve and transferFrom, permit and transferFrom."""
        token = self.exchange.vault if which == "vault" else self.exchange.recovery
        amount = token.balanceOf(address_of(who)) * part_bps // 10_000
        if which == "vault":
            amount = min(amount, token.balanceOf(address_of(who)) - token.locked_shares(address_of(who)))
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
