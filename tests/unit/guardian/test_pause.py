"""A guardian stops what increases risk, at once; only the owner of a market lets it start again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.system import WAD, World, build_world
from tests.unit.support import deployer, last_event

USD = 10**6
NOT_OWNER = "ownable: caller is not the owner"


@dataclass
class Watch:
    world: World
    guardian: Any
    account: str


@pytest.fixture(scope="module")
def watch() -> Watch:
    world = build_world(markets=2)
    account = world.account("guardian")
    with boa.env.prank(world.owner):
        guardian = deployer("Guardian").deploy(world.order_book.address)
        guardian.set_guardian(account, True)
        for market in world.markets:
            market.set_guardian(guardian.address)
    return Watch(world, guardian, account)


def paused(watch: Watch) -> list[bool]:
    return [bool(market.state().is_increase_paused) for market in watch.world.markets]


def test_pause__one_market__the_other_goes_on(watch: Watch) -> None:
    watch.guardian.pause(watch.world.market.address, sender=watch.account)
    assert paused(watch) == [True, False]


def test_pause_all__every_market_of_the_order_book(watch: Watch) -> None:
    assert watch.guardian.pause_all(sender=watch.account) == 2
    assert paused(watch) == [True, True]


def test_pause_all__a_market_refuses__the_others_are_paused(watch: Watch) -> None:
    with boa.env.prank(watch.world.owner):
        watch.world.market.set_guardian(watch.world.owner)
    assert watch.guardian.pause_all(sender=watch.account) == 1
    assert paused(watch) == [False, True]


def test_pause__by_a_guardian__only_the_owner_ends_it(watch: Watch) -> None:
    market = watch.world.market
    watch.guardian.pause(market.address, sender=watch.account)
    for caller in (watch.account, watch.guardian.address):
        with boa.reverts(NOT_OWNER):
            market.set_increase_paused(False, sender=caller)
    market.set_increase_paused(False, sender=watch.world.owner)
    assert paused(watch) == [False, False]


def test_pause__not_a_guardian__reverts(watch: Watch) -> None:
    for caller in (watch.world.owner, watch.world.keeper):
        with boa.reverts("only guardians"):
            watch.guardian.pause(watch.world.market.address, sender=caller)
        with boa.reverts("only guardians"):
            watch.guardian.pause_all(sender=caller)


def test_pause__by_a_guardian__closing_stays_open(watch: Watch) -> None:
    watch.world.open("trader", 100 * WAD, 1_000 * USD)
    watch.guardian.pause_all(sender=watch.account)
    watch.world.close("trader")
    assert watch.world.position("trader").units == 0


def test_set_guardian__told_and_taken_back(watch: Watch) -> None:
    with boa.reverts(NOT_OWNER):
        watch.guardian.set_guardian(watch.account, False, sender=watch.account)
    watch.guardian.set_guardian(watch.account, False, sender=watch.world.owner)
    event = last_event(watch.guardian, "GuardianSet")
    assert (event.account, event.is_guardian) == (watch.account, False)
    with boa.reverts("only guardians"):
        watch.guardian.pause_all(sender=watch.account)


def test_set_guardian_of_a_market__the_owner_only_and_told(watch: Watch) -> None:
    market = watch.world.market
    for caller in (watch.account, watch.guardian.address):
        with boa.reverts(NOT_OWNER):
            market.set_guardian(caller, sender=caller)
    market.set_guardian(watch.account, sender=watch.world.owner)
    assert last_event(market, "GuardianSet").guardian == watch.account == market.guardian()
    market.set_increase_paused(True, sender=watch.account)
    assert paused(watch) == [True, False]


def test_deploy__order_book_without_code__reverts(watch: Watch) -> None:
    assert watch.guardian.order_book() == watch.world.order_book.address
    with boa.reverts("order book is not a contract"):
        deployer("Guardian").deploy(watch.account)
