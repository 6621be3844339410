"""The insurance fund: first-loss stake, stakers, recovery."""

from __future__ import annotations

from tests.invariants.exchange import OWNER, address_of
from tests.invariants.world.capital import LiquidityProviders

WAITS = ("nothing requested", "wait: cooldown", "request lapsed", "wait: market not settled")


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

    def do_fund_pot(self, who: str, amount: int) -> bool:
        """No more is taken than the supply of RECOVER lacks."""
        pot, supply, _ = self.exchange.fund.recovery()
        _, refused = self._call(self.exchange.fund.fund_recovery_pot, amount, sender=who)
        assert (refused == "nothing to deposit") == (pot == supply or amount == 0), refused
        if not refused:
            taken = min(amount, supply - pot)
            self.flows += taken
            self.capital.pot += taken
        return not refused

    def do_donate_insurance(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.donate, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.insurance += amount
        return not refused

    def do_request_skin(self, amount: int, receiver: str) -> bool:
        _, refused = self._call(self.exchange.fund.request_skin, amount, address_of(receiver), sender="owner")
        return not refused

    def do_release_skin(self) -> bool:
        fund = self.exchange.fund
        is_open, skin, insurance = self._is_vault_open(), fund.skin_in_the_game(), fund.insurance()
        floor_bps = fund.params().skin_floor_bps
        amount, refused = self._call(fund.release_skin, sender="owner")
        if refused:
            assert refused in (*WAITS, "skin is at its floor"), refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        assert (skin - amount) * 10_000 >= insurance * floor_bps, "below the floor"
        self.flows -= amount
        self.capital.skin -= amount
        return True

    def do_stake(self, who: str, amount: int, form: int = 0) -> bool:
        """`form`: with how many of its further arguments; 2: and with a permit."""
        fund = self.exchange.fund
        is_open, layer = self._is_vault_open(), fund.insurance() + fund.on_its_way()
        total, expected = fund.total_shares(), fund.preview_stake(amount) if amount else 0
        permit = self._token_permit(fund, who, amount) if form == 2 else ()
        stake = fund.stake_with_permit if permit else fund.stake
        shares, refused = self._call(stake, *(amount, expected)[: form + 1], *permit, sender=who)
        self._approve(fund, who)
        if refused:
            assert refused in ("wait: market not settled", "amount too small", "nothing to deposit"), refused
            assert (refused == "wait: market not settled") == (not is_open)
            return False
        assert is_open, "staked while a loss stands that is not booked"
        assert shares == expected
        # nobody joins at the cost of who is in: shares / amount <= all shares / (insurance + on its way)
        assert shares * (layer + 1) <= amount * (total + 10**6)
        self.flows += amount
        self.capital.insurance += amount
        return True

    def do_request_unstake(self, who: str, part_bps: int, form: int = 0) -> bool:
        """Asks for no less than nine tenths of what the shares are worth; `form` as in `do_stake`."""
        fund = self.exchange.fund
        shares = fund.shares_of(address_of(who)) * part_bps // 10_000
        args = (shares, fund.value_of(shares) * 9 // 10)[: form + 1]
        held, total, before = (
            fund.shares_of(address_of(who)),
            fund.total_shares(),
            fund.unstake_request(address_of(who)),
        )
        _, refused = self._call(fund.request_unstake, *args, sender=who)
        assert not refused, refused
        # what was ready and is let go pays those who stay
        fee = -(-before.shares // 1_000) if before.shares and self.now >= before.ready_at else 0
        assert (held - fund.shares_of(address_of(who)), total - fund.total_shares()) == (fee, fee)
        assert fund.unstake_request(address_of(who)).shares == min(shares, held - fee)
        return True

    def do_unstake(self, who: str, by: str = "") -> bool:
        """By the staker, or by whoever finds the request ripe."""
        fund = self.exchange.fund
        is_open, earned, total = self._is_vault_open(), fund.insurance() - fund.unvested(), fund.total_shares()
        request = fund.unstake_request(address_of(who))
        amount, refused = self._call(fund.unstake, *((address_of(who),) if by else ()), sender=by or who)
        if refused:
            assert refused in (*WAITS, "below minimum"), refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        self.flows -= amount
        self.capital.insurance -= amount
        # nobody leaves at the cost of who stays, nor with what came in after the request
        assert amount * (total + 10**6) <= request.shares * (earned + 1)
        assert request.min_amount <= amount <= request.max_amount
        return True

    def do_recovery_cap(self, market: int, amount: int) -> None:
        self.exchange.fund.set_recovery_cap(self.market(market).address, amount, sender=OWNER)
        self.capital.set_recovery_cap(self.models[market].name, amount)

    def do_issue_rest(self, who: str, market: int, by: str) -> bool:
        args = self.market(market).address, address_of(who)
        _, refused = self._call(self.exchange.fund.issue_rest, *args, sender=by)
        assert not refused, refused
        self.capital.issue_rest(self.models[market].name, who)
        return True

    def do_redeem_recovery(self, who: str, part_bps: int, form: int = 0) -> bool:
        fund = self.exchange.fund
        amount = self.exchange.recovery.balanceOf(address_of(who)) * part_bps // 10_000
        args = (amount, fund.redeemable(amount))[: form + 1]
        _, refused = self._call(fund.redeem_recovery, *args, sender=who)
        assert not refused, refused
        if amount:
            self.capital.redeem_recovery(who, amount)
        self.coins += 4
        return True
