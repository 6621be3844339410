from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import boa
import pytest

from tests.regressions.support import USD, Desk, build_desk, list_market, set_params
from tests.regressions.traps import trap
from tests.system import WAD, World, build_world, events
from tests.unit import support
from tests.unit.support import FEED, LIMIT, MARKET, STOP, deployer, publisher_keys, sign

CANNOT_APPLY = {
    "the collateral is taken to be worth one dollar": (
        "no contract converts: prices, margin and payouts are all in units of the collateral, so a feed is to be "
        "quoted in it, and no second rate exists that could be wrong"
    ),
}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return build_desk()


def place(desk: Desk, name: str, size: int, margin: int, kind: int = 0, trigger: int = 0) -> int:
    world = desk.world
    account = world.fund(name, margin + world.order_book.keeper_fee())
    expires_at = boa.env.timestamp + 86_400
    order = (world.markets[-1].address, kind, size, margin, trigger, 0, False, expires_at)
    with boa.env.prank(account):
        return int(world.order_book.place(order))


@trap("free look: an order filled at a price known when it was placed")
def test_free_look__price_published_up_to_placing__never_fills(desk: Desk) -> None:
    boa.env.time_travel(seconds=2)
    # the publishers have signed the jump, the chain has not seen it; the trader has
    known = desk.report(101 * WAD)
    orders = [
        place(desk, "sniper", 10 * WAD, 200 * USD),
        place(desk, "sniper", 10 * WAD, 200 * USD, LIMIT, 102 * WAD),
        place(desk, "sniper", 10 * WAD, 200 * USD, STOP, 100 * WAD),
    ]
    boa.env.time_travel(seconds=5)
    results = desk.act(known, [], orders=orders)
    assert results.prices_updated == 1
    assert (results.orders_filled, results.orders_failed, results.orders_waiting) == (0, 0, 3)
    # the next price is one that nobody knew
    boa.env.time_travel(seconds=1)
    assert desk.act(desk.report(102 * WAD), [], orders=orders).orders_filled == 3


@trap("the keeper picks among valid prices")
def test_choice__two_valid_reports__only_forward(desk: Desk) -> None:
    boa.env.time_travel(seconds=10)
    liked, later = desk.report(101 * WAD, age=5), desk.report(99 * WAD, age=1)
    assert desk.feed.update(later)
    assert not desk.feed.update(liked)
    assert desk.feed.price(FEED) == (99 * WAD, boa.env.timestamp - 1)


