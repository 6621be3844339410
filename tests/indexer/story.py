"""A small story on the real contracts, on revm, kept as blocks of logs: what an indexer of that chain would read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import boa
from eth_utils import keccak, to_checksum_address

from plimsoll import accounts, deployments
from plimsoll.boa_chain import BoaChain
from plimsoll.chain import Event
from plimsoll.deploy import WAD, Exchange, Listing, Plan, deploy, describe
from plimsoll.indexer.decoding import RawLog, decode
from plimsoll.indexer.store import Header
from plimsoll.observation import Domain
from plimsoll.revm import CHAIN_ID, RecordingEnv

USD = 10**6
DAY = 86_400
GENESIS = "0x" + keccak(text="genesis").hex()
LISTINGS = (Listing("BTC", "BTC-USD", 100_000 * WAD), Listing("ETH", "ETH-USD", 4_000 * WAD))
KEEPER = accounts.dev_account(accounts.KEEPER).address
PLAN = Plan(
    listings=LISTINGS,
    vault_capital=1_000_000,
    skin_in_the_game=1_000,
    insurance=2_000,
    insurance_daily_cap_bps=5_000,
    cooldown=300,
)


def hash_of(number: int, fork: str = "") -> str:
    """The hash of block `number` of a fork."""
    return "0x" + keccak(text=f"block {number} {fork}").hex()


class Revm(BoaChain):
    """A chain in this process that keeps its logs."""

    def __init__(self, env: RecordingEnv) -> None:
        self.env = env

    def travel(self, seconds: int) -> int:
        """Lets time pass; the present second."""
        self.env.time_travel(seconds=seconds)
        return int(self.env.timestamp)

    @property
    def chain_id(self) -> int:
        return CHAIN_ID


class Story:
    """An exchange with two markets, and hands to play it. Prices in whole dollars, sizes in WAD, cash in base units."""

    def __init__(self, chain: Any) -> None:
        """`chain` is a `deploy.Chain` that can also `travel` in time and tells its `chain_id`."""
        self.chain = chain
        self.exchange: Exchange = deploy(chain, PLAN)

    # What happens

    def contract(self, name: str) -> Any:
        return self.exchange.contracts[name]

    def market(self, symbol: str = "BTC") -> Any:
        return self.exchange.markets[symbol]

    def trader(self, name: str) -> str:
        return to_checksum_address(keccak(text=f"trader {name}")[-20:])

    def publish(self, after: int = 2, **prices: int) -> None:
        """A new price of each market named, `after` seconds later."""
        now = self.chain.travel(after)
        domain = Domain(self.chain.chain_id, self.contract("PriceFeed").address)
        keys = sorted(
            (accounts.dev_account(accounts.FIRST_PUBLISHER + i) for i in range(4)), key=lambda k: int(k.address, 16)
        )
        for listing in LISTINGS:
            if listing.symbol in prices:
                price = prices[listing.symbol] * WAD
                signed = [domain.sign(key, listing.feed, price, now).as_tuple() for key in keys]
                self.contract("PriceFeed").update(signed, sender=KEEPER)

    def fund(self, name: str, amount: int) -> str:
        trader = self.trader(name)
        token, pool = self.contract("CollateralToken"), self.contract("MarginPool")
        token.mint(trader, amount, sender=accounts.dev_account(accounts.DEPLOYER).address)
        token.approve(pool.address, amount, sender=trader)
        pool.deposit(amount, trader, sender=trader)
        return trader

    def place(
        self, name: str, size: int, margin: int, symbol: str = "BTC", limit: int = 0, reduce: bool = False
    ) -> int:
        order = (self.market(symbol).address, 0, size, margin, 0, limit, reduce, self.chain.travel(0) + DAY)
        return int(self.contract("OrderBook").place(order, sender=self.trader(name)))

    def execute(self, order: int) -> bool:
        return bool(self.contract("OrderBook").execute(order, sender=KEEPER))

    def trade(self, name: str, size: int, margin: int, price: int, symbol: str = "BTC", reduce: bool = False) -> int:
        """Fund, place, publish, execute; the order's id."""
        self.fund(name, margin + USD)
        order = self.place(name, size, margin, symbol, reduce=reduce)
        self.publish(**{symbol: price})
        assert self.execute(order), f"{name}: order {order}: {self.contract('OrderBook').get_logs()[-1]}"
        return order

    def crank(self, buckets: int = 1_000, symbol: str = "BTC") -> int:
        return int(self.market(symbol).crank(buckets, sender=KEEPER))

    # What an indexer reads

    def deployment(
        self, url: str = "http://127.0.0.1:1", genesis: str = GENESIS, start_block: int = 1
    ) -> deployments.Deployment:
        return describe(self.exchange, url, self.chain.chain_id, genesis, start_block, 8_701)

    def blocks(self, fork: str = "", first: int = 1) -> list[tuple[Header, list[Event]]]:
        """Every block with its events. From block `first` on hashes are those of `fork`."""
        names = {address: name for name, address in self.deployment().contracts.items()}
        names |= {market.address: "Market" for market in self.exchange.markets.values()}
        found = []
        parent = GENESIS
        for number, (time, logs) in enumerate(self.chain.env.blocks, start=1):
            block_hash = hash_of(number, fork if number >= first else "")
            header = Header(number, block_hash, parent, time)
            found.append((header, list(_events(names, logs, header))))
            parent = block_hash
        return found


