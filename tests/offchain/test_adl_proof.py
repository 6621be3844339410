"""Rounds of ADL from the real contracts' logs are found right; changed in any field that matters, they are not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from plimsoll.adl_proof import NOTHING, Round, Standing, Verdict, verify
from plimsoll.chain import Event
from tests.indexer.story import played

USDC_DECIMALS = 6


@cache
def rounds() -> list[tuple[dict[str, int], dict[int, Standing], list[tuple[Event, int]]]]:
    """Every round with ADL: the market's parameters, the buckets before it, its events with their times."""
    found = []
    for market in played().exchange.markets.values():
        params: dict[str, int] = {}
        now: Round | None = None
        before: dict[int, Standing] = {}
        events: list[tuple[Event, int]] = []
        for header, told in played().blocks():
            for event in told:
                if event.address != market.address and event.args.get("market") != market.address:
                    continue
                if event.name == "ParamsSet":
                    params = event.args["params"]
                if event.name == "PriceRound":
                    if now is not None and now.deleveraged:
                        found.append((params, before, events))
                    live = now.buckets if now else {}
                    before, events = {name: Standing(b.units, b.epoch) for name, b in live.items()}, []
                    now = Round(params, USDC_DECIMALS, copied(before))
                if now is not None:
                    events.append((event, header.time))
                    now.take(event, header.time)
        assert now is not None
        if now.deleveraged:
            found.append((params, before, events))
    return found


def copied(buckets: dict[int, Standing]) -> dict[int, Standing]:
    return {name: replace(bucket) for name, bucket in buckets.items()}


def check(number: int, events: list[tuple[Event, int]]) -> Verdict:
    params, before, _ = rounds()[number]
    return verify(Round(params, USDC_DECIMALS, copied(before)), events)


def of(number: int, name: str) -> list[int]:
    """The places of the events `name` of a round."""
    return [i for i, (event, _) in enumerate(rounds()[number][2]) if event.name == name]


def changed(number: int, place: int, **args: Any) -> list[tuple[Event, int]]:
    events = list(rounds()[number][2])
    event, time = events[place]
    events[place] = replace(event, args=event.args | args), time
    return events


def test_rounds_as_the_contracts_told_them_are_right() -> None:
    assert len(rounds()) == 2
    counts = []
    for number, (_, _, events) in enumerate(rounds()):
        verdict = check(number, events)
        assert verdict.violation is None
        assert verdict.deleveraged == len(of(number, "Deleveraged"))
        counts.append(verdict)
    assert counts[0].deleveraged >= 10, "ADL for bankrupt positions"
    assert sum(verdict.comparisons for verdict in counts) > 50
    fair = [event for event, _ in rounds()[1][2] if event.name == "Deleveraged"]
    assert all(event.args["for_bucket"] == NOTHING for event in fair), "ADL of the vault itself"


FIELDS = ("units", "units_left", "score", "step", "price_round", "index_price", "epoch", "paid", "paid_per_unit")


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("field", [*FIELDS, "loss_per_unit", "claim"])
@pytest.mark.parametrize("number", [0, 1])
def test_any_field_of_any_event_changed_by_one_is_found(number: int, field: str, by: int) -> None:
    for place in of(number, "Deleveraged"):
        event, _ = rounds()[number][2][place]
        verdict = check(number, changed(number, place, **{field: event.args[field] + by}))
        assert verdict.violation is not None, f"{field} of event {place}"
        assert (verdict.block, verdict.index) <= (rounds()[number][2][-1][0].block, 10_000)


@pytest.mark.parametrize("field", ["units", "units_left", "adl", "loss", "skin_in_the_game", "insurance", "vault"])
def test_a_liquidation_that_does_not_fit_is_found(field: str) -> None:
    for place in of(0, "Liquidated"):
        event, _ = rounds()[0][2][place]
        if not event.args["to_vault"]:
            assert check(0, changed(0, place, **{field: event.args[field] + 1})).violation


def test_another_victim_of_lower_rank_is_found_and_named() -> None:
    first, second = of(0, "Deleveraged")[:2]
    better, worse = (rounds()[0][2][place][0] for place in (first, second))
    assert better.args["score"] > worse.args["score"]
    events = list(rounds()[0][2])
    # the second in rank goes first, all its own numbers right
    events[first], events[second] = events[second], events[first]
    verdict = check(0, events)
    assert verdict.violation is not None
    assert f"{better.args['bucket']:#x}" in verdict.violation
    assert "still had" in verdict.violation
    assert (verdict.block, verdict.index) == (worse.block, worse.index)


def test_a_left_out_event_is_found() -> None:
    for name in ("Deleveraged", "Liquidated"):
        for place in of(0, name):
            event, _ = rounds()[0][2][place]
            if name == "Liquidated" and event.args["to_vault"]:
                continue
            events = list(rounds()[0][2])
            del events[place]
            assert check(0, events).violation, f"{name} at {place}"


def test_a_victim_without_profit_is_found() -> None:
    _, before, events = rounds()[0]
    place = of(0, "Deleveraged")[0]
    event, _ = events[place]
    loser = next(name for name in before if name >> 24 != event.args["bucket"] >> 24)
    assert "not in profit" in str(check(0, changed(0, place, bucket=loser)).violation)


def test_a_funding_index_that_cannot_be_is_found() -> None:
    place = of(0, "Deleveraged")[0]
    event, _ = rounds()[0][2][place]
    far = event.args["funding_index"] + event.args["index_price"] // 100
    assert "funding" in str(check(0, changed(0, place, funding_index=far)).violation)
