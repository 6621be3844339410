"""What an exchange tells, as `plimsoll.accounting` reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hexbytes import HexBytes

from plimsoll.chain import Event
from tests.invariants.exchange import Exchange


class Recorder:
    """Every event of an exchange from now on."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.chain = exchange, exchange.chain
        kinds = {"MarginPool": exchange.pool, "OrderBook": exchange.book, "Vault": exchange.vault}
        kinds |= {"InsuranceFund": exchange.fund, "RecoveryToken": exchange.recovery}
        self.names = {contract.address: name for name, contract in kinds.items()}
        self.names |= {market.address: "Market" for market in exchange.markets}
        self.events: list[Event] = []
        self.times: dict[int, int] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        call = self.chain.call

        def recorded(to: str, data: bytes, sender: str, function: Any) -> bytes:
            output = call(to, data, sender, function)
            if not function.is_view:
                self.note()
            return output

        self.chain.call = recorded  # type: ignore[method-assign]
        try:
            yield
        finally:
            del self.chain.call  # type: ignore[method-assign]

    def note(self) -> None:
        block = len(self.times)
        self.times[block] = self.chain.now
        for index, (address, told) in enumerate(self.chain.told()):
            if address in self.names:
                where = self.names[address], address, type(told).__name__
                self.events.append(Event(*where, told._asdict(), block, index, HexBytes(bytes(32))))

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events
