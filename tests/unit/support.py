"""The contracts around a market on titanoboa, wired as a deployment wires them, and how tests speak with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boa
import pytest
from boa import BoaError
from boa.contracts.abi.abi_contract import ABIContractFactory, ABIFunction
from boa.contracts.base_evm_contract import StackTrace
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_bytes

from plimsoll import artifacts

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "tests/unit/stubs"
WAD = 10**18
DAY = 86_400
FEED = keccak(text="BTC-USD")
OTHER_FEED = keccak(text="ETH-USD")
MARKET, LIMIT, STOP = 0, 1, 2

every_decimals = pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True)

COOLDOWN = DAY
DEPOSIT_LOCK = 60
DAILY_CAP_BPS = 2_500
RECOVERY_SHARE_BPS = 5_000
VESTING_PERIOD = 7 * DAY
SKIN_FLOOR_BPS = 2_000
RECOVERY_CAP = 1_000_000  # whole units a day


class Deployer:
    """Deploys a contract, or a stub of tests/unit/stubs, from its artifact."""

    def __init__(self, name: str) -> None:
        folder = STUBS if (STUBS / f"{name}.vy").exists() else artifacts.CONTRACTS
        build = ROOT / "build/stubs" if folder == STUBS else artifacts.BUILD
        self.artifact = artifacts.compile_all([name], folder, build)[name]
        self.factory = ABIContractFactory(name, self.artifact.abi)

    def deploy(self, *args: Any) -> Any:
        constructor = next((entry for entry in self.artifact.abi if entry["type"] == "constructor"), None)
        encoded = ABIFunction(constructor, self.artifact.name).prepare_calldata(*args) if constructor else b""
        address, computation = boa.env.deploy(bytecode=to_bytes(hexstr=self.artifact.bytecode) + encoded)
        if computation.is_error:
            raise BoaError(computation.call_trace, StackTrace([str(computation.error)]))
        return self.at(address)

    def at(self, address: Any) -> Any:
        return self.factory.at(address)

    def deploy_as_blueprint(self) -> str:
        assert self.artifact.blueprint is not None
        address, _ = boa.env.deploy_code(bytecode=to_bytes(hexstr=self.artifact.blueprint))
        return str(address)


@cache
def deployer(name: str) -> Deployer:
    return Deployer(name)


def last_event(contract: Any, name: str) -> Any:
    """The newest event `name` of the last call to `contract`."""
    found = [event for event in contract.get_logs() if type(event).__name__ == name]
    assert found, f"no event {name}"
    return found[-1]


@cache
def publisher_keys(count: int) -> tuple[LocalAccount, ...]:
    """`count` keys whose addresses increase, as the feed wants them."""
    keys = [Account.from_key(keccak(text=f"publisher {i}")) for i in range(count)]
    return tuple(sorted(keys, key=lambda key: int(key.address, 16)))


Observation = tuple[bytes, int, int, int, bytes, bytes]


def sign(
    key: LocalAccount, feed_address: str, price: int, published_at: int, feed: bytes = FEED, chain_id: int | None = None
) -> Observation:
    """An `IPriceFeed.SignedObservation`."""
    domain = {
        "name": "Plimsoll PriceFeed",
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id if chain_id is None else chain_id,
        "verifyingContract": feed_address,
    }
    types = {
        "Observation": [
            {"name": "feed", "type": "bytes32"},
            {"name": "price", "type": "uint256"},
            {"name": "published_at", "type": "uint64"},
        ]
    }
    message = {"feed": feed, "price": price, "published_at": published_at}
    signed = Account.sign_typed_data(key.key, domain, types, message)
    return feed, price, published_at, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def sign_permit(key: LocalAccount, token: Any, spender: str, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
    """v, r, s of an ERC-2612 permit."""
    _, name, version, chain_id, contract, _, _ = token.eip712Domain()
    domain = {"name": name, "version": version, "chainId": chain_id, "verifyingContract": contract}
    types = {
        "Permit": [
            {"name": "owner", "type": "address"},
            {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ]
    }
    message = {
        "owner": key.address,
        "spender": spender,
        "value": amount,
        "nonce": token.nonces(key.address),
        "deadline": deadline,
    }
    signed = Account.sign_typed_data(key.key, domain, types, message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


@dataclass
class System:
    """Every contract but the markets, plus two stand-in markets, wired and funded with nothing."""

    decimals: int
    owner: str
    token: Any
    pool: Any
    source: Any
    order_book: Any
    vault: Any
    recovery: Any
    insurance: Any
    market: Any
    other_market: Any
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> int:
        """One whole unit of the currency."""
        return int(10**self.decimals)

    def account(self, name: str) -> str:
        if name not in self.accounts:
            self.accounts[name] = boa.env.generate_address(name)
        return self.accounts[name]

    def tokens(self, name: str, amount: int, spender: Any | None = None) -> str:
        """Gives an account tokens and lets `spender` (the pool) take them."""
        account = self.account(name)
        with boa.env.prank(self.owner):
            self.token.mint(account, amount)
        with boa.env.prank(account):
            self.token.approve((spender or self.pool).address, 2**256 - 1)
        return account

    def cash(self, name: str, amount: int) -> str:
        """Gives an account a free balance in the pool."""
        account = self.tokens(name, amount)
        with boa.env.prank(account):
            self.pool.deposit(amount, account)
        return account

    def engine_cash(self, engine: Any, amount: int) -> None:
        """Lets a market or another engine have earned `amount`."""
        if not amount:
            return
        with boa.env.prank(self.owner):
            self.token.mint(engine.address, amount)
        with boa.env.prank(engine.address):
            self.token.approve(self.pool.address, amount)
            self.pool.deposit(amount, engine.address)

    def as_(self, account: str, call: Callable[..., Any], *args: Any) -> Any:
        with boa.env.prank(account):
            return call(*args)

    def set_price(self, price: int, age: int = 0) -> None:
        self.source.set_price(price, boa.env.timestamp - age)

    def ledger_is_covered(self) -> bool:
        return self.token.balanceOf(self.pool.address) >= self.pool.total()


def insurance_params(unit: int, **changes: int) -> tuple[int, ...]:
    values = {
        "daily_cap_bps": DAILY_CAP_BPS,
        "recovery_share_bps": RECOVERY_SHARE_BPS,
        "reward_reserve_target": 1_000 * unit,
        "cooldown": COOLDOWN,
        "vesting_period": VESTING_PERIOD,
        "skin_floor_bps": SKIN_FLOOR_BPS,
    }
    values.update(changes)
    return tuple(values.values())


def build_system(decimals: int = 6) -> System:
    owner = boa.env.generate_address("owner")
    unit = 10**decimals
    with boa.env.prank(owner):
        token = deployer("CollateralToken").deploy("USD Coin", "USDC", decimals)
        pool = deployer("MarginPool").deploy(token.address)
        source = deployer("StubPriceSource").deploy()
        order_book = deployer("OrderBook").deploy(pool.address, unit // 10)
        vault = deployer("Vault").deploy(pool.address, COOLDOWN, DEPOSIT_LOCK)
        recovery = deployer("RecoveryToken").deploy(decimals)
        insurance = deployer("InsuranceFund").deploy(pool.address, recovery.address, insurance_params(unit))
        market = deployer("StubMarket").deploy(pool.address, source.address, FEED)
        other_market = deployer("StubMarket").deploy(pool.address, source.address, OTHER_FEED)

        recovery.set_minter(insurance.address)
        pool.set_roles(order_book.address, vault.address)
        for engine in (order_book, vault, insurance, market, other_market):
            pool.set_engine(engine.address, True)
        for each in (market, other_market):
            pool.set_mandate(each.address, 1_000 * unit)
            order_book.set_market(each.address, True)
            insurance.set_market(each.address, True)
            insurance.set_recovery_cap(each.address, RECOVERY_CAP * unit)
            vault.set_market(each.address, True)
    return System(decimals, owner, token, pool, source, order_book, vault, recovery, insurance, market, other_market)
