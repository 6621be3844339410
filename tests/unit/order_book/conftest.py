from __future__ import annotations

from dataclasses import dataclass, replace

import boa
import pytest

from tests.unit.support import MARKET, WAD, System


@dataclass(frozen=True)
class Order:
    """`IOrderBook.Order`; `tuple_` is what the ABI takes."""

    market: str
    kind: int = MARKET
    size_delta: int = 2 * WAD
    margin: int = 50
    trigger_price: int = 0
    acceptable_price: int = 101 * WAD
    reduce_only: bool = False
    expires_at: int = 0

    @property
    def tuple_(self) -> tuple[object, ...]:
        return tuple(self.__dict__.values())


@dataclass
class Desk:
    """A trader with cash at the order book, and a price."""

    system: System
    trader: str
    keeper: str
    fee: int

    def order(self, **changes: object) -> Order:
        base = Order(self.system.market.address, margin=50 * self.system.unit, expires_at=boa.env.timestamp + 600)
        return replace(base, **changes)  # type: ignore[arg-type]

    def place(self, order: Order | None = None, **changes: object) -> int:
        chosen = order or self.order(**changes)
        return int(self.system.as_(self.trader, self.system.order_book.place, chosen.tuple_))

    def new_price(self, price: int = 100 * WAD, after: int = 1) -> None:
        boa.env.time_travel(seconds=after)
        self.system.set_price(price)

    def execute(self, order_id: int) -> bool:
        return bool(self.system.as_(self.keeper, self.system.order_book.execute, order_id))

    def free(self, account: str) -> int:
        return int(self.system.pool.balance_of(account))

    @property
    def escrow(self) -> int:
        return self.free(self.system.order_book.address)


@pytest.fixture
def desk(system: System) -> Desk:
    trader = system.cash("trader", 1_000 * system.unit)
    system.set_price(100 * WAD)
    return Desk(system, trader, system.account("keeper"), system.order_book.keeper_fee())
