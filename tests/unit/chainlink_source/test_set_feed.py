from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.chainlink_source.conftest import BOUNDS, DECIMALS, MAX_AGE, Chainlink
from tests.unit.support import FEED, OTHER_FEED, deployer, last_event

NOBODY = "0x" + "00" * 20


def test_set_feed__not_the_owner__reverts(chainlink: Chainlink) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        chainlink.source.set_feed(OTHER_FEED, chainlink.aggregator.address, MAX_AGE, *BOUNDS)


def test_set_feed__stored_and_told(chainlink: Chainlink) -> None:
    chainlink.set_feed(OTHER_FEED, chainlink.aggregator.address, 77, 5, 6)
    event = last_event(chainlink.source, "FeedSet")
    assert tuple(chainlink.source.feeds(OTHER_FEED)) == (chainlink.aggregator.address, DECIMALS, 77, 5, 6)
    told = (event.feed, event.aggregator, event.decimals, event.max_age, event.min_price, event.max_price)
    assert told == (OTHER_FEED, chainlink.aggregator.address, DECIMALS, 77, 5, 6)


def test_set_feed__zero_address__removes(chainlink: Chainlink) -> None:
    chainlink.set_feed(FEED, NOBODY, 0, 0, 0)
    with boa.reverts("wait: no price"):
        chainlink.price()


@pytest.mark.parametrize("max_age", [5, 2 * 86_400])
def test_set_feed__max_age_at_its_bounds__is_taken(chainlink: Chainlink, max_age: int) -> None:
    chainlink.set_feed(FEED, chainlink.aggregator.address, max_age, *BOUNDS)
    assert chainlink.source.feeds(FEED).max_age == max_age


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((4, *BOUNDS), "max age out of bounds"),
        ((2 * 86_400 + 1, *BOUNDS), "max age out of bounds"),
        ((60, 0, 1), "bad price bounds"),
        ((60, 2, 2), "bad price bounds"),
        ((60, 1, 2**90 + 1), "bad price bounds"),
    ],
)
def test_set_feed__out_of_bounds__reverts(chainlink: Chainlink, change: Any, reason: str) -> None:
    with boa.reverts(reason):
        chainlink.set_feed(FEED, chainlink.aggregator.address, *change)


def test_set_feed__no_contract_or_too_many_decimals__reverts(chainlink: Chainlink) -> None:
    with boa.reverts("aggregator is not a contract"):
        chainlink.set_feed(FEED, boa.env.generate_address(), MAX_AGE, *BOUNDS)
    with boa.reverts("too many decimals"):
        chainlink.set_feed(FEED, deployer("StubAggregator").deploy(37).address, MAX_AGE, *BOUNDS)


@pytest.mark.parametrize("grace_period", [59, 86_401])
def test_deploy__grace_period_out_of_bounds__reverts(chainlink: Chainlink, grace_period: int) -> None:
    with boa.reverts("grace period out of bounds"):
        deployer("ChainlinkSource").deploy(chainlink.uptime.address, grace_period)


def test_deploy__uptime_feed_without_code__reverts() -> None:
    with boa.reverts("uptime feed is not a contract"):
        deployer("ChainlinkSource").deploy(boa.env.generate_address(), 3_600)


def test_deploy__says_what_it_watches(chainlink: Chainlink) -> None:
    assert chainlink.source.uptime_feed() == chainlink.uptime.address
    assert chainlink.source.grace_period() == 1_800
