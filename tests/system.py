"""The whole of Plimsoll on titanoboa. Every contract is the real one but the price source, which a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boa

from tests.unit.support import (
    COOLDOWN,
    DEPOSIT_LOCK,
    FEED,
    MARKET,
    OTHER_FEED,
    RECOVERY_CAP,
    WAD,
    deployer,
    insurance_params,
)

LONG, SHORT = 0, 1
NONE = 2**256 - 1
START = 1_760_000_000

# the defaults of docs/mechanism.md for a market listed at 100 USD
DEFAULTS: dict[str, int] = {
    "initial_margin_bps": 200,
    "maintenance_margin_bps": 100,
    "taker_fee_bps": 5,
    "maker_fee_bps": 2,
    "fee_vault_share_bps": 6_000,
    "fee_insurance_share_bps": 2_000,
    "liquidation_penalty_bps": 50,
    "penalty_keeper_share_bps": 2_000,
    "penalty_insurance_share_bps": 5_000,
    "adl_fee_bps": 0,
    "adl_step_bps": 5_000,
    "shock_open_bps": 3_000,
    "shock_backstop_bps": 1_000,
    "shock_adl_bps": 500,
    "funding_k_bps": 2_000,
    "funding_max_bps": 100,
    "max_age": 60,
    "skew_scale": 10_000_000 * WAD,
    "min_value": 20 * 10**6,
    "loss_budget": 1_000_000 * 10**6,
    "reward_floor": 5 * 10**5,
}


@dataclass
class World:
    """One deployment. `unit` is one whole unit of the currency."""

    decimals: int
    owner: str
    token: Any
    pool: Any
    source: Any
    order_book: Any
    vault: Any
    recovery: Any
    insurance: Any
    lens: Any
    treasury: str
    keeper: str
    markets: list[Any]
    feeds: list[bytes]
    built_at: int = START
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> int:
        return int(10**self.decimals)

    @property
    def market(self) -> Any:
        return self.markets[0]

    def resume(self) -> None:
        """Sets the clock to when this was built, for one that outlives a test: others have wound it since."""
        boa.env.evm.patch.timestamp = self.built_at

    def account(self, name: str) -> str:
        if name not in self.accounts:
            self.accounts[name] = boa.env.generate_address(name)
        return self.accounts[name]

    def fund(self, name: str, amount: int) -> str:
        """Gives `name` a free balance."""
        account = self.account(name)
        with boa.env.prank(self.owner):
            self.token.mint(account, amount)
        with boa.env.prank(account):
            self.token.approve(self.pool.address, amount)
            self.pool.deposit(amount, account)
        return account

    def engine_cash(self, engine: Any, amount: int) -> None:
        """Lets an engine have earned `amount`."""
        with boa.env.prank(self.owner):
            self.token.mint(engine.address, amount)
        with boa.env.prank(engine.address):
            self.token.approve(self.pool.address, amount)
            self.pool.deposit(amount, engine.address)

    def set_price(self, price: int, market: int = 0, after: int = 1) -> None:
        """`after` seconds pass, then a price observed right then is there. WAD."""
        boa.env.time_travel(seconds=after)
        self.source.set_price_of(self.feeds[market], price, boa.env.timestamp)

    def place(
        self,
        name: str,
        size: int,
        margin: int,
        market: int = 0,
        acceptable: int = 0,
        reduce_only: bool = False,
    ) -> int:
        order = (
            self.markets[market].address,
            MARKET,
            size,
            margin,
            0,
            acceptable,
            reduce_only,
            boa.env.timestamp + 86_400 * 365,
        )
        with boa.env.prank(self.account(name)):
            return int(self.order_book.place(order))

    def refresh(self, market: int = 0) -> None:
        """The same price again, published a second later."""
        price, _ = self.source.price(self.feeds[market])
        self.set_price(price, market)

    def execute(self, order: int) -> bool:
        with boa.env.prank(self.keeper):
            return bool(self.order_book.execute(order))

    def trade(self, name: str, size: int, margin: int = 0, market: int = 0, reduce_only: bool = False) -> bool:
        """Place, a new price that is the same, execute."""
        order = self.place(name, size, margin, market, reduce_only=reduce_only)
        self.refresh(market)
        return self.execute(order)

    def open(self, name: str, size: int, margin: int, market: int = 0) -> None:
        """Funds exactly what the order needs and trades; fails loudly."""
        self.fund(name, margin + int(self.order_book.keeper_fee()))
        assert self.trade(name, size, margin, market), self.failure()

    def close(self, name: str, market: int = 0) -> None:
        account = self.account(name)
        side, _, units, *_ = self.markets[market].position(account)
        self.fund(name, int(self.order_book.keeper_fee()))
        assert self.trade(name, units if side == SHORT else -units, 0, market, reduce_only=True), self.failure()

    def failure(self) -> str:
        events = [e for e in self.order_book.get_logs() if type(e).__name__ == "OrderFailed"]
        return str(events[-1].reason) if events else "no OrderFailed"

    def crank(self, buckets: int = 1_000, market: int = 0) -> int:
        with boa.env.prank(self.keeper):
            return int(self.markets[market].crank(buckets))

    def state(self, market: int = 0) -> Any:
        return self.markets[market].state()

    def position(self, name: str, market: int = 0) -> Any:
        return self.markets[market].position(self.account(name))

    def free(self, name: str) -> int:
        return int(self.pool.balance_of(self.account(name)))

    def is_clean(self, market: int = 0) -> bool:
        """From the buckets themselves, not from the stored bound."""
        state = self.state(market)
        adjusted = state.index_price - state.funding_index
        for side, coordinate in ((LONG, adjusted), (SHORT, -adjusted)):
            for bucket in self.live_buckets(side, market):
                if beta_of(bucket) > coordinate:
                    return False
        return True

    def live_buckets(self, side: int, market: int = 0) -> list[int]:
        """Every live bucket of a side, column by column upward."""
        contract = self.markets[market]
        columns = contract.columns(side)
        found = []
        for index in range(256):
            if columns >> index & 1:
                bucket = contract.next_bucket(side << 24 | index << 16, True)
                while bucket != NONE:
                    found.append(bucket)
                    if bucket & 0xFFFF == 0xFFFF:
                        break
                    bucket = contract.next_bucket(bucket + 1, True)
        return found

    def all_cash(self) -> int:
        """What everybody owns: the ledger."""
        return int(self.pool.total())


MANTISSAS = (1024, 1218, 1448, 1722)


def floor_of(index: int) -> int:
    return MANTISSAS[index % 4] << (index // 4 + 20)


def beta_of(bucket: int) -> int:
    return ((bucket & 0xFFFF) - 32_768) * (floor_of(bucket >> 16 & 255) // 16)


def scaled(decimals: int, **changes: int) -> tuple[int, ...]:
    """Market parameters with money in the token's base units."""
    values = dict(DEFAULTS)
    for name in ("min_value", "loss_budget", "reward_floor"):
        values[name] = values[name] * 10**decimals // 10**6
    values.update(changes)
    return tuple(values.values())


