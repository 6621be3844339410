"""An exchange on which all may call what the table lets them, and for each function a call that succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
from eth_account import Account
from eth_utils import keccak

from plimsoll.signing import Signer
from tests.system import DEFAULTS, WAD, World, build_world
from tests.unit.support import DAY, FEED, LIMIT, RECOVERY_CAP, deployer, publisher_keys, sign, sign_permit

USD = 10**6
NOBODY = "0x" + "00" * 20
NONE = bytes(32)
TRADER = Account.from_key(keccak(text="trader"))

PEOPLE = {"outsider", "trader", "delegate", "keeper", "guardian", "owner", "proposer"}
ENGINES = {"engine", "order book", "market", "fund"}
ROLES = PEOPLE | ENGINES | {"guardian contract", "timelock"}

# A call that does nothing, of an account without code: target, amount, payload, predecessor, salt
PROPOSAL = (TRADER.address, 0, b"", NONE, NONE)
BATCH = ([TRADER.address], [0], [b""], NONE, NONE)


@dataclass
class Stage:
    contracts: dict[str, Any]
    roles: dict[str, str]
    samples: dict[str, tuple[Any, ...]]


def build_stage() -> Stage:
    world = build_world(markets=2)
    world.accounts |= {"trader": TRADER.address, "keeper": world.keeper, "owner": world.owner}
    contracts = _deploy(world)
    roles = {name: world.account(name) for name in PEOPLE | {"engine"}} | {
        "timelock": contracts["TimelockController"].address,
        "guardian contract": contracts["Guardian"].address,
        "order book": world.order_book.address,
        "fund": world.insurance.address,
        # a sender can't be called back, so this is a market that nobody asks for anything
        "market": world.markets[1].address,
    }
    world.accounts |= roles
    _grant(world, contracts)
    for role in sorted(roles):
        _equip(world, role)
    return Stage(contracts, roles, _samples(world, contracts, *_prepare(world, contracts)))


def _wiring(world: World) -> tuple[Any, ...]:
    engines = (world.pool, world.vault, world.insurance, world.order_book)
    return *(engine.address for engine in engines), world.treasury, world.source.address, FEED


def _deploy(world: World) -> dict[str, Any]:
    wiring = _wiring(world)
    keys = [key.address for key in publisher_keys(5)]
    with boa.env.prank(world.owner):
        feed = deployer("PriceFeed").deploy(keys, 4, 60, 100)
        blueprints = (deployer(name).deploy_as_blueprint() for name in ("Market", "TradingEngine", "RiskEngine"))
        return {
            "ChainlinkSource": deployer("ChainlinkSource").deploy(NOBODY, 0),
            "CollateralToken": world.token,
            "Guardian": deployer("Guardian").deploy(world.order_book.address),
            "InsuranceFund": world.insurance,
            "MarginPool": world.pool,
            "Market": world.market,
            "MarketFactory": deployer("MarketFactory").deploy(*blueprints),
            "OrderBook": world.order_book,
            "PriceFeed": feed,
            "PythSource": deployer("PythSource").deploy(deployer("StubPyth").deploy(1).address),
            "RecoveryToken": world.recovery,
            "Relay": deployer("Relay").deploy(feed.address, world.order_book.address, world.pool.address),
            "RiskEngine": deployer("RiskEngine").deploy(wiring),
            "SourceRouter": deployer("SourceRouter").deploy(60),
            "TimelockController": deployer("TimelockController").deploy(60, [world.account("proposer")], [NOBODY]),
            "TradingEngine": deployer("TradingEngine").deploy(wiring),
            "Vault": world.vault,
        }


def _grant(world: World, contracts: dict[str, Any]) -> None:
    """What the owner decides."""
    market = world.accounts["market"]
    with boa.env.prank(world.owner):
        contracts["Guardian"].set_guardian(world.accounts["guardian"], True)
        world.market.set_guardian(contracts["Guardian"].address)
        for engine in (world.accounts["engine"], contracts["Relay"].address):
            world.pool.set_engine(engine, True)
        world.order_book.set_gas_price(world.source.address, FEED)
        world.vault.set_deposit_lock(0)
        world.vault.set_market(market, False)
        world.insurance.set_market(market, False)


def _equip(world: World, role: str) -> None:
    """Gives `role` what anyone may use: tokens and allowances, a free balance, a position, shares, a stake, RECOVER."""
    account = world.fund(role, 1_000 * USD)
    world.token.mint(account, 1_000 * USD, sender=world.owner)
    with boa.env.prank(account):
        for spender in (world.pool, world.vault, world.insurance):
            world.token.approve(spender.address, 2**256 - 1)
        world.vault.deposit(100 * USD, account)
    # no contract calls itself from outside
    if role != "fund":
        world.insurance.stake(100 * USD, sender=account)
    if role != "order book":
        assert world.trade(role, WAD, 110 * USD), world.failure()
    world.insurance.issue_recovery(account, USD, sender=world.market.address)


def _prepare(world: World, contracts: dict[str, Any]) -> tuple[int, int]:
    """Asks for all that has to wait, and waits. Returns the numbers of the trader's order and redemption."""
    trader = world.accounts["trader"]
    with boa.env.prank(trader):
        request = world.vault.request_redeem(world.vault.balanceOf(trader) // 2)
        world.insurance.request_unstake(world.insurance.shares_of(trader) // 2)
    with boa.env.prank(world.accounts["proposer"]):
        contracts["TimelockController"].schedule(*PROPOSAL, 60)
        contracts["TimelockController"].schedule_batch(*BATCH, 60)
    # all of the day's cap: what is beyond it waits for the next
    world.insurance.issue_recovery(trader, RECOVERY_CAP * USD, sender=world.market.address)
    with boa.env.prank(world.owner):
        world.insurance.fund_recovery_pot(USD)
        world.insurance.request_skin(1, trader)
    boa.env.time_travel(seconds=DAY)

    world.order_book.set_delegate(
        world.accounts["delegate"], NOBODY, boa.env.timestamp + DAY, 10, 1_000_000 * USD, sender=trader
    )
    order = world.place("trader", WAD, 100 * USD)
    world.refresh()
    world.crank()
    with boa.env.prank(world.owner):
        contracts["SourceRouter"].announce_source(FEED, world.source.address)
        # the second waits
        contracts["SourceRouter"].announce_source(FEED, contracts["PriceFeed"].address)
    return order, request


def _samples(world: World, contracts: dict[str, Any], order: int, request: int) -> dict[str, tuple[Any, ...]]:
    """By function a call that succeeds for whoever may make it. What the trader has to sign is signed."""
    trader, outsider, market = world.accounts["trader"], world.accounts["outsider"], world.market.address
    feed, timelock, keys = contracts["PriceFeed"], contracts["TimelockController"], publisher_keys(5)
    later = boa.env.timestamp + DAY
    book = Signer(TRADER, "OrderBook", world.order_book.address, boa.env.evm.patch.chain_id)
    pool = Signer(TRADER, "MarginPool", world.pool.address, boa.env.evm.patch.chain_id)
    permit = sign_permit(TRADER, world.token, world.pool.address, 1, later)
    observations = [sign(key, feed.address, 100 * WAD, boa.env.timestamp) for key in keys]
    params = tuple(DEFAULTS.values())
    trade = (trader, -WAD, 0, 0, True, 0)
    asked = (market, 0, WAD, 100 * USD, 0, 0, False, later)
    profit = (market, LIMIT, -WAD, 0, 200 * WAD, 0, True, later)
    samples: dict[str, tuple[Any, ...]] = {
        "ChainlinkSource.set_feed": (FEED, NOBODY, 0, 0, 0),
        "CollateralToken.approve": (trader, 1),
        "CollateralToken.burn": (1,),
        "CollateralToken.burn_from": (trader, 0),
        "CollateralToken.faucet": (),
        "CollateralToken.mint": (trader, 1),
        "CollateralToken.permit": (trader, outsider, 1, later, *sign_permit(TRADER, world.token, outsider, 1, later)),
        "CollateralToken.renounce_ownership": (),
        "CollateralToken.set_minter": (outsider, True),
        "CollateralToken.transfer": (trader, 1),
        "CollateralToken.transferFrom": (trader, outsider, 0),
        "Guardian.pause": (market,),
        "Guardian.pause_all": (),
        "Guardian.set_guardian": (outsider, True),
        "InsuranceFund.cover": (1,),
        "InsuranceFund.donate": (1,),
        "InsuranceFund.fund_recovery_pot": (1,),
        "InsuranceFund.fund_reward_reserve": (1,),
        "InsuranceFund.fund_skin": (1,),
        "InsuranceFund.issue_recovery": (trader, 1),
        "InsuranceFund.issue_rest": (market, trader),
        "InsuranceFund.keep_requests": (),
        "InsuranceFund.pay_reward": (trader, 1),
        "InsuranceFund.record_income": (0,),
        "InsuranceFund.redeem_recovery": (USD,),
        "InsuranceFund.request_skin": (1, trader),
        "InsuranceFund.request_unstake": (1,),
        "InsuranceFund.return_cover": (0, 0),
        "InsuranceFund.set_market": (market, False),
        "InsuranceFund.set_recovery_cap": (market, 1),
        "InsuranceFund.set_params": (tuple(world.insurance.params()),),
        "InsuranceFund.stake": (1,),
        "InsuranceFund.stake_with_permit": (1, 0, 0, 27, NONE, NONE),
        "InsuranceFund.unstake": (trader,),
        "InsuranceFund.release_skin": (),
        "MarginPool.allow_pull": (market, 1),
        "MarginPool.collect": (trader, 1),
        "MarginPool.deposit": (1, trader),
        "MarginPool.deposit_with_permit": (1, trader, 0, 27, NONE, NONE),
        "MarginPool.deposit_signed": (trader, 1, 0, 0, later, pool.deposit(1, 0, 0, later), *permit),
        "MarginPool.draw": (0,),
        "MarginPool.invalidate_nonces": (0, 1),
        "MarginPool.pay": (trader, 0),
        "MarginPool.release": (trader, 1),
        "MarginPool.set_engine": (outsider, True),
        "MarginPool.set_mandate": (market, 1),
        "MarginPool.set_roles": (world.vault.address, world.order_book.address),
        "MarginPool.settle": (0, [(trader, 0)]),
        "MarginPool.withdraw": (1, trader),
        "MarginPool.withdraw_signed": (trader, 1, trader, 0, 0, later, pool.withdrawal(1, trader, 0, 0, later)),
        "Market.change_margin": (trader, -1),
        "Market.crank": (1,),
        "Market.set_guardian": (trader,),
        "Market.set_increase_paused": (True,),
        "Market.set_params": (params,),
        "Market.sync": (trader,),
        "Market.trade": trade,
        "MarketFactory.create_market": (_wiring(world), trader, params),
        "OrderBook.add_margin": (market, 1),
        "OrderBook.add_margin_for": (trader, market, 10 * USD),
        "OrderBook.cancel": (order,),
        "OrderBook.cancel_signed": (order, trader, 0, later, book.cancellation(order, 0, later), 0),
        "OrderBook.execute": (order,),
        "OrderBook.invalidate_nonces": (0, 1),
        "OrderBook.place": (asked,),
        "OrderBook.place_for": (trader, asked),
        "OrderBook.place_linked": (trader, [profit]),
        "OrderBook.place_signed": (asked, trader, 0, later, book.placement(asked, 0, later), 0),
        "OrderBook.refresh_gas_price": (),
        "OrderBook.remove_margin": (market, 1),
        "OrderBook.set_delegate": (world.treasury, market, later, 1, 1),
        "OrderBook.set_gas_price": (NOBODY, NONE),
        "OrderBook.set_keeper_fee": (0,),
        "OrderBook.set_market": (market, False),
        "OrderBook.top_up": (order, 1),
        "PriceFeed.set_limits": (60, 100),
        "PriceFeed.set_publishers": ([key.address for key in keys], 4),
        "PriceFeed.update": (observations,),
        "PythSource.remove_feed": (FEED,),
        "PythSource.set_feed": (FEED, FEED, 60, 1, 1, 2),
        "PythSource.update": ([],),
        "RecoveryToken.approve": (trader, 1),
        "RecoveryToken.burn": (trader, 0),
        "RecoveryToken.mint": (trader, 1),
        "RecoveryToken.permit": (trader, outsider, 1, later, *sign_permit(TRADER, world.recovery, outsider, 1, later)),
        "RecoveryToken.set_minter": (trader,),
        "RecoveryToken.transfer": (trader, 1),
        "RecoveryToken.transferFrom": (trader, outsider, 0),
        "Relay.act": (observations, [market], 1, [order]),
        "RiskEngine.crank": (1,),
        "SourceRouter.announce_source": (FEED, world.source.address),
        "SourceRouter.cancel_change": (FEED,),
        "TimelockController.cancel": (timelock.hash_operation(*PROPOSAL),),
        "TimelockController.execute": PROPOSAL,
        "TimelockController.execute_batch": BATCH,
        "TimelockController.grantRole": (NONE, trader),
        "TimelockController.renounceRole": (NONE, trader),
        "TimelockController.revokeRole": (NONE, trader),
        "TimelockController.schedule": (market, 0, b"", NONE, NONE, 60),
        "TimelockController.schedule_batch": ([market], [0], [b""], NONE, NONE, 60),
        "TimelockController.set_role_admin": (NONE, NONE),
        "TimelockController.update_delay": (60,),
        "TradingEngine.change_margin": (trader, -1),
        "TradingEngine.trade": trade,
        "Vault.approve": (trader, 1),
        "Vault.cancel_request": (request,),
        "Vault.deposit": (1, trader),
        "Vault.deposit_with_permit": (1, trader, 0, 0, 27, NONE, NONE),
        "Vault.donate": (1,),
        "Vault.keep_requests": (),
        "Vault.mint": (1, trader),
        "Vault.permit": (trader, outsider, 1, later, *sign_permit(TRADER, world.vault, outsider, 1, later)),
        "Vault.redeem_request": (request,),
        "Vault.request_redeem": (1,),
        "Vault.set_cooldown": (60,),
        "Vault.set_deposit_cap": (0,),
        "Vault.set_deposit_lock": (0,),
        "Vault.set_market": (market, False),
        "Vault.transfer": (trader, 1),
        "Vault.transferFrom": (trader, outsider, 0),
    }
    owned = [name for name, contract in contracts.items() if hasattr(contract, "transfer_ownership")]
    return samples | {f"{name}.transfer_ownership": (outsider,) for name in owned}
