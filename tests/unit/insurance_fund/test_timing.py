"""Attempts to take from others by timing, with real markets: each loses money or gains nothing beyond dust."""

from __future__ import annotations

import boa
import pytest

from tests.system import WAD, World, build_world
from tests.unit.market.test_cover import interrupted
from tests.unit.support import COOLDOWN, DAY, VESTING_PERIOD

pytestmark = pytest.mark.usefixtures("anchored")

USD = 10**6


@pytest.fixture
def world(anchored: None) -> World:
    """Stakers have 250,000; the reserve is full, so all income is theirs."""
    return build_world(skin=0, insurance=250_000, reserve=1_000)


def stake(world: World, name: str, amount: int) -> str:
    account = world.account(name)
    with boa.env.prank(world.owner):
        world.token.mint(account, amount)
    with boa.env.prank(account):
        world.token.approve(world.insurance.address, 2**256 - 1)
        world.insurance.stake(amount)
    return account


def ask(world: World, name: str) -> None:
    account = world.account(name)
    with boa.env.prank(account):
        world.insurance.request_unstake(world.insurance.shares_of(account))


def leave(world: World, name: str) -> int:
    world.refresh()
    world.crank()
    return int(world.insurance.unstake(world.account(name)))


def wait(world: World, seconds: int) -> None:
    boa.env.time_travel(seconds=seconds)
    world.refresh()
    world.crank()


def value(world: World, name: str) -> int:
    account = world.owner if name == "owner" else world.account(name)
    return int(world.insurance.value_of(world.insurance.shares_of(account)))


def test_known_income__stake_just_before_it_is_booked__gains_nothing(world: World) -> None:
    """Fees that wait in the market for the next crank."""
    world.open("trader", 20_000 * WAD, 200_000 * USD)
    income, _, _ = world.market.owed_to_insurance()
    assert income > 100 * USD
    stake(world, "thief", 1_000_000 * USD)
    world.crank()
    boa.env.time_travel(seconds=VESTING_PERIOD)
    assert value(world, "thief") <= 1_000_000 * USD
    assert value(world, "owner") >= 250_000 * USD + income - 10


