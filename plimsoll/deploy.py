"""Deploys and wires Plimsoll, on whatever can deploy and call contracts.

`Chain` is what that takes: `scripts/deploy.py` brings Ape, tests and benchmarks bring titanoboa, and all of them get
the same exchange.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any, Protocol

from eth_typing import ChecksumAddress
from eth_utils import keccak

from plimsoll import accounts, deployments

WAD = 10**18
BPS = 10_000
NOBODY = "0x" + "00" * 20
NOTIONAL_OF_SKEW_SCALE = 1_000_000_000
"""psi is this many USD at the listing price."""


OWNED = ("MarginPool", "OrderBook", "PriceFeed", "SourceRouter", "Vault", "RecoveryToken", "InsuranceFund", "Guardian")
"""Contracts that have an owner, beside the markets."""


# Sizes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """A market to create."""

    symbol: str
    feed_name: str
    price_wad: int
    """USD per base unit when the market is listed, WAD."""

    @property
    def feed(self) -> bytes:
        return keccak(text=self.feed_name)


LISTINGS = (
    Listing("BTC", "BTC-USD", 122_550 * WAD),
    Listing("ETH", "ETH-USD", 4_393_63 * WAD // 100),
    Listing("SOL", "SOL-USD", 222 * WAD),
)


GAS_FEED = "ETH-USD"
"""Of the currency that gas is paid in."""


@dataclass(frozen=True, kw_only=True)
class MarketParams:
    """`IMarket.Params`, in its order. Cash in base units of the collateral. Defaults: DESIGN.md 2.7."""

    initial_margin_bps: int = 200
    maintenance_margin_bps: int = 100
    taker_fee_bps: int = 5
    maker_fee_bps: int = 2
    fee_vault_share_bps: int = 6_000
    fee_insurance_share_bps: int = 2_000
    liquidation_penalty_bps: int = 50
    penalty_keeper_share_bps: int = 2_000
    penalty_insurance_share_bps: int = 5_000
    adl_fee_bps: int = 0
    adl_step_bps: int = 5_000
    shock_open_bps: int = 3_000
    shock_backstop_bps: int = 1_000
    shock_adl_bps: int = 500
    funding_k_bps: int = 2_000
    funding_max_bps: int = 100
    max_age: int = 60
    skew_scale: int
    min_value: int
    loss_budget: int
    reward_floor: int


@dataclass(frozen=True)
class Plan:
    """Everything a deployment can choose. Capital in whole units of the collateral, which stands for USD."""

    vault_capital: int = 10_000_000
    loss_budget_bps: int = 1_000
    """Of the vault's capital, per market."""
    mandate_bps: int = 3_000
    """Of the vault's capital, per market: the most that a market, even a broken one, draws from it in 24 hours."""
    skin_in_the_game: int = 100_000
    insurance: int = 250_000
    reward_reserve: int = 10_000
    insurance_daily_cap_bps: int = 2_500
    recovery_share_bps: int = 5_000
    timelock_delay: int = 60
    """Seconds between a proposal of the owner and its execution. Short: this is the plan of a local network."""
    source_delay: int = 60
    """Seconds between the announcement of another price source, itself a proposal, and the change."""
    cooldown: int = 86_400
    """Seconds from the request to the payment, for vault and insurance."""
    deposit_lock: int = 60
    """Seconds for which fresh shares of the vault can't move, at least; up to twice that."""
    vesting_period: int = 7 * 86_400
    """Seconds over which the stakers earn an income of the insurance fund."""
    skin_floor_bps: int = 2_000
    """Of the stakers' insurance: skin in the game below it does not leave."""
    recovery_cap_bps: int = 3_000
    """Of the vault's capital, per market: the RECOVER that a market, even a broken one, has issued in 24 hours."""
    keeper_fee_cents: int = 10
    """What an order pays whoever executes it, in hundredths of the collateral."""
    adl_step_bps: int = 5_000
    quorum: int = 4
    max_age: int = 60
    max_spread_bps: int = 100
    symbol: str = "USDC"
    decimals: int = 6
    listings: Sequence[Listing] = LISTINGS
    publishers: Sequence[ChecksumAddress] = field(
        default_factory=lambda: [accounts.dev_account(accounts.FIRST_PUBLISHER + i).address for i in range(5)]
    )

    @property
    def unit(self) -> int:
        """Base units in one unit of the collateral."""
        return 10**self.decimals

    def market_params(self, listing: Listing) -> MarketParams:
        """The parameters of one market."""
        return MarketParams(
            skew_scale=NOTIONAL_OF_SKEW_SCALE * WAD * WAD // listing.price_wad,
            min_value=20 * self.unit,
            loss_budget=self.vault_capital * self.unit * self.loss_budget_bps // BPS,
            reward_floor=self.unit // 2,
            adl_step_bps=self.adl_step_bps,
            max_age=self.max_age,
        )

    def as_parameters(self) -> dict[str, int]:
        """The plan's numbers, cash in base units, for the deployments file."""
        cash = ("vault_capital", "skin_in_the_game", "insurance", "reward_reserve")
        numbers = {item.name: getattr(self, item.name) for item in fields(self)}
        numbers = {name: value for name, value in numbers.items() if isinstance(value, int)}
        numbers |= {name: numbers[name] * self.unit for name in cash}
        numbers["keeper_fee"] = numbers.pop("keeper_fee_cents") * self.unit // 100
        return numbers


