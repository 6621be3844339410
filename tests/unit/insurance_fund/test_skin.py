"""Skin in the game leaves with notice, never below its floor, and not past a loss."""

from __future__ import annotations

import boa
import pytest

from tests.unit.insurance_fund.conftest import Fund
from tests.unit.support import COOLDOWN, DAY, every_decimals, last_event


def ask(fund: Fund, amount: int, receiver: str = "treasury") -> str:
    to = fund.system.account(receiver)
    fund.system.as_(fund.system.owner, fund.fund.request_skin, amount, to)
    return to


def take(fund: Fund) -> int:
    return int(fund.system.as_(fund.system.owner, fund.fund.release_skin))


@every_decimals
def test_release_skin__after_the_cooldown__down_to_the_floor(fund: Fund) -> None:
    unit = fund.system.unit
    fund.stake("staker", 1_000 * unit)
    fund.skin(500 * unit)
    assert fund.fund.free_skin() == 300 * unit
    receiver = ask(fund, 400 * unit)
    event = last_event(fund.fund, "SkinRequested")
    assert (event.receiver, event.amount, event.ready_at) == (receiver, 400 * unit, boa.env.timestamp + COOLDOWN)
    assert fund.fund.skin_request() == (400 * unit, receiver, boa.env.timestamp + COOLDOWN)
    boa.env.time_travel(seconds=COOLDOWN)
    assert take(fund) == 300 * unit
    event = last_event(fund.fund, "SkinReleased")
    assert (event.receiver, event.amount) == (receiver, 300 * unit)
    assert fund.system.token.balanceOf(receiver) == 300 * unit
    assert fund.layers[:2] == (200 * unit, 1_000 * unit)
    fund.check_booked()
    with boa.reverts("nothing requested"):
        take(fund)
    ask(fund, 1)
    boa.env.time_travel(seconds=COOLDOWN)
    with boa.reverts("skin is at its floor"):
        take(fund)


def test_release_skin__floor__rounded_up_for_the_stakers(fund: Fund) -> None:
    fund.stake("staker", 1_001)
    fund.skin(300)
    assert fund.fund.free_skin() == 300 - 201
    fund.cover(250)
    assert fund.fund.free_skin() == 0


def test_release_skin__less_than_requested_is_free__pays_what_is(fund: Fund) -> None:
    fund.skin(1_000)
    ask(fund, 1_000)
    fund.stake("staker", 1_000)
    fund.cover(100)
    boa.env.time_travel(seconds=COOLDOWN)
    assert take(fund) == 700


@pytest.mark.parametrize(
    ("elapsed", "error"),
    [(COOLDOWN - 1, "wait: cooldown"), (COOLDOWN, ""), (COOLDOWN + 2 * DAY, ""), (COOLDOWN + 2 * DAY + 1, "lapsed")],
)
def test_release_skin__window(fund: Fund, elapsed: int, error: str) -> None:
    fund.skin(1_000)
    ask(fund, 1_000)
    boa.env.time_travel(seconds=elapsed)
    if error:
        with boa.reverts("request lapsed" if error == "lapsed" else error):
            take(fund)
    else:
        assert take(fund) == 1_000


def test_release_skin__loss_not_yet_booked__cannot_be_dodged(fund: Fund) -> None:
    fund.skin(1_000)
    ask(fund, 1_000)
    boa.env.time_travel(seconds=COOLDOWN)
    fund.system.market.set_vault_position(0, 0, False)
    with boa.reverts("wait: market not settled"):
        take(fund)


def test_release_skin__stakers_who_saw_it_coming__are_out_first(fund: Fund) -> None:
    fund.skin(1_000)
    fund.stake("staker", 1_000)
    ask(fund, 1_000)
    assert fund.leave("staker") == 1_000
    assert take(fund) == 1_000, "nobody is left to keep it for"


def test_request_skin__zero__takes_it_back(fund: Fund) -> None:
    fund.skin(1_000)
    ask(fund, 1_000)
    ask(fund, 0)
    boa.env.time_travel(seconds=COOLDOWN)
    with boa.reverts("nothing requested"):
        take(fund)


def test_skin__others__revert(fund: Fund) -> None:
    fund.skin(1_000)
    treasury = fund.system.account("treasury")
    for function, args in (("request_skin", (1, treasury)), ("release_skin", ())):
        with boa.reverts("ownable: caller is not the owner"):
            fund.system.as_(treasury, getattr(fund.fund, function), *args)


@pytest.mark.parametrize("receiver", ["nobody", "fund", "pool"])
def test_request_skin__bad_receiver__reverts(fund: Fund, receiver: str) -> None:
    where = {"nobody": "0x" + "00" * 20, "fund": fund.fund.address, "pool": fund.system.pool.address}[receiver]
    with boa.reverts("bad receiver"):
        fund.system.as_(fund.system.owner, fund.fund.request_skin, 1, where)
