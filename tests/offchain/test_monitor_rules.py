"""What the monitor says, and how often."""

from dataclasses import replace

import pytest

from plimsoll.monitor.rules import ETH, Alert, Limits, MarketSeen, Seen, Tracker, alerts

CALM = MarketSeen("BTC", 5, 0, 1_000, 1_000, False)
SEEN = Seen(
    head_age=1,
    markets=[CALM],
    insurance=100,
    insurance_at_start=100,
    keepers={"0xK": ETH},
    publishers={"http://p": 1},
)
LIMITS = Limits(price_seconds=60, dirty_blocks=5, mandate_bps=5_000, insurance_bps=5_000, publisher_seconds=15)


def keys(seen: Seen) -> list[str]:
    return [alert.key for alert in alerts(seen, LIMITS)]


def test_alerts__calm__none() -> None:
    assert keys(SEEN) == []


@pytest.mark.parametrize(
    ("change", "just_not", "key"),
    [
        ({"price_age": 61}, {"price_age": 60}, "price:BTC"),
        ({"price_age": None}, {}, "price:BTC"),
        ({"dirty_blocks": 6}, {"dirty_blocks": 5}, "dirty:BTC"),
        ({"mandate_left": 499}, {"mandate_left": 500}, "mandate:BTC"),
        ({"is_settling": True}, {}, "settling:BTC"),
    ],
)
def test_alerts__market__beyond_its_limit(change: dict, just_not: dict, key: str) -> None:
    assert keys(replace(SEEN, markets=[replace(CALM, **change)])) == [key]
    assert keys(replace(SEEN, markets=[replace(CALM, **just_not)])) == []


@pytest.mark.parametrize(
    ("change", "just_not", "key"),
    [
        ({"head_age": 31}, {"head_age": 30}, "node"),
        ({"insurance": 49}, {"insurance": 50}, "insurance"),
        ({"keepers": {"0xK": ETH // 10 - 1}}, {"keepers": {"0xK": ETH // 10}}, "keeper:0xK"),
        ({"publishers": {"http://p": 16}}, {"publishers": {"http://p": 15}}, "publisher:http://p"),
        ({"publishers": {"http://p": None}}, {}, "publisher:http://p"),
    ],
)
def test_alerts__exchange__beyond_its_limit(change: dict, just_not: dict, key: str) -> None:
    assert keys(replace(SEEN, **change)) == [key]
    assert keys(replace(SEEN, **just_not)) == []


def test_alerts__no_node__says_that_and_what_is_known_without_it() -> None:
    seen = Seen(None, publishers={"http://p": None})
    assert keys(seen) == ["node", "publisher:http://p"]


def test_alerts__no_insurance_was_deployed__is_no_alert() -> None:
    assert keys(replace(SEEN, insurance=0, insurance_at_start=0)) == []


def test_tracker__tells_the_beginning_and_the_end_once() -> None:
    tracker = Tracker()
    first, worse = Alert("price:BTC", "61 s old"), Alert("price:BTC", "75 s old")
    (news,) = tracker.update(100, [first])
    assert (news.status, news.alert, news.since) == ("firing", first, 100)
    assert tracker.update(110, [worse]) == []
    (news,) = tracker.update(120, [])
    assert (news.status, news.alert, news.since) == ("resolved", worse, 100)
    assert tracker.update(130, []) == []
    (news,) = tracker.update(140, [first])
    assert (news.status, news.since) == ("firing", 140)


def test_tracker__several_at_once__are_apart() -> None:
    tracker = Tracker()
    one, two = Alert("a", "a"), Alert("b", "b")
    assert len(tracker.update(1, [one, two])) == 2
    assert [(item.status, item.alert.key) for item in tracker.update(2, [two])] == [("resolved", "a")]
