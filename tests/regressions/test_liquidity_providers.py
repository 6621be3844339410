from __future__ import annotations

import boa
import pytest

from tests.capital.support import COOLDOWN, DAY, ask, join, redeem, tokens, worth_of
from tests.regressions.support import USD, set_params, wealth
from tests.regressions.traps import trap
from tests.system import WAD, World, build_world, check_books


@trap("the first depositor inflates the share price")
def test_first_deposit__one_unit_and_a_gift__victim_loses_nothing_worth_stealing() -> None:
    world = build_world(vault=0)
    join(world, "attacker", 1)
    gift = 100_000 * USD
    account = tokens(world, "attacker", gift)
    with boa.env.prank(account):
        with boa.reverts("receiver is an engine"):
            world.pool.deposit(gift, world.vault.address)
        # straight to the token's contract: nobody's cash
        world.token.transfer(world.pool.address, gift // 2)
        world.token.transfer(world.vault.address, gift // 2)
    assert world.vault.totalAssets() == 1
    join(world, "victim", 10_000 * USD)
    assert worth_of(world, "victim") >= 10_000 * USD - 1
    assert worth_of(world, "attacker") <= 1


@trap("dust makes the worth zero and blocks everybody")
def test_worth_zero__nobody_pays_into_a_debt__and_the_door_opens_again() -> None:
    world = build_world(vault=10, skin=0, insurance=0, reserve=0)
    world.open("winner", 100 * WAD, 1_000 * USD)
    world.set_price(101 * WAD)
    assert world.vault.totalAssets() == 0
    # what came in now would go to the winner: refused, not lost
    assert world.vault.maxDeposit(world.owner) == 0
    with boa.reverts("vault owes more than it has"):
        join(world, "newcomer", 1_000 * USD)
    # as soon as the shares stand for a coin again the door is open, however few coins there are to a share
    world.set_price(100 * WAD + WAD // 20)
    assert 0 < world.vault.totalAssets() < 10 * USD
    join(world, "newcomer", 1_000 * USD)
    assert 999 * USD < worth_of(world, "newcomer") <= 1_000 * USD
    world.close("winner")
    check_books(world)


@trap("deposit, collect and withdraw in one go")
def test_flash__deposit_and_leave__waits_for_the_cooldown(world: World) -> None:
    shares = join(world, "flash", 1_000_000 * USD)
    request = ask(world, "flash", shares)
    with boa.reverts("wait: cooldown"):
        redeem(world, "flash", request)
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    assert redeem(world, "flash", request) <= 1_000_000 * USD


@trap("deposit before a gain that is known")
def test_known_gain__price_moved_and_nobody_cranked__newcomer_pays_for_it(world: World) -> None:
    world.open("trader", 20_000 * WAD, 200_000 * USD)
    before = world.vault.totalAssets()
    world.set_price(95 * WAD)
    gain = world.vault.totalAssets() - before
    assert gain > 90_000 * USD
    # as big as everybody else together, and then the variation margin comes home
    join(world, "attacker", before)
    bought = worth_of(world, "attacker")
    world.crank()
    assert worth_of(world, "attacker") <= bought + 1 <= before + 1


@trap("fees reach the vault only when positions close")
def test_open__fee_of_the_vault__is_worth_at_once(world: World) -> None:
    before = world.vault.totalAssets()
    world.open("trader", 1_000 * WAD, 10_000 * USD)
    # 5 bps of 100,000, sixty percent of it; the premium is owed to those who take the skew back and counts for nothing
    assert abs(world.vault.totalAssets() - before - 30 * USD) <= 3


@trap("the worth leaves out pending funding or profit")
def test_worth__before_any_crank__follows_price_and_funding(world: World) -> None:
    world.open("trader", 20_000 * WAD, 500_000 * USD)
    before = world.vault.totalAssets()
    with boa.env.anchor():
        world.set_price(101 * WAD)
        # the traders' gain, and the skew reserve grown by a hundredth
        assert before - 20_300 * USD < world.vault.totalAssets() < before - 19_900 * USD
    boa.env.time_travel(seconds=DAY)
    owed = world.market.funding_index_now() - world.state().funding_index
    assert owed > 0
    assert abs(world.vault.totalAssets() - before - 20_000 * owed // 10**12) <= 2


@trap("no minimum for what a withdrawal brings")
def test_redeem__below_the_minimum__stays_requested(world: World) -> None:
    shares = join(world, "provider", 1_000_000 * USD)
    request = ask(world, "provider", shares, 999_000 * USD)
    world.open("trader", 30_000 * WAD, 500_000 * USD)
    world.set_price(102 * WAD)
    world.crank()
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    with boa.reverts("below minimum"):
        redeem(world, "provider", request)
    with boa.env.prank(world.account("provider")):
        world.vault.cancel_request(request)
    assert world.vault.balanceOf(world.account("provider")) == shares - shares // 1_000


@trap("a run on the vault after a loss")
def test_run__first_and_last_to_leave__get_the_same_for_a_share(world: World) -> None:
    shares = {name: join(world, name, 1_000_000 * USD) for name in ("first", "last")}
    requests = {name: ask(world, name, shares[name]) for name in shares}
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    world.open("trader", 30_000 * WAD, 500_000 * USD)
    world.set_price(110 * WAD)
    # before the loss is booked it is in the worth already: nobody outruns it
    first = redeem(world, "first", requests["first"])
    world.crank()
    last = redeem(world, "last", requests["last"])
    assert first < 990_000 * USD
    assert abs(first - last) <= 2


@trap("a run on the vault after a loss")
def test_run__while_a_bankrupt_bucket_is_open__nobody_leaves(world: World) -> None:
    request = ask(world, "runner", join(world, "runner", 1_000_000 * USD))
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    world.open("loser", -10_000 * WAD, 30_000 * USD)
    world.set_price(120 * WAD)
    with boa.reverts("wait: market not settled"):
        redeem(world, "runner", request)


@trap("a whale on both sides farms the fees")
def test_whale__both_sides_and_most_of_the_vault__loses() -> None:
    world = build_world(vault=100_000)
    join(world, "whale", 9_900_000 * USD)
    brought = 9_900_000 * USD
    for name in ("left hand", "right hand"):
        world.fund(name, 1_000_000 * USD)
        brought += 1_000_000 * USD
    for _ in range(3):
        world.trade("left hand", 20_000 * WAD, 900_000 * USD)
        world.trade("right hand", -20_000 * WAD, 900_000 * USD)
        world.trade("left hand", -20_000 * WAD, 0, reduce_only=True)
        world.trade("right hand", 20_000 * WAD, 0, reduce_only=True)
    has = worth_of(world, "whale") + wealth(world, "left hand") + wealth(world, "right hand")
    # of each fee forty percent go to insurance and treasury
    fees = 3 * 2 * (20_000 * 100 * USD) * (5 + 2) // 10_000
    assert has < brought - fees * 4 // 10


@trap("rounding in favour of whoever calls")
@pytest.mark.parametrize("decimals", [6, 18])
def test_rounding__many_small_joins_and_leaves__bring_nothing(decimals: int) -> None:
    world = build_world(decimals=decimals, vault=1_000)
    # fees give the share price a tail
    world.open("trader", 7 * WAD, 333_333_333 * 10**decimals // 10**6)
    world.close("trader")
    world.crank()
    assert world.vault.totalAssets() > 1_000 * world.unit
    before = world.vault.convertToAssets(10**30)
    paid = shares = 0
    for amount in (1, 2, 3, 7, 11, 999_983, 1):
        shares += join(world, "miller", amount)
        paid += amount
    request = ask(world, "miller", shares)
    boa.env.time_travel(seconds=COOLDOWN)
    world.refresh()
    assert redeem(world, "miller", request) <= paid
    assert world.vault.convertToAssets(10**30) >= before


@trap("rounding in favour of whoever calls")
def test_rounding__dust_positions_in_and_out__bring_nothing() -> None:
    world = build_world(vault=10_000)
    set_params(world, taker_fee_bps=0, maker_fee_bps=0)
    with boa.env.prank(world.owner):
        world.order_book.set_keeper_fee(0)
    world.fund("miller", 100 * USD)
    for size in (WAD // 5 + 1, WAD // 5 + 7, WAD // 3, -WAD // 3, -WAD // 5 - 13):
        world.trade("miller", size, 10 * USD)
        world.trade("miller", -size, 0, reduce_only=True)
        assert world.position("miller").units == 0
        assert world.free("miller") <= 100 * USD
    check_books(world)
