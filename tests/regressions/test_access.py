from __future__ import annotations

from pathlib import Path
from typing import Any

import boa
import pytest

from plimsoll import artifacts
from plimsoll.signing import Signer
from tests.regressions.support import USD, add_margin, refused, set_params
from tests.regressions.traps import trap
from tests.system import WAD, World, build_world, scaled
from tests.unit import support
from tests.unit.support import publisher_keys, sign, sign_permit

ROOT = Path(__file__).resolve().parents[2]


def functions(name: str) -> set[str]:
    return {entry["name"] for entry in artifacts.abi(name) if entry["type"] == "function"}


@trap("tx.origin as proof of who calls")
def test_origin__no_source_asks_for_it() -> None:
    sources = [*(ROOT / "contracts").rglob("*.vy"), *(ROOT / "contracts").rglob("*.vyi")]
    assert len(sources) > 20
    assert not [path.name for path in sources if "tx.origin" in path.read_text(encoding="utf-8")]


@trap("tx.origin as proof of who calls")
def test_origin__trader_calls_a_hostile_contract__its_cash_stays(world: World) -> None:
    account = world.fund("trader", 1_000 * USD)
    # whatever the trader signs to call, the caller that the contracts see is the hostile one
    hostile = support.deployer("StubMarket").deploy(world.pool.address, world.source.address, support.FEED)
    with boa.env.prank(hostile.address):
        for attempt in (
            lambda: world.pool.withdraw(1, hostile.address),
            lambda: world.pool.collect(account, 1),
            lambda: world.order_book.remove_margin(world.market.address, 1),
            lambda: world.market.trade(account, WAD, 0, 0, False, 0),
        ):
            with pytest.raises(boa.BoaError):
                attempt()
    assert world.free("trader") == 1_000 * USD


EXTREMES = {
    "initial_margin_bps": (0, 49, 5_001),
    "maintenance_margin_bps": (0, 24, 161),
    "taker_fee_bps": (101, 10_000),
    "maker_fee_bps": (6, 10_000),
    "fee_vault_share_bps": (8_001, 2**255),
    "fee_insurance_share_bps": (4_001, 2**255),
    "liquidation_penalty_bps": (101, 10_000),
    "penalty_keeper_share_bps": (5_001, 2**255),
    "penalty_insurance_share_bps": (8_001, 2**255),
    "adl_fee_bps": (51, 10_000),
    "adl_step_bps": (0, 99, 10_001),
    "shock_open_bps": (1_000, 10_001),
    "shock_backstop_bps": (500, 3_000),
    "shock_adl_bps": (99, 1_000),
    "funding_k_bps": (10_001,),
    "funding_max_bps": (1_001,),
    "max_age": (4, 3_601),
    "skew_scale": (0, 10**15 - 1, 2**112 + 1),
    "min_value": (10_000 * USD + 1, 2**96),
    "loss_budget": (10**9 * USD + 1, 2**96),
    "reward_floor": (10 * USD + 1, 2**80),
}


@trap("parameters without bounds drain a market")
@pytest.mark.parametrize("name", EXTREMES)
def test_params__out_of_bounds__are_refused_to_the_owner_too(world: World, name: str) -> None:
    assert list(EXTREMES) == list(world.market.params()._fields)
    before = world.market.params()
    for value in EXTREMES[name]:
        with pytest.raises(boa.BoaError):
            set_params(world, **{name: value})
    assert world.market.params() == before


@trap("parameters without bounds drain a market")
def test_params__of_fund_book_vault_and_feed__have_bounds_too(world: World) -> None:
    fund = world.insurance.params()
    with boa.env.prank(world.owner):
        for changed in (
            fund._replace(daily_cap_bps=5_001),
            fund._replace(recovery_share_bps=10_001),
            fund._replace(cooldown=59),
            fund._replace(cooldown=31 * 86_400, vesting_period=31 * 86_400),
            fund._replace(vesting_period=fund.cooldown - 1),
            fund._replace(vesting_period=91 * 86_400),
            fund._replace(skin_floor_bps=10_001),
        ):
            with boa.reverts("out of bounds"):
                world.insurance.set_params(changed)
        with boa.reverts("keeper fee too big"):
            world.order_book.set_keeper_fee(10 * USD + 1)
        with boa.reverts("cooldown out of bounds"):
            world.vault.set_cooldown(31 * 86_400)
        router = support.deployer("SourceRouter")
        for delay in (59, 30 * 86_400 + 1):
            with boa.reverts("delay out of bounds"):
                router.deploy(delay)
        with boa.reverts("mandate too big"):
            world.pool.set_mandate(world.market.address, 2**104)


@trap("the order of wiring matters")
def test_wiring__done_once__cannot_be_done_again(world: World) -> None:
    with boa.env.prank(world.owner):
        with boa.reverts("roles already set"):
            world.pool.set_roles(world.vault.address, world.order_book.address)
        with pytest.raises(boa.BoaError):
            world.recovery.set_minter(world.owner)


