"""An exchange to measure: one market, real price signatures, traders by number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import event_abi_to_log_topic

from bench.meter import GAS_LIMIT, Sent, send, simulate
from plimsoll import accounts, artifacts
from plimsoll.boa_chain import BoaChain
from plimsoll.deploy import WAD, Exchange, Listing, Plan, deploy
from plimsoll.observation import Domain
from plimsoll.revm import RevmEnv

USD = 10**6
PRICE = 100_000
LISTING = Listing("BTC", "BTC-USD", PRICE * WAD)
SIGNERS = 4
HOUR = 3_600
KEEPER_FEE = USD
"""More than an order pays its executor."""


@cache
def topic(name: str) -> int:
    """The first topic of an event of Market."""
    (event,) = (entry for entry in artifacts.abi("Market") if entry["type"] == "event" and entry["name"] == name)
    return int.from_bytes(event_abi_to_log_topic(event), "big")


def count(sent: Sent, name: str) -> int:
    """Events of Market called `name` that a transaction logged."""
    return sum(topics[0] == topic(name) for _, topics, _ in sent.logs)


@dataclass
class Bench:
    """Cash is in base units, `price` in whole dollars per BTC, sizes BTC in WAD. Methods that return `Sent` measure."""

    exchange: Exchange

    @classmethod
    def build(cls, env: RevmEnv | None = None, **plan: Any) -> "Bench":
        """A fresh exchange in an environment of its own, with a first price of 100,000."""
        boa.set_env(env or RevmEnv())
        bench = cls(deploy(BoaChain(), Plan(listings=(LISTING,), **plan)))
        bench.publish(PRICE)
        return bench

    @property
    def market(self) -> Any:
        return self.exchange.markets["BTC"]

    @property
    def keeper(self) -> str:
        return accounts.dev_account(accounts.KEEPER).address

    def contract(self, name: str) -> Any:
        return self.exchange.contracts[name]

    # Prices

    def signed(self, price: int, signers: int = SIGNERS) -> list[Any]:
        """Observations of `price`, made right now."""
        domain = Domain(boa.env.evm.patch.chain_id, self.contract("PriceFeed").address)
        keys = [accounts.dev_account(accounts.FIRST_PUBLISHER + i) for i in range(signers)]
        keys.sort(key=lambda key: int(key.address, 16))
        return [domain.sign(key, LISTING.feed, price * WAD, boa.env.timestamp).as_tuple() for key in keys]

    def publish(self, price: int) -> None:
        """A new price, two seconds later."""
        boa.env.time_travel(seconds=2)
        self.contract("PriceFeed").update(self.signed(price), sender=self.keeper)

    def send_price(self, price: int, signers: int = SIGNERS) -> Sent:
        """`publish`, measured."""
        boa.env.time_travel(seconds=2)
        return send(self.contract("PriceFeed").update, self.signed(price, signers), sender=self.keeper)

    # Traders

    def fund(self, number: int, amount: int) -> str:
        """Pays `amount` into the pool for trader `number`; returns the address."""
        trader = to_checksum_address(keccak(text=f"trader {number}")[-20:])
        token, pool = self.contract("CollateralToken"), self.contract("MarginPool")
        token.mint(trader, amount, sender=accounts.dev_account(accounts.DEPLOYER).address)
        token.approve(pool.address, amount, sender=trader)
        pool.deposit(amount, trader, sender=trader)
        return trader

    def order(self, size: int, margin: int, reduce_only: bool = False) -> tuple[Any, ...]:
        """A market order."""
        return (self.market.address, 0, size, margin, 0, 0, reduce_only, boa.env.timestamp + HOUR)

    def place(self, trader: str, size: int, margin: int, reduce_only: bool = False) -> int:
        """Places a market order; returns its id."""
        return int(self.contract("OrderBook").place(self.order(size, margin, reduce_only), sender=trader))

    def send_place(self, trader: str, size: int, margin: int, reduce_only: bool = False) -> tuple[Sent, int]:
        """`place`, measured."""
        sent = send(self.contract("OrderBook").place, self.order(size, margin, reduce_only), sender=trader)
        return sent, int.from_bytes(sent.output, "big")

    def execute(self, order_id: int) -> None:
        """Executes an order, which must be filled."""
        assert self.contract("OrderBook").execute(order_id, sender=self.keeper), f"order {order_id} failed"

    def send_execute(self, order_id: int) -> Sent:
        """`execute`, measured."""
        sent = send(self.contract("OrderBook").execute, order_id, sender=self.keeper)
        assert int.from_bytes(sent.output, "big") == 1, f"order {order_id} failed"
        return sent

    def open(self, numbers: Iterable[int], size: int, margin: int, price: int) -> list[str]:
        """Like new positions of the traders `numbers`, all at one new price."""
        return self.open_all([(number, size, margin) for number in numbers], price)

    def open_all(self, positions: Sequence[tuple[int, int, int]], price: int) -> list[str]:
        """New positions (trader, size, margin), all at one new price."""
        traders = [self.fund(number, margin + KEEPER_FEE) for number, _, margin in positions]
        orders = [
            self.place(trader, size, margin) for trader, (_, size, margin) in zip(traders, positions, strict=True)
        ]
        self.publish(price)
        for order_id in orders:
            self.execute(order_id)
        return traders

    # Cranks

    def crank(self, max_buckets: int = 1_000) -> int:
        """Buckets done."""
        return int(self.market.crank(max_buckets, sender=self.keeper))

    def send_crank(self, max_buckets: int = 1_000, gas_limit: int = GAS_LIMIT) -> Sent:
        """`crank`, measured. Raises `SendError` if that takes more than `gas_limit`."""
        return send(self.market.crank, max_buckets, sender=self.keeper, gas_limit=gas_limit)

    def try_crank(self, max_buckets: int) -> Sent:
        """What `send_crank` would return; the state stays as it is."""
        return simulate(self.market.crank, max_buckets, sender=self.keeper)
