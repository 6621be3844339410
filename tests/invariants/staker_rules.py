"""Rules of the state machine: stakers and who acts for them, gifts to the fund, skin in the game, RECOVER."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.invariants.draws import anyone, markets, parts, stakers, traders, usd
from tests.invariants.exchange import MARKETS
from tests.invariants.world import World

# with how many of a function's further arguments
forms = st.integers(0, 1)


class StakerRules(RuleBasedStateMachine):
    """A part of `Machine`."""

    def act(self, action: str, **terms: Any) -> None:
        raise NotImplementedError

    @property
    def world(self) -> World:
        raise NotImplementedError

    @rule(who=stakers, amount=usd, form=st.integers(0, 2))
    def stake(self, amount: int, **terms: Any) -> None:
        self.act("stake", amount=amount * self.world.unit, **terms)

    @rule(who=stakers, part_bps=parts, form=forms)
    def request_unstake(self, **terms: Any) -> None:
        self.act("request_unstake", **terms)

    @rule(who=stakers, by=st.sampled_from(("", "trader0")))
    def unstake(self, **terms: Any) -> None:
        self.act("unstake", **terms)

    @rule(who=stakers, part_bps=parts)
    def unstake_all(self, who: str, part_bps: int) -> None:
        self.act("request_unstake", who=who, part_bps=part_bps)
        self._let_a_day_pass()
        self.act("unstake", who=who)

    @rule(amount=usd, receiver=anyone)
    def release_skin(self, amount: int, receiver: str) -> None:
        self.act("request_skin", amount=amount * self.world.unit, receiver=receiver)
        self._let_a_day_pass()
        self.act("release_skin")

    def _let_a_day_pass(self) -> None:
        self.act("wait", seconds=90_000)
        for i in range(MARKETS):
            self.act("move", market=i, bps=0, after=1)
            self.act("crank", market=i, most=1_000, keeper="keeper0")

    @rule(who=anyone, amount=usd)
    def fund_skin(self, who: str, amount: int) -> None:
        self.act("fund_skin", who=who, amount=amount * self.world.unit)

    @rule(who=anyone, amount=usd)
    def fund_reserve(self, who: str, amount: int) -> None:
        self.act("fund_reserve", who=who, amount=amount * self.world.unit)

    @rule(who=anyone, amount=usd)
    def fund_pot(self, who: str, amount: int) -> None:
        self.act("fund_pot", who=who, amount=amount * self.world.unit)

    @rule(who=anyone, amount=usd)
    def donate_insurance(self, who: str, amount: int) -> None:
        self.act("donate_insurance", who=who, amount=amount * self.world.unit // 100)

    # Holders of RECOVER

    @rule(who=traders, to=anyone, part_bps=parts, way=st.integers(0, 2))
    def recovery(self, **terms: Any) -> None:
        self.act("token", which="recovery", **terms)

    @rule(who=anyone, part_bps=parts, form=forms)
    def redeem_recovery(self, **terms: Any) -> None:
        self.act("redeem_recovery", **terms)

    @rule(who=traders, market=markets, by=anyone)
    def issue_rest(self, **terms: Any) -> None:
        self.act("issue_rest", **terms)

    @rule(market=markets, usd=st.sampled_from([10**9, 10, 0]))
    def recovery_cap(self, market: int, usd: int) -> None:
        self.act("recovery_cap", market=market, amount=usd * self.world.unit)
