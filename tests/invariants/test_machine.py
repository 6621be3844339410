"""Every external function of the system as a rule, and all fourteen invariants after each."""

from __future__ import annotations

import inspect
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.invariants import checks
from tests.invariants.draws import (
    anyone,
    fees,
    keepers,
    lots,
    margin_bps,
    markets,
    most,
    nonces,
    orders,
    traders,
    usd,
    widths,
)
from tests.invariants.exchange import WAD, deployed
from tests.invariants.lp_rules import LiquidityProviderRules
from tests.invariants.staker_rules import StakerRules
from tests.invariants.world import KEEPERS, TRADERS, Last, Setup, World, world

STEPS = 40
EXAMPLES = 40

setups = st.builds(
    Setup,
    decimals=st.sampled_from([6, 6, 8, 18]),
    price=st.sampled_from([100 * WAD, 100 * WAD, 10**12, 10**25, 3_000 * WAD]),
    vault=st.sampled_from([1_000_000, 50_000, 2_000]),
    skin=st.sampled_from([0, 100, 2_000]),
    insurance=st.sampled_from([0, 200, 5_000]),
    reserve=st.sampled_from([0, 1, 1_000]),
    budget=st.sampled_from([3_000, 10_000, 30_000]),
    skew_scale=st.sampled_from([5_000_000, 1_000_000, 20_000]),
    adl_step_bps=st.sampled_from([5_000, 10_000, 3_333, 1_000]),
    adl_fee_bps=st.sampled_from([0, 0, 20]),
    mandate=st.sampled_from([10**9, 10**9, 5_000]),
    cap_bps=st.sampled_from([5_000, 2_500]),
)

Action = tuple[str, dict[str, Any]]


class Player:
    """Plays actions one by one, with all invariants after each, and remembers them."""

    on_step: ClassVar[Callable[[], None]] = lambda: None
    is_enough: ClassVar[Callable[[], bool]] = lambda: False

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.script: list[Action] = []
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(world(setup))
        self.before = self.world.compare()
        self.draw = 0

    def act(self, action: str, **terms: Any) -> None:
        if Player.is_enough():
            return
        self.script.append((action, terms))
        played = self.world
        played.last = Last(action)
        self.draw = (self.draw * 1_103_515_245 + 12_345 + sum(map(ord, action))) % 2**31
        getattr(played, f"do_{action}")(**terms)
        after = played.snapshot()
        step = checks.Step(played, self.before, after, self.draw >> 8)
        for check in checks.ALL:
            check(step)
        played.remember(self.before, after)
        self.before = after
        Player.on_step()

    def finish(self) -> None:
        """Everyone leaves."""
        try:
            checks.leave(self.world)
        finally:
            self.stack.close()

    def written(self) -> str:
        setup = {name: value for name, value in asdict(self.setup).items() if value != getattr(Setup(), name)}
        return json.dumps({"setup": setup, "actions": self.script}, indent=None)


def replay(text: str) -> World:
    """Plays what `Player.written` wrote down."""
    script = json.loads(text)
    player = Player(Setup(**script["setup"]))
    try:
        for action, terms in script["actions"]:
            player.act(action, **terms)
    except BaseException:
        player.stack.close()
        raise
    player.finish()
    return player.world


def failure_of(text: str) -> str:
    """How the script fails, without its numbers; empty if it does not."""
    try:
        replay(text)
    except Exception as error:
        said = str(error).split(":")[0].split("\n")[0]
        return f"{type(error).__name__} {''.join(c for c in said if not c.isdigit())[:40]}"
    return ""


def smallest(text: str, seconds: float = 30) -> str:
    """Leaves actions out for as long as the script fails in the same way: hypothesis knows no actions."""
    script = json.loads(text)
    wanted, actions, size = failure_of(text), script["actions"], len(script["actions"])
    until = time.monotonic() + seconds
    while wanted and size > 0 and time.monotonic() < until:
        at = 0
        while at < len(actions) and time.monotonic() < until:
            fewer = actions[:at] + actions[at + size :]
            if failure_of(json.dumps({"setup": script["setup"], "actions": fewer})) == wanted:
                actions = fewer
            else:
                at += size
        size //= 2
    return json.dumps({"setup": script["setup"], "actions": actions})


