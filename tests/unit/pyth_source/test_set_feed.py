from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.pyth_source.conftest import BOUNDS, ID, MAX_AGE, MAX_CONFIDENCE_BPS, Pyth
from tests.unit.support import FEED, OTHER_FEED, deployer, last_event


def test_set_feed__not_the_owner__reverts(pyth: Pyth) -> None:
    with boa.reverts("ownable: caller is not the owner"):
        pyth.source.set_feed(OTHER_FEED, ID, MAX_AGE, MAX_CONFIDENCE_BPS, *BOUNDS)
    with boa.reverts("ownable: caller is not the owner"):
        pyth.source.remove_feed(FEED)


def test_set_feed__stored_and_told(pyth: Pyth) -> None:
    pyth.set_feed(OTHER_FEED, ID, 77, 33, 5, 6)
    event = last_event(pyth.source, "FeedSet")
    assert tuple(pyth.source.feeds(OTHER_FEED)) == (ID, 77, 33, 5, 6)
    told = (event.feed, event.id, event.max_age, event.max_confidence_bps, event.min_price, event.max_price)
    assert told == (OTHER_FEED, ID, 77, 33, 5, 6)


def test_remove_feed__has_no_price_any_more(pyth: Pyth) -> None:
    with boa.env.prank(pyth.owner):
        pyth.source.remove_feed(FEED)
    assert last_event(pyth.source, "FeedRemoved").feed == FEED
    with boa.reverts("wait: no price"):
        pyth.price()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"\0" * 32, 60, 50, 1, 2), "id is zero"),
        ((ID, 4, 50, 1, 2), "max age out of bounds"),
        ((ID, 2 * 86_400 + 1, 50, 1, 2), "max age out of bounds"),
        ((ID, 60, 0, 1, 2), "max confidence out of bounds"),
        ((ID, 60, 1_001, 1, 2), "max confidence out of bounds"),
        ((ID, 60, 50, 0, 2), "bad price bounds"),
        ((ID, 60, 50, 2, 2), "bad price bounds"),
        ((ID, 60, 50, 1, 2**90 + 1), "bad price bounds"),
    ],
)
def test_set_feed__out_of_bounds__reverts(pyth: Pyth, change: Any, reason: str) -> None:
    with boa.reverts(reason):
        pyth.set_feed(FEED, *change)


@pytest.mark.parametrize("limits", [(5, 1, 1, 2), (2 * 86_400, 1_000, 1, 2**90)])
def test_set_feed__at_the_bounds__is_taken(pyth: Pyth, limits: Any) -> None:
    pyth.set_feed(FEED, ID, *limits)
    assert tuple(pyth.source.feeds(FEED)) == (ID, *limits)


def test_deploy__pyth_without_code__reverts(pyth: Pyth) -> None:
    with boa.reverts("pyth is not a contract"):
        deployer("PythSource").deploy(boa.env.generate_address())
    assert pyth.source.pyth() == pyth.pyth.address
