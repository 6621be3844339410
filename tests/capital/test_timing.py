"""Attacks by timing on those who bring capital. Each attacker ends with less than they came with.

The world has no funding, so between two events nothing is earned and each attack is alone with what it is after.
"""

from __future__ import annotations

import boa
import pytest

from tests.capital.support import COOLDOWN, DAY, ROUND, ask, join, purse, ready, redeem, refresh, unlock
from tests.regressions.support import USD, set_params
from tests.system import WAD, World

STAKE = 10_000_000 * USD  # as much as everybody else together


def leave(world: World, name: str) -> int:
    """The earliest way out: what the attacker holds in the end."""
    request = ask(world, name, world.vault.balanceOf(world.account(name)))
    refresh(world, COOLDOWN)
    redeem(world, name, request)
    for _ in range(40):
        if world.vault.request(request).shares == 0:
            break
        refresh(world, ROUND)
        redeem(world, name, request)
    return purse(world, name)


def test_known_gain__deposit_before_it_is_booked__loses(world: World) -> None:
    world.open("long", 20_000 * WAD, 200_000 * USD)
    before = world.vault.totalAssets()
    world.set_price(95 * WAD)
    assert world.vault.totalAssets() - before > 95_000 * USD
    join(world, "attacker", STAKE)
    world.crank()
    assert leave(world, "attacker") < STAKE


@pytest.mark.parametrize(("later", "is_gain"), [(99, True), (100, False)])
def test_price_not_on_the_chain__deposit_and_bring_it__gains_until_the_price_moves(
    world: World, later: int, is_gain: bool
) -> None:
    """A known limit (docs/security.md). The attacker is half the vault and has half of what one observation brings.

    For that they stand for half of what every price until the end of the cooldown brings: one step back and it is gone.
    """
    world.open("long", 20_000 * WAD, 400_000 * USD)
    shares = join(world, "attacker", STAKE)
    world.set_price(99 * WAD)
    world.crank()
    gain = purse(world, "attacker") - STAKE
    assert gain == pytest.approx(10_000 * USD, rel=0.01)
    with boa.env.prank(world.account("attacker")), boa.reverts("shares are locked"):
        world.vault.request_redeem(shares)
    unlock(world, "attacker")
    request = ask(world, "attacker", shares)
    boa.env.time_travel(seconds=COOLDOWN - 1)
    with boa.reverts("wait: cooldown"):
        redeem(world, "attacker", request)
    world.set_price(later * WAD)
    redeem(world, "attacker", request)
    left = purse(world, "attacker") - STAKE
    assert left == pytest.approx(gain, rel=0.01) if is_gain else left <= 0


def test_known_loss__redeem_before_it_is_booked__bears_it(world: World) -> None:
    world.open("long", 20_000 * WAD, 200_000 * USD)
    request = ready(world, "attacker", STAKE)
    calm = purse(world, "attacker")
    world.set_price(105 * WAD)
    with boa.env.anchor():
        world.crank()
        redeem(world, "attacker", request)
        patient = purse(world, "attacker")
    redeem(world, "attacker", request)
    assert purse(world, "attacker") <= patient + 2 < calm - 45_000 * USD


@pytest.mark.parametrize("price", [98, 90])
def test_liquidation__sandwich__waits_for_the_crank(world: World, price: int) -> None:
    """Neither before a penalty that everybody sees coming nor before a loss: whoever comes, comes after."""
    world.open("long", 10_000 * WAD, 25_000 * USD)
    request = ready(world, "leaver", 1_000_000 * USD)
    world.set_price(price * WAD)
    assert world.lens.work(world.market.address).liquidatable_buckets == 1
    assert world.vault.maxDeposit(world.owner) == 0
    with boa.env.anchor(), boa.reverts("wait: market not settled"):
        join(world, "attacker", STAKE)
    with boa.reverts("wait: market not settled"):
        redeem(world, "leaver", request)
    # so the attacker cranks, is paid for that as any keeper, and joins when the penalty is everybody else's
    before = world.vault.totalAssets()
    world.crank()
    if price == 98:
        assert world.vault.totalAssets() > before
    join(world, "attacker", STAKE)
    assert leave(world, "attacker") < STAKE


def test_fee__paid_when_it_was_earned__a_deposit_around_the_close_loses(world: World) -> None:
    set_params(world, maker_fee_bps=0)
    before = world.vault.totalAssets()
    world.open("trader", 20_000 * WAD, 200_000 * USD)
    earned = world.vault.totalAssets() - before
    assert abs(earned - 600 * USD) <= 3, "sixty percent of 5 bps of 2,000,000, at once"
    join(world, "attacker", STAKE)
    world.close("trader")
    world.crank()
    # a coin or two of rounding come with a close: they pay no gas
    assert world.vault.totalAssets() - STAKE - before - earned <= 3
    assert leave(world, "attacker") <= STAKE