def _events(names: dict[str, str], logs: Sequence[Any], header: Header) -> Any:
    transaction = "0x" + keccak(text=f"transaction {header.number}").hex()
    for index, (_, address, topics, data) in enumerate(logs):
        place = to_checksum_address(address)
        if place not in names:
            continue
        words = tuple(topic.to_bytes(32, "big") for topic in topics)
        raw = RawLog(header.hash, header.number, index, transaction, place, words, data)
        event = decode(names[place], raw)
        if event is not None:
            yield event


def play(story: Story) -> None:
    """Trades of every kind on both markets."""
    story.publish(BTC=100_000, ETH=4_000)
    for i, leverage in enumerate((40, 35, 30, 20, 15, 10)):
        story.trade(f"long {i}", 2 * WAD, 2 * 100_000 * USD // leverage, 100_000)
        story.trade(f"short {i}", -2 * WAD, 2 * 100_000 * USD // leverage, 100_000)
    story.trade("long 4", WAD, 10_000 * USD, 100_100)  # more of the same
    story.trade("short 5", WAD // 2, 0, 100_050, reduce=True)  # a part of it
    story.trade("flip", WAD, 20_000 * USD, 100_000)
    story.trade("flip", -2 * WAD, 20_000 * USD, 99_900)
    story.fund("long 3", 2_000 * USD)
    story.publish(BTC=99_950)
    story.contract("OrderBook").add_margin(story.market().address, 1_500 * USD, sender=story.trader("long 3"))
    story.fund("nobody", 10_000 * USD)
    story.contract("OrderBook").cancel(story.place("nobody", WAD // 100, 100 * USD), sender=story.trader("nobody"))
    refused = story.place("nobody", WAD // 100, 100 * USD, limit=50_000 * WAD)
    story.place("nobody", WAD // 100, 100 * USD)  # stays open
    story.publish(BTC=99_950)
    assert not story.execute(refused)
    story.trade("eth short", -20 * WAD, 60_000 * USD, 4_000, "ETH")
    for i in range(4):
        story.trade(f"eth long {i}", 25 * WAD, (8_000 + 500 * i) * USD, 4_000, "ETH")


def crash(story: Story) -> None:
    """A fall of the first market that goes through every layer of the waterfall, in pieces."""
    story.publish(BTC=93_000)
    story.crank(3)  # interrupted
    story.crank()
    story.market().sync(story.trader("short 0"), sender=KEEPER)
    story.publish(BTC=92_500)
    story.crank()


def rise(story: Story) -> None:
    """A rise of the second market that has the vault deleveraged at the fair price."""
    story.publish(BTC=92_600, ETH=5_120)
    story.crank()
    story.crank(symbol="ETH")


def capital(story: Story) -> None:
    """LPs, stakers and traders take money in and out."""
    vault, fund, pool = (story.contract(name) for name in ("Vault", "InsuranceFund", "MarginPool"))
    token, lp = story.contract("CollateralToken"), story.trader("lp")
    token.mint(lp, 60_000 * USD, sender=accounts.dev_account(accounts.DEPLOYER).address)
    for receiver in (vault, fund):
        token.approve(receiver.address, 30_000 * USD, sender=lp)
    vault.deposit(30_000 * USD, lp, sender=lp)
    fund.stake(30_000 * USD, sender=lp)
    pool.withdraw(1_000 * USD, story.trader("short 0"), sender=story.trader("short 0"))


@cache
def played() -> Story:
    """All of it on a revm of its own, once in a process."""
    env = RecordingEnv()
    with boa.swap_env(env):
        story = Story(Revm(env))
        play(story)
        crash(story)
        rise(story)
        capital(story)
    return story
