from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.unit.support import deployer, last_event, publisher_keys, sign

PRICE = 100_000 * 10**18


def _addresses(count: int) -> list[str]:
    return [key.address for key in publisher_keys(count)]


def test_set_publishers__not_the_owner__reverts(feed: Any) -> None:
    with boa.env.prank(boa.env.generate_address()), boa.reverts("ownable: caller is not the owner"):
        feed.set_publishers(_addresses(5), 4)


@pytest.mark.parametrize("count", range(1, 17))
def test_set_publishers__quorum__at_least_two_thirds(feed: Any, count: int) -> None:
    least = -(-2 * count // 3)
    addresses = _addresses(count)
    for quorum in (least, count):
        feed.set_publishers(addresses, quorum)
        assert (feed.publishers(), feed.quorum()) == (addresses, quorum)
    for quorum in (0, least - 1, count + 1):
        with boa.reverts("bad quorum"):
            feed.set_publishers(addresses, quorum)


def test_set_publishers__none__reverts(feed: Any) -> None:
    with boa.reverts("bad quorum"):
        feed.set_publishers([], 0)


@pytest.mark.parametrize("case", ["zero", "twice", "order"])
def test_set_publishers__not_increasing__reverts(feed: Any, case: str) -> None:
    first, second, third = _addresses(3)
    lists = {"zero": ["0x" + "00" * 20, second, third], "twice": [first, first, third], "order": [second, first, third]}
    with boa.reverts("publishers not increasing"):
        feed.set_publishers(lists[case], 3)


def test_set_publishers__keeps_the_limits_and_says_so(feed: Any) -> None:
    feed.set_limits(77, 55)
    feed.set_publishers(_addresses(3), 2)
    event = last_event(feed, "PublishersSet")
    assert (event.publishers, event.quorum) == (_addresses(3), 2)
    assert (feed.max_age(), feed.max_spread_bps()) == (77, 55)


def test_set_publishers__removed_publisher__no_longer_counts(feed: Any) -> None:
    keys = publisher_keys(5)
    feed.set_publishers([key.address for key in keys[1:]], 3)
    now = boa.env.timestamp
    with boa.reverts("unknown signer"):
        feed.update([sign(key, feed.address, PRICE, now) for key in keys])
    assert feed.update([sign(key, feed.address, PRICE, now) for key in keys[1:4]])


def test_set_publishers__list_account__cannot_be_run(feed: Any) -> None:
    config = boa.env.get_storage(feed.address, 1)
    account = config & (2**160 - 1)
    code = boa.env.get_code("0x" + account.to_bytes(20, "big").hex())
    assert len(code) == 17 * 32
    assert code[0] == 0  # STOP


@pytest.mark.parametrize(("max_age", "is_good"), [(4, False), (5, True), (3_600, True), (3_601, False)])
def test_set_limits__max_age_bounds(feed: Any, max_age: int, is_good: bool) -> None:
    if not is_good:
        with boa.reverts("max age out of bounds"):
            feed.set_limits(max_age, 100)
        return
    feed.set_limits(max_age, 100)
    assert last_event(feed, "LimitsSet").max_age == max_age
    assert feed.max_age() == max_age


@pytest.mark.parametrize(("spread", "is_good"), [(0, False), (1, True), (1_000, True), (1_001, False)])
def test_set_limits__spread_bounds(feed: Any, spread: int, is_good: bool) -> None:
    if not is_good:
        with boa.reverts("max spread out of bounds"):
            feed.set_limits(60, spread)
        return
    feed.set_limits(60, spread)
    assert feed.max_spread_bps() == spread
    assert (feed.publishers(), feed.quorum()) == (_addresses(5), 4)


def test_set_limits__not_the_owner__reverts(feed: Any) -> None:
    with boa.env.prank(boa.env.generate_address()), boa.reverts("ownable: caller is not the owner"):
        feed.set_limits(60, 100)


def test_constructor__checks_like_the_setters() -> None:
    with boa.reverts("bad quorum"):
        deployer("PriceFeed").deploy(_addresses(5), 3, 60, 100)
    with boa.reverts("max age out of bounds"):
        deployer("PriceFeed").deploy(_addresses(5), 4, 0, 100)