# Deploying -----------------------------------------------------------------------------------------------------------


class Contract(Protocol):
    """A deployed contract: its address, and a method for each of its functions that takes `sender=`."""

    address: Any


class Chain(Protocol):
    """What a deployment needs of a chain. Accounts are given by their index in the development mnemonic."""

    def deploy(self, name: str, *args: Any) -> Contract:
        """Deploys contract `name`, as the deployer."""

    def declare(self, name: str) -> ChecksumAddress:
        """Deploys the blueprint of contract `name`, as the deployer."""

    def at(self, name: str, address: ChecksumAddress) -> Contract:
        """The contract `name` at `address`."""

    def account(self, index: int) -> Any:
        """What goes into `sender=` for account `index`."""

    def returned(self, function: Any, *args: Any) -> Any:
        """Sends a transaction that calls `function`, as the deployer, and gives what it returned."""


@dataclass(frozen=True)
class Exchange:
    """A deployed and wired Plimsoll."""

    plan: Plan
    contracts: dict[str, Contract]
    markets: dict[str, Contract]


def deploy(chain: Chain, plan: Plan, report: Callable[[str], None] = lambda step: None) -> Exchange:
    """Deploys every contract, gives each its role, pays the capital in and creates the markets.

    `report` is told each step. In the end a timelock, to which the deployer may propose, owns everything but the test
    token.
    """
    contracts = _deploy_contracts(chain, plan, report)
    _set_roles(chain, contracts)
    # Before the markets: a vault takes deposits only while every market of its list is clean at a fresh price.
    report("funding vault and insurance")
    _pay_capital_in(chain, plan, contracts)
    markets = {}
    for listing in plan.listings:
        report(f"creating market {listing.symbol}")
        markets[listing.symbol] = _create_market(chain, plan, contracts, listing)
    report("handing everything over to the timelock")
    _hand_over(chain, contracts, markets)
    return Exchange(plan, contracts, markets)


