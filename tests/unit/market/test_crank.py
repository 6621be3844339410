"""The waterfall, one layer at a time: vault, skin in the game, insurance, ADL at the fair price and at a loss, fair ADL
of the vault, vault of last resort, settlement."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.system import LONG, NONE, SHORT, WAD, World, beta_of, build_world, check_books, events, floor_of

USD = 10**6


def liquidated(world: World) -> list[Any]:
    return events(world.market, "Liquidated")


def deleveraged(world: World) -> list[Any]:
    return events(world.market, "Deleveraged")


def ceil_of(bucket: int) -> int:
    return floor_of((bucket >> 16 & 255) + 1)


def no_room(**options: int) -> World:
    """A market whose capital pays for nothing unless `options` say so."""
    return build_world(**{"vault": 100_000, "skin": 0, "insurance": 0, "loss_budget": 5_000 * USD, **options})


def close_the_vault(world: World) -> None:
    """Cuts the loss budget to a cent: from the next price on the vault takes no distressed flow worth speaking of."""
    params = world.market.params()._replace(loss_budget=10_000)
    with boa.env.prank(world.owner):
        world.market.set_params(params)


def balanced(world: World, longs: dict[str, tuple[int, int]], shorts: dict[str, tuple[int, int]]) -> None:
    """Opens name -> (units, margin in USD), alternating sides so that the skew stays small."""
    pairs = [(name, units, margin) for name, (units, margin) in longs.items()]
    others = [(name, -units, margin) for name, (units, margin) in shorts.items()]
    for both in zip(pairs, others, strict=True):
        for name, units, margin in both:
            world.open(name, units * WAD, margin * USD)


# To the vault


def test_crank__nothing_to_do__takes_the_price_and_pays_nobody(world: World) -> None:
    world.open("trader", 100 * WAD, 5_000 * USD)
    world.set_price(101 * WAD)
    keeper = world.pool.balance_of(world.keeper)
    assert world.crank() == 0
    assert world.pool.balance_of(world.keeper) == keeper
    assert world.state().index_price == 101 * WAD
    check_books(world)


def test_crank__no_buckets_allowed__reverts(world: World) -> None:
    with boa.reverts("max_buckets is zero"):
        world.crank(0)


def test_crank__stale_price__reverts(world: World) -> None:
    boa.env.time_travel(seconds=61)
    with boa.reverts("stale price"):
        world.crank()


def test_crank__below_maintenance__vault_takes_over_and_owners_keep_the_rest(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    position = world.position("loser")
    # half a percent of equity left, maintenance is one
    world.set_price((position.beta * 1_000) // 995)
    vault = world.pool.balance_of(world.vault.address)
    assert world.crank() == 1
    (event,) = liquidated(world)
    assert event.to_vault
    assert (event.units, event.units_left, event.loss) == (1_000 * WAD, 0, 0)
    price = world.state().index_price
    gross = 1_000 * (event.fill_price - world.state().funding_index - position.beta) // 10**12
    assert event.penalty == min(gross, -(-1_000 * -(-price * 50 // 10_000) // 10**12))
    assert event.paid == gross - event.penalty
    assert world.position("loser").units == 0
    owed = world.position("loser").cash_owed
    assert event.paid - 1 <= owed <= event.paid
    world.market.sync(world.account("loser"))
    assert world.free("loser") >= owed
    assert world.pool.balance_of(world.vault.address) > vault
    check_books(world)


def test_crank__boundary__exactly_at_maintenance_is_safe(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    position = world.position("loser")
    funding = world.state().funding_index
    # the smallest price with x - beta >= mmr * P, a second of funding later
    price = -(-(position.beta + funding) * 100 // 99)
    world.set_price(price + WAD // 1_000)
    assert world.crank() == 0
    world.set_price(price - WAD // 1_000)
    assert world.crank() == 1


def test_crank__keeper__earns_its_share_or_the_floor(world: World) -> None:
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.set_price(world.position("loser").beta * 1_000 // 995)
    before = world.pool.balance_of(world.keeper)
    world.crank()
    (event,) = liquidated(world)
    assert world.pool.balance_of(world.keeper) - before == event.penalty * 20 // 100

    world.open("second", 1_000 * WAD, 5_000 * USD)
    world.set_price(world.position("second").beta - WAD)
    before = world.pool.balance_of(world.keeper)
    world.crank()
    (event,) = liquidated(world)
    assert event.penalty == 0
    assert world.pool.balance_of(world.keeper) - before == USD // 2


def test_crank__worst_bucket_first_on_either_side(world: World) -> None:
    for index, margin in enumerate((3_000, 4_000, 5_000, 6_000)):
        world.open(f"long {index}", 1_000 * WAD, margin * USD)
        world.open(f"short {index}", -1_000 * WAD, margin * USD)
    world.set_price(96 * WAD)
    world.crank()
    betas = [beta_of(event.bucket) for event in liquidated(world)]
    assert len(betas) >= 2
    assert betas == sorted(betas, reverse=True)


# Loss beyond margin


def test_crank__bankrupt__skin_pays_first_then_insurance(anchored: None) -> None:
    world = build_world(skin=1_000, insurance=50_000, reserve=100)
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    beta = world.position("loser").beta
    world.set_price(beta - 3 * WAD)
    world.crank()
    (event,) = liquidated(world)
    assert event.paid == event.penalty == 0
    # the vault is short: closing the long brings the price of the skew with it, the fill is above the index
    assert event.fill_price > world.state().index_price
    assert event.skin_in_the_game == 1_000 * USD
    assert event.insurance == event.loss - event.skin_in_the_game
    assert 2_980 * USD < event.loss <= 3_000 * USD
    assert (event.adl, event.vault) == (0, 0)
    assert world.insurance.skin_in_the_game() == 0
    check_books(world)


def test_crank__insurance_covers_a_part__vault_takes_no_more_than_that(anchored: None) -> None:
    world = build_world(skin=0, insurance=1_000, reserve=100)
    world.open("loser", 1_000 * WAD, 5_000 * USD)
    world.open("winner", -1_000 * WAD, 50_000 * USD)
    world.set_price(world.position("loser").beta - 3 * WAD)
    world.crank()
    first, *rest = liquidated(world)
    # the daily cap leaves half of the fund: 500 USD at about 3 USD a unit
    assert first.to_vault
    assert first.insurance == first.loss <= 500 * USD < first.loss + 3 * USD
    assert first.units < 170 * WAD
    assert sum(event.units for event in rest) == 1_000 * WAD - first.units
    assert all(not event.to_vault or event.units_left == 0 for event in rest)
    check_books(world)


# ADL


def test_crank__no_room__winner_is_closed_at_the_index_price_for_exactly_the_units_needed(anchored: None) -> None:
    world = no_room()
    world.open("loser", 10 * WAD, 40 * USD)
    world.open("winner", -30 * WAD, 150 * USD)
    beta = world.position("loser").beta
    close_the_vault(world)
    world.set_price(beta * 1_000 // 993)
    world.crank()
    (close,) = liquidated(world)
    first, *rest = deleveraged(world)
    # the vault is long 20 and would have to take 10 more: no room; two steps of at most 15 units are not needed
    assert not close.to_vault
    assert close.loss == 0
    assert close.paid > 0
    assert first.for_bucket == close.bucket
    assert first.units == close.units == 10 * WAD
    # then the vault itself is above its trigger, and the rest goes at the index price too
    assert rest
    assert all(hit.for_bucket == NONE for hit in rest)
    for hit in (first, *rest):
        equity = -(hit.index_price - hit.funding_index) - beta_of(hit.bucket)
        assert hit.loss_per_unit == hit.claim == 0
        assert hit.paid == hit.units * equity // 10**30
    check_books(world)


def crash(world: World, price: int, buckets: int = 1_000) -> tuple[list[Any], list[Any]]:
    world.set_price(price)
    world.crank(buckets)
    return liquidated(world), deleveraged(world)


def crowd(world: World, pairs: int = 6) -> None:
    """Longs that a fall to 90 bankrupts against shorts of every leverage."""
    balanced(
        world,
        {f"long {i}": (10, 30 + 3 * i) for i in range(pairs)},
        {f"short {i}": (10, 40 + 60 * i) for i in range(pairs)},
    )
    close_the_vault(world)


def test_crank__uncovered_loss__winners_give_up_exactly_that_and_get_a_claim(anchored: None) -> None:
    world = no_room()
    crowd(world)
    closes, hits = crash(world, 90 * WAD)
    assert hits
    assert sum(event.loss for event in closes) == sum(
        event.skin_in_the_game + event.insurance + event.adl + event.vault for event in closes
    )
    assert sum(event.adl for event in closes) == sum(hit.claim for hit in hits) > 0
    for close in closes:
        if close.to_vault:
            continue
        paying = [hit for hit in hits if hit.for_bucket == close.bucket]
        assert sum(hit.claim for hit in paying) == close.adl
        uncovered = (close.loss * 10**30) // close.units
        for hit in paying:
            profit = -(hit.index_price - hit.funding_index) - beta_of(hit.bucket) - ceil_of(hit.bucket)
            # the vault bears what exceeds a winner's profit, and nothing else
            exact = hit.units * min(uncovered, profit) // 10**30
            assert exact - 1 <= hit.claim <= exact + 1
    closed_against_winners = sum(event.units for event in closes if not event.to_vault)
    assert closed_against_winners == sum(hit.units for hit in hits if hit.for_bucket != NONE)
    for hit in hits:
        assert hit.paid >= hit.units * ceil_of(hit.bucket) // 10**30
        assert hit.score > 0
    check_books(world)


def test_crank__deleveraged_owner__collects_cash_and_recover(anchored: None) -> None:
    world = no_room()
    crowd(world)
    _, hits = crash(world, 90 * WAD)
    total_claim = 0
    for index in range(6):
        account = world.account(f"short {index}")
        owed = world.position(f"short {index}")
        cash, claim = world.market.sync(account)
        assert (cash, claim) == (owed.cash_owed, owed.claim_owed)
        assert world.recovery.balanceOf(account) == claim
        total_claim += claim
    issued = sum(hit.claim for hit in hits)
    assert issued - 2 * len(hits) <= total_claim <= issued
    check_books(world)


def test_crank__order__every_step_goes_down_the_scores(anchored: None) -> None:
    world = no_room()
    crowd(world)
    _, hits = crash(world, 90 * WAD)
    for step in {hit.step for hit in hits}:
        scores = [hit.score for hit in hits if hit.step == step and hit.for_bucket != NONE]
        assert scores == sorted(scores, reverse=True)
    steps = [hit.step for hit in hits]
    assert steps == sorted(steps)
    price = world.state().index_price
    for hit in hits:
        equity = -(price - hit.funding_index) - beta_of(hit.bucket)
        exact = (equity - ceil_of(hit.bucket)) * price * WAD // (ceil_of(hit.bucket) * equity)
        assert abs(hit.score - exact) <= 2


def test_crank__first_step__nobody_gives_more_than_half(anchored: None) -> None:
    world = no_room()
    crowd(world)
    held = {bucket: world.market.bucket(bucket).units for bucket in world.live_buckets(SHORT)}
    _, hits = crash(world, 90 * WAD)
    given: dict[int, int] = {}
    for hit in hits:
        if hit.step == 1:
            given[hit.bucket] = given.get(hit.bucket, 0) + hit.units
    # 50 significant bits of what it held
    assert all(units <= held[bucket] // 2 + held[bucket] // 2**49 for bucket, units in given.items())


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_crank__interrupted__ends_as_if_it_had_not_been(anchored: None, chunk: int) -> None:
    world = no_room(skin=20, insurance=60)
    crowd(world)
    world.set_price(90 * WAD)

    def outcome(buckets: int) -> tuple[Any, ...]:
        with boa.env.anchor():
            hits: list[Any] = []
            closes: dict[tuple[int, bool], list[int]] = {}
            done = buckets
            while done == buckets:
                done = world.crank(buckets)
                hits += [(h.bucket, h.for_bucket, h.step, h.units, h.paid, h.claim) for h in deleveraged(world)]
                for c in liquidated(world):
                    # a bucket that winners close over several cranks is told once in each
                    told = closes.setdefault((c.bucket, c.to_vault), [0] * 7)
                    parts = (c.units, c.paid, c.penalty, c.loss, c.insurance, c.adl, c.vault)
                    closes[c.bucket, c.to_vault] = [a + b for a, b in zip(told, parts, strict=True)]
            check_books(world)
            balances = [
                world.pool.balance_of(account)
                for account in (world.vault.address, world.insurance.address, world.keeper, world.market.address)
            ]
            return hits, closes, balances, world.state()

    assert outcome(chunk) == outcome(1_000)


def test_crank__nobody_in_profit__vault_is_the_last_resort(anchored: None) -> None:
    world = no_room()
    world.open("loser", 10 * WAD, 30 * USD)
    close_the_vault(world)
    vault = world.pool.balance_of(world.vault.address)
    closes, hits = crash(world, 90 * WAD)
    assert not hits
    last = closes[-1]
    assert last.to_vault
    assert last.units_left == 0
    assert last.vault == last.loss - last.skin_in_the_game - last.insurance
    assert sum(event.units for event in closes) == 10 * WAD
    # short ten units from about 97: it gains on the fall what the loser could pay
    assert world.pool.balance_of(world.vault.address) > vault
    check_books(world)


# Fair ADL of the vault


def test_crank__vault_above_its_trigger__heavy_side_is_deleveraged_at_the_index_price(anchored: None) -> None:
    world = build_world(loss_budget=1_000 * USD, skew_scale=100_000 * WAD)
    # open capacity 3,333 USD at 100
    world.open("long", 30 * WAD, 1_500 * USD)
    world.open("other", 2 * WAD, 30 * USD)
    budget = world.state().budget_left
    assert budget == 1_000 * USD
    world.set_price(131 * WAD)
    # 31 * 32 = 992 of the budget is used up: capacity at the trigger is about 160 USD
    world.crank()
    hits = deleveraged(world)
    assert hits
    assert all(hit.for_bucket == NONE and hit.loss_per_unit == 0 and hit.claim == 0 for hit in hits)
    left = world.state().units_long - world.state().units_short
    capacity = world.state().budget_left * 10
    assert left * 131 // 10**12 <= capacity < (left * 131 // 10**12) + 131
    scores = [hit.score for hit in hits if hit.step == 1]
    assert scores == sorted(scores, reverse=True)
    check_books(world)


def test_crank__vault_below_its_trigger__nobody_is_deleveraged(anchored: None) -> None:
    world = build_world(loss_budget=1_000 * USD, skew_scale=100_000 * WAD)
    world.open("long", 30 * WAD, 1_500 * USD)
    world.set_price(110 * WAD)
    assert world.crank() == 0


# Loss budget


def test_price_round__budget__falls_with_the_vaults_loss_and_refills_in_a_day(world: World) -> None:
    world.open("long", 1_000 * WAD, 50_000 * USD)
    full = world.state().budget_left
    world.set_price(110 * WAD)
    world.crank()
    used = full - world.state().budget_left
    assert abs(used - 10_000 * USD) < 200 * USD
    world.set_price(110 * WAD, after=6 * 3_600)
    world.crank()
    assert world.state().budget_left == full


def test_price_round__budget__gives_back_what_the_vault_is_owed_but_never_above_full(world: World) -> None:
    world.open("long", 1_000 * WAD, 50_000 * USD)
    full = world.state().budget_left
    world.set_price(110 * WAD)
    world.crank()
    world.set_price(105 * WAD)
    world.crank()
    assert abs(full - world.state().budget_left - 5_000 * USD) < 200 * USD
    world.set_price(90 * WAD)
    world.crank()
    assert world.state().budget_left == full


# Settlement


def ruined() -> World:
    """A vault of 2,000 USD that owes its winners 9,000."""
    world = build_world(vault=2_000, skin=0, insurance=0, reserve=0, loss_budget=2_000 * USD, skew_scale=100_000 * WAD)
    world.open("first", 60 * WAD, 3_000 * USD)
    world.open("second", 5 * WAD, 5_000 * USD)
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 100_000 * USD)
    # one price: nobody can be deleveraged on the way
    world.set_price(240 * WAD)
    return world


def test_settlement__vault_cannot_pay__everybody_gets_out_at_the_coverage(anchored: None) -> None:
    world = ruined()
    world.crank()
    assert len(events(world.market, "Settling")) == 1
    state = world.state()
    assert state.is_settling
    assert world.pool.balance_of(world.vault.address) == 0
    coverage = (state.cash - state.claimable) / state.trader_equity if state.trader_equity else 1
    assert coverage < 1
    for name in ("first", "second"):
        if not world.position(name).units:
            continue
        position = world.position(name)
        state = world.state()
        equity = position.units * (state.index_price - state.funding_index - position.beta) // 10**30
        expected = equity * (state.cash - state.claimable) // state.trader_equity
        before = world.free(name)
        world.close(name)
        assert abs(world.free(name) - before - expected) <= 10**5 * 2  # the keeper's fee passes through
    assert world.state().units_long == 0
    check_books(world)


def test_settlement__opens_nothing_and_the_price_stands_still(anchored: None) -> None:
    world = ruined()
    world.crank()
    price = world.state().index_price
    world.set_price(100 * WAD)
    assert world.crank() == 0
    assert world.state().index_price == price
    world.fund("late", 1_000 * USD)
    assert not world.trade("late", WAD, 100 * USD)
    assert world.failure() == "nothing to reduce"
    with boa.env.prank(world.account("second")), boa.reverts("market is settling: close instead"):
        world.order_book.remove_margin(world.market.address, 1)


def test_settlement__vault_refilled__coverage_recovers(anchored: None) -> None:
    world = ruined()
    world.crank()
    missing = world.state().trader_equity - (world.state().cash - world.state().claimable)
    assert missing > 0
    world.engine_cash(world.vault, missing)
    world.crank()
    state = world.state()
    assert state.cash - state.claimable >= state.trader_equity


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_crank__both_sides_mirror_each_other(anchored: None, side: int) -> None:
    """The same crowd the other way round meets the same fate, but for the asymmetry of the skew."""
    world = no_room()
    sign = 1 if side == LONG else -1
    for index in range(4):
        world.open(f"loser {index}", sign * 10 * WAD, (30 + 3 * index) * USD)
        world.open(f"winner {index}", -sign * 10 * WAD, (40 + 60 * index) * USD)
    close_the_vault(world)
    closes, hits = crash(world, (100 - sign * 10) * WAD)
    assert len(closes) >= 4
    assert all(event.bucket >> 24 == side for event in closes)
    assert all(hit.bucket >> 24 != side for hit in hits if hit.for_bucket != NONE)
    check_books(world)


def test_reward__nobody_can_pay_all_of_it__is_cut_and_settles_no_market(anchored: None) -> None:
    world = build_world(vault=100_000, skin=0, insurance=0, reserve=0)
    world.open("long", 500 * WAD, 30_000 * USD)
    world.open("loser", -10 * WAD, 30 * USD)
    world.set_price(105 * WAD)
    with boa.env.anchor():
        world.crank()
        (margin,) = events(world.market, "VariationMargin")
        (whole,) = events(world.market, "RewardPaid")
        drawn = margin.amount
        assert drawn > 0
        assert not world.state().is_settling
    short = whole.amount * 3 // 5
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, drawn - short)
    before = world.pool.balance_of(world.keeper)
    world.crank()
    (reward,) = events(world.market, "RewardPaid")
    assert not world.state().is_settling
    assert reward.amount == whole.amount - short == world.pool.balance_of(world.keeper) - before
    check_books(world)


def test_settlement__crank_interrupted__leaves_it_to_the_one_that_ends(anchored: None) -> None:
    def start() -> World:
        world = ruined()
        world.set_price(100 * WAD)
        for index in range(3):
            world.open(f"short {index}", -WAD, (30 + 20 * index) * USD)
        world.set_price(240 * WAD)
        return world

    names = ("first", "second", "short 0", "short 1", "short 2")
    world = start()
    for _ in range(3):
        assert world.crank(1) == 1
        assert not events(world.market, "Settling")
        (reward,) = events(world.market, "RewardPaid")
        assert reward.amount == 5 * 10**5, "a crank that did work pays its caller"
    assert world.crank(1_000) == 0
    assert len(events(world.market, "Settling")) == 1
    piecewise = [(world.position(name).units, world.position(name).cash_owed) for name in names]
    state = world.state()
    world = start()
    assert world.crank(1_000) == 3
    assert world.state() == state
    assert [(world.position(name).units, world.position(name).cash_owed) for name in names] == piecewise


def test_adl__winner_moves_after_the_first_step__gives_it_before_anybody_gives_a_second(anchored: None) -> None:
    """Two of three winners give a step for a loser with equity left; the first then moves, at that very price."""
    world = no_room(adl_step_bps=2_000)
    world.open("loser", 100 * WAD, 500 * USD)
    for index, margin in enumerate((140, 170, 210)):
        world.open(f"winner {index}", -40 * WAD, margin * USD)
    world.open("balance", 20 * WAD, 2_000 * USD)
    close_the_vault(world)
    world.set_price(WAD * 958 // 10)
    hits: list[Any] = []
    for _ in range(2):
        world.crank(1)
        hits += deleveraged(world)
    assert [hit.step for hit in hits] == [1, 1]
    world.fund("winner 0", 15 * USD)
    with boa.env.prank(world.account("winner 0")):
        world.order_book.add_margin(world.market.address, 15 * USD)
    moved = world.position("winner 0").bucket
    assert moved not in {hit.bucket for hit in hits}
    world.crank()
    hits += deleveraged(world)
    steps = [hit.step for hit in hits]
    assert steps == sorted(steps) and steps[-1] > 1, [(hit.bucket, hit.step) for hit in hits]
    given = [hit for hit in hits if hit.bucket == moved]
    assert given[0].step == 1
    assert given[0].units == pytest.approx((given[0].units + given[0].units_left) // 5, abs=10**6)