class Machine(LiquidityProviderRules, StakerRules):
    """Two markets that share vault and insurance, and everybody who may come along."""

    saved_to: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.player: Player | None = None
        self.has_failed = False

    @property
    def world(self) -> World:
        assert self.player is not None
        return self.player.world

    def act(self, action: str, **terms: Any) -> None:
        assert self.player is not None
        try:
            self.player.act(action, **terms)
        except BaseException as error:
            self._failed(error)
            raise

    def _failed(self, error: BaseException) -> None:
        self.has_failed = True
        if self.saved_to is not None and isinstance(error, Exception):
            assert self.player is not None
            self.saved_to.parent.mkdir(parents=True, exist_ok=True)
            self.saved_to.write_text(self.player.written() + "\n", encoding="utf-8")
            self.saved_to.with_suffix(".txt").write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")

    def teardown(self) -> None:
        if self.player is None:
            return
        if self.has_failed:
            self.player.stack.close()
            return
        try:
            self.player.finish()
        except BaseException as error:
            self._failed(error)
            raise

    @initialize(setup=setups, crowd=st.lists(st.tuples(st.integers(5, 600), margin_bps), min_size=2, max_size=8))
    def begin(self, setup: Setup, crowd: list[tuple[int, int]]) -> None:
        """Longs and shorts in turn, so that the skew stays small beside what is open."""
        self.player = Player(setup)
        for i, (size, margin) in enumerate(crowd):
            self.act("open", who=TRADERS[i], market=0, lots=size if i % 2 == 0 else -size, margin_bps=margin)

    # -------------------------------------------------------------- trading

    @rule(who=traders, market=markets, lots=lots, margin_bps=margin_bps)
    def open(self, **terms: Any) -> None:
        self.act("open", **terms)

    @rule(who=traders, market=markets, part_bps=st.sampled_from([10_000, 5_000, 3_333, 1]))
    def close(self, **terms: Any) -> None:
        self.act("close", **terms)

    @rule(
        who=traders,
        market=markets,
        lots=lots,
        dust=st.integers(-3, 3),
        margin_usd=usd,
        kind=st.integers(0, 2),
        trigger_bps=st.sampled_from([9_900, 10_000, 10_100]),
        acceptable_bps=st.sampled_from([0, 0, 9_990, 10_010, 1]),
        reduce_only=st.booleans(),
        expires_in=st.sampled_from([86_400, 86_400, 30, 0]),
    )
    def place(
        self,
        who: str,
        market: int,
        lots: int,
        dust: int,
        margin_usd: int,
        kind: int,
        trigger_bps: int,
        acceptable_bps: int,
        reduce_only: bool,
        expires_in: int,
    ) -> None:
        assert self.player is not None
        played = self.player.world
        price = played.prices[market]
        self.act(
            "place",
            who=who,
            market=market,
            size=lots * played.lot + dust,
            margin=margin_usd * played.unit,
            kind=kind,
            trigger=price * trigger_bps // 10_000 if kind else 0,
            acceptable=price * acceptable_bps // 10_000,
            reduce_only=reduce_only,
            expires_in=expires_in,
        )

    @rule(order=orders, keeper=anyone)
    def execute(self, **terms: Any) -> None:
        self.act("execute", **terms)

    @rule(order=orders, by=anyone, is_owner=st.booleans())
    def cancel(self, order: int, by: str, is_owner: bool) -> None:
        assert self.player is not None
        open_orders = list(self.player.world.orders.values())
        if is_owner and open_orders:
            by = open_orders[order % len(open_orders)].owner
        self.act("cancel", order=order, by=by)

    @rule(
        who=traders,
        market=markets,
        lots=lots,
        margin_usd=usd,
        nonce=nonces,
        fee=fees,
        by=anyone,
        is_good=st.sampled_from([True, True, True, False]),
    )
    def place_signed(self, market: int, lots: int, margin_usd: int, **terms: Any) -> None:
        assert self.player is not None
        played = self.player.world
        self.act("place_signed", market=market, size=lots * played.lot, margin=margin_usd * played.unit, **terms)

    @rule(order=orders, amount=st.sampled_from([0, 1, 10**6, 10**40]), by=anyone)
    def top_up(self, **terms: Any) -> None:
        self.act("top_up", **terms)

    @rule(order=orders, nonce=nonces, fee=fees, by=anyone)
    def cancel_signed(self, **terms: Any) -> None:
        self.act("cancel_signed", **terms)

    @rule(who=traders, market=markets, lots=lots, margin_usd=usd, widths=widths, is_full=st.booleans())
    def place_attached(self, market: int, lots: int, margin_usd: int, **terms: Any) -> None:
        assert self.player is not None
        played = self.player.world
        self.act("place_attached", market=market, size=lots * played.lot, margin=margin_usd * played.unit, **terms)

    @rule(who=traders, market=markets, part_bps=st.sampled_from([0, 10_000, 5_000]), widths=widths)
    def place_exits(self, **terms: Any) -> None:
        self.act("place_exits", **terms)

    @rule(
        who=st.sampled_from(TRADERS[:3]),
        by=st.sampled_from([TRADERS[0], *KEEPERS]),
        market=st.sampled_from([None, 0, 0, 1]),
        lasts=st.sampled_from([86_400, 86_400, 30, 0]),
        orders=st.sampled_from([3, 100, 1, 0]),
        usd=usd,
    )
    def set_delegate(self, **terms: Any) -> None:
        self.act("set_delegate", **terms)

    @rule(
        who=st.sampled_from(TRADERS[:3]),
        by=keepers,
        market=markets,
        lots=lots,
        margin_usd=usd,
        bps=st.integers(1, 3_000),
        reduce_only=st.booleans(),
    )
    def as_delegate(self, who: str, by: str, market: int, lots: int, margin_usd: int, bps: int, **terms: Any) -> None:
        assert self.player is not None
        played = self.player.world
        margin = margin_usd * played.unit
        self.act("place_for", who=who, by=by, market=market, size=lots * played.lot, margin=margin, **terms)
        self.act("margin_for", who=who, by=by, market=market, bps=bps)

    @rule(who=traders, word=st.sampled_from([0, 1]), mask=st.sampled_from([1, 6, 2**255]))
    def invalidate_nonces(self, **terms: Any) -> None:
        self.act("invalidate_nonces", **terms)

    @rule(who=traders, market=markets, bps=st.one_of(st.integers(-3_000, 3_000), st.sampled_from([-50, 50, 100])))
    def margin(self, **terms: Any) -> None:
        self.act("margin", **terms)

    # -------------------------------------------------------------- keepers, prices, time

    @rule(market=markets, most=most, keeper=keepers)
    def crank(self, **terms: Any) -> None:
        self.act("crank", **terms)

    @rule(market=markets, bps=st.integers(-900, 900), after=st.integers(1, 60), most=st.sampled_from([1, 2]))
    def cut_short(self, market: int, bps: int, after: int, most: int) -> None:
        self.act("move", market=market, bps=bps, after=after)
        self.act("crank", market=market, most=most, keeper="keeper1")

    @rule(
        crowd=st.lists(
            st.tuples(traders, st.sampled_from([0, 0, 1]), st.integers(-600, 600), margin_bps), min_size=2, max_size=6
        )
    )
    def rush(self, crowd: list[tuple[str, int, int, int]]) -> None:
        """Many come at once, so that a crash finds somebody."""
        for who, market, size, margin in crowd:
            self.act("open", who=who, market=market, lots=size, margin_bps=margin)

    @rule(who=traders, other=traders, market=markets, bps=st.sampled_from([-500, 500, -2_000, 3_000]), lots=lots)
    def around_a_crash(self, who: str, other: str, market: int, bps: int, lots: int) -> None:
        """Leave and join at the price at which ADL has just begun."""
        self.act("move", market=market, bps=bps, after=30)
        self.act("crank", market=market, most=1, keeper="keeper0")
        self.act("close", who=who, market=market, part_bps=5_000)
        self.act("open", who=other, market=market, lots=lots, margin_bps=400)
        self.act("margin", who=who, market=market, bps=300)
        self.act("crank", market=market, most=1_000, keeper="keeper1")

    @rule(who=traders, market=markets, by=anyone)
    def sync(self, **terms: Any) -> None:
        self.act("sync", **terms)

    @rule(market=markets, bps=st.integers(-150, 150), after=st.integers(1, 40_000))
    def creep(self, **terms: Any) -> None:
        self.act("move", **terms)

    @rule(market=markets, bps=st.integers(-400, 400), after=st.integers(1, 600), most=most)
    def slide(self, market: int, bps: int, after: int, most: int) -> None:
        self.act("move", market=market, bps=bps, after=after)
        self.act("crank", market=market, most=most, keeper="keeper0")

    @rule(market=markets, bps=st.integers(-3_000, 4_000), after=st.integers(1, 60), most=most)
    def gap(self, market: int, bps: int, after: int, most: int) -> None:
        self.act("move", market=market, bps=bps, after=after)
        self.act("crank", market=market, most=most, keeper="keeper1")

    @rule(market=markets, bps=st.sampled_from([-9_000, -6_000, 15_000, 90_000]), after=st.integers(1, 60))
    def disaster(self, **terms: Any) -> None:
        self.act("move", **terms)

    @rule(seconds=st.sampled_from([1, 60, 3_000, 3_700, 86_400, 86_400 * 15]))
    def wait(self, **terms: Any) -> None:
        self.act("wait", **terms)

    @rule(keeper=keepers, most=most, orders=st.integers(0, 4))
    def relay(self, **terms: Any) -> None:
        self.act("relay", **terms)

    # -------------------------------------------------------------- cash

    @rule(who=anyone, amount=usd, receiver=traders)
    def deposit(self, who: str, amount: int, receiver: str) -> None:
        self.act("deposit", who=who, amount=amount * 1_000, receiver=receiver)

    @rule(who=anyone, amount=usd, is_valid=st.booleans())
    def deposit_permit(self, who: str, amount: int, is_valid: bool) -> None:
        self.act("deposit_permit", who=who, amount=amount, is_valid=is_valid)

    @rule(who=traders, amount=usd, fee=fees, nonce=nonces, by=anyone, is_good=st.sampled_from([True, True, False]))
    def deposit_signed(self, amount: int, **terms: Any) -> None:
        self.act("deposit_signed", amount=amount * 1_000, **terms)

    @rule(who=traders, amount=usd, fee=fees, nonce=nonces, by=anyone, is_good=st.sampled_from([True, True, False]))
    def withdraw_signed(self, amount: int, **terms: Any) -> None:
        self.act("withdraw_signed", amount=amount * 1_000, **terms)

    @rule(who=anyone, amount=st.sampled_from([1, 10**6, 10**30]), receiver=anyone)
    def withdraw(self, **terms: Any) -> None:
        self.act("withdraw", **terms)

    @rule(who=anyone, amount=st.sampled_from([1, 10**6]))
    def donate(self, **terms: Any) -> None:
        self.act("donate", **terms)

    # -------------------------------------------------------------- the owner

    @rule(market=markets, is_paused=st.sampled_from([False, False, True]))
    def pause(self, **terms: Any) -> None:
        self.act("pause", **terms)

    @rule(
        market=markets,
        change=st.sampled_from(
            [
                ("adl_step_bps", 2_500),
                ("adl_step_bps", 10_000),
                ("maintenance_margin_bps", 150),
                ("maintenance_margin_bps", 100),
                ("loss_budget", 10**10),
                ("funding_max_bps", 1_000),
                ("funding_k_bps", 10_000),
                ("taker_fee_bps", 100),
                ("liquidation_penalty_bps", 0),
                ("shock_adl_bps", 900),
                ("reward_floor", 0),
                ("initial_margin_bps", 10_001),
            ]
        ),
    )
    def set_params(self, market: int, change: tuple[str, int]) -> None:
        self.act("set_params", market=market, name=change[0], value=change[1])

    @rule(market=markets, usd=st.sampled_from([10**9, 10**9, 1_000]))
    def set_mandate(self, market: int, usd: int) -> None:
        assert self.player is not None
        self.act("set_mandate", market=market, amount=usd * self.player.world.unit)

    @rule(market=markets, is_listed=st.sampled_from([True, True, False]))
    def list(self, **terms: Any) -> None:
        self.act("list", **terms)

    @rule(amount=st.sampled_from([0, 10_000, 100_000]), seconds=st.sampled_from([60, 86_400]))
    def terms(self, amount: int, seconds: int) -> None:
        self.act("keeper_fee", amount=amount)
        self.act("cooldown", seconds=seconds)

    @rule(cap_bps=st.sampled_from([5_000, 2_500, 0]), share_bps=st.sampled_from([5_000, 10_000, 0]))
    def fund_params(self, **terms: Any) -> None:
        self.act("fund_params", **terms)

    @rule(which=st.integers(0, 200), who=traders)
    def forbidden(self, **terms: Any) -> None:
        self.act("forbidden", **terms)


