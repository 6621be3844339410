"""Rules of the state machine: liquidity providers, and whoever acts for them or gives to the vault."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.invariants.draws import anyone, lps, orders, parts, usd
from tests.invariants.exchange import MARKETS
from tests.invariants.world import World

# of today's worth, what a request wants at least
leasts = st.sampled_from([0, 0, 5_000, 9_900, 10_000])
# by how much the bound on a deposit is missed
shorts = st.sampled_from([None, None, 0, 1])


class LiquidityProviderRules(RuleBasedStateMachine):
    """A part of `Machine`."""

    def act(self, action: str, **terms: Any) -> None:
        raise NotImplementedError

    @property
    def world(self) -> World:
        raise NotImplementedError

    @rule(who=lps, amount=usd, receiver=lps, short=shorts)
    def lp_deposit(self, amount: int, **terms: Any) -> None:
        self.act("lp_deposit", amount=amount * self.world.unit, **terms)

    @rule(who=lps, amount=usd, short=st.integers(0, 1))
    def lp_deposit_permit(self, amount: int, **terms: Any) -> None:
        self.act("lp_deposit_permit", amount=amount * self.world.unit, **terms)

    @rule(who=lps, amount=usd, short=shorts)
    def lp_mint(self, amount: int, **terms: Any) -> None:
        self.act("lp_mint", shares=amount * self.world.unit * 10**6, **terms)

    @rule(who=anyone, amount=st.sampled_from([0, 1, 100, 20_000]))
    def lp_donate(self, who: str, amount: int) -> None:
        self.act("lp_donate", who=who, amount=amount * self.world.unit)

    @rule(who=lps, part_bps=parts, form=st.integers(0, 2), receiver=anyone, least_bps=leasts)
    def lp_request(self, **terms: Any) -> None:
        self.act("lp_request", **terms)

    @rule(request=orders, by=anyone)
    def lp_redeem(self, **terms: Any) -> None:
        self.act("lp_redeem", **terms)

    @rule(who=lps, part_bps=parts, is_cranked=st.booleans(), by=anyone)
    def lp_leave(self, who: str, part_bps: int, is_cranked: bool, by: str) -> None:
        """The whole way out: request, cooldown, new prices, and everybody who is ready redeems."""
        self.act("lp_request", who=who, part_bps=part_bps, form=0, receiver=who)
        self.act("wait", seconds=90_000)
        for i in range(MARKETS):
            self.act("move", market=i, bps=0, after=1)
            if is_cranked:
                self.act("crank", market=i, most=1_000, keeper="keeper0")
        for request in range(len(self.world.requests), 0, -1):
            self.act("lp_redeem", request=request - 1, by=by)

    @rule(request=orders, by=st.sampled_from(("lp0", "lp1", "trader0")), who=lps, is_owner=st.booleans())
    def lp_cancel(self, request: int, by: str, who: str, is_owner: bool) -> None:
        if is_owner:
            self.act("lp_request", who=who, part_bps=5_000, form=2, receiver=who, least_bps=10_000)
        requests = list(self.world.requests.values())
        if is_owner and requests:
            by = requests[request % len(requests)].owner
        self.act("lp_cancel", request=request, by=by)

    @rule(by=anyone)
    def keep_requests(self, by: str) -> None:
        self.act("keep_requests", by=by)

    @rule(who=lps, to=anyone, part_bps=parts, way=st.integers(0, 2))
    def shares(self, **terms: Any) -> None:
        self.act("token", which="vault", **terms)

    @rule(cap=st.sampled_from([0, 100_000, 10**12]))
    def deposit_cap(self, cap: int) -> None:
        self.act("deposit_cap", amount=cap * self.world.unit)

    @rule(seconds=st.sampled_from([0, 60, 3_600]))
    def deposit_lock(self, **terms: Any) -> None:
        self.act("deposit_lock", **terms)
