from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.support import System


@dataclass
class Lps:
    """The vault and its depositors."""

    system: System
    vault: Any

    def deposit(self, name: str, amount: int) -> int:
        lp = self.system.tokens(name, amount, self.vault)
        return int(self.system.as_(lp, self.vault.deposit, amount, lp))

    def gain(self, amount: int) -> None:
        """A market pays the vault."""
        self.system.engine_cash(self.system.market, amount)
        self.system.as_(self.system.market.address, self.system.pool.settle, 0, [(self.vault.address, amount)])

    def lose(self, amount: int) -> None:
        assert self.system.as_(self.system.market.address, self.system.pool.draw, amount) == amount

    def request(self, name: str, shares: int, *more: Any) -> int:
        return int(self.system.as_(self.system.account(name), self.vault.request_redeem, shares, *more))

    def redeem(self, name: str, request: int) -> int:
        return int(self.system.as_(self.system.account(name), self.vault.redeem_request, request))


@pytest.fixture
def lps(system: System) -> Lps:
    return Lps(system, system.vault)