def penalty(world: World) -> int:
    """A liquidation that everybody sees coming; returns what the insurance gets of it."""
    before = world.insurance.insurance()
    world.set_price(98_500 * WAD // 1_000)
    world.crank()
    return int(world.insurance.insurance()) - before


def test_known_penalty__flash_stake_around_it__gains_nothing(world: World) -> None:
    """Four fifths of the shares for as short as the fund allows."""
    world.open("trader", 20_000 * WAD, 46_000 * USD)
    world.crank()
    stake(world, "thief", 1_000_000 * USD)
    ask(world, "thief")
    assert penalty(world) > 1_000 * USD
    with boa.reverts("wait: cooldown"):
        world.insurance.unstake(world.account("thief"))
    wait(world, COOLDOWN)
    assert leave(world, "thief") <= 1_000_000 * USD


def test_known_penalty__without_asking_at_once__earns_as_little_as_the_time_it_stays(world: World) -> None:
    """Whoever stays a day to earn a day of it bears a day of cooldown for nothing."""
    world.open("trader", 20_000 * WAD, 46_000 * USD)
    world.crank()
    stake(world, "thief", 1_000_000 * USD)
    income = penalty(world)
    wait(world, DAY)
    ask(world, "thief")
    wait(world, COOLDOWN)
    gained = leave(world, "thief") - 1_000_000 * USD
    assert gained <= income * 4 // 5 * (DAY + 10) // VESTING_PERIOD + 10


def loss(world: World) -> int:
    """A bankrupt bucket; returns what the insurance loses to it."""
    before = world.insurance.insurance()
    world.set_price(95 * WAD)
    with pytest.raises(boa.BoaError, match="market not settled"):
        stake(world, "vulture", USD)
    world.crank()
    return int(before - world.insurance.insurance())


def test_known_loss__asked_before_it__bears_it_all_the_same(world: World) -> None:
    stake(world, "runner", 250_000 * USD)
    world.open("trader", 10_000 * WAD, 22_000 * USD)
    world.crank()
    ask(world, "runner")
    wait(world, COOLDOWN)
    lost = loss(world)
    assert lost > 10_000 * USD
    got = leave(world, "runner")
    assert abs(250_000 * USD - got - lost // 2) <= 10 + 200 * USD, "half of the loss, but for fees of the day"


def test_known_loss__ripe_request__does_not_leave_before_the_crank(world: World) -> None:
    stake(world, "runner", 250_000 * USD)
    world.open("trader", 10_000 * WAD, 22_000 * USD)
    world.crank()
    ask(world, "runner")
    wait(world, COOLDOWN)
    world.set_price(95 * WAD)
    with boa.reverts("wait: market not settled"):
        world.insurance.unstake(world.account("runner"))


def test_cover_on_its_way_back__stake_while_it_is_out__gains_nothing() -> None:
    """An interrupted liquidation holds cover of the stakers; the price recovers before anybody cranks."""
    world, _ = interrupted(skin=0, insurance=200)
    _, _, held = world.market.owed_to_insurance()
    assert held > 0
    world.set_price(100 * WAD)
    stake(world, "thief", 1_000 * USD)
    world.crank()
    assert world.market.owed_to_insurance()[2] == 0
    assert value(world, "thief") <= 1_000 * USD


def test_request_as_an_option__is_carried_out_by_whoever_stays(world: World) -> None:
    """A request kept ripe for the day of the crash: others end it, and what is not vested stays with them."""
    stake(world, "holder", 250_000 * USD)
    world.open("trader", 20_000 * WAD, 200_000 * USD)
    world.crank()
    unvested = world.insurance.unvested()
    assert unvested > 100 * USD
    ask(world, "holder")
    wait(world, COOLDOWN)
    with boa.env.prank(world.owner):
        got = world.insurance.unstake(world.account("holder"))
    assert got <= 250_000 * USD, "earned nothing from the request on, and gave up what was not vested"
    boa.env.time_travel(seconds=VESTING_PERIOD)
    assert value(world, "owner") >= 250_000 * USD + unvested - 10, "all of it"
    world.refresh()
    with boa.env.prank(world.account("holder")), boa.reverts("nothing requested"):
        world.insurance.unstake()


def test_request_as_an_option__lapses_by_itself(world: World) -> None:
    stake(world, "holder", 250_000 * USD)
    ask(world, "holder")
    wait(world, COOLDOWN + 2 * DAY)
    with boa.reverts("request lapsed"):
        leave(world, "holder")


@pytest.mark.parametrize("first_redeems", [False, True])
def test_recovery__early_redeemer__takes_nothing_from_the_others(first_redeems: bool) -> None:
    """Pot 30, supply 100, half each. Redeeming early pays 15 of 50; who waits gets face value, and sooner."""
    world = build_world(skin=0, insurance=1_000, reserve=1_000)
    first, second = world.account("first"), world.account("second")
    fund, market = world.insurance, world.market.address
    for account in (first, second):
        fund.issue_recovery(account, 50 * USD, sender=market)
    income(world, 60)
    assert fund.redeemable(50 * USD) == 15 * USD
    if first_redeems:
        assert fund.redeem_recovery(50 * USD, sender=first) == 15 * USD
        assert fund.redeemable(50 * USD) == 15 * USD, "the others' claim is what it was"
    income(world, 70)
    assert fund.redeemable(50 * USD) == (50 * USD if first_redeems else 65 * USD // 2)
    income(world, 1_000)
    assert fund.redeem_recovery(50 * USD, sender=second) == 50 * USD
    if not first_redeems:
        assert fund.redeem_recovery(50 * USD, sender=first) == 50 * USD, "35 more than early"


def income(world: World, amount: int) -> None:
    world.engine_cash(world.market, amount * USD)
    market = world.market.address
    world.pool.pay(world.insurance.address, amount * USD, sender=market)
    world.insurance.record_income(amount * USD, sender=market)


def test_request__rolled_to_be_always_ready__costs_each_time(world: World) -> None:
    """A staker who wants to be able to leave on any day, and one who stays. They share the income of a month."""
    stake(world, "thief", 250_000 * USD)
    for _ in range(10):
        ask(world, "thief")
        wait(world, COOLDOWN + 2 * DAY)
    ask(world, "thief")
    lost = 250_000 * USD - value(world, "thief")
    assert lost == pytest.approx(1_250 * USD, rel=0.01), "a thousandth, ten times, half of it to themselves"
    assert value(world, "owner") == pytest.approx(250_000 * USD + lost, abs=10)
