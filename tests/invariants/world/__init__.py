"""The real contracts on revm and the exact model, in step.

An action is a method `do_...` that takes plain numbers and names, so that a sequence of actions can be written down and
played again. It does the same in the contracts and in the model; both must agree whether it can be done. `compare` then
looks at everybody's money and positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction

from plimsoll.reference import Capital, Mandate, Params, Vault
from plimsoll.reference import Market as Model
from tests.invariants.exchange import FEEDS, OWNER, START, address_of, deployed, first_params, insurance_params
from tests.invariants.world.cranks import Cranks
from tests.invariants.world.insurance import Stakers
from tests.invariants.world.owner import Ownership
from tests.invariants.world.terms import KEEPERS, LPS, NAMES, STAKERS, TRADERS, Last, Setup, Snapshot, View

__all__ = ["KEEPERS", "LPS", "NAMES", "STAKERS", "TRADERS", "Last", "Setup", "Snapshot", "View", "World", "world"]


class World(Cranks, Stakers, Ownership):
    """One exchange. Begin and end it with `world(setup)`, which undoes everything."""

    def __init__(self, setup: Setup, is_adopting: bool = True) -> None:
        super().__init__(setup, is_adopting)
        self._begin()

    def _begin(self) -> None:
        ex, setup, unit = self.exchange, self.setup, self.unit
        self.capital = Capital(
            daily_cap_bps=setup.cap_bps, recovery_share_bps=5_000, reserve_target=1_000 * unit, now=self.chain.now
        )
        ex.fund.set_params(insurance_params(unit, setup.cap_bps), sender=OWNER)
        params = setup.market_params()
        self.models = []
        for i, market in enumerate(ex.markets):
            model = Model(Params(*first_params(unit)), self.capital, f"market{i}", self.scale)
            model.funded_at = self.chain.now
            self.models.append(model)
            market.set_increase_paused(False, sender=OWNER)
            ex.pool.set_mandate(market.address, setup.mandate * unit, sender=OWNER)
            self.capital.mandates[model.name] = Mandate(Fraction(setup.mandate * unit))
            ex.source.set_price_of(FEEDS[i], setup.price, self.chain.now, sender=OWNER)
            model.offered = setup.price, self.chain.now
            market.set_params(tuple(asdict(params).values()), sender=OWNER)
            model.set_params(params)
            # the loss budget follows its parameter at the next price
            self.refresh(i)
            market.crank(1, sender=address_of("keeper0"))
            model.crank("keeper0", 1)
        self.shares = Vault(self.capital, self.models)
        for name in NAMES:
            ex.token.mint(address_of(name), setup.cash * unit, sender=OWNER)
            for spender in (ex.pool, ex.vault, ex.fund):
                ex.token.approve(spender.address, 2**255, sender=address_of(name))
        for name in TRADERS:
            self.do_deposit(name, setup.cash * unit // 2)
        if setup.vault:
            self.do_lp_deposit("lp0", setup.vault * unit)
        if setup.skin:
            self.do_fund_skin("owner", setup.skin * unit)
        if setup.insurance:
            self.do_stake("staker0", setup.insurance * unit)
        if setup.reserve:
            self.do_fund_reserve("owner", setup.reserve * unit)

    def remember(self, before: Snapshot, after: Snapshot) -> None:
        """What ADL has taken of each bucket at the present price, for the invariant `order`."""
        for i, (was, now) in enumerate(zip(before.markets, after.markets, strict=True)):
            if was.state.price_round != now.state.price_round:
                self.given_before = {key: units for key, units in self.given_before.items() if key[0] != i}
            if self.last.market not in (None, i) or not self.last.events:
                continue
            had, has = dict(was.buckets), dict(now.buckets)
            told = [e for e in self.chain.logs(self.market(i)) if type(e).__name__ == "Deleveraged"]
            for event in told:
                key = i, event.bucket
                self.given_before[key] = self.given_before.get(key, 0) + event.units
            if not told:
                # whoever joins or leaves a bucket changes its base in proportion
                for (market, bucket), units in list(self.given_before.items()):
                    if market != i:
                        continue
                    if bucket not in has or not had.get(bucket):
                        del self.given_before[market, bucket]
                    else:
                        self.given_before[market, bucket] = units * has[bucket] // had[bucket]


@contextmanager
def world(setup: Setup, is_adopting: bool = True) -> Iterator[World]:
    """An exchange that is gone afterwards."""
    exchange = deployed(setup.decimals)
    with exchange.chain.anchor():
        exchange.chain.now = START + 1
        yield World(setup, is_adopting)
