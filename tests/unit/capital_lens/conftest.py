from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.system import World, build_world
from tests.unit.support import deployer


@dataclass
class Desk:
    """A real exchange with two markets, and the lens of its capital."""

    world: World
    lens: Any

    @property
    def vault(self) -> Any:
        return self.world.vault

    def join(self, name: str, amount: int) -> int:
        account = self.world.account(name)
        with boa.env.prank(self.world.owner):
            self.world.token.mint(account, amount)
        with boa.env.prank(account):
            self.world.token.approve(self.vault.address, amount)
            return int(self.vault.deposit(amount, account))

    def ask(self, name: str, shares: int, least: int = 0) -> int:
        account = self.world.account(name)
        boa.env.time_travel(seconds=max(0, self.vault.unlocked_at(account) - boa.env.timestamp))
        with boa.env.prank(account):
            return int(self.vault.request_redeem(shares, account, least))

    def cool(self) -> None:
        """A cooldown later, at fresh prices."""
        boa.env.time_travel(seconds=self.vault.cooldown())
        self.refresh()

    def refresh(self) -> None:
        for market in range(2):
            self.world.refresh(market)

    def refusal(self, request: int) -> str:
        """Why the vault pays nothing for it; empty if it pays."""
        try:
            with boa.env.anchor():
                return "" if self.vault.redeem_request(request) else "wait: nothing is free"
        except boa.BoaError as error:
            return str(error)


@pytest.fixture(scope="session")
def _desk() -> Desk:
    world = build_world(markets=2)
    return Desk(world, deployer("CapitalLens").deploy(world.vault.address))


@pytest.fixture
def desk(_desk: Desk, anchored: None) -> Desk:
    _desk.world.resume()
    return _desk
