"""The rank that a quote foretells is the rank that the position then has, in every field."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import boa
import pytest
from boa import BoaError

from tests.system import LONG, SHORT, WAD, World, beta_of, build_world, floor_of

USD = 10**6
TRADERS = [f"trader{i}" for i in range(8)]
BOOKS = 12
TRIES = 30
ALL = -(2**255)
KINDS = ("open", "increase", "reduce", "close", "flip", "add", "remove")


def rank_of(world: World, name: str) -> Any:
    return world.lens.adl_rank(world.market.address, world.account(name))


def quote(world: World, name: str, size: int, margin: int = 0) -> Any:
    return world.lens.quote(world.market.address, world.account(name), size, margin)


def quote_margin(world: World, name: str, delta: int) -> Any:
    return world.lens.quote_margin(world.market.address, world.account(name), delta)


def reason(error: BoaError) -> str:
    return str(error.stack_trace.last_frame).split("(<")[0].strip()


def change_margin(world: World, name: str, delta: int) -> None:
    if delta > 0:
        world.fund(name, delta)
    move = world.order_book.add_margin if delta > 0 else world.order_book.remove_margin
    with boa.env.prank(world.account(name)):
        move(world.market.address, abs(delta))


def move_price(world: World, price: int) -> None:
    world.set_price(price)
    while world.crank() == 1_000:
        pass


def check_trade(world: World, name: str, size: int, margin: int) -> tuple[Any, str]:
    """Quotes and executes an order at one price; returns the quote and why it failed."""
    world.fund(name, margin + int(world.order_book.keeper_fee()))
    order = world.place(name, size, margin, reduce_only=size == ALL)
    world.refresh()
    told = quote(world, name, size, margin)
    try:
        refusal = "" if world.execute(order) else world.failure()
    except BoaError as error:
        refusal = reason(error)
    assert told.error == refusal
    check_rank(world, name, told)
    return told, refusal


def check_margin(world: World, name: str, delta: int) -> tuple[Any, str]:
    world.refresh()
    told = quote_margin(world, name, delta)
    refusal = ""
    try:
        change_margin(world, name, delta)
    except BoaError as error:
        refusal = reason(error)
    assert told.error == refusal
    check_rank(world, name, told)
    return told, refusal


def check_rank(world: World, name: str, told: Any) -> None:
    """What the lens foretold, against what it says now."""
    if told.error:
        assert not any(told.rank)
    else:
        assert told.rank == rank_of(world, name)
        assert any(told.rank) == (told.units_after != 0)


def random_book(world: World, draw: Random) -> None:
    """Longs and shorts of different leverage who came at different prices, then a price at which some are in profit."""
    for name in TRADERS[: draw.randint(1, len(TRADERS) - 1)]:
        move_price(world, draw.randint(80, 120) * WAD)
        # few sizes and margins, so that traders share buckets
        size = draw.choice((-1, 1)) * draw.choice((7, 50, 300)) * WAD
        margin = abs(size) // WAD * draw.choice((3, 6, 6, 25)) * USD
        world.fund(name, margin + int(world.order_book.keeper_fee()))
        world.trade(name, size, margin)
    move_price(world, draw.randint(70, 130) * WAD)


def try_one(world: World, draw: Random) -> str:
    """One order or change of margin; returns what it was, "" if it was refused."""
    name = draw.choice(TRADERS)
    held = world.position(name)
    sign = -1 if held.side == SHORT else 1
    kind = draw.choice(KINDS)
    margin = draw.choice((0, 20, 900, 6_000)) * USD
    if kind in ("add", "remove"):
        most = held.units * 100 // WAD * USD // draw.choice((1, 10, 100)) + 1
        delta = draw.randint(1, most)
        _, refusal = check_margin(world, name, delta if kind == "add" else -delta)
    else:
        size = {
            "open": draw.choice((-60, 60)) * WAD,
            "increase": sign * draw.randint(1, 90 * WAD),
            "reduce": -sign * draw.randint(1, max(1, held.units - 1)),
            "close": -sign * (held.units or 1),
            "flip": -sign * (held.units + draw.randint(1, 90 * WAD)),
        }[kind]
        _, refusal = check_trade(world, name, size, margin)
    return "" if refusal else kind


@pytest.mark.parametrize("half", [0, 1])
def test_rank_after__random_books_and_changes__is_the_rank_then(half: int, anchored: None) -> None:
    # a short skew scale: premiums and funding are part of what has to be foretold
    world = build_world(skew_scale=20_000 * WAD, adl_step_bps=3_300)
    draw = Random(f"rank {half}")
    seen: Counter[str] = Counter()
    ranked: Counter[str] = Counter()
    for _ in range(BOOKS):
        with boa.env.anchor():
            random_book(world, draw)
            for _ in range(TRIES):
                kind = try_one(world, draw)
                seen[kind or "refused"] += 1
                ranked[kind] += bool(kind) and any(rank_of(world, name).is_eligible for name in TRADERS)
                if draw.random() < 0.2:
                    move_price(world, draw.randint(70, 130) * WAD)
    assert all(seen[kind] >= 5 for kind in (*KINDS, "refused")), seen
    assert all(ranked[kind] >= 5 for kind in KINDS), ranked


def test_rank_after__paid_for_rebalancing__a_new_position_is_in_the_queue_at_once(anchored: None) -> None:
    world = build_world(skew_scale=20_000 * WAD)
    world.open("short", -900 * WAD, 60_000 * USD)
    told, _ = check_trade(world, "trader", 100 * WAD, 250 * USD)
    assert told.rank.is_eligible and told.rank.lights == 5
    assert told.rank.units_eligible == 100 * WAD and told.rank.units_ahead == 0


class TestAlone:
    """One winner, alone in the queue of its side."""

    @pytest.fixture
    def winner(self, world: World) -> World:
        world.open("winner", 100 * WAD, 500 * USD)
        move_price(world, 130 * WAD)
        return world

    def test_as_it_stands(self, winner: World) -> None:
        rank = rank_of(winner, "winner")
        assert (rank.is_eligible, rank.lights) == (True, 5)
        assert (rank.units_ahead, rank.units_eligible, rank.units_until_reached) == (0, 100 * WAD, 0)
        ceiling = floor_of((winner.position("winner").bucket >> 16 & 255) + 1)
        coordinate = 130 * WAD - winner.lens.market(winner.market.address).funding_index
        assert rank.equity_per_unit == coordinate - winner.position("winner").beta
        assert rank.profit_per_unit == rank.equity_per_unit - ceiling

    def test_reduce__stays_first_of_fewer(self, winner: World) -> None:
        told, _ = check_trade(winner, "winner", -30 * WAD, 0)
        assert (told.rank.lights, told.rank.units_ahead, told.rank.units_eligible) == (5, 0, 70 * WAD)

    @pytest.mark.parametrize("size", [-100 * WAD, ALL])
    def test_close__is_empty(self, winner: World, size: int) -> None:
        told, refusal = check_trade(winner, "winner", size, 0)
        assert refusal == "" and not any(told.rank)

    def test_flip__starts_anew_on_the_other_side(self, winner: World) -> None:
        told, _ = check_trade(winner, "winner", -150 * WAD, 500 * USD)
        assert told.units_after == -50 * WAD
        assert not told.rank.is_eligible and told.rank.units_eligible == 0 and told.rank.equity_per_unit > 0

    def test_increase__weighs_the_profit_less(self, winner: World) -> None:
        before = rank_of(winner, "winner")
        told, _ = check_trade(winner, "winner", 100 * WAD, 2_000 * USD)
        assert told.rank.units_eligible == 200 * WAD and 0 < told.rank.score < before.score

    def test_margin__enough_of_it_leaves_the_queue(self, winner: World) -> None:
        told, _ = check_margin(winner, "winner", 100 * USD)
        assert told.rank.is_eligible and told.rank.lights == 5
        before = told.rank.score
        # all that is profit now is taken out, and put in again as margin
        out = told.margin_locked - 400 * USD
        told, refusal = check_margin(winner, "winner", -out)
        assert refusal == "" and not told.rank.is_eligible
        told, _ = check_margin(winner, "winner", out)
        assert told.rank.score == told.rank.units_eligible == told.rank.lights == 0 < before


class TestTies:
    """A and B stand in columns of ceiling c and 2 c, at equities of 40/21 c and 40 c: 1/c - 21/40c = 1/2c - 1/40c."""

    CLASS = 120
    WIDTH = 2**56
    # 40/21 * ceiling / width, which is 609/32; 725 ticks of A's width further is B
    EQUITY = WIDTH * 145 // 4
    APART = 725
    UNITS = 300 * WAD

    @pytest.fixture
    def tie(self, anchored: None) -> World:
        # no funding, hardly a premium, no fee: the margin is the equity
        world = build_world(
            price=14 * WAD,
            initial_margin_bps=100,
            maintenance_margin_bps=50,
            taker_fee_bps=0,
            maker_fee_bps=0,
            funding_k_bps=0,
            skew_scale=10**33,
        )
        assert floor_of(self.CLASS) == 16 * self.WIDTH
        world.open("b", self.UNITS, 750 * USD)
        world.open("behind_b", self.UNITS, 730 * USD)
        held = world.position("b")
        assert held.bucket >> 16 == self.CLASS + 4
        self.beta = beta_of(held.bucket) + self.APART * self.WIDTH
        for name, ticks in (("a", 0), ("behind_a", 1)):
            # 17 ticks above the beta that is meant, with half a tick more, which rounding leaves over
            world.set_price(self.beta + (ticks + 17) * self.WIDTH)
            world.open(name, self.UNITS, self.UNITS * 35 * self.WIDTH // (2 * 10**30))
            assert world.position(name).bucket >> 16 == self.CLASS
            assert world.position(name).beta == self.beta + ticks * self.WIDTH
        world.set_price(self.beta + self.EQUITY)
        return world

    def test_equal_score__smaller_bucket_first(self, tie: World) -> None:
        a, b = rank_of(tie, "a"), rank_of(tie, "b")
        assert a.score == b.score > 0
        assert (a.units_ahead, b.units_ahead) == (0, self.UNITS)
        assert a.units_eligible == b.units_eligible == 4 * self.UNITS
        queue = tie.lens.queue(tie.market.address, LONG, 2)
        assert [item.bucket for item in queue] == [tie.position("a").bucket, tie.position("b").bucket]

    def test_margin_added__moves_into_the_tie(self, tie: World) -> None:
        before = rank_of(tie, "behind_a")
        assert before.units_ahead > self.UNITS
        told, _ = check_margin(tie, "behind_a", self.UNITS * self.WIDTH // 10**30 + 2)
        assert told.rank.score == rank_of(tie, "b").score
        assert tie.position("behind_a").bucket == tie.position("a").bucket
        assert told.rank.units_ahead == 0
        assert rank_of(tie, "b").units_ahead == 2 * self.UNITS

    def test_leaving_the_tie__who_is_left_moves_up(self, tie: World) -> None:
        told, _ = check_trade(tie, "a", -self.UNITS // 3, 0)
        assert told.rank.units_ahead == 0
        assert told.rank.units_eligible == 4 * self.UNITS - self.UNITS // 3
        told, _ = check_trade(tie, "b", -self.UNITS // 2, 0)
        assert told.rank.units_ahead == self.UNITS - self.UNITS // 3
