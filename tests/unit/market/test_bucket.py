"""What the market tells of a bucket."""

from __future__ import annotations

import boa

from tests.system import WAD, World, build_world, events

USD = 10**6


def test_bucket__emptied_and_opened_again__tells_the_next_epoch(world: World) -> None:
    world.open("first", WAD, 20 * USD)
    bucket = world.position("first").bucket
    assert (world.market.bucket(bucket).units, world.market.bucket(bucket).epoch) == (WAD, 0)
    world.close("first")
    assert (world.market.bucket(bucket).units, world.market.bucket(bucket).epoch) == (0, 1)


def test_bucket__after_adl__tells_what_it_has_given_and_what_a_share_was_paid(anchored: None) -> None:
    world = build_world(vault=100_000, skin=0, insurance=0, loss_budget=5_000 * USD)
    world.open("loser", 4 * WAD, 16 * USD)
    world.open("winner", -12 * WAD, 60 * USD)
    winner = world.position("winner").bucket
    assert world.market.bucket(winner).given == 0
    params = world.market.params()._replace(loss_budget=10_000)
    with boa.env.prank(world.owner):
        world.market.set_params(params)
    world.set_price(world.position("loser").beta * 1_000 // 993)
    given = paid = 0
    while not given and world.crank(1):
        for hit in events(world.market, "Deleveraged"):
            given += hit.units
            paid += hit.paid
    told = world.market.bucket(winner)
    assert 3 * WAD < given <= 4 * WAD
    # the base is kept to 50 significant bits
    assert given - (12 * WAD >> 49) <= told.given <= given
    assert told.units == 12 * WAD - given
    assert told.given_round == world.state().price_round
    owed = world.position("winner").cash_owed
    assert paid - 2 <= owed <= paid
    assert told.paid_per_share > 0
