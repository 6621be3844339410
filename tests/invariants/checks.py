"""The fourteen invariants, each a function with the invariant's name.

They look at the contracts alone, with the state before and after the last call and its events; only `lazy_is_eager`
asks the model. Those that try something out do so under an anchor, and run where the docstring says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.reference.grid import LONG, SHORT, beta_of, ceil_of
from tests.invariants.calls import RevertedError
from tests.invariants.exchange import MARKETS, MAX_AGE, OWNER, TREASURY, address_of
from tests.invariants.world import NAMES, TRADERS, Snapshot, View, World

FAIR = 2**256 - 1
BPS = 10_000


@dataclass
class Step:
    """One rule: the world after it, and what it was before and is now."""

    world: World
    before: Snapshot
    after: Snapshot
    draw: int  # a drawn number: which costly probes run


def coordinate(view: View, side: int) -> int:
    adjusted = int(view.state.index_price - view.state.funding_index)
    return adjusted if side == LONG else -adjusted


def is_clean(view: View) -> bool:
    return all(beta_of(bucket) <= coordinate(view, bucket >> 24) for bucket, _ in view.buckets)


def events_of(step: Step, market: int, name: str) -> list[Any]:
    last = step.world.last
    if last.market not in (None, market) or not last.events:
        return []
    return [e for e in step.world.chain.logs(step.world.market(market)) if type(e).__name__ == name]


def solvent(step: Step) -> None:
    """The pool's tokens are the ledger, and what somebody has donated."""
    world = step.world
    tokens = world.exchange.token.balanceOf(world.exchange.pool.address)
    assert tokens == step.after.total + world.donated
    assert sum(step.after.ledger.values()) + sum(step.after.engines.values()) == step.after.total


def books(step: Step) -> None:
    """C = U + E to the coin after each call on a clean market; what everybody is owed is in U.

    An interrupted crank leaves what the vault can't pay to the one that ends it, which settles the market.
    """
    for i, view in enumerate(step.after.markets):
        state = view.state
        if not state.is_settling and not step.world.is_unsettled[i] and is_clean(view):
            short = state.claimable + state.trader_equity - state.cash
            assert short == 0 or (short > 0 and step.world.is_interrupted[i]), f"market {i}: {state}"
        if not state.is_settling:
            owed = sum(held.cash_owed for held in view.positions.values())
            assert owed <= state.claimable, f"market {i}: owed {owed}, U {state.claimable}"


def zero_sum(step: Step) -> None:
    """All cash is what was deposited less what was withdrawn."""
    assert step.after.total == step.world.flows


def lazy_is_eager(step: Step) -> None:
    """Everybody has what the position-by-position model gives them, within dust."""
    step.world.compare(step.after)


def _profit(view: View, bucket: int) -> int:
    return coordinate(view, bucket >> 24) - beta_of(bucket) - ceil_of(bucket >> 16 & 0xFF)


def order(step: Step) -> None:
    """From the events alone: best score first within a step, and no k-th step before all have given k - 1.

    What a bucket had given at the price before this call is known from the bucket itself.
    """
    for i, view in enumerate(step.after.markets):
        told = events_of(step, i, "Deleveraged")
        if not told:
            continue
        world = step.world
        part = world.models[i].params.adl_step_bps
        before = step.before.markets[i]
        started = dict(before.buckets)
        # what a bucket held when ADL first reached it at this price
        base = dict(started)
        if before.state.price_round == view.state.price_round:
            for bucket in started:
                base[bucket] += world.given_before.get((i, bucket), 0)
        left = dict(started)
        eligible = [b for b in started if _profit(view, b) > 0]
        for event in told:
            side = event.bucket >> 24
            if event.bucket not in left:
                continue
            left[event.bucket] -= event.units
            for other in eligible:
                if other >> 24 != side or other == event.bucket or left[other] == 0:
                    continue
                steps = event.step - 1
                if _is_ahead(view, other, event):
                    steps += 1
                kept = base[other] * max(0, BPS - steps * part) // BPS
                # a base is kept to 50 significant bits
                assert left[other] <= kept + 2 + (base[other] >> 48), f"{other:x} was passed over for {event}"


