"""An exchange to measure: one market, real price signatures, traders by number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boa
from eth_utils import keccak, to_checksum_address

from bench.meter import send
from plimsoll import accounts
from plimsoll.boa_chain import BoaChain
from plimsoll.deploy import WAD, Exchange, Listing, Plan, deploy
from plimsoll.observation import Domain

USD = 10**6
LISTING = Listing("BTC", "BTC-USD", 100_000 * WAD)
SIGNERS = 4
HOUR = 3_600


@dataclass
class Bench:
    """`usd` are whole dollars, `price` whole dollars per BTC, sizes BTC in WAD."""

    exchange: Exchange
    gas: dict[str, list[int]] = field(default_factory=dict)
    """Of each kind of transaction, in the order they were sent."""

    @classmethod
    def build(cls, **plan: Any) -> "Bench":
        """A fresh exchange with a first price of 100,000."""
        bench = cls(deploy(BoaChain(), Plan(listings=(LISTING,), **plan)))
        bench.publish(100_000)
        return bench

    @property
    def market(self) -> Any:
        return self.exchange.markets["BTC"]

    @property
    def keeper(self) -> str:
        return accounts.dev_account(accounts.KEEPER).address

    def contract(self, name: str) -> Any:
        return self.exchange.contracts[name]

    def note(self, kind: str, used: int) -> int:
        self.gas.setdefault(kind, []).append(used)
        return used

    def publish(self, price: int) -> int:
        """One signed update of the price, a second or two later."""
        boa.env.time_travel(seconds=2)
        domain = Domain(boa.env.evm.patch.chain_id, self.contract("PriceFeed").address)
        keys = [accounts.dev_account(accounts.FIRST_PUBLISHER + i) for i in range(SIGNERS)]
        keys.sort(key=lambda key: int(key.address, 16))
        signed = [domain.sign(key, LISTING.feed, price * WAD, boa.env.timestamp).as_tuple() for key in keys]
        return self.note("price_update", send(self.contract("PriceFeed").update, signed, sender=self.keeper))

    def fund(self, number: int, usd: int) -> str:
        """A free balance for trader `number`; returns the address."""
        trader = to_checksum_address(keccak(text=f"trader {number}")[-20:])
        token, pool = self.contract("CollateralToken"), self.contract("MarginPool")
        token.mint(trader, usd * USD, sender=accounts.dev_account(accounts.DEPLOYER).address)
        token.approve(pool.address, usd * USD, sender=trader)
        pool.deposit(usd * USD, trader, sender=trader)
        return trader

    def place(self, trader: str, size: int, margin_usd: int, reduce_only: bool = False) -> int:
        """A market order; returns its id."""
        book = self.contract("OrderBook")
        order_id = book.next_id()
        order = (self.market.address, 0, size, margin_usd * USD, 0, 0, reduce_only, boa.env.timestamp + HOUR)
        self.note("place", send(book.place, order, sender=trader))
        return order_id

    def execute(self, kind: str, order_id: int) -> None:
        """Executes, which must succeed; the gas is noted as `kind`."""
        book = self.contract("OrderBook")
        self.note(kind, send(book.execute, order_id, sender=self.keeper))
        failed = [event for event in book.get_logs() if type(event).__name__ == "OrderFailed"]
        assert not failed, failed

    def open(self, numbers: Sequence[int], size: int, margin_usd: int, price: int, kind: str = "open") -> list[str]:
        """Like new positions of the traders `numbers`, all at one new price."""
        traders = [self.fund(number, margin_usd + 100) for number in numbers]
        orders = [self.place(trader, size, margin_usd) for trader in traders]
        self.publish(price)
        for order_id in orders:
            self.execute(kind, order_id)
        return traders

    def crank(self, max_buckets: int = 1_000) -> tuple[int, int, int]:
        """Gas of a crank, buckets it liquidated, buckets it deleveraged."""
        used = send(self.market.crank, max_buckets, sender=self.keeper)
        names = [type(event).__name__ for event in self.market.get_logs()]
        return used, names.count("Liquidated"), names.count("Deleveraged")