# Not rules, and why
EXCLUDED = {
    "MarginPool.set_roles(address,address)": "once, at deployment; later calls are in do_forbidden",
    "Market.set_guardian(address)": "who may pause; tests/unit/guardian, and by every role in tests/unit/access",
    "MarginPool.set_engine(address,bool)": "wiring at deployment; by others in do_forbidden",
    "InsuranceFund.set_market(address,bool)": "wiring at deployment; by others in do_forbidden",
    "Vault.set_market(address,bool)": "wiring at deployment; by others in do_forbidden",
    "OrderBook.set_gas_price(address,bytes32)": "unit tests; by others in do_forbidden",
    "OrderBook.refresh_gas_price()": "calls here are in blocks without a base fee; unit tests on py-evm",
    "RecoveryToken.set_minter(address)": "once, at deployment; by others in do_forbidden",
    "MarginPool.collect(address,uint256)": "called by the order book in place; by others in do_forbidden",
    "MarginPool.allow_pull(address,uint256)": "called by the order book in execute; by others in do_forbidden",
    "MarginPool.release(address,uint256)": "called by the order book; by others in do_forbidden",
    "MarginPool.pay(address,uint256)": "called by engines; by others in do_forbidden",
    "MarginPool.settle(uint256,(address,uint256)[])": "called by markets; by others in do_forbidden",
    "MarginPool.draw(uint256)": "called by markets; by others in do_forbidden",
    "Market.trade(address,int256,uint256,uint256,bool,uint256)": "called in execute; by others in do_forbidden",
    "Market.change_margin(address,int256)": "called in add_margin and remove_margin; by others in do_forbidden",
    "InsuranceFund.cover(uint256)": "called by markets; by others in do_forbidden",
    "InsuranceFund.return_cover(uint256,uint256)": "called by markets; by others in do_forbidden",
    "InsuranceFund.pay_reward(address,uint256)": "called by markets; by others in do_forbidden",
    "InsuranceFund.record_income(uint256)": "called by markets; by others in do_forbidden",
    "InsuranceFund.issue_recovery(address,uint256)": "called by markets; by others in do_forbidden",
    "RecoveryToken.mint(address,uint256)": "called by the fund; by others in do_forbidden",
    "RecoveryToken.burn(address,uint256)": "called by the fund; by others in do_forbidden",
    **{
        f"{name}.transfer_ownership(address)": "snekmate's; by others in do_forbidden"
        for name in ("MarginPool", "OrderBook", "Vault", "InsuranceFund", "RecoveryToken", "Market")
    },
}


