"""What is free is shared by those who have asked."""

from __future__ import annotations

import boa
import pytest

from tests.unit.support import COOLDOWN, DAY, WAD, last_event
from tests.unit.vault.conftest import Lps

ROUND = COOLDOWN
NAMES = ("first", "second", "third")


def ask_all(lps: Lps, *amounts: int) -> dict[str, int]:
    shares = {name: lps.hold(name, amount) for name, amount in zip(NAMES, amounts, strict=False)}
    requests = {name: lps.request(name, each) for name, each in shares.items()}
    boa.env.time_travel(seconds=COOLDOWN)
    return requests


def test_round__all_is_free__everybody_gets_everything(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 3_000, 2_000)
    assert [lps.redeem(each) for each in requests.values()] == [5_000, 3_000, 2_000]
    assert lps.vault.round().number == 1
    assert lps.vault.kept_until() == 0


def test_round__half_is_free__everybody_gets_half(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 3_000, 2_000)
    lps.reserve(5_000)
    paid = []
    for request in requests.values():
        preview = lps.vault.redeemable(request)
        paid.append(lps.redeem(request))
        event = last_event(lps.vault, "RequestRedeemed")
        assert preview == (event.shares, event.assets)
        assert (event.id, event.round, event.shares_left) == (request, 1, lps.vault.request(request).shares)
    assert paid == pytest.approx([2_500, 1_500, 1_000], abs=1)
    assert sum(paid) <= 5_000
    for request in requests.values():
        assert lps.vault.redeemable(request) == (0, 0)
        with boa.reverts("wait: next round"):
            lps.redeem(request)


def test_round__opened__tells_what_it_is_worked_out_from(lps: Lps) -> None:
    requests = ask_all(lps, 6_000, 4_000)
    lps.reserve(7_500)
    lps.redeem(requests["first"])
    opened = lps.told("RoundOpened")
    now, asked = boa.env.timestamp, 10_000 * 10**6
    round_ = lps.vault.round()
    assert (round_.number, round_.ends_at) == (1, now + ROUND)
    assert round_.fraction == pytest.approx(WAD // 4, rel=1e-3)
    assert lps.vault.kept_until() == now + ROUND
    assert opened == (1, round_.fraction, asked, 2_500, now + ROUND)
    lps.redeem(requests["second"])
    assert not [event for event in lps.vault.get_logs() if type(event).__name__ == "RoundOpened"]


def test_round__over__the_next_divides_what_is_free_then(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 5_000)
    lps.reserve(5_000)
    assert lps.redeem(requests["first"]) == 2_500
    boa.env.time_travel(seconds=ROUND)
    # the second has missed a round: its whole 5,000 shares in what is left
    lps.reserve(3_750)
    assert lps.redeem(requests["second"]) == pytest.approx(2_500, abs=1)
    assert lps.redeem(requests["first"]) == pytest.approx(1_250, abs=1)
    boa.env.time_travel(seconds=ROUND)
    lps.reserve(0)
    assert lps.redeem(requests["second"]) == pytest.approx(2_500, abs=1)
    assert lps.redeem(requests["first"]) == pytest.approx(1_250, abs=2)
    assert lps.vault.totalSupply() == 0


def test_round__shares_still_in_their_cooldown__count(lps: Lps) -> None:
    """Who asked a minute before the others gets no more than they will."""
    early = lps.request("first", lps.hold("first", 5_000))
    boa.env.time_travel(seconds=COOLDOWN - 240)
    late = lps.request("second", lps.hold("second", 5_000))
    boa.env.time_travel(seconds=120)
    lps.reserve(5_000)
    assert lps.redeem(early) == 2_500
    with boa.reverts("wait: cooldown"):
        lps.redeem(late)


def test_round__price_moves_inside_it__same_fraction_at_the_price_of_the_moment(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 5_000)
    lps.reserve(5_000)
    assert lps.redeem(requests["first"]) == 2_500
    lps.reserve(4_000)
    lps.system.market.set_vault_position(-750, 0, True)
    assert lps.redeem(requests["second"]) == pytest.approx(2_250, abs=1)
    assert lps.vault.request(requests["second"]).shares == lps.vault.request(requests["first"]).shares


def test_round__less_is_free_than_it_promised__pays_what_is_there(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 5_000)
    lps.reserve(5_000)
    assert lps.redeem(requests["first"]) == 2_500
    lps.reserve(6_500)
    assert lps.redeem(requests["second"]) == pytest.approx(1_000, abs=1)


def test_round__of_everything__ends_when_it_cannot_be_kept(lps: Lps) -> None:
    requests = ask_all(lps, 2_000, 4_000, 4_000)
    assert lps.redeem(requests["first"]) == 2_000
    lps.reserve(6_000)
    assert [lps.redeem(requests[name]) for name in NAMES[1:]] == pytest.approx([1_000, 1_000], abs=1)
    assert lps.vault.round().number == 2


def test_round__nothing_is_free__nobody_loses_the_turn(lps: Lps) -> None:
    requests = ask_all(lps, 5_000, 5_000)
    lps.reserve(10_000)
    assert lps.redeem(requests["first"]) == 0
    event = last_event(lps.vault, "RoundOpened")
    assert (event.fraction, event.ends_at) == (0, boa.env.timestamp)
    assert lps.vault.request(requests["first"]).shares == 5_000 * 10**6
    # as soon as there is something, in the same second
    lps.reserve(8_000)
    assert [lps.redeem(each) for each in requests.values()] == pytest.approx([1_000, 1_000], abs=1)


@pytest.mark.parametrize("free", [0, 500])
def test_round__short__keeps_requests_from_lapsing(lps: Lps, free: int) -> None:
    requests = ask_all(lps, 5_000, 5_000)
    lps.reserve(10_000 - free)
    for _ in range(3):
        boa.env.time_travel(seconds=2 * DAY)
        lps.redeem(requests["first"])
        assert lps.vault.lapses_at(requests["second"]) == lps.vault.round().ends_at + 2 * DAY
    lps.reserve(0)
    boa.env.time_travel(seconds=ROUND)
    assert lps.redeem(requests["second"]) == pytest.approx(5_000, abs=1)


def test_round__longer_than_a_request_lasts__what_is_left_is_there_for_the_next(lps: Lps) -> None:
    lps.set("set_cooldown", 30 * DAY)
    request = lps.request("first", lps.hold("first", 10_000))
    boa.env.time_travel(seconds=30 * DAY)
    lps.reserve(5_000)
    assert lps.redeem(request) == 5_000
    boa.env.time_travel(seconds=30 * DAY)
    with boa.reverts("not your request"):
        lps.cancel("anyone", request)
    lps.reserve(0)
    assert lps.redeem(request) == pytest.approx(5_000, abs=1)


def test_round__minimum__counts_in_proportion(lps: Lps) -> None:
    owner = lps.system.account("first")
    lps.hold("second", 5_000)
    request = lps.asked("first", 5_000, owner, 4_001)
    lps.reserve(7_500)
    assert lps.redeem(request) == 2_500
    left = lps.vault.request(request)
    assert (left.shares, left.min_assets) == (2_500 * 10**6, 2_000)
    boa.env.time_travel(seconds=ROUND)
    lps.reserve(0)
    lps.lose(1_600)
    with boa.reverts("below minimum"):
        lps.redeem(request)
    lps.gain(200)
    assert lps.redeem(request) >= 2_000


def test_round__dust__pays_nothing_and_takes_nothing(lps: Lps) -> None:
    lps.hold("first", 1_000)
    request = lps.request("first", 999_999)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem(request) == 0
    assert lps.vault.request(request).shares == 999_999