@trap("the order of wiring matters")
def test_wiring__engines_missing_or_called_directly__does_not_work(world: World) -> None:
    wiring = (
        world.pool.address,
        world.vault.address,
        world.insurance.address,
        world.order_book.address,
        world.treasury,
        world.source.address,
        support.FEED,
    )
    nobody = world.account("nobody")
    with pytest.raises(boa.BoaError):
        support.deployer("Market").deploy(wiring, nobody, nobody, world.owner, scaled(6))
    engine = support.deployer("RiskEngine").deploy(wiring)
    with pytest.raises(boa.BoaError):
        engine.crank(1)
    trading = support.deployer("TradingEngine").deploy(wiring)
    for caller in (nobody, world.order_book.address):
        with boa.env.prank(caller), pytest.raises(boa.BoaError):
            trading.trade(nobody, WAD, 0, 0, False, 0)


@trap("no pause at all")
def test_pause__stops_every_kind_of_growth(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    world.fund("trader", 2_000 * USD)
    with boa.env.prank(world.account("stranger")), pytest.raises(boa.BoaError):
        world.market.set_increase_paused(True)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
    assert refused(world, "trader", WAD, 100 * USD) == "market is paused"
    # a flip would open the other side
    assert refused(world, "trader", -101 * WAD, 100 * USD) == "market is paused"
    with boa.env.prank(world.account("trader")), boa.reverts("market is paused"):
        world.order_book.remove_margin(world.market.address, USD)


@trap("no pause at all")
@trap("a pause that stops exits")
def test_guardian__pauses_at_once__cannot_end_it_and_stops_no_exit(world: World) -> None:
    world.open("trader", 100 * WAD, 1_000 * USD)
    account = world.account("watch")
    with boa.env.prank(world.owner):
        guardian = support.deployer("Guardian").deploy(world.order_book.address)
        guardian.set_guardian(account, True)
        world.market.set_guardian(guardian.address)
    with boa.env.prank(account):
        assert guardian.pause_all() == 1
        with boa.reverts("ownable: caller is not the owner"):
            world.market.set_increase_paused(False)
    world.fund("trader", 200 * USD)
    assert refused(world, "trader", WAD, 100 * USD) == "market is paused"
    world.close("trader")
    free = world.free("trader")
    with boa.env.prank(world.account("trader")):
        world.pool.withdraw(free, world.account("trader"))
    assert world.position("trader").units == world.free("trader") == 0


@trap("a pause that stops exits")
def test_pause__every_way_out_stays_open(world: World) -> None:
    for name in ("closes", "is liquidated", "is owed"):
        world.open(name, 1_000 * WAD, 3_000 * USD)
    account = world.fund("closes", 1_000 * USD)
    pending = world.place("closes", WAD, 100 * USD)
    with boa.env.prank(world.owner):
        world.market.set_increase_paused(True)
        world.order_book.set_market(world.market.address, False)
    add_margin(world, "closes", 500 * USD)
    with boa.env.prank(account):
        world.order_book.cancel(pending)
    world.close("closes")
    world.set_price(world.position("is owed").beta * 1_000 // 995)
    assert world.crank() >= 1
    owed = world.position("is owed").cash_owed
    assert owed > 0
    world.market.sync(world.account("is owed"))
    for name in ("closes", "is owed"):
        free = world.free(name)
        assert free > 0
        with boa.env.prank(world.account(name)):
            world.pool.withdraw(free, world.account(name))
        assert world.token.balanceOf(world.account(name)) == free


@trap("a signature used on another chain, contract or twice")
def test_report__for_another_chain_or_contract__is_from_nobody() -> None:
    keys = publisher_keys(5)
    deploy = support.deployer("PriceFeed").deploy
    feed, twin = (deploy([key.address for key in keys], 4, 60, 100) for _ in range(2))
    at = boa.env.timestamp
    elsewhere = [sign(key, feed.address, 100 * WAD, at, chain_id=5) for key in keys]
    for_twin = [sign(key, twin.address, 100 * WAD, at) for key in keys]
    for report in (elsewhere, for_twin):
        with boa.reverts("unknown signer"):
            feed.update(report)
    assert twin.update(for_twin)
    assert not twin.update(for_twin)


@trap("a signature used on another chain, contract or twice")
def test_permit__used_twice_or_for_another_spender__gives_no_second_allowance(world: World) -> None:
    key: Any = publisher_keys(1)[0]
    with boa.env.prank(world.owner):
        world.token.mint(key.address, 1_000 * USD)
    deadline = boa.env.timestamp + 600
    v, r, s = sign_permit(key, world.token, world.pool.address, 400 * USD, deadline)
    with boa.env.prank(key.address):
        world.pool.deposit_with_permit(400 * USD, key.address, deadline, v, r, s)
        with pytest.raises(boa.BoaError):
            world.pool.deposit_with_permit(400 * USD, key.address, deadline, v, r, s)
    thief = world.account("thief")
    with boa.env.prank(thief):
        with pytest.raises(boa.BoaError):
            world.token.permit(key.address, thief, 400 * USD, deadline, v, r, s)
        with pytest.raises(boa.BoaError):
            world.pool.deposit_with_permit(400 * USD, thief, deadline, v, r, s)
    assert world.token.balanceOf(key.address) == 600 * USD


@trap("a signature used on another chain, contract or twice")
def test_order__signed_for_another_chain_or_contract_or_used__is_void(world: World) -> None:
    key: Any = publisher_keys(1)[0]
    book, fee, chain_id = world.order_book, world.order_book.keeper_fee(), boa.env.evm.patch.chain_id
    world.accounts["signs"] = key.address
    world.fund("signs", 2_000 * USD)
    deadline = boa.env.timestamp + 600
    order = (world.market.address, 0, 10 * WAD, 100 * USD, 0, 0, False, deadline)
    good = Signer(key, "OrderBook", book.address, chain_id)
    wrong = [
        Signer(key, "OrderBook", book.address, chain_id + 1),
        Signer(key, "OrderBook", world.pool.address, chain_id),
        Signer(key, "MarginPool", world.pool.address, chain_id),
    ]
    with boa.env.prank(world.account("relayer")):
        for each in wrong:
            with boa.reverts("bad signature"):
                book.place_signed(order, key.address, 0, deadline, each.placement(order, 0, deadline))
        book.place_signed(order, key.address, 0, deadline, good.placement(order, 0, deadline))
        with boa.reverts("nonce already used"):
            book.place_signed(order, key.address, 0, deadline, good.placement(order, 0, deadline))
    assert world.free("signs") == 1_900 * USD - fee


@trap("a delegate redirects the payout")
def test_delegate__closes_and_cancels__the_owner_is_paid(world: World) -> None:
    """No function that a delegate may call takes a receiver; whatever comes out goes to the owner's balance."""
    book, market, key = world.order_book, world.market.address, world.account("session key")
    world.open("owner of it", 1_000 * WAD, 10_000 * USD)
    owner, fee = world.fund("owner of it", 1_000 * USD), book.keeper_fee()
    before = world.free("owner of it")
    with boa.env.prank(owner):
        book.set_delegate(key, market, boa.env.timestamp + 600, 2, 10**12)
    expires_at = boa.env.timestamp + 600
    with boa.env.prank(key):
        waiting = book.place_for(owner, (market, 0, WAD, 100 * USD, 0, 0, False, expires_at))
        book.cancel(waiting)
        assert world.free("owner of it") == before
        closing = book.place_for(owner, (market, 0, -1_000 * WAD, 0, 0, 0, True, expires_at))
    world.refresh()
    assert world.execute(closing)
    assert world.position("owner of it").units == 0
    assert world.free("owner of it") > before + 9_000 * USD - fee
    assert world.pool.balance_of(key) == 0
    with boa.env.prank(key):
        for call, args in (
            (world.pool.withdraw, (1, key)),
            (book.place_for, (owner, (market, 0, WAD, 0, 0, 0, False, expires_at))),
            (book.remove_margin, (market, 1)),
        ):
            with pytest.raises(boa.BoaError):
                call(*args)


def test_delegate__functions_of_a_delegate__name_no_receiver() -> None:
    for entry in artifacts.abi("OrderBook"):
        if entry["type"] == "function" and entry["name"].endswith("_for"):
            assert not [each for each in entry["inputs"] if each["name"] in ("receiver", "to")]
    assert not [each for each in functions("OrderBook") if each.startswith(("withdraw", "transfer_from"))]
    for name in artifacts.contract_names():
        assert name == "MarginPool" or not [each for each in functions(name) if each.startswith("withdraw")]


CANNOT_APPLY: dict[str, str] = {}


@trap("a pause that stops exits")
def test_settlement__every_way_out_stays_open() -> None:
    world = build_world(vault=1_000, skin=0, insurance=0, reserve=0)
    world.open("winner", 1_000 * WAD, 10_000 * USD)
    world.open("other", -200 * WAD, 10_000 * USD)
    pending_account = world.fund("waits", 500 * USD + world.order_book.keeper_fee())
    pending = world.place("waits", WAD, 500 * USD)
    world.set_price(110 * WAD)
    world.crank()
    assert world.state().is_settling
    assert world.crank() == 0
    with boa.env.prank(pending_account):
        world.order_book.cancel(pending)
    for name in ("winner", "other"):
        world.close(name)
        assert world.position(name).units == 0
        free = world.free(name)
        with boa.env.prank(world.account(name)):
            world.pool.withdraw(free, world.account(name))
    assert world.state().units_long == world.state().units_short == 0