def build_world(
    decimals: int = 6,
    vault: int = 10_000_000,
    skin: int = 100_000,
    insurance: int = 250_000,
    reserve: int = 1_000,
    price: int = 100 * WAD,
    markets: int = 1,
    **params: int,
) -> World:
    """Capital in whole units of the currency; `params` override DEFAULTS."""
    boa.env.evm.patch.timestamp = START
    owner = boa.env.generate_address("owner")
    treasury = boa.env.generate_address("treasury")
    keeper = boa.env.generate_address("keeper")
    unit = 10**decimals
    feeds = [FEED, OTHER_FEED][:markets]
    with boa.env.prank(owner):
        token = deployer("CollateralToken").deploy("USD Coin", "USDC", decimals)
        pool = deployer("MarginPool").deploy(token.address)
        source = deployer("StubPrices").deploy()
        order_book = deployer("OrderBook").deploy(pool.address, unit // 10)
        vault_contract = deployer("Vault").deploy(pool.address, COOLDOWN, DEPOSIT_LOCK)
        recovery = deployer("RecoveryToken").deploy(decimals)
        fund = deployer("InsuranceFund").deploy(
            pool.address, recovery.address, insurance_params(unit, daily_cap_bps=5_000)
        )
        lens = deployer("Lens").deploy(pool.address, order_book.address)
        recovery.set_minter(fund.address)
        pool.set_roles(order_book.address, vault_contract.address)
        deployed = []
        for feed in feeds:
            wiring = (
                pool.address,
                vault_contract.address,
                fund.address,
                order_book.address,
                treasury,
                source.address,
                feed,
            )
            trading = deployer("TradingEngine").deploy(wiring)
            risk = deployer("RiskEngine").deploy(wiring)
            market = deployer("Market").deploy(wiring, trading.address, risk.address, owner, scaled(decimals, **params))
            deployed.append(market)
        for engine in (order_book, vault_contract, fund, *deployed):
            pool.set_engine(engine.address, True)
        for market in deployed:
            pool.set_mandate(market.address, vault * unit // 2)
            order_book.set_market(market.address, True)
            fund.set_market(market.address, True)
            fund.set_recovery_cap(market.address, RECOVERY_CAP * unit)
            vault_contract.set_market(market.address, True)
    world = World(
        decimals,
        owner,
        token,
        pool,
        source,
        order_book,
        vault_contract,
        recovery,
        fund,
        lens,
        treasury,
        keeper,
        deployed,
        feeds,
    )
    for index in range(markets):
        world.set_price(price, index)
        world.crank(market=index)
    total = (vault + skin + insurance + reserve) * unit
    with boa.env.prank(owner):
        token.mint(owner, total)
        token.approve(vault_contract.address, total)
        token.approve(fund.address, total)
        if vault:
            vault_contract.deposit(vault * unit, owner)
        if skin:
            fund.fund_skin(skin * unit)
        if insurance:
            fund.stake(insurance * unit)
        if reserve:
            fund.fund_reward_reserve(reserve * unit)
    world.built_at = boa.env.timestamp
    return world


def events(contract: Any, name: str) -> list[Any]:
    """The events `name` of the last call to `contract`, in order."""
    return [event for event in contract.get_logs() if type(event).__name__ == name]


def check_books(world: World) -> None:
    """Solvent, books and grid, from the buckets and the ledger themselves."""
    owners = {*world.accounts.values(), world.owner, world.treasury, world.keeper}
    engines = {m.address for m in (*world.markets, world.vault, world.insurance, world.order_book)}
    ledger = sum(world.pool.balance_of(account) for account in owners | engines)
    assert ledger == world.pool.total() <= world.token.balanceOf(world.pool.address)
    for index, market in enumerate(world.markets):
        state = market.state()
        held = {side: [(b, market.bucket(b).units) for b in world.live_buckets(side, index)] for side in (LONG, SHORT)}
        assert sum(units for _, units in held[LONG]) == state.units_long
        assert sum(units for _, units in held[SHORT]) == state.units_short
        adjusted = state.index_price - state.funding_index
        exact = (state.units_long - state.units_short) * adjusted
        exact -= sum(units * beta_of(b) for side in held.values() for b, units in side)
        assert state.trader_equity == -(-exact // 10 ** (36 - world.decimals))
        if world.is_clean(index) and not state.is_settling:
            assert state.cash == state.claimable + state.trader_equity
