from __future__ import annotations

from typing import Any

import boa
import pytest
from eth.exceptions import Revert
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.support import FEED, OTHER_FEED, deployer, last_event, publisher_keys, sign

PRICE = 100_000 * 10**18
MAX_AGE = 60
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_update__quorum__stores_the_median_and_the_oldest_time(feed: Any) -> None:
    now = boa.env.timestamp
    prices = [PRICE + 30, PRICE, PRICE + 20, PRICE + 11]
    times = [now, now - 7, now - 3, now]
    report = [sign(key, feed.address, p, t) for key, p, t in zip(publisher_keys(5), prices, times, strict=False)]

    assert feed.update(report) is True

    event = last_event(feed, "PriceUpdated")
    expected = (PRICE + 15, now - 7)  # mean of 11 and 20, rounded down
    assert feed.price(FEED) == expected
    assert (event.feed, event.price, event.published_at) == (FEED, *expected)


def test_update__first_price_of_a_feed__leaves_others_without(feed: Any, report: Any) -> None:
    with boa.reverts("wait: no price"):
        feed.price(FEED)
    feed.update(report())
    with boa.reverts("wait: no price"):
        feed.price(OTHER_FEED)


@settings(max_examples=30, deadline=None)
@given(
    offsets=st.lists(st.integers(0, PRICE // 100), min_size=4, max_size=5),
    base=st.sampled_from([PRICE, 10**6, 2**95]),
)
def test_update__median__is_that_of_the_sorted_prices(feed: Any, offsets: list[int], base: int) -> None:
    prices = [base + offset * base // PRICE for offset in offsets]
    now = boa.env.timestamp
    report = [sign(key, feed.address, price, now) for key, price in zip(publisher_keys(5), prices, strict=False)]
    ordered = sorted(prices)
    middle = len(prices) // 2
    median = ordered[middle] if len(prices) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
    assert feed.update(report) is True
    assert feed.price(FEED)[0] == median


@pytest.mark.parametrize("count", [0, 1, 3])
def test_update__below_quorum__reverts(feed: Any, report: Any, count: int) -> None:
    with boa.reverts("below quorum"):
        feed.update(report()[:count])


@pytest.mark.parametrize("sub", [(0, 1, 2, 4), (0, 1, 3, 4), (1, 2, 3, 4), (0, 1, 2, 3, 4)])
def test_update__any_quorum__is_good(feed: Any, sub: tuple[int, ...]) -> None:
    keys = publisher_keys(5)
    assert feed.update([sign(keys[i], feed.address, PRICE, boa.env.timestamp) for i in sub])


def test_update__repeated_signer__reverts(feed: Any, report: Any) -> None:
    good = report()
    with boa.reverts("signers not increasing"):
        feed.update([good[0], good[1], good[1], good[2]])


def test_update__signers_out_of_order__reverts(feed: Any, report: Any) -> None:
    good = report()
    with boa.reverts("signers not increasing"):
        feed.update([good[0], good[2], good[1], good[3]])


@pytest.mark.parametrize("with_quorum", [False, True])
def test_update__unknown_signer__reverts_even_beyond_the_quorum(feed: Any, report: Any, with_quorum: bool) -> None:
    stranger = Account.create()
    strange = sign(stranger, feed.address, PRICE, boa.env.timestamp)
    signed = list(zip(publisher_keys(5), report(), strict=False))
    signed = [*(signed if with_quorum else signed[:3]), (stranger, strange)]
    signed.sort(key=lambda pair: int(pair[0].address, 16))
    with boa.reverts("unknown signer"):
        feed.update([observation for _, observation in signed])


def test_update__two_feeds__reverts(feed: Any, report: Any) -> None:
    good = report()
    other = sign(publisher_keys(5)[3], feed.address, PRICE, boa.env.timestamp, OTHER_FEED)
    with boa.reverts("one feed per update"):
        feed.update([*good[:3], other])


@pytest.mark.parametrize(("price", "is_good"), [(0, False), (1, True), (2**96 - 1, True), (2**96, False)])
def test_update__price_bounds(feed: Any, report: Any, price: int, is_good: bool) -> None:
    observations = report(*[price] * 4)
    if is_good:
        assert feed.update(observations)
        assert feed.price(FEED)[0] == price
    else:
        with boa.reverts("price out of bounds"):
            feed.update(observations)


@pytest.mark.parametrize(("age", "error"), [(-1, "from the future"), (0, ""), (60, ""), (61, "stale observation")])
def test_update__age_of_one_observation(feed: Any, report: Any, age: int, error: str) -> None:
    odd = sign(publisher_keys(5)[1], feed.address, PRICE, boa.env.timestamp - age)
    observations = report()
    observations[1] = odd
    if error:
        with boa.reverts(error):
            feed.update(observations)
    else:
        assert feed.update(observations)
        assert feed.price(FEED)[1] == boa.env.timestamp - age


def test_update__time_beyond_64_bits__reverts(feed: Any, report: Any) -> None:
    observations = [(f, p, 2**64 - 1, v, r, s) for f, p, _, v, r, s in report()]
    with boa.reverts("from the future"):
        feed.update(observations)


@pytest.mark.parametrize(("highest", "is_good"), [(10_100, True), (10_101, False)])
def test_update__spread__at_most_one_percent_of_the_median(feed: Any, report: Any, highest: int, is_good: bool) -> None:
    observations = report(10_000, 10_000, 10_000, highest)
    if is_good:
        assert feed.update(observations)
    else:
        with boa.reverts("spread too wide"):
            feed.update(observations)


def test_update__spread__counts_every_signature(feed: Any, report: Any) -> None:
    with boa.reverts("spread too wide"):
        feed.update(report(9_000, 10_000, 10_000, 10_000, 10_000))


def test_update__replay__is_ignored_without_a_revert(feed: Any, report: Any) -> None:
    observations = report()
    assert feed.update(observations) is True
    assert feed.update(observations) is False
    assert not feed.get_logs()


def test_update__old_report__is_ignored_even_when_stale(feed: Any, report: Any) -> None:
    old = report(*[PRICE * 2] * 4)
    boa.env.time_travel(seconds=10)
    feed.update(report())
    boa.env.time_travel(seconds=MAX_AGE + 1)
    stored = feed.price(FEED)
    assert feed.update(old) is False
    assert feed.price(FEED) == stored


def test_update__one_old_observation_among_new__is_ignored(feed: Any, report: Any) -> None:
    feed.update(report())
    old = report()[0]
    boa.env.time_travel(seconds=5)
    assert feed.update([old, *report()[1:]]) is False


def test_update__newer__moves_on(feed: Any, report: Any) -> None:
    feed.update(report())
    boa.env.time_travel(seconds=1)
    assert feed.update(report(*[PRICE + 1] * 4)) is True
    assert feed.price(FEED) == (PRICE + 1, boa.env.timestamp)


def test_update__anyone_may_submit(feed: Any, report: Any) -> None:
    with boa.env.prank(boa.env.generate_address()):
        assert feed.update(report())


def _with(observations: list[Any], **changes: Any) -> list[Any]:
    names = ["feed", "price", "published_at", "v", "r", "s"]
    changed = dict(zip(names, observations[2], strict=True)) | changes
    return [*observations[:2], tuple(changed[name] for name in names), *observations[3:]]


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_update__v_other_than_27_and_28__reverts(feed: Any, report: Any, v: int) -> None:
    with boa.reverts("bad signature"):
        feed.update(_with(report(), v=v))


def test_update__high_s__reverts(feed: Any, report: Any) -> None:
    good = report()
    _, _, _, v, _, s = good[2]
    twin = CURVE_ORDER - int.from_bytes(s, "big")
    with boa.reverts("bad signature"):
        feed.update(_with(good, v=55 - v, s=twin.to_bytes(32, "big")))


def test_update__empty_signature__reverts(feed: Any, report: Any) -> None:
    with boa.reverts("bad signature"):
        feed.update(_with(report(), r=bytes(32), s=bytes(32)))


@pytest.mark.parametrize("what", ["price", "published_at"])
def test_update__changed_after_signing__reverts(feed: Any, report: Any, what: str) -> None:
    observations = report(age=1)
    value = observations[2][1 if what == "price" else 2] + 1
    with boa.reverts():  # another signer is recovered: unknown or out of order
        feed.update(_with(observations, **{what: value}))


@pytest.mark.parametrize("wrong", ["chain", "contract"])
def test_update__signed_for_elsewhere__reverts(feed: Any, wrong: str) -> None:
    other = deployer("PriceFeed").deploy([key.address for key in publisher_keys(5)], 4, MAX_AGE, 100)
    observations = [
        sign(
            key,
            other.address if wrong == "contract" else feed.address,
            PRICE,
            boa.env.timestamp,
            chain_id=31_337 if wrong == "chain" else None,
        )
        for key in publisher_keys(5)
    ]
    with boa.reverts():
        feed.update(observations)


def test_update__sixteen_publishers__fit(feed: Any) -> None:
    keys = publisher_keys(16)
    large = deployer("PriceFeed").deploy([key.address for key in keys], 11, MAX_AGE, 100)
    now = boa.env.timestamp
    assert large.update([sign(key, large.address, PRICE + i, now) for i, key in enumerate(keys)])
    assert large.price(FEED) == (PRICE + 7, now)
    boa.env.time_travel(seconds=1)
    # the last eleven: the walk through the list has to skip
    assert large.update([sign(key, large.address, PRICE, now + 1) for key in keys[5:]])


def test_update__too_many_observations__reverts(feed: Any, report: Any) -> None:
    entry = report()[0]
    head = feed.update.prepare_calldata([entry] * 16)
    # seventeen entries by hand, since the ABI encoder refuses
    word = (17).to_bytes(32, "big")
    data = head[:36] + word + head[68:] + head[-192:]
    with pytest.raises(Revert) as error:
        boa.env.raw_call(feed.address, data=data)
    assert error.value.args == ("reverted without a reason",), "stopped by the decoder, not by a later check"


def test_update__chain_fork__reverts_on_the_other_chain() -> None:
    # revm keeps one chain id
    with boa.swap_env(boa.Env()):
        feed = deployer("PriceFeed").deploy([key.address for key in publisher_keys(5)], 4, MAX_AGE, 100)
        observations = [sign(key, feed.address, PRICE, boa.env.timestamp) for key in publisher_keys(5)[:4]]
        chain_id = boa.env.evm.patch.chain_id
        boa.env.evm.patch.chain_id = 424_242
        with boa.reverts("wrong chain"):
            feed.update(observations)
        boa.env.evm.patch.chain_id = chain_id
        assert feed.update(observations)