def test_fee__flash_deposit__cannot_leave_with_it(world: World) -> None:
    """Whoever wants the fee has to be the vault for a lock and a cooldown, and a few basis points of price eat it."""
    world.fund("trader", 300_000 * USD)
    order = world.place("trader", 20_000 * WAD, 200_000 * USD)
    shares = join(world, "attacker", STAKE)
    world.refresh()
    assert world.execute(order)
    fee = purse(world, "attacker") - STAKE
    assert 290 * USD < fee < 301 * USD
    account = world.account("attacker")
    with boa.env.prank(account):
        with boa.reverts("shares are locked"):
            world.vault.transfer(world.owner, shares)
        with boa.reverts("shares are locked"):
            world.vault.request_redeem(shares)
    unlock(world, "attacker")
    request = ask(world, "attacker", shares)
    with boa.reverts("wait: cooldown"):
        redeem(world, "attacker", request)
    boa.env.time_travel(seconds=COOLDOWN)
    world.set_price(100 * WAD + WAD // 20)
    redeem(world, "attacker", request)
    assert purse(world, "attacker") < STAKE


def test_fee__of_ones_own_trades__costs_more_than_it_brings(world: World) -> None:
    join(world, "attacker", STAKE)
    cash = 1_000_000 * USD
    world.fund("attacker", cash)
    for _ in range(3):
        assert world.trade("attacker", 20_000 * WAD, 500_000 * USD)
        assert world.trade("attacker", -20_000 * WAD, 0, reduce_only=True)
    assert leave(world, "attacker") + world.free("attacker") < STAKE + cash


def test_requests__many_and_staggered_as_options__cost_and_bring_nothing(world: World) -> None:
    """One of eight is always ready. The holder uses it after each fall and lets it go otherwise.

    What is used is paid the worth of that moment, no more than holding on; what is not costs a thousandth.
    """
    count, steps = 8, 24
    world.open("long", 20_000 * WAD, 400_000 * USD)
    part = join(world, "attacker", STAKE) // count
    held = join(world, "holder", STAKE)
    unlock(world, "holder")
    requests = []
    for _ in range(count):
        requests.append(ask(world, "attacker", part))
        refresh(world, COOLDOWN // count)
    fees = taken = 0
    for step in range(steps):
        refresh(world, COOLDOWN // count)
        price = 100 * WAD + (0, 2, -1, 3, -2, 1)[step % 6] * WAD // 2
        world.set_price(price)
        request = requests.pop(0)
        was = purse(world, "attacker")
        if world.vault.convertToAssets(10**12) < USD:
            if redeem(world, "attacker", request):
                taken += 1
            assert purse(world, "attacker") <= was + 1, "an exit is worth what is given for it"
            join_again = world.token.balanceOf(world.account("attacker"))
            with boa.env.prank(world.account("attacker")):
                world.token.approve(world.vault.address, 2**256 - 1)
                world.vault.deposit(join_again, world.account("attacker"))
            unlock(world, "attacker")
        else:
            with boa.env.prank(world.account("attacker")):
                world.vault.cancel_request(request)
            fees += 1
            assert purse(world, "attacker") < was
        requests.append(ask(world, "attacker", min(part, world.vault.balanceOf(world.account("attacker")))))
    assert taken >= 5
    assert fees >= 5
    holder = world.vault.convertToAssets(held)
    assert purse(world, "attacker") < holder - fees * STAKE // count // 2_000


def test_request_and_cancel__brings_nothing(world: World) -> None:
    """During the cooldown what was given comes back, whatever the price did; from then on less does."""
    world.open("long", 20_000 * WAD, 400_000 * USD)
    shares = join(world, "attacker", STAKE)
    for price, waits in ((101, DAY // 2), (99, DAY - 10), (100, DAY)):
        unlock(world, "attacker")
        request = ask(world, "attacker", world.vault.balanceOf(world.account("attacker")))
        boa.env.time_travel(seconds=waits)
        world.set_price(price * WAD, after=0)
        with boa.env.prank(world.account("attacker")):
            world.vault.cancel_request(request)
        shares -= -(-shares // 1_000) if waits == DAY else 0
        assert world.vault.balanceOf(world.account("attacker")) == shares
    world.close("long")
    assert leave(world, "attacker") < STAKE


def test_asking_for_more_than_one_wants__when_little_is_free__costs(world: World) -> None:
    """The greedy one asks for twice what is wanted and lets the rest go."""
    shares = {name: join(world, name, STAKE) for name in ("honest", "greedy")}
    requests = {name: ask(world, name, shares[name] // (2 if name == "honest" else 1)) for name in shares}
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 100_000_000 * USD)
    set_params(world, loss_budget=24_000_000 * USD)
    world.open("long", 10 * WAD, 500 * USD)
    refresh(world, COOLDOWN)
    for name, request in requests.items():
        assert redeem(world, name, request)
    with boa.env.prank(world.account("greedy")):
        world.vault.cancel_request(requests["greedy"])
    assert purse(world, "greedy") < purse(world, "honest") - 5_000 * USD


def test_gift_of_dust__locks_nobody_in(world: World) -> None:
    shares = join(world, "victim", 1_000 * USD)
    unlock(world, "victim")
    victim = world.account("victim")
    for _ in range(5):
        join(world, "attacker", 1)
        with boa.env.prank(world.account("attacker")):
            world.token.approve(world.vault.address, 10)
        with boa.env.prank(world.owner):
            world.token.mint(world.account("attacker"), 1)
        with boa.env.prank(world.account("attacker")):
            world.vault.deposit(1, victim)
    with boa.env.prank(victim):
        assert world.vault.request_redeem(shares)
