from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.system import scaled
from tests.unit.support import FEED, System, deployer, last_event


@pytest.fixture
def factory() -> Any:
    blueprints = [deployer(name).deploy_as_blueprint() for name in ("Market", "TradingEngine", "RiskEngine")]
    return deployer("MarketFactory").deploy(*blueprints)


def _wiring(system: System) -> tuple[object, ...]:
    return (
        system.pool.address,
        system.vault.address,
        system.insurance.address,
        system.order_book.address,
        system.account("treasury"),
        system.source.address,
        FEED,
    )


def test_create_market__anyone__and_the_owner_is_as_told(system: System, factory: Any) -> None:
    creator, owner = system.account("creator"), system.account("market owner")
    with boa.env.prank(creator):
        address = factory.create_market(_wiring(system), owner, scaled(6))
    event = last_event(factory, "MarketCreated")
    assert (event.market, event.feed, event.creator) == (address, FEED, creator)
    market = deployer("Market").at(address)
    assert market.owner() == owner
    assert (market.feed(), market.price_source(), market.pool()) == (FEED, system.source.address, system.pool.address)
    assert tuple(market.params()) == scaled(6)


def test_create_market__gives_no_rights(system: System, factory: Any) -> None:
    market = factory.create_market(_wiring(system), system.owner, scaled(6))
    assert not system.pool.is_engine(market)
    assert not system.order_book.is_listed(market)
    assert not system.insurance.is_market(market)
    assert not system.vault.is_market(market)


def test_create_market__bad_params__revert(system: System, factory: Any) -> None:
    with boa.reverts():
        factory.create_market(_wiring(system), system.owner, scaled(6, initial_margin_bps=0))


def test_create_market__two__are_two(system: System, factory: Any) -> None:
    first = factory.create_market(_wiring(system), system.owner, scaled(6))
    second = factory.create_market(_wiring(system), system.owner, scaled(6))
    assert first != second


def test_constructor__blueprint_without_code__reverts(system: System) -> None:
    good = system.token.address
    for position in range(3):
        blueprints = [good, good, good]
        blueprints[position] = system.account("nobody")
        with boa.reverts("blueprint is not a contract"):
            deployer("MarketFactory").deploy(*blueprints)