def run(examples: int, steps: int, seed: int | None = None) -> None:
    """Plays examples; a seed makes them random, without one they are the same each time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=seed is None,
        database=None,
        phases=(Phase.generate,),  # `smallest` shrinks
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    if seed is not None:
        from hypothesis import seed as seeded

        run_state_machine_as_test(seeded(seed)(Machine), settings=chosen)  # type: ignore[no-untyped-call]
    else:
        run_state_machine_as_test(Machine, settings=chosen)


def test_machine__random_rules__keep_all_invariants() -> None:
    """A bounded part of `make fuzz`, the same each time."""
    run(int(os.environ.get("PLIMSOLL_EXAMPLES") or EXAMPLES), STEPS)


SIGNED = {"who": "trader4", "market": 0, "size": WAD, "margin": 10**8, "by": "keeper1"}
BRACKET = {"who": "trader4", "market": 0, "size": WAD, "margin": 10**8, "widths": (50, 50), "is_full": True}
# Every kind of action once, such that it is done and not refused
TOUR: list[Action] = [
    ("deposit", {"who": "lp0", "amount": 10**6, "receiver": "trader0"}),
    ("deposit_permit", {"who": "trader0", "amount": 10**6, "is_valid": True}),
    ("withdraw", {"who": "trader0", "amount": 10**6, "receiver": "lp0"}),
    ("donate", {"who": "lp0", "amount": 1}),
    ("open", {"who": "trader0", "market": 0, "lots": 90, "margin_bps": 400}),
    ("open", {"who": "trader1", "market": 0, "lots": -150, "margin_bps": 5_000}),
    ("open", {"who": "trader2", "market": 1, "lots": 10, "margin_bps": 1_000}),
    ("place", {"who": "trader3", "market": 1, "size": WAD, "margin": 10**8}),
    ("place", {"who": "trader3", "market": 1, "size": WAD, "margin": 10**8}),
    ("cancel", {"order": 0, "by": "trader3"}),
    ("move", {"market": 1, "bps": 0, "after": 5}),
    ("execute", {"order": 0, "keeper": "keeper1"}),
    ("place_signed", SIGNED | {"nonce": 5, "fee": 0}),
    ("place_signed", SIGNED | {"nonce": 4, "fee": 50_000}),
    ("cancel_signed", {"order": 0, "nonce": 6, "fee": 0, "by": "keeper1"}),
    ("cancel_signed", {"order": 0, "nonce": 7, "fee": 50_000, "by": "keeper1"}),
    ("deposit_signed", {"who": "trader4", "amount": 10**6, "fee": 10, "nonce": 1, "by": "keeper1"}),
    ("withdraw_signed", {"who": "trader4", "amount": 10**5, "fee": 10, "nonce": 2, "by": "keeper1"}),
    ("set_delegate", {"who": "trader1", "by": "keeper0", "market": 0, "lasts": 600, "orders": 3, "usd": 10**6}),
    ("place_for", {"who": "trader1", "by": "keeper0", "market": 0, "size": WAD, "margin": 1, "reduce_only": False}),
    ("cancel", {"order": -1, "by": "keeper0"}),
    ("place_attached", BRACKET),
    ("top_up", {"order": 0, "amount": 5, "by": "trader1"}),
    ("cancel", {"order": 0, "by": "trader4"}),
    ("place_attached", BRACKET),
    ("move", {"market": 0, "bps": 0, "after": 5}),
    ("execute", {"order": 0, "keeper": "keeper1"}),
    ("move", {"market": 0, "bps": -120, "after": 5}),
    ("execute", {"order": 1, "keeper": "keeper1"}),
    ("move", {"market": 0, "bps": 120, "after": 5}),
    ("place_exits", {"who": "trader1", "market": 0, "part_bps": 0, "widths": (50, 50)}),
    ("cancel", {"order": 0, "by": "trader1"}),
    ("cancel", {"order": 0, "by": "trader1"}),
    ("invalidate_nonces", {"who": "trader4", "word": 0, "mask": 7}),
    ("move", {"market": 0, "bps": 0, "after": 5}),
    ("margin_for", {"who": "trader1", "market": 0, "bps": 100, "by": "keeper0"}),
    ("margin", {"who": "trader1", "market": 0, "bps": 100}),
    ("margin", {"who": "trader1", "market": 0, "bps": -100}),
    ("close", {"who": "trader1", "market": 0, "part_bps": 1_000}),
    ("fund_skin", {"who": "owner", "amount": 10**6}),
    ("fund_reserve", {"who": "owner", "amount": 10**6}),
    *[("stake", {"who": f"staker{form % 2}", "amount": 10**6, "form": form}) for form in range(3)],
    *[("request_unstake", {"who": f"staker{form}", "part_bps": 10_000, "form": form}) for form in range(2)],
    ("donate_insurance", {"who": "lp1", "amount": 10**6}),
    ("request_skin", {"amount": 1, "receiver": "lp1"}),
    ("lp_deposit", {"who": "lp1", "amount": 10**9}),
    ("lp_deposit", {"who": "lp1", "amount": 10**9, "short": 0}),
    ("lp_deposit_permit", {"who": "lp1", "amount": 10**9}),
    ("lp_mint", {"who": "lp1", "shares": 10**12}),
    ("lp_mint", {"who": "lp1", "shares": 10**12, "short": 0}),
    ("lp_donate", {"who": "trader0", "amount": 10**6}),
    ("wait", {"seconds": 120}),
    ("lp_request", {"who": "lp1", "part_bps": 1_000, "form": 0, "receiver": "lp1"}),
    ("lp_request", {"who": "lp1", "part_bps": 1_000, "form": 1, "receiver": "lp0"}),
    ("lp_request", {"who": "lp1", "part_bps": 1_000, "form": 2, "receiver": "lp0"}),
    ("lp_cancel", {"request": 2, "by": "lp1"}),
    ("wait", {"seconds": 90_000}),
    ("keep_requests", {"by": "keeper0"}),
    ("move", {"market": 0, "bps": 0, "after": 1}),
    ("move", {"market": 1, "bps": 0, "after": 1}),
    ("lp_redeem", {"request": 0, "by": "keeper0"}),
    ("unstake", {"who": "staker0"}),
    ("unstake", {"who": "staker1", "by": "trader0"}),
    ("release_skin", {}),
    ("recovery_cap", {"market": 0, "amount": 1}),
    ("move", {"market": 0, "bps": -3_000, "after": 60}),
    ("relay", {"keeper": "keeper1", "most": 1, "orders": 4}),
    ("crank_all", {"market": 0, "most": 2, "keeper": "keeper0"}),
    ("sync", {"who": "trader1", "market": 0, "by": "keeper1"}),
    *[
        ("token", {"which": "recovery", "who": "trader1", "to": "lp1", "part_bps": 5_000, "way": way})
        for way in range(3)
    ],
    *[("token", {"which": "vault", "who": "lp1", "to": "lp0", "part_bps": 5_000, "way": way}) for way in range(3)],
    ("recovery_cap", {"market": 0, "amount": 10**9}),
    ("issue_rest", {"who": "trader1", "market": 0, "by": "lp0"}),
    ("fund_pot", {"who": "lp0", "amount": 10}),
    *[("redeem_recovery", {"who": "trader1", "part_bps": 5_000, "form": form}) for form in range(2)],
    ("pause", {"market": 0, "is_paused": True}),
    ("set_params", {"market": 0, "name": "adl_step_bps", "value": 2_500}),
    ("set_mandate", {"market": 0, "amount": 10**15}),
    ("list", {"market": 0, "is_listed": False}),
    ("keeper_fee", {"amount": 0}),
    ("cooldown", {"seconds": 60}),
    ("deposit_lock", {"seconds": 3_600}),
    ("deposit_cap", {"amount": 10**12}),
    ("fund_params", {"cap_bps": 2_500, "share_bps": 10_000}),
    *[("forbidden", {"which": which, "who": "trader5"}) for which in range(53)],
]


def test_machine__every_external_function__is_a_rule_or_has_a_reason_not_to_be() -> None:
    """What the tour calls is called by rules, too: every kind of action is one."""
    exchange = deployed(6)
    functions = {f.name for contract in exchange.contracts for f in contract.functions if not f.is_view}
    assert functions >= EXCLUDED.keys(), EXCLUDED.keys() - functions
    exchange.chain.called.clear()
    setup = Setup(vault=100_000, budget=3_000, adl_step_bps=10_000)
    player = Player(setup)
    try:
        for action, terms in TOUR:
            player.act(action, **terms)
    finally:
        player.stack.close()
    untouched = functions - exchange.chain.called - EXCLUDED.keys()
    assert not untouched, f"neither called nor excluded: {sorted(untouched)}"
    source = "".join(inspect.getsource(part) for part in (Machine, LiquidityProviderRules, StakerRules))
    rules = set(re.findall(r'self\.act\(\s*"(\w+)"', source))
    kinds = {name.removeprefix("do_") for name in dir(World) if name.startswith("do_")}
    # the first three are made of others: place, execute, crank
    assert kinds - rules - {"trade", "crank_all", "change_margin", "price"} == set()
