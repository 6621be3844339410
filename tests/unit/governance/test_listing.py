"""After a deployment a timelock owns everything, and a market is listed by one proposal to it."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from plimsoll import accounts, artifacts
from plimsoll.boa_chain import BoaChain
from plimsoll.deploy import OWNED, WAD, Exchange, Listing, Plan, deploy
from plimsoll.governance import call, create_market, listing_proposal

DELAY = 3_600
DOGE = Listing("DOGE", "DOGE-USD", WAD // 5)
DEPLOYER, GUARDIAN, KEEPER = (
    accounts.dev_account(index).address for index in (accounts.DEPLOYER, accounts.GUARDIAN, accounts.KEEPER)
)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return deploy(BoaChain(), Plan(timelock_delay=DELAY, vault_capital=1_000))


@pytest.fixture
def timelock(exchange: Exchange) -> Any:
    return exchange.contracts["TimelockController"]


def test_deploy__ends__with_the_timelock_as_owner_of_everything(exchange: Exchange, timelock: Any) -> None:
    owned = [exchange.contracts[name] for name in OWNED]
    for contract in (*owned, *exchange.markets.values()):
        assert contract.owner() == timelock.address
    has_owner = {
        name
        for name in exchange.contracts
        if "transfer_ownership" in {entry.get("name") for entry in artifacts.abi(name)}
    }
    assert has_owner == {*OWNED, "CollateralToken"}
    assert timelock.get_minimum_delay() == DELAY


def test_deploy__ends__with_a_guardian_in_every_market(exchange: Exchange) -> None:
    exchange.contracts["Guardian"].pause_all(sender=GUARDIAN)
    assert all(market.state().is_increase_paused for market in exchange.markets.values())


def test_listing__scheduled_and_executed__the_market_has_its_rights(exchange: Exchange, timelock: Any) -> None:
    market: Any = create_market(BoaChain(), exchange.plan, exchange.contracts, DOGE)
    proposal = listing_proposal(exchange.plan, exchange.contracts, market.address)
    with boa.reverts("access_control: account is missing role"):
        proposal.schedule(timelock, DELAY, sender=KEEPER)
    proposal.schedule(timelock, DELAY, sender=DEPLOYER)
    assert timelock.is_operation_pending(proposal.id(timelock))
    boa.env.time_travel(seconds=DELAY - 1)
    with boa.reverts("timelock_controller: operation is not ready"):
        proposal.execute(timelock, sender=KEEPER)
    boa.env.time_travel(seconds=1)
    proposal.execute(timelock, sender=KEEPER)

    pool, book, fund, vault = (
        exchange.contracts[name] for name in ("MarginPool", "OrderBook", "InsuranceFund", "Vault")
    )
    known: Any = exchange.markets["BTC"]
    assert pool.is_market(market.address)
    assert pool.mandate(market.address) == pool.mandate(known.address) > 0
    assert book.is_listed(market.address)
    assert fund.is_market(market.address)
    assert vault.is_market(market.address)
    assert market.owner() == timelock.address
    assert market.guardian() == exchange.contracts["Guardian"].address
    assert (market.feed(), market.price_source()) == (DOGE.feed, known.price_source())


def test_listing__cancelled__never_executes(exchange: Exchange, timelock: Any) -> None:
    market: Any = create_market(BoaChain(), exchange.plan, exchange.contracts, DOGE)
    proposal = listing_proposal(exchange.plan, exchange.contracts, market.address)
    proposal.schedule(timelock, DELAY, sender=DEPLOYER)
    timelock.cancel(proposal.id(timelock), sender=DEPLOYER)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: operation is not ready"):
        proposal.execute(timelock, sender=DEPLOYER)


def test_deployer__after_the_handover__owns_nothing(exchange: Exchange) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        exchange.contracts["Vault"].set_cooldown(60, sender=DEPLOYER)
    with boa.reverts("ownable: caller is not the owner"):
        exchange.markets["BTC"].set_increase_paused(False, sender=DEPLOYER)


def test_call__unknown_function__is_an_error(exchange: Exchange) -> None:
    address = exchange.contracts["Vault"].address
    with pytest.raises(ValueError, match="Vault has no function set_cooldown of 2 arguments"):
        call("Vault", address, "set_cooldown", 1, 2)