@trap("the keeper picks among valid prices")
def test_choice__leaving_observations_out__moves_the_price_less_than_the_spread(desk: Desk) -> None:
    boa.env.time_travel(seconds=1)
    at = boa.env.timestamp
    quotes = [100 * WAD + i * WAD // 4 for i in range(5)]
    signed = [sign(key, desk.feed.address, quote, at) for key, quote in zip(publisher_keys(5), quotes, strict=True)]
    medians = []
    for left_out in range(5):
        with boa.env.anchor():
            desk.feed.update([each for index, each in enumerate(signed) if index != left_out])
            medians.append(desk.feed.price(FEED)[0])
    assert max(medians) - min(medians) <= WAD // 4
    with boa.reverts("below quorum"):
        desk.feed.update(signed[:3])


@trap("two prices inside one transaction")
def test_transaction__two_reports_and_two_orders__one_price_for_all(desk: Desk) -> None:
    orders = [place(desk, name, size, 500 * USD) for name, size in (("one", 10 * WAD), ("two", -10 * WAD))]
    boa.env.time_travel(seconds=5)
    older, newer = desk.report(100 * WAD, age=2), desk.report(101 * WAD)
    # the relay groups by feed, so the reports are put apart by another one's
    other = desk.report(50 * WAD, feed=support.OTHER_FEED)
    market = desk.world.markets[-1]
    results = desk.act([*older, *other, *newer], [market, market], orders=orders)
    assert (results.prices_updated, results.orders_filled) == (3, 2)
    prices = [event.fill_price for event in events(desk.world.order_book, "OrderExecuted")]
    assert market.state().index_price == 101 * WAD
    for name in ("one", "two"):
        entry = market.position(desk.world.account(name)).entry_price
        assert abs(entry - 101 * WAD) < WAD // 1_000
    assert prices == []  # told by the relay's transaction, not by a call to the book


@trap("the first transaction of a block fixes the price for all")
def test_block__second_transaction_with_a_newer_report__gets_the_newer_price(desk: Desk) -> None:
    boa.env.time_travel(seconds=5)
    market = desk.world.markets[-1]
    desk.act(desk.report(98 * WAD, age=2), [market])
    assert market.state().index_price == 98 * WAD
    desk.act(desk.report(99 * WAD, age=1), [market])
    assert market.state().index_price == 99 * WAD


@trap("strictly growing timestamps lock others out")
def test_timestamps__somebody_was_first__no_revert_and_no_lockout(desk: Desk) -> None:
    boa.env.time_travel(seconds=5)
    report = desk.report(99 * WAD)
    assert desk.feed.update(report)
    assert not desk.feed.update(report)
    assert not desk.feed.update(desk.report(97 * WAD, age=3))
    # nobody can push the stored time ahead of the clock
    with boa.reverts("from the future"):
        desk.feed.update(desk.report(99 * WAD, age=-1))
    boa.env.time_travel(seconds=1)
    assert desk.feed.update(desk.report(100 * WAD))


@trap("a few signers move the median")
@pytest.mark.parametrize("lie", [99 * WAD + WAD // 10, 100 * WAD + 9 * WAD // 10])
@pytest.mark.parametrize("liar", range(4))
def test_median__one_liar_in_a_quorum__stays_between_honest_prices(desk: Desk, liar: int, lie: int) -> None:
    boa.env.time_travel(seconds=1)
    honest = [100 * WAD, 100 * WAD + 10**15, 100 * WAD + 2 * 10**15]
    quotes = honest.copy()
    quotes.insert(liar, lie)
    at = boa.env.timestamp
    desk.feed.update([sign(key, desk.feed.address, q, at) for key, q in zip(publisher_keys(5), quotes, strict=False)])
    assert min(honest) <= desk.feed.price(FEED)[0] <= max(honest)


@trap("a few signers move the median")
def test_median__a_lie_beyond_the_spread__ends_the_report(desk: Desk) -> None:
    boa.env.time_travel(seconds=1)
    at = boa.env.timestamp
    quotes = [100 * WAD, 100 * WAD, 100 * WAD, 102 * WAD]
    with boa.reverts("spread too wide"):
        desk.feed.update(
            [sign(key, desk.feed.address, q, at) for key, q in zip(publisher_keys(5), quotes, strict=False)]
        )


@trap("an old report is played again")
def test_replay__later_elsewhere_or_for_another_feed__changes_nothing(desk: Desk) -> None:
    boa.env.time_travel(seconds=5)
    old = desk.report(90 * WAD)
    assert desk.feed.update(old)
    boa.env.time_travel(seconds=1)
    assert desk.feed.update(desk.report(100 * WAD))
    before = desk.feed.price(FEED)
    assert not desk.feed.update(old)
    boa.env.time_travel(seconds=100)
    assert not desk.feed.update(old)
    assert desk.feed.price(FEED) == before
    # signed for one feed, shown for another
    renamed = [(support.OTHER_FEED, *each[1:]) for each in desk.report(90 * WAD)]
    with boa.reverts("unknown signer"):
        desk.feed.update(renamed)


@trap("a report longer than the array")
def test_payload__every_publisher_signs__fits_and_one_more_does_not() -> None:
    keys = publisher_keys(16)
    feed: Any = support.deployer("PriceFeed").deploy([key.address for key in keys], 11, 60, 100)
    boa.env.time_travel(seconds=1)
    report = [sign(key, feed.address, 100 * WAD, boa.env.timestamp) for key in keys]
    with pytest.raises(boa.BoaError):
        feed.update([*report, report[-1]])
    with boa.reverts("wait: no price"):
        feed.price(FEED)
    assert feed.update(report)
    assert feed.price(FEED)[0] == 100 * WAD


@trap("one freshness rule for every market")
def test_freshness__each_market_has_its_own_limit() -> None:
    world = build_world(markets=2)
    set_params(world, market=1, max_age=600)
    orders = {}
    for market in (0, 1):
        world.fund("trader", 500 * USD + world.order_book.keeper_fee())
        orders[market] = world.place("trader", WAD, 500 * USD, market)
    for market in (0, 1):
        world.refresh(market)
    boa.env.time_travel(seconds=120)
    with boa.reverts("wait: stale price"):
        world.execute(orders[0])
    assert world.execute(orders[1])


@dataclass
class Foreign:
    """A market on a Chainlink feed that counts as broken after ten minutes."""

    world: World
    source: Any
    aggregator: Any
    uptime: Any

    def answer(self, price: int, after: int = 1, is_down: bool = False, up_for: int = 3_601) -> None:
        """`after` seconds pass, then the feed answers; USD."""
        boa.env.time_travel(seconds=after)
        at = boa.env.timestamp
        self.aggregator.set_round(1, price * 10**8, at, at, 1)
        self.uptime.set_round(1, int(is_down), at - up_for, at, 1)


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    world = build_world()
    aggregator, uptime = (deployer("StubAggregator").deploy(decimals) for decimals in (8, 0))
    source = deployer("ChainlinkSource").deploy(uptime.address, 3_600)
    source.set_feed(FEED, aggregator.address, 600, 10 * WAD, 1_000 * WAD)
    foreign = Foreign(world, source, aggregator, uptime)
    foreign.answer(100)
    list_market(world, source)
    return foreign


def place_foreign(foreign: Foreign) -> int:
    foreign.world.fund("trader", 500 * USD + foreign.world.order_book.keeper_fee())
    return foreign.world.place("trader", WAD, 500 * USD, market=-1)


@trap("one freshness rule for every market")
def test_freshness__each_feed_of_a_source_has_its_own_heartbeat(foreign: Foreign) -> None:
    foreign.source.set_feed(support.OTHER_FEED, foreign.aggregator.address, 60, 10 * WAD, 1_000 * WAD)
    foreign.answer(100)
    boa.env.time_travel(seconds=61)
    assert foreign.source.price(FEED)[0] == 100 * WAD
    with boa.reverts("wait: stale answer"):
        foreign.source.price(support.OTHER_FEED)


@trap("free look: an order filled at a price known when it was placed")
def test_free_look__answer_of_a_foreign_feed_known_when_placing__never_fills(foreign: Foreign) -> None:
    foreign.answer(100)
    order = place_foreign(foreign)
    boa.env.time_travel(seconds=5)
    with boa.reverts("wait: price not newer than the order"):
        foreign.world.execute(order)
    foreign.answer(101)
    assert foreign.world.execute(order)


@trap("two prices inside one transaction")
def test_transaction__foreign_feed_went_back__the_market_does_not(foreign: Foreign) -> None:
    foreign.answer(100)
    foreign.world.crank(market=-1)
    at = boa.env.timestamp
    foreign.aggregator.set_round(1, 90 * 10**8, at - 5, at - 5, 1)
    foreign.world.crank(market=-1)
    assert (foreign.world.state(-1).index_price, foreign.world.state(-1).published_at) == (100 * WAD, at)


@pytest.mark.parametrize("trouble", ["sequencer down", "just restarted", "silent", "out of bounds"])
def test_outage__of_a_foreign_feed__orders_wait_and_fill_afterwards(foreign: Foreign, trouble: str) -> None:
    order = place_foreign(foreign)
    foreign.answer(
        1 if trouble == "out of bounds" else 100,
        is_down=trouble == "sequencer down",
        up_for=60 if trouble == "just restarted" else 3_601,
    )
    foreign.aggregator.set_silent(trouble == "silent")
    with boa.reverts("wait: "):
        foreign.world.execute(order)
    foreign.aggregator.set_silent(False)
    foreign.answer(100)
    assert foreign.world.execute(order)


def round_trip(desk: Desk, name: str, prices: list[int], is_watched: bool) -> int:
    """
    What an attacker gains who places an opening and a closing order, then executes each at the report of its choice.
    Where it is watched, a keeper has brought every report when it was published and filled what could be filled.
    """
    world, market = desk.world, desk.world.markets[-1]
    open_id, close_id = place(desk, name, 10 * WAD, 200 * USD), 0
    attacker = world.account(name)
    world.fund(name, world.order_book.keeper_fee())
    start = world.free(name)
    with boa.env.prank(attacker):
        close = (market.address, MARKET, -10 * WAD, 0, 0, 0, True, boa.env.timestamp + 86_400)
        close_id = int(world.order_book.place(close))
    reports = []
    for price in prices:
        boa.env.time_travel(seconds=1)
        reports.append(desk.report(price))
        if is_watched:
            desk.act(reports[-1], [market], orders=[open_id, close_id])
    lowest = prices.index(min(prices))
    highest = max(range(lowest, len(prices)), key=lambda index: prices[index])
    for index, order in ((lowest, open_id), (highest, close_id)):
        with boa.env.prank(attacker):
            desk.relay.act(reports[index], [market.address], 1, [order])
    return int(world.free(name)) - start - 200 * USD


@trap("the keeper picks among valid prices")
def test_choice__among_reports_published_after_placing__is_gone_where_a_keeper_is_awake(desk: Desk) -> None:
    random, alone, watched = Random(7), [], []
    for _ in range(8):
        prices = [100 * WAD + random.randrange(-WAD // 2, WAD // 2) for _ in range(10)]
        for gains, is_watched in ((alone, False), (watched, True)):
            with boa.env.anchor():
                gains.append(round_trip(desk, "attacker", prices, is_watched))
    # what a chain without keepers gives away, as docs/security.md says
    assert sum(alone) > 0 and max(alone) > 5 * USD
    # the first report fills both orders: nothing is left to choose, and a round trip costs its fees
    assert max(watched) < 0


@trap("free look: an order filled at a price known when it was placed", "the keeper picks among valid prices")
def test_order__a_thousand_attempts_to_choose_a_price__gain_nothing() -> None:
    """The attacker knows the next price when placing, executes alone, and tries every price published so far first."""
    random, world = Random(20), build_world()
    world.open("maker", -300 * WAD, 10_000 * USD)  # skew to be paid for taking it away
    attacker = world.fund("attacker", 20_000 * USD)
    book, start = world.order_book, world.free("attacker")
    filled, best = 0, -start
    for _ in range(1_000):
        with boa.env.anchor():
            known = 100 * WAD + random.randrange(-3 * WAD, 3 * WAD)
            coming = known + random.randrange(-5 * WAD, 5 * WAD)
            world.set_price(known)
            kind = random.choice((MARKET, LIMIT, STOP))
            size = random.choice((1, -1)) * random.randrange(WAD, 200 * WAD)
            trigger = 0 if kind == MARKET else random.choice((known, coming, (known + coming) // 2, 100 * WAD))
            order = (world.market.address, kind, size, 5_000 * USD, trigger, 0, False, boa.env.timestamp + 600)
            with boa.env.prank(attacker):
                order_id = book.place(order)
            # what was published up to now, also when it comes to the chain later
            for at in (boa.env.timestamp, boa.env.timestamp - random.randrange(60)):
                boa.env.time_travel(seconds=random.choice((0, 1, 5)))
                world.source.set_price_of(world.feeds[0], known, at)
                with boa.reverts("wait: price not newer than the order"), boa.env.prank(attacker):
                    book.execute(order_id)
            world.set_price(coming)
            try:
                with boa.env.prank(attacker):
                    is_filled = book.execute(order_id)
            except boa.BoaError as error:
                assert "wait: trigger not reached" in str(error)
                continue
            assert is_filled, world.failure()
            filled += 1
            # at the price of the fill there is nothing to take: whatever the attacker knew, it is in that price
            with boa.env.prank(attacker):
                close = book.place((world.market.address, MARKET, -size, 0, 0, 0, True, boa.env.timestamp + 600))
            world.refresh()
            with boa.env.prank(attacker):
                assert book.execute(close), world.failure()
            gain = world.free("attacker") - start
            fees = 2 * abs(size) * coming * 2 // (WAD * WAD * 10_000 // USD)
            assert gain <= -fees, "less than what the maker fees of two trades take"
            best = max(best, gain)
    assert filled > 500
    assert best < 0
