from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.unit.support import COOLDOWN, DEPOSIT_LOCK, System, last_event


@dataclass
class Lps:
    """The vault and its depositors."""

    system: System
    vault: Any

    def deposit(self, name: str, amount: int) -> int:
        lp = self.system.tokens(name, amount, self.vault)
        return int(self.system.as_(lp, self.vault.deposit, amount, lp))

    def hold(self, name: str, amount: int) -> int:
        """A deposit, and the time until its shares can move."""
        shares = self.deposit(name, amount)
        boa.env.time_travel(seconds=2 * DEPOSIT_LOCK)
        return shares

    def asked(self, name: str, amount: int, *more: Any) -> int:
        """A deposit of which all is asked out, and the time until it is ready."""
        request = self.request(name, self.hold(name, amount), *more)
        boa.env.time_travel(seconds=COOLDOWN)
        return request

    def told(self, name: str) -> tuple[Any, ...]:
        """The values of the newest event `name` of the last call to the vault."""
        return tuple(last_event(self.vault, name))[1:]

    def gain(self, amount: int) -> None:
        """A market pays the vault."""
        self.system.engine_cash(self.system.market, amount)
        self.system.as_(self.system.market.address, self.system.pool.settle, 0, [(self.vault.address, amount)])

    def lose(self, amount: int) -> None:
        assert self.system.as_(self.system.market.address, self.system.pool.draw, amount) == amount

    def request(self, name: str, shares: int, *more: Any) -> int:
        return int(self.system.as_(self.system.account(name), self.vault.request_redeem, shares, *more))

    def redeem(self, request: int, name: str = "anyone") -> int:
        return int(self.system.as_(self.system.account(name), self.vault.redeem_request, request))

    def cancel(self, name: str, request: int) -> None:
        self.system.as_(self.system.account(name), self.vault.cancel_request, request)

    def reserve(self, amount: int) -> None:
        """So much is reserved for a market with open positions."""
        self.system.market.set_open(1, amount, False)

    def set(self, function: str, value: int) -> None:
        self.system.as_(self.system.owner, getattr(self.vault, function), value)


@pytest.fixture
def lps(system: System) -> Lps:
    return Lps(system, system.vault)