def _is_ahead(view: View, bucket: int, event: Any) -> bool:
    """Higher score than the event's bucket: (p / ceil) * (P / e), compared without division."""
    mine, theirs = _score(view, bucket), _score(view, event.bucket)
    return mine[0] * theirs[1] > theirs[0] * mine[1]


def _score(view: View, bucket: int) -> tuple[int, int]:
    ceiling = ceil_of(bucket >> 16 & 0xFF)
    equity = coordinate(view, bucket >> 24) - beta_of(bucket)
    return equity - ceiling, ceiling * equity


def exact(step: Step) -> None:
    """ADL closes for a bucket what it says it did, and takes its uncovered loss; fair ADL stops at the backstop."""
    for i, view in enumerate(step.after.markets):
        losers = events_of(step, i, "Liquidated")
        winners = events_of(step, i, "Deleveraged")
        for event in losers:
            parts = event.skin_in_the_game + event.insurance + event.adl + event.vault
            assert event.loss == parts
        for bucket in {e.bucket for e in losers} | {e.for_bucket for e in winners} - {FAIR}:
            closed = sum(e.units for e in losers if e.bucket == bucket and not e.to_vault)
            given = sum(e.units for e in winners if e.for_bucket == bucket)
            assert closed == given, f"{given} units given for {closed}"
            taken = sum(e.claim for e in winners if e.for_bucket == bucket)
            assert taken == sum(e.adl for e in losers if e.bucket == bucket)
        fair = [e for e in winners if e.for_bucket == FAIR]
        if fair:
            state = view.state
            world = step.world
            shock = world.models[i].params.shock_backstop_bps
            capacity = state.budget_left * BPS // shock * world.scale // state.index_price
            skew = abs(state.units_long - state.units_short)
            assert skew >= capacity, f"fair ADL went below the backstop capacity: {skew} < {capacity}"
            assert all(e.loss_per_unit == 0 and e.claim == 0 for e in fair)


def principal(step: Step) -> None:
    """No unit is paid less than its class ceiling, which is above its basis; nobody without profit is touched."""
    for i, view in enumerate(step.after.markets):
        scale = step.world.scale
        for event in events_of(step, i, "Deleveraged"):
            assert _profit(view, event.bucket) > 0, f"{event} is not in profit"
            least = event.units * ceil_of(event.bucket >> 16 & 0xFF) // scale
            # equity and fee are rounded against the owner
            assert event.paid >= least - 2, f"{event} paid less than {least}"


def no_trade_while_insolvent(step: Step) -> None:
    """No fill, no margin out and no vault flow while a live bucket is bankrupt at the price of the call."""
    last = step.world.last
    if last.is_filled and last.market is not None:
        view = step.after.markets[last.market]
        if not view.state.is_settling:
            for bucket, _ in step.before.markets[last.market].buckets:
                assert beta_of(bucket) <= coordinate(view, bucket >> 24), f"{last.action} with {bucket:x} bankrupt"
    if last.is_vault_flow:
        assert step.world._is_vault_open()


def compartments(step: Step) -> None:
    """A call to one market leaves the other as it is, and costs the vault no more than the market's mandate."""
    last, world = step.world.last, step.world
    if last.market is None:
        return
    other = 1 - last.market
    assert step.before.markets[other] == step.after.markets[other], f"{last.action} of {last.market} changed the other"
    pool = world.exchange.pool
    vault = step.before.engines["Vault 1"] - step.after.engines["Vault 1"]
    mandate = pool.mandate(world.market(last.market).address)
    assert last.is_vault_flow or vault <= mandate
    assert pool.mandate_left(world.market(last.market).address) <= mandate