def _deploy_contracts(chain: Chain, plan: Plan, report: Callable[[str], None]) -> dict[str, Contract]:
    contracts: dict[str, Contract] = {}

    def deploy_one(name: str, *args: Any) -> Any:
        report(f"deploying {name}")
        contracts[name] = chain.deploy(name, *args)
        return contracts[name].address

    token = deploy_one("CollateralToken", "Plimsoll test USD", plan.symbol, plan.decimals)
    pool = deploy_one("MarginPool", token)
    book = deploy_one("OrderBook", pool, plan.keeper_fee_cents * plan.unit // 100)
    deploy_one("PriceFeed", sorted(plan.publishers, key=str.lower), plan.quorum, plan.max_age, plan.max_spread_bps)
    deploy_one("SourceRouter", plan.source_delay)
    deploy_one("Vault", pool, plan.cooldown, plan.deposit_lock)
    recovery = deploy_one("RecoveryToken", plan.decimals)
    fund_params = (
        plan.insurance_daily_cap_bps,
        plan.recovery_share_bps,
        plan.reward_reserve * plan.unit,
        plan.cooldown,
        plan.vesting_period,
        plan.skin_floor_bps,
    )
    deploy_one("InsuranceFund", pool, recovery, fund_params)
    report("deploying the blueprints of Market and its engines")
    deploy_one("MarketFactory", *(chain.declare(name) for name in ("Market", "TradingEngine", "RiskEngine")))
    deploy_one("Relay", contracts["PriceFeed"].address, book, pool)
    deploy_one("Lens", pool, book)
    deploy_one("CapitalLens", contracts["Vault"].address)
    deploy_one("Guardian", book)
    proposers, anyone = [accounts.dev_account(accounts.DEPLOYER).address], [NOBODY]
    deploy_one("TimelockController", plan.timelock_delay, proposers, anyone)
    return contracts


def _set_roles(chain: Chain, contracts: Mapping[str, Any]) -> None:
    deployer = chain.account(accounts.DEPLOYER)
    pool, book, vault, fund = (contracts[name] for name in ("MarginPool", "OrderBook", "Vault", "InsuranceFund"))
    pool.set_roles(book.address, vault.address, sender=deployer)
    # The relay is an engine only to pass on what markets and orders pay it.
    for engine in (book, vault, fund, contracts["Relay"]):
        pool.set_engine(engine.address, True, sender=deployer)
    contracts["RecoveryToken"].set_minter(fund.address, sender=deployer)
    # Keeper fees follow the price of gas from the first refresh on.
    book.set_gas_price(contracts["PriceFeed"].address, keccak(text=GAS_FEED), sender=deployer)


def _pay_capital_in(chain: Chain, plan: Plan, contracts: Mapping[str, Any]) -> None:
    token, vault, fund = contracts["CollateralToken"], contracts["Vault"], contracts["InsuranceFund"]
    deployer = chain.account(accounts.DEPLOYER)

    def pay(index: int, receiver: Any, function: Any, units: int, *more: Any) -> None:
        # Nobody takes a payment of nothing.
        if units == 0:
            return
        amount = units * plan.unit
        token.mint(accounts.dev_account(index).address, amount, sender=deployer)
        token.approve(receiver.address, amount, sender=chain.account(index))
        function(amount, *more, sender=chain.account(index))

    pay(accounts.LP, vault, vault.deposit, plan.vault_capital, accounts.dev_account(accounts.LP).address)
    pay(accounts.TREASURY, fund, fund.fund_skin, plan.skin_in_the_game)
    pay(accounts.TREASURY, fund, fund.fund_reward_reserve, plan.reward_reserve)
    pay(accounts.STAKER, fund, fund.stake, plan.insurance)


def wiring(contracts: Mapping[str, Contract], feed: bytes, source: str | None = None) -> tuple[Any, ...]:
    """`IMarket.Wiring` of a market that reads `feed` of `source` (default: the `PriceFeed`)."""
    return (
        contracts["MarginPool"].address,
        contracts["Vault"].address,
        contracts["InsuranceFund"].address,
        contracts["OrderBook"].address,
        accounts.dev_account(accounts.TREASURY).address,
        source or contracts["PriceFeed"].address,
        feed,
    )


def listing_steps(plan: Plan, market: ChecksumAddress) -> list[tuple[str, str, tuple[Any, ...]]]:
    """What gives a created market its rights: contract, function and arguments, in order. For the owner."""
    mandate = plan.vault_capital * plan.unit * plan.mandate_bps // BPS
    recovery_cap = plan.vault_capital * plan.unit * plan.recovery_cap_bps // BPS
    return [
        ("MarginPool", "set_engine", (market, True)),
        ("MarginPool", "set_mandate", (market, mandate)),
        ("OrderBook", "set_market", (market, True)),
        ("InsuranceFund", "set_market", (market, True)),
        ("InsuranceFund", "set_recovery_cap", (market, recovery_cap)),
        ("Vault", "set_market", (market, True)),
    ]


def _create_market(chain: Chain, plan: Plan, contracts: Mapping[str, Any], listing: Listing) -> Contract:
    deployer = chain.account(accounts.DEPLOYER)
    owner = accounts.dev_account(accounts.DEPLOYER).address
    params = astuple(plan.market_params(listing))
    create = contracts["MarketFactory"].create_market
    address = chain.returned(create, wiring(contracts, listing.feed), owner, params)
    for name, function, args in listing_steps(plan, address):
        getattr(contracts[name], function)(*args, sender=deployer)
    return chain.at("Market", address)


def _hand_over(chain: Chain, contracts: Mapping[str, Any], markets: Mapping[str, Any]) -> None:
    deployer = chain.account(accounts.DEPLOYER)
    guardian = contracts["Guardian"]
    guardian.set_guardian(accounts.dev_account(accounts.GUARDIAN).address, True, sender=deployer)
    for market in markets.values():
        market.set_guardian(guardian.address, sender=deployer)
    # Not the token: who runs a local network mints.
    for owned in (*(contracts[name] for name in OWNED), *markets.values()):
        owned.transfer_ownership(contracts["TimelockController"].address, sender=deployer)


def describe(
    exchange: Exchange, url: str, chain_id: int, genesis_hash: str, start_block: int, publisher_port: int
) -> deployments.Deployment:
    """The deployments file of `exchange`, on the chain at `url`, with publishers on this machine from a port on."""
    plan = exchange.plan
    return deployments.Deployment(
        network="local",
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        start_block=start_block,
        rpc_url=url,
        collateral=deployments.Collateral(symbol=plan.symbol, decimals=plan.decimals),
        contracts={name: contract.address for name, contract in exchange.contracts.items()},
        markets={
            listing.symbol: deployments.MarketEntry(
                address=exchange.markets[listing.symbol].address,
                feed="0x" + listing.feed.hex(),
                feed_name=listing.feed_name,
                params=vars(plan.market_params(listing)),
            )
            for listing in plan.listings
        },
        publishers=[
            deployments.PublisherEntry(address=publisher, url=f"http://127.0.0.1:{publisher_port + i}")
            for i, publisher in enumerate(plan.publishers)
        ],
        treasury=accounts.dev_account(accounts.TREASURY).address,
        parameters=plan.as_parameters(),
    )
