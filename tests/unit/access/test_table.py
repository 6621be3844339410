"""docs/security.md says who may call what.

Every function of every contract is in its tables, and every one that changes state is called as every role.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
import pytest

from plimsoll import artifacts
from tests.system import DEFAULTS, WAD, World, build_world
from tests.unit.support import FEED, LIMIT, deployer, publisher_keys

DOCUMENT = artifacts.ROOT / "docs/security.md"
USD = 10**6
NOBODY = "0x" + "00" * 20
NONE = bytes(32)

ENGINES = {"engine", "order book", "market", "fund"}
ROLES = {
    "outsider",
    "trader",
    "delegate",
    "keeper",
    "guardian",
    "guardian contract",
    "owner",
    "proposer",
    "timelock",
} | ENGINES
# The first words of the table's second column, and which roles that is. The trader holds the orders, requests and roles
# in question; the deployer of the play money is its minter.
WHO = {
    "anyone": ROLES,
    "nobody": set(),
    "owner": {"owner"},
    "owner; to pause": {"owner", "guardian contract"},
    "order book": {"order book"},
    "market": {"market"},
    "engine": ENGINES,
    "fund": {"fund"},
    "guardian": {"guardian"},
    "proposer": {"proposer"},
    "timelock": {"timelock"},
    "delegate": {"delegate"},
    "holder of the account or their delegate": {"trader", "delegate"},
    "holder of the order or their delegate; anyone once it has expired": {"trader", "delegate"},
    "holder of the request; anyone once it has lapsed": {"trader"},
    "holder of the role": {"trader"},
    "minter": {"owner"},
}


@dataclass(frozen=True)
class Row:
    who: str
    error: str

    @property
    def allowed(self) -> set[str]:
        return WHO[self.who.split(",")[0].split(":")[0].strip()]


@cache
def table() -> dict[str, Row]:
    """Rows by "Contract.function"."""
    found: dict[str, Row] = {}
    chapter = DOCUMENT.read_text(encoding="utf-8").split("## Who may call what")[1].split("\n## ")[0]
    for section in chapter.split("\n### ")[1:]:
        contract = section.split("\n", 1)[0].strip()
        for names, who, error in re.findall(r"^\| (`.*`) \| (.*?) \| ?(.*?) ?\|$", section, re.MULTILINE):
            for name in re.findall(r"`(\w+)`", names):
                assert f"{contract}.{name}" not in found, f"{contract}.{name} stands there twice"
                found[f"{contract}.{name}"] = Row(who, error)
    return found


def entries(contract: str) -> list[dict[str, Any]]:
    return [entry for entry in artifacts.abi(contract) if entry["type"] == "function"]


def is_view(entry: dict[str, Any]) -> bool:
    return entry["stateMutability"] in ("view", "pure")


WRITES = sorted(
    {f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name) if not is_view(entry)}
)


def test_table__every_function__and_no_other() -> None:
    real = {f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name)}
    assert len(real) > 200
    assert real - set(table()) == set(), "not in docs/security.md"
    assert set(table()) - real == set(), "only in docs/security.md"


def test_table__views__are_those_that_change_nothing() -> None:
    views = {name for name, row in table().items() if row.who == "view"}
    real = {
        f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name) if is_view(entry)
    }
    assert views == real


def test_table__no_fallback__takes_calls_that_it_does_not_name() -> None:
    for name in artifacts.contract_names():
        assert {entry["type"] for entry in artifacts.abi(name)} <= {"function", "event", "error", "constructor"}


# The roles, and a call of each function that its role can make


@dataclass
class Stage:
    world: World
    contracts: dict[str, Any]
    roles: dict[str, str]
    samples: dict[str, tuple[Any, ...]]


# A call that its role may make and that fails all the same, for this reason.
FAILS = {
    "InsuranceFund.release_skin": "nothing requested",
    "MarginPool.set_roles": "roles already set",
    "RecoveryToken.set_minter": "minter already set",
    "SourceRouter.cancel_change": "nothing announced",
    "TimelockController.cancel": "timelock_controller: operation cannot be cancelled",
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    world = build_world()
    roles = {name: world.account(name) for name in ("outsider", "trader", "delegate", "guardian", "proposer", "engine")}
    trader = roles["trader"]
    world.open("trader", 100 * WAD, 1_000 * USD)
    world.fund("trader", 1_000 * USD)
    order = world.place("trader", WAD, 100 * USD)
    with boa.env.prank(world.owner):
        world.token.mint(trader, 1_000 * USD)
        world.vault.set_deposit_lock(0)
    with boa.env.prank(trader):
        world.token.approve(world.vault.address, 2**256 - 1)
        world.vault.deposit(1_000 * USD, trader)
        request = world.vault.request_redeem(world.vault.balanceOf(trader) // 2)
        world.order_book.set_delegate(roles["delegate"], NOBODY, boa.env.timestamp + 86_400, 10, 1_000_000 * USD)

    keys = [key.address for key in publisher_keys(5)]
    with boa.env.prank(world.owner):
        guardian = deployer("Guardian").deploy(world.order_book.address)
        guardian.set_guardian(roles["guardian"], True)
        world.market.set_guardian(guardian.address)
        world.pool.set_engine(roles["engine"], True)
        timelock = deployer("TimelockController").deploy(60, [roles["proposer"]], [NOBODY])
        aggregator, pyth = deployer("StubAggregator").deploy(8), deployer("StubPyth").deploy(1)
        feed = deployer("PriceFeed").deploy(keys, 4, 60, 100)
        router = deployer("SourceRouter").deploy(60)
        contracts = {
            "ChainlinkSource": deployer("ChainlinkSource").deploy(NOBODY, 0),
            "PythSource": deployer("PythSource").deploy(pyth.address),
            "PriceFeed": feed,
            "SourceRouter": router,
            "Guardian": guardian,
            "TimelockController": timelock,
            "Relay": deployer("Relay").deploy(feed.address, world.order_book.address, world.pool.address),
            "MarketFactory": deployer("MarketFactory").deploy(
                *(deployer(name).deploy_as_blueprint() for name in ("Market", "TradingEngine", "RiskEngine"))
            ),
        }
    market = world.market.address
    wiring = (
        world.pool.address,
        world.vault.address,
        world.insurance.address,
        world.order_book.address,
        world.treasury,
        world.source.address,
        FEED,
    )
    contracts |= {
        "CollateralToken": world.token,
        "MarginPool": world.pool,
        "OrderBook": world.order_book,
        "Vault": world.vault,
        "RecoveryToken": world.recovery,
        "InsuranceFund": world.insurance,
        "Market": world.market,
        "TradingEngine": deployer("TradingEngine").deploy(wiring),
        "RiskEngine": deployer("RiskEngine").deploy(wiring),
    }
    roles |= {
        "keeper": world.keeper,
        "owner": world.owner,
        "timelock": timelock.address,
        "guardian contract": guardian.address,
        "order book": world.order_book.address,
        "market": market,
        "fund": world.insurance.address,
    }
    permit = (trader, roles["outsider"], 1, 0, 27, NONE, NONE)
    params = tuple(DEFAULTS.values())
    trade = (trader, -WAD, 0, 0, True, 0)
    asked = (market, 0, WAD, 100 * USD, 0, 0, False, boa.env.timestamp + 86_400)
    profit = (market, LIMIT, -WAD, 0, 200 * WAD, 0, True, boa.env.timestamp + 86_400)
    later = boa.env.timestamp + 60
    samples: dict[str, tuple[Any, ...]] = {
        "ChainlinkSource.set_feed": (FEED, aggregator.address, 60, 1, 2),
        "CollateralToken.approve": (trader, 1),
        "CollateralToken.burn": (0,),
        "CollateralToken.burn_from": (trader, 0),
        "CollateralToken.faucet": (),
        "CollateralToken.mint": (trader, 1),
        "CollateralToken.permit": permit,
        "CollateralToken.renounce_ownership": (),
        "CollateralToken.set_minter": (roles["outsider"], True),
        "CollateralToken.transfer": (trader, 0),
        "CollateralToken.transferFrom": (trader, roles["outsider"], 0),
        "Guardian.pause": (market,),
        "Guardian.pause_all": (),
        "Guardian.set_guardian": (roles["outsider"], True),
        "InsuranceFund.cover": (1,),
        "InsuranceFund.donate": (1,),
        "InsuranceFund.fund_recovery_pot": (1,),
        "InsuranceFund.fund_reward_reserve": (1,),
        "InsuranceFund.fund_skin": (1,),
        "InsuranceFund.issue_recovery": (trader, 1),
        "InsuranceFund.issue_rest": (market, trader),
        "InsuranceFund.pay_reward": (trader, 1),
        "InsuranceFund.record_income": (0,),
        "InsuranceFund.redeem_recovery": (1,),
        "InsuranceFund.request_skin": (1, trader),
        "InsuranceFund.request_unstake": (1,),
        "InsuranceFund.return_cover": (0, 0),
        "InsuranceFund.set_market": (market, False),
        "InsuranceFund.set_recovery_cap": (market, 1),
        "InsuranceFund.set_params": (tuple(world.insurance.params()),),
        "InsuranceFund.stake": (1,),
        "InsuranceFund.stake_with_permit": (1, 0, 0, 27, NONE, NONE),
        "InsuranceFund.unstake": (),
        "InsuranceFund.release_skin": (),
        "MarginPool.allow_pull": (market, 1),
        "MarginPool.collect": (trader, 1),
        "MarginPool.deposit": (1, trader),
        "MarginPool.deposit_with_permit": (1, trader, 0, 27, NONE, NONE),
        "MarginPool.deposit_signed": (trader, 1, 0, 0, later, b"", 27, NONE, NONE),
        "MarginPool.draw": (0,),
        "MarginPool.invalidate_nonces": (0, 1),
        "MarginPool.pay": (trader, 0),
        "MarginPool.release": (trader, 1),
        "MarginPool.set_engine": (roles["outsider"], True),
        "MarginPool.set_mandate": (market, 1),
        "MarginPool.set_roles": (world.vault.address, world.order_book.address),
        "MarginPool.settle": (0, [(trader, 0)]),
        "MarginPool.withdraw": (1, trader),
        "MarginPool.withdraw_signed": (trader, 1, trader, 0, 0, later, b""),
        "Market.change_margin": (trader, -1),
        "Market.crank": (1,),
        "Market.set_guardian": (trader,),
        "Market.set_increase_paused": (True,),
        "Market.set_params": (params,),
        "Market.sync": (trader,),
        "Market.trade": trade,
        "MarketFactory.create_market": (wiring, trader, params),
        "OrderBook.add_margin": (market, 1),
        "OrderBook.add_margin_for": (trader, market, 10 * USD),
        "OrderBook.cancel": (order,),
        "OrderBook.cancel_signed": (order, trader, 0, later, b"", 0),
        "OrderBook.execute": (order,),
        "OrderBook.invalidate_nonces": (0, 1),
        "OrderBook.place": (asked,),
        "OrderBook.place_for": (trader, asked),
        "OrderBook.place_linked": (trader, [profit]),
        "OrderBook.place_signed": (asked, trader, 0, later, b"", 0),
        "OrderBook.refresh_gas_price": (),
        "OrderBook.remove_margin": (market, 1),
        "OrderBook.set_delegate": (roles["outsider"], market, later, 1, 1),
        "OrderBook.set_gas_price": (NOBODY, NONE),
        "OrderBook.set_keeper_fee": (0,),
        "OrderBook.set_market": (market, False),
        "OrderBook.top_up": (order, 1),
        "PriceFeed.set_limits": (60, 100),
        "PriceFeed.set_publishers": (keys, 4),
        "PriceFeed.update": ([],),
        "PythSource.remove_feed": (FEED,),
        "PythSource.set_feed": (FEED, FEED, 60, 1, 1, 2),
        "PythSource.update": ([],),
        "RecoveryToken.approve": (trader, 1),
        "RecoveryToken.burn": (trader, 0),
        "RecoveryToken.mint": (trader, 1),
        "RecoveryToken.permit": permit,
        "RecoveryToken.set_minter": (trader,),
        "RecoveryToken.transfer": (trader, 0),
        "RecoveryToken.transferFrom": (trader, roles["outsider"], 0),
        "Relay.act": ([], [], 1, []),
        "RiskEngine.crank": (1,),
        "SourceRouter.announce_source": (FEED, world.source.address),
        "SourceRouter.cancel_change": (FEED,),
        "TimelockController.cancel": (NONE,),
        "TimelockController.execute": (market, 0, b"", NONE, NONE),
        "TimelockController.execute_batch": ([market], [0], [b""], NONE, NONE),
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
        "Vault.mint": (1, trader),
        "Vault.permit": permit,
        "Vault.redeem_request": (request,),
        "Vault.request_redeem": (1,),
        "Vault.set_cooldown": (60,),
        "Vault.set_deposit_cap": (0,),
        "Vault.set_deposit_lock": (0,),
        "Vault.set_market": (market, False),
        "Vault.transfer": (trader, 0),
        "Vault.transferFrom": (trader, roles["outsider"], 0),
    }
    samples |= {name: (roles["outsider"],) for name in WRITES if name.endswith(".transfer_ownership")}
    return Stage(world, contracts, roles, samples)


def outcome(stage: Stage, function: str, role: str, *args: Any) -> str | None:
    """Why the call was refused, or None if it was not. What it did is undone."""
    contract, name = function.split(".")
    with boa.env.anchor():
        try:
            getattr(stage.contracts[contract], name)(*args, sender=stage.roles[role])
        except boa.BoaError as error:
            return str(error)
    return None


@pytest.mark.parametrize("function", WRITES)
def test_function__as_every_role__as_the_table_says(stage: Stage, function: str) -> None:
    assert set(stage.roles) == ROLES
    row = table()[function]
    errors = {each.error for each in table().values()} - {""}
    for role in sorted(ROLES):
        # no contract calls itself from outside; what the timelock does to itself: tests/unit/timelock_controller
        if stage.roles[role] == stage.contracts[function.split(".")[0]].address:
            continue
        refusal = outcome(stage, function, role, *stage.samples[function])
        if role not in row.allowed:
            assert refusal is not None, f"{role} may call {function}"
            assert row.error in refusal, f"{function} refuses {role} otherwise: {refusal}"
        elif row.allowed == ROLES:
            assert refusal is None or not any(error in refusal for error in errors), f"{function}, {role}: {refusal}"
        elif function in FAILS:
            assert refusal is not None
            assert FAILS[function] in refusal
        else:
            assert refusal is None, f"{function} refuses {role}: {refusal}"


def test_pause__ended_by_the_owner_only(stage: Stage) -> None:
    for role in sorted(ROLES - {"owner", "market"}):
        refusal = outcome(stage, "Market.set_increase_paused", role, False)
        assert refusal is not None
        assert "ownable: caller is not the owner" in refusal
    assert outcome(stage, "Market.set_increase_paused", "owner", False) is None


def test_cancel__expired__open_to_anyone(stage: Stage) -> None:
    boa.env.time_travel(seconds=366 * 86_400)
    for role in sorted(ROLES - {"order book"}):
        assert outcome(stage, "OrderBook.cancel", role, *stage.samples["OrderBook.cancel"]) is None


def test_cancel_request__lapsed__open_to_anyone(stage: Stage) -> None:
    boa.env.time_travel(seconds=4 * 86_400)
    for role in sorted(ROLES):
        assert outcome(stage, "Vault.cancel_request", role, *stage.samples["Vault.cancel_request"]) is None
