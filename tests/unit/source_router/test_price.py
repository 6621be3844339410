from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.unit.support import FEED, OTHER_FEED, WAD, deployer, last_event

DELAY = 86_400
NOBODY = "0x" + "00" * 20


@dataclass
class Routed:
    owner: str
    router: Any
    first: Any
    second: Any

    def announce(self, source: Any, feed: bytes = FEED) -> None:
        self.router.announce_source(feed, source.address, sender=self.owner)


@pytest.fixture(scope="module")
def routed() -> Routed:
    owner = boa.env.generate_address("owner")
    with boa.env.prank(owner):
        router = deployer("SourceRouter").deploy(DELAY)
    sources = []
    for price in (100, 101):
        source = deployer("StubPrices").deploy()
        source.set_price_of(FEED, price * WAD, boa.env.timestamp + price)
        sources.append(source)
    routed = Routed(owner, router, *sources)
    routed.announce(routed.first)
    return routed


def test_price__first_source__answers_at_once(routed: Routed) -> None:
    assert routed.router.price(FEED) == routed.first.price(FEED)
    assert routed.router.source(FEED) == routed.first.address
    assert routed.router.announced(FEED) == (NOBODY, 0)


def test_price__no_source__reverts(routed: Routed) -> None:
    assert routed.router.source(OTHER_FEED) == NOBODY
    with boa.reverts("wait: no price"):
        routed.router.price(OTHER_FEED)


def test_price__source_refuses__its_reason_comes_through(routed: Routed) -> None:
    deploy = deployer("StubAggregator").deploy
    chainlink = deployer("ChainlinkSource").deploy(NOBODY, 0)
    chainlink.set_feed(OTHER_FEED, deploy(8).address, 60, 1, 2)
    routed.announce(chainlink, OTHER_FEED)
    with boa.reverts("wait: round not complete"):
        routed.router.price(OTHER_FEED)


def test_announce__a_change__takes_effect_after_the_delay(routed: Routed) -> None:
    at = boa.env.timestamp + DELAY
    routed.announce(routed.second)
    event = last_event(routed.router, "SourceAnnounced")
    assert (event.feed, event.source, event.effective_at) == (FEED, routed.second.address, at)
    assert routed.router.announced(FEED) == (routed.second.address, at)
    boa.env.time_travel(seconds=DELAY - 1)
    assert routed.router.price(FEED) == routed.first.price(FEED)
    boa.env.time_travel(seconds=1)
    assert routed.router.price(FEED) == routed.second.price(FEED)
    assert routed.router.source(FEED) == routed.second.address
    assert routed.router.announced(FEED) == (NOBODY, 0)


def test_announce__again__starts_the_delay_anew(routed: Routed) -> None:
    routed.announce(routed.second)
    boa.env.time_travel(seconds=DELAY - 1)
    routed.announce(routed.second)
    boa.env.time_travel(seconds=DELAY - 1)
    assert routed.router.source(FEED) == routed.first.address
    boa.env.time_travel(seconds=1)
    assert routed.router.source(FEED) == routed.second.address


def test_announce__after_a_change__goes_from_the_new_one(routed: Routed) -> None:
    routed.announce(routed.second)
    boa.env.time_travel(seconds=DELAY)
    routed.announce(routed.first)
    assert routed.router.source(FEED) == routed.second.address
    boa.env.time_travel(seconds=DELAY)
    assert routed.router.source(FEED) == routed.first.address


def test_cancel__before_it_takes_effect__the_first_stays(routed: Routed) -> None:
    routed.announce(routed.second)
    routed.router.cancel_change(FEED, sender=routed.owner)
    event = last_event(routed.router, "ChangeCancelled")
    assert (event.feed, event.source) == (FEED, routed.second.address)
    boa.env.time_travel(seconds=DELAY)
    assert routed.router.source(FEED) == routed.first.address


def test_cancel__nothing_pending__reverts(routed: Routed) -> None:
    with boa.reverts("nothing announced"):
        routed.router.cancel_change(FEED, sender=routed.owner)
    routed.announce(routed.second)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("nothing announced"):
        routed.router.cancel_change(FEED, sender=routed.owner)


def test_announce__not_the_owner_or_no_contract__reverts(routed: Routed) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        routed.router.announce_source(FEED, routed.second.address)
    with boa.reverts("ownable: caller is not the owner"):
        routed.router.cancel_change(FEED)
    for source in (routed.owner, routed.router.address):
        with boa.reverts("source is not a contract"):
            routed.router.announce_source(FEED, source, sender=routed.owner)


@pytest.mark.parametrize("delay", [59, 30 * 86_400 + 1])
def test_deploy__delay_out_of_bounds__reverts(delay: int) -> None:
    with boa.reverts("delay out of bounds"):
        deployer("SourceRouter").deploy(delay)
    assert deployer("SourceRouter").deploy(60).delay() == 60