def grid(step: Step) -> None:
    """Bitmaps, buckets and sums agree; every position is in a live bucket, and no bucket is without one."""
    for view in step.after.markets:
        state = view.state
        units = [sum(u for b, u in view.buckets if b >> 24 == side) for side in (LONG, SHORT)]
        assert units == [state.units_long, state.units_short]
        exact_equity = sum(u * (coordinate(view, b >> 24) - beta_of(b)) for b, u in view.buckets)
        assert state.trader_equity == -(-exact_equity // step.world.scale)
        live = dict(view.buckets)
        assert all(live.values())
        held: dict[int, int] = {}
        count: dict[int, int] = {}
        for position in view.positions.values():
            if position.units:
                held[position.bucket] = held.get(position.bucket, 0) + position.units
                count[position.bucket] = count.get(position.bucket, 0) + 1
        for bucket, total in live.items():
            # what a share stands for is rounded down
            assert 0 <= total - held.get(bucket, 0) <= len(TRADERS), f"{bucket:x}: {total} units, owners {held}"
        assert held.keys() <= live.keys()


def reward(step: Step) -> None:
    """A crank that did work pays its caller, unless nobody has anything to pay with."""
    last = step.world.last
    if not last.pieces or last.market is None:
        return
    gained = step.after.ledger[last.keeper] - step.before.ledger[last.keeper]
    told = sum(e.amount for e in events_of(step, last.market, "RewardPaid"))
    assert gained == told
    state = step.after.markets[last.market].state
    is_short = step.world.is_interrupted[last.market] and state.cash < state.claimable + state.trader_equity
    if step.before.engines["Vault 1"] > 10**6 and not state.is_settling and not is_short:
        assert gained > 0 or step.world.is_broke(last.market), "work without a reward"


# Probes ---------------------------------------------------------------------------------------------------------------


def resumable(step: Step) -> None:
    """crank(1) until nothing is left ends as crank(many). Tried wherever a market has more than one piece of work."""
    world = step.world
    for i in range(MARKETS):
        model = world.models[i]
        if model.is_settling or world.now - model.offered[1] > MAX_AGE:
            continue
        market, keeper = world.market(i), address_of("keeper1")
        if world.exchange.lens.work(market.address).buckets < 2:
            continue
        with world.chain.anchor():
            pieces = market.crank(10_000, sender=keeper)
            at_once = world.snapshot(), _fund(world)
        if pieces < 2:
            continue
        with world.chain.anchor():
            done, was_short = 0, False
            for _ in range(4 * pieces + 8):
                now = market.crank(1, sender=keeper)
                done += now
                state = market.state()
                was_short |= state.is_settling or state.cash < state.claimable + state.trader_equity
                if not now:
                    break
            singly = world.snapshot(), _fund(world)
        _same(at_once, singly, world, i, pieces, was_short)
        assert done == pieces, f"{done} pieces one by one, {pieces} at once"


def _fund(world: World) -> tuple[int, ...]:
    fund = world.exchange.fund
    return fund.skin_in_the_game(), fund.insurance(), fund.reward_reserve(), fund.recovery_pot()


def _same(a: Any, b: Any, world: World, market: int, pieces: int, was_short: bool) -> None:
    """The same state, to the coin; but for who pays the keeper.

    Income that is passed on between two cranks may fill the reward reserve, which then pays what the vault would have
    paid: insurance, reserve and vault are compared as a sum, up to a coin for each time that income is shared. Where
    the vault fell short on the way, a reward was cut at once that a crank of one piece could pay, or the other way
    round: then the keeper and the market's cash are in the sum.
    """
    first, second = a[0], b[0]
    assert [v.buckets for v in first.markets] == [v.buckets for v in second.markets]
    for mine, theirs in zip(first.markets, second.markets, strict=True):
        assert mine.positions == theirs.positions
        same = theirs.state._replace(cash=mine.state.cash) if was_short else theirs.state
        assert mine.state == same, _difference(mine.state, theirs.state)
    loose = {"treasury": 0, "keeper1": 0} if was_short else {"treasury": 0}
    assert first.ledger | loose == second.ledger | loose
    assert abs(first.ledger["treasury"] - second.ledger["treasury"]) <= pieces or was_short
    assert a[1][0] == b[1][0], f"skin {a[1][0]} and {b[1][0]}"
    assert abs(a[1][3] - b[1][3]) <= pieces or was_short, f"pot {a[1][3]} and {b[1][3]}"
    sums = []
    for seen, fund in ((first, a[1]), (second, b[1])):
        others = seen.ledger["keeper1"] + seen.ledger["treasury"] + seen.markets[market].state.cash if was_short else 0
        sums.append(sum(fund) + seen.engines["Vault 1"] + others)
    assert abs(sums[0] - sums[1]) <= pieces, f"vault and fund {sums[0]} and {sums[1]}"


def _difference(a: Any, b: Any) -> str:
    return ", ".join(f"{name}: {x} and {y}" for name, x, y in zip(a._fields, a, b, strict=True) if x != y)


def always_out(step: Step) -> None:
    """On a copy of the world everybody gets out: cancel, crank, close, sync, claim, withdraw. Every eighth step."""
    if step.draw % 8 == 0:
        with step.world.anchor():
            leave(step.world)


def leave(world: World) -> None:
    """Everyone leaves, whatever state the exchange is in. The books are empty then, up to dust."""
    ex = world.exchange
    pool, book = ex.pool, ex.book
    # nobody needs a price to withdraw, cancel or collect
    for name in TRADERS:
        for market in ex.markets:
            market.sync(address_of(name), sender=address_of("keeper1"))
        balance = pool.balance_of(address_of(name))
        pool.withdraw(balance, address_of(name), sender=address_of(name))
    # exits before the order that would take them along
    for id_, theirs in sorted(world.orders.items(), reverse=True):
        book.cancel(id_, sender=address_of(theirs.owner))
    for i in range(MARKETS):
        world.market(i).set_increase_paused(True, sender=OWNER)
        book.set_market(world.market(i).address, False, sender=OWNER)
    for name in TRADERS:
        ex.token.mint(address_of(name), 100 * world.unit, sender=OWNER)
        pool.deposit(50 * world.unit, address_of(name), sender=address_of(name))
    for i in range(MARKETS):
        _close_all(world, i)
    for name in TRADERS:
        balance = pool.balance_of(address_of(name))
        pool.withdraw(balance, address_of(name), sender=address_of(name))
        recovery = ex.recovery.balanceOf(address_of(name))
        if recovery:
            ex.fund.redeem_recovery(recovery, sender=address_of(name))
    for i in range(MARKETS):
        _is_empty(world, i)


def _fresh(world: World, market: int) -> None:
    world.chain.now += 1
    ex = world.exchange
    for i in range(MARKETS):
        ex.source.set_price_of(ex.markets[i].feed(), world.prices[i], world.now, sender=OWNER)


def _close_all(world: World, index: int) -> None:
    market, book = world.market(index), world.exchange.book
    keeper = address_of("keeper1")
    for _ in range(4):
        _fresh(world, index)
        for _ in range(100):
            if not market.crank(50, sender=keeper):
                break
        for name in TRADERS:
            held = market.position(address_of(name))
            if held.units == 0:
                continue
            size = -held.units if held.side == LONG else held.units
            order = (market.address, 0, size, 0, 0, 0, True, world.now + 1_000)
            id_ = book.place(order, sender=address_of(name))
            _fresh(world, index)
            try:
                filled = book.execute(id_, sender=keeper)
            except RevertedError as error:
                # the price that this order needs made work, or emptied the vault: crank, then it is filled
                assert str(error) == "wait: crank first", error
                for _ in range(100):
                    if not market.crank(50, sender=keeper):
                        break
                filled = market.position(address_of(name)).units == 0 or book.execute(id_, sender=keeper)
            if not filled:
                assert market.position(address_of(name)).units == 0, "a close was dropped"
        if not any(market.position(address_of(name)).units for name in TRADERS):
            break
    _fresh(world, index)
    market.crank(50, sender=keeper)
    for name in TRADERS:
        market.sync(address_of(name), sender=keeper)


def _is_empty(world: World, index: int) -> None:
    market = world.market(index)
    for name in TRADERS:
        held = market.position(address_of(name))
        assert held.units == 0, f"{name} still holds {held.units}"
        assert held.claim_owed == 0
        assert held.cash_owed == 0 or world.exchange.pool.balance_of(market.address) == 0, f"{name} is owed cash"
    state = market.state()
    assert state.units_long <= len(TRADERS) and state.units_short <= len(TRADERS), f"units left: {state}"
    if not state.is_settling:
        # rounding of what each share was paid stays in U, far below what a payout rounds
        assert state.cash - state.claimable - state.trader_equity == 0


def split_proof(step: Step) -> None:
    """Whoever splits a position over two accounts changes nobody's outcome. Tried at every sixteenth step.

    On two copies of the world somebody opens a position, whole or in halves, the price moves and the market is cranked.
    The two halves pay together the premium of the whole, so all others must end with the same money.
    """
    world = step.world
    if step.draw % 16 != 3 or any(model.is_settling for model in world.models):
        return
    index, sign = step.draw // 16 % MARKETS, 1 if step.draw // 32 % 2 else -1
    move = (-700, -300, 300, 700, 2_000)[step.draw // 64 % 5]
    view = step.after.markets[index]
    free = [n for n in TRADERS if view.positions[n].units == 0 and step.after.ledger[n] > 10_000 * world.unit]
    if len(free) < 2 or not is_clean(view):
        return
    lots = 40
    outcomes, buckets = [], []
    for halves in (1, 2):
        with world.chain.anchor():
            opened = _open(world, index, free[:halves], sign * lots // halves)
            if opened is None:
                return
            buckets.append(opened)
            world.chain.now += 60
            price = world.prices[index] * (BPS + move) // BPS
            ex = world.exchange
            ex.source.set_price_of(ex.markets[index].feed(), price, world.now, sender=OWNER)
            world.market(index).crank(10_000, sender=address_of("keeper1"))
            state = world.market(index).state()
            money = {}
            for name in TRADERS:
                held = world.market(index).position(address_of(name))
                per_unit = coordinate(View(state, {}, []), held.side) - held.beta
                money[name] = (
                    ex.pool.balance_of(address_of(name)) + held.cash_owed + held.units * per_unit // world.scale
                )
            outcomes.append((money, state))
    if buckets[0] != buckets[1]:
        return  # premium and rounding have put a half into another tick
    whole, split = outcomes
    if whole[1].is_settling or split[1].is_settling:
        return
    # each order rounds a few coins and each piece a few more; units below a wei change hands at the price
    dust = 200 + 100 * world.models[index].price // world.scale + _total(whole[0]) // 10**12
    for name in TRADERS:
        if name not in free[:2]:
            assert abs(whole[0][name] - split[0][name]) <= dust, f"{name}: {whole[0][name]} and {split[0][name]}, split"
    fees = int(world.exchange.book.keeper_fee())
    mine = [sum(money[name] for name in free[:2]) for money in (whole[0], split[0])]
    assert abs(mine[0] - mine[1] - fees) <= dust, f"whole {mine[0]}, in halves {mine[1]}"


def _total(money: dict[str, int]) -> int:
    return sum(money.values())


def _open(world: World, index: int, names: list[str], lots: int) -> set[int] | None:
    ex, market = world.exchange, world.market(index)
    size = lots * world.lot
    margin = abs(size) * world.prices[index] // world.scale // 20
    ids = []
    for name in names:
        order = (market.address, 0, size, margin, 0, 0, False, world.now + 1_000)
        try:
            ids.append(ex.book.place(order, sender=address_of(name)))
        except RevertedError as error:
            assert str(error) == "market only reduces", error
            return None
    _fresh(world, index)
    try:
        filled = [ex.book.execute(each, sender=address_of("keeper1")) for each in ids]
        if not all(filled):
            return None
    except RevertedError:
        return None
    return {market.position(address_of(name)).bucket for name in names}


ALL = (
    solvent,
    books,
    zero_sum,
    lazy_is_eager,
    order,
    exact,
    principal,
    split_proof,
    no_trade_while_insolvent,
    always_out,
    compartments,
    resumable,
    grid,
    reward,
)

__all__ = ["ALL", "NAMES", "OWNER", "SHORT", "TREASURY", "Step", "leave"]
