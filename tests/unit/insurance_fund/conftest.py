from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.unit.support import VESTING_PERIOD, System


@dataclass
class Fund:
    """The insurance fund, and the ways money gets into it."""

    system: System
    fund: Any

    @property
    def market(self) -> str:
        return str(self.system.market.address)

    @property
    def other_market(self) -> str:
        return str(self.system.other_market.address)

    def tokens(self, name: str, amount: int) -> str:
        return self.system.tokens(name, amount, self.fund)

    def stake(self, name: str, amount: int) -> int:
        staker = self.tokens(name, amount)
        return int(self.system.as_(staker, self.fund.stake, amount))

    def skin(self, amount: int) -> None:
        self.system.as_(self.tokens("treasury", amount), self.fund.fund_skin, amount)

    def reserve(self, amount: int) -> None:
        self.system.as_(self.tokens("treasury", amount), self.fund.fund_reward_reserve, amount)

    def income(self, amount: int, claimed: int | None = None) -> None:
        """A market pays `amount` and says it paid `claimed`."""
        self.system.engine_cash(self.system.market, amount)
        self.system.as_(self.market, self.system.pool.settle, 0, [(self.fund.address, amount)])
        self.system.as_(self.market, self.fund.record_income, amount if claimed is None else claimed)

    def cover(self, amount: int, market: str | None = None) -> tuple[int, int]:
        return tuple(self.system.as_(market or self.market, self.fund.cover, amount))  # type: ignore[return-value]

    def vest(self) -> None:
        """Until all income is earned."""
        boa.env.time_travel(seconds=VESTING_PERIOD)

    def leave(self, name: str, by: str = "") -> int:
        """Asks for all shares, waits and is paid."""
        staker = self.system.account(name)
        self.system.as_(staker, self.fund.request_unstake, self.fund.shares_of(staker))
        boa.env.time_travel(seconds=self.fund.params().cooldown)
        return int(self.system.as_(self.system.account(by or name), self.fund.unstake, staker))

    def issue(self, name: str, amount: int) -> str:
        owner = self.system.account(name)
        self.system.as_(self.market, self.fund.issue_recovery, owner, amount)
        return owner

    @property
    def layers(self) -> tuple[int, int, int, int]:
        """skin, insurance, pot, reserve"""
        fund = self.fund
        return fund.skin_in_the_game(), fund.insurance(), fund.recovery_pot(), fund.reward_reserve()

    def check_booked(self) -> None:
        """Every unit of the fund's balance is in one layer."""
        assert sum(self.layers) == self.system.pool.balance_of(self.fund.address)


@pytest.fixture
def fund(system: System) -> Fund:
    return Fund(system, system.insurance)
