"""The whole of Plimsoll on revm, once per process and collateral. All contracts are real but the price source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from plimsoll import artifacts
from tests.invariants.calls import Chain, Contract, load

STUBS = Path(__file__).resolve().parents[1] / "unit/stubs"
WAD = 10**18
DAY = 86_400
START = 1_800_000_000
COOLDOWN = DAY
DEPOSIT_LOCK = 60
VESTING_PERIOD = 7 * DAY
SKIN_FLOOR_BPS = 2_000
MAX_AGE = 3_600
MARKETS = 2
FEEDS = tuple(keccak(text=f"feed {i}") for i in range(MARKETS))


@cache
def key_of(name: str) -> LocalAccount:
    return Account.from_key(keccak(text=f"account {name}"))


@cache
def address_of(name: str) -> str:
    return str(key_of(name).address).lower()


OWNER = address_of("owner")
TREASURY = address_of("treasury")


@dataclass
class Exchange:
    chain: Chain
    decimals: int
    token: Contract
    source: Contract
    pool: Contract
    book: Contract
    vault: Contract
    recovery: Contract
    fund: Contract
    relay: Contract
    lens: Contract
    markets: list[Contract]

    @property
    def contracts(self) -> list[Contract]:
        """One of each kind."""
        return [self.pool, self.book, self.vault, self.recovery, self.fund, self.relay, self.lens, self.markets[0]]


@cache
def stub_prices() -> artifacts.Artifact:
    return artifacts.compile_contract(STUBS / "StubPrices.vy")


@cache
def deployed(decimals: int) -> Exchange:
    """An exchange without capital and prices. What is done to it has to be undone: `exchange.chain.anchor()`."""
    chain = Chain(START)
    unit = 10**decimals

    def deploy(name: str, *args: Any) -> Contract:
        return chain.deploy(load(name), *args, sender=OWNER)

    token = deploy("CollateralToken", "USD Coin", "USDC", decimals)
    source = chain.deploy(stub_prices(), sender=OWNER)
    pool = deploy("MarginPool", token.address)
    book = deploy("OrderBook", pool.address, unit // 10)
    vault = deploy("Vault", pool.address, COOLDOWN, DEPOSIT_LOCK)
    recovery = deploy("RecoveryToken", decimals)
    fund = deploy("InsuranceFund", pool.address, recovery.address, insurance_params(unit))
    lens = deploy("Lens", pool.address, book.address)
    relay = deploy("Relay", source.address, book.address, pool.address)
    recovery.set_minter(fund.address, sender=OWNER)
    pool.set_roles(book.address, vault.address, sender=OWNER)
    markets = []
    for feed in FEEDS:
        wiring = (pool.address, vault.address, fund.address, book.address, TREASURY, source.address, feed)
        trading = deploy("TradingEngine", wiring)
        risk = deploy("RiskEngine", wiring)
        market = deploy("Market", wiring, trading.address, risk.address, OWNER, tuple(first_params(unit)))
        for engine in ("TradingEngine", "RiskEngine"):
            chain.tell_events(market.address, load(engine).abi)
        chain.tell_events(market.address, load("Market").abi)
        markets.append(market)
    for engine in (book, vault, fund, relay, *markets):
        pool.set_engine(engine.address, True, sender=OWNER)
    for market in markets:
        pool.set_mandate(market.address, 10**9, sender=OWNER)
        book.set_market(market.address, True, sender=OWNER)
        fund.set_market(market.address, True, sender=OWNER)
        fund.set_recovery_cap(market.address, 2**95, sender=OWNER)
        vault.set_market(market.address, True, sender=OWNER)
    return Exchange(chain, decimals, token, source, pool, book, vault, recovery, fund, relay, lens, markets)


def insurance_params(unit: int, cap_bps: int = 5_000, share_bps: int = 5_000, target: int = 1_000) -> tuple[int, ...]:
    return cap_bps, share_bps, target * unit, COOLDOWN, VESTING_PERIOD, SKIN_FLOOR_BPS


def first_params(unit: int) -> list[int]:
    """Anything within bounds: a world sets its own before it begins."""
    small = [200, 100, 5, 2, 6_000, 2_000, 50, 2_000, 5_000, 0, 5_000, 3_000, 1_000, 500, 2_000, 100, MAX_AGE]
    return [*small, 10**24, 20 * unit, 10**6 * unit, unit // 2]
