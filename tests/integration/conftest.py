"""The whole exchange on Anvil, deployed through Ape by the code that `ape run deploy` uses: `pytest -p no:boa_test`.

Ape starts an Anvil on a free port and undoes on the chain what each test did.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from eth_account.signers.local import LocalAccount

from plimsoll import accounts, artifacts
from plimsoll.deploy import WAD, Exchange, Plan, deploy
from plimsoll.observation import Domain

USD = 10**6
BTC_PRICE = 100_000 * WAD
HOUR = 3_600
FIRST_TRADER = 15
"""Index in the development mnemonic of the first account that trades; Ape funds those up to 19 with ETH."""

# `make` does this as well; here it is for whoever calls pytest directly.
os.environ["PATH"] = f"{artifacts.ROOT / 'frontend' / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"


@dataclass(frozen=True)
class World:
    """What tests do to an exchange. Times are the chain's."""

    exchange: Exchange
    publishers: Sequence[LocalAccount]
    keeper: Any

    def contract(self, name: str) -> Any:
        return self.exchange.contracts[name]

    @property
    def market(self) -> Any:
        return self.exchange.markets["BTC"]

    @property
    def feed(self) -> bytes:
        return self.exchange.plan.listings[0].feed

    def free(self, account: Any) -> int:
        """The free balance of an account or a contract."""
        address = account if isinstance(account, str) else account.address
        return self.contract("MarginPool").balance_of(address)

    def fund(self, trader: Any, usd: int) -> None:
        """Gives `trader` a free balance, minted by the deployer."""
        token, pool = self.contract("CollateralToken"), self.contract("MarginPool")
        token.mint(trader.address, usd * USD, sender=ape.accounts.test_accounts[accounts.DEPLOYER])
        token.approve(pool.address, usd * USD, sender=trader)
        pool.deposit(usd * USD, trader.address, sender=trader)

    def observe(self, price: int, published_at: int, signers: int = 4) -> list[tuple[Any, ...]]:
        """Signed observations of the BTC price, in the order the feed asks for."""
        domain = Domain(ape.chain.chain_id, self.contract("PriceFeed").address)
        chosen = sorted(self.publishers[:signers], key=lambda publisher: int(publisher.address, 16))
        return [domain.sign(publisher, self.feed, price, published_at).as_tuple() for publisher in chosen]

    def publish(self, price: int, seconds: int = 2) -> None:
        """Brings a price on the chain that was observed `seconds` after the last block."""
        published_at = ape.chain.blocks.head.timestamp + seconds
        ape.chain.pending_timestamp = published_at
        self.contract("PriceFeed").update(self.observe(price, published_at), sender=self.keeper)

    def place(self, trader: Any, size_wad: int, margin_usd: int, reduce_only: bool = False) -> int:
        """A market order; returns its id."""
        book = self.contract("OrderBook")
        id_ = book.next_id()
        expires_at = ape.chain.blocks.head.timestamp + HOUR
        order = (self.market.address, 0, size_wad, margin_usd * USD, 0, 0, reduce_only, expires_at)
        book.place(order, sender=trader)
        return id_

    def open(self, trader: Any, size_wad: int, margin_usd: int, price: int = BTC_PRICE) -> None:
        """Deposit, order, newer price, execution."""
        self.fund(trader, margin_usd + 1)
        id_ = self.place(trader, size_wad, margin_usd)
        self.publish(price)
        receipt = self.contract("OrderBook").execute(id_, sender=self.keeper)
        assert self.events(receipt, "OrderBook", "OrderExecuted"), self.events(receipt, "OrderBook", "OrderFailed")

    def crank(self, max_buckets: int = 100) -> Any:
        """The receipt of the keeper's `crank`."""
        return self.market.crank(max_buckets, sender=self.keeper)

    def events(self, receipt: Any, contract: str, name: str) -> list[Any]:
        """The events called `name` that contract `contract` (or "Market") logged in `receipt`."""
        emitter = self.market if contract == "Market" else self.contract(contract)
        return list(receipt.decode_logs(getattr(emitter, name)))

    def ledger_gap(self) -> int:
        """Tokens that the pool holds and its ledger does not know of; 0 unless somebody gave some away."""
        pool = self.contract("MarginPool")
        return self.contract("CollateralToken").balanceOf(pool.address) - pool.total()

    def books_gap(self) -> int:
        """C - (U + E) of the market, rounding dust when it is clean."""
        state = self.market.state()
        return state.cash - state.claimable - state.trader_equity


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """The artifacts, up to date."""
    artifacts.compile_all()


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Capital small enough that a fall of a fifth goes through every layer of the waterfall."""
    return Plan(vault_capital=200_000, skin_in_the_game=1_000, insurance=2_000, insurance_daily_cap_bps=5_000)


@pytest.fixture(scope="session")
def exchange(compiled: None, plan: Plan) -> Exchange:
    from plimsoll.ape_chain import ApeChain

    return deploy(ApeChain(), plan)


@pytest.fixture
def world(exchange: Exchange) -> World:
    """The exchange with a first BTC price."""
    publishers = [accounts.dev_account(accounts.FIRST_PUBLISHER + i) for i in range(5)]
    world = World(exchange, publishers, ape.accounts.test_accounts[accounts.KEEPER])
    world.publish(BTC_PRICE)
    return world


@pytest.fixture
def trader() -> Any:
    return ape.accounts.test_accounts[FIRST_TRADER]


@pytest.fixture
def longs() -> list[Any]:
    return [ape.accounts.test_accounts[FIRST_TRADER + i] for i in range(2)]


@pytest.fixture
def shorts() -> list[Any]:
    return [ape.accounts.test_accounts[FIRST_TRADER + 2 + i] for i in range(2)]
