"""One market on titanoboa with the least around it, and the same in the reference model.

The pool and the market are the real ones. Price source, order book, vault and insurance fund are the smallest contracts
that do what the market asks of them, so that every number the market sees is known exactly.
"""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

import boa
from boa.util.abi import abi_decode

from plimsoll.reference import Deleveraging, Liquidation, Params, RejectedError
from plimsoll.reference import Market as Model
from plimsoll.reference.grid import LONG, SHORT

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
WAD = 10**18
CASH = 10**6
FEED = (1).to_bytes(32, "big")

TOKEN = """
# pragma version ==0.4.3
# pragma nonreentrancy on
decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])

@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount

@external
def approve(spender: address, amount: uint256) -> bool:
    return True

@external
def transfer(to: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True

@external
def transferFrom(sender: address, to: address, amount: uint256) -> bool:
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    return True
"""

SOURCE = """
# pragma version ==0.4.3
# pragma nonreentrancy on
latest: uint256
at: uint256

@external
def set(latest: uint256, at: uint256):
    self.latest = latest
    self.at = at

@view
@external
def price(feed: bytes32) -> (uint256, uint256):
    return self.latest, self.at
"""

BOOK = """
# pragma version ==0.4.3
# pragma nonreentrancy on
from contracts.interfaces import IMarket
from contracts.interfaces import IMarginPool

POOL: immutable(IMarginPool)
market_count: public(uint256)
market_at: public(HashMap[uint256, address])

@deploy
def __init__(pool: address):
    POOL = IMarginPool(pool)

@external
def list(market: address):
    self.market_count += 1
    self.market_at[self.market_count] = market

@external
def trade(
    market: address, owner: address, size_delta: int256, margin: uint256, acceptable: uint256, reduce_only: bool
) -> IMarket.Fill:
    extcall POOL.collect(owner, margin)
    extcall POOL.allow_pull(market, margin)
    fill: IMarket.Fill = extcall IMarket(market).trade(owner, size_delta, margin, acceptable, reduce_only, 0)
    extcall POOL.allow_pull(market, 0)
    left: uint256 = staticcall POOL.balance_of(self)
    if left > 0:
        extcall POOL.pay(owner, left)
    return fill

@external
def change_margin(market: address, owner: address, margin_delta: int256):
    margin: uint256 = convert(max(margin_delta, 0), uint256)
    extcall POOL.collect(owner, margin)
    extcall POOL.allow_pull(market, margin)
    extcall IMarket(market).change_margin(owner, margin_delta)
    extcall POOL.allow_pull(market, 0)
"""

FUND = """
# pragma version ==0.4.3
# pragma nonreentrancy on
from contracts.interfaces import IMarginPool

POOL: immutable(IMarginPool)
skin_in_the_game: public(uint256)
insurance: public(uint256)
reserve: public(uint256)
recovery: public(HashMap[address, uint256])

@deploy
def __init__(pool: address):
    POOL = IMarginPool(pool)

@external
def fund(skin: uint256, insurance: uint256, reserve: uint256):
    self.skin_in_the_game = skin
    self.insurance = insurance
    self.reserve = reserve

@external
def cover(amount: uint256) -> (uint256, uint256):
    skin: uint256 = min(amount, self.skin_in_the_game)
    insurance: uint256 = min(amount - skin, self.insurance)
    self.skin_in_the_game -= skin
    self.insurance -= insurance
    extcall POOL.pay(msg.sender, skin + insurance)
    return skin, insurance

@external
def return_cover(skin: uint256, insurance: uint256):
    self.skin_in_the_game += skin
    self.insurance += insurance

@external
def pay_reward(keeper: address, amount: uint256) -> uint256:
    paid: uint256 = min(amount, self.reserve)
    self.reserve -= paid
    extcall POOL.pay(keeper, paid)
    return paid

@external
def record_income(amount: uint256):
    self.insurance += amount

@external
def issue_recovery(owner: address, amount: uint256):
    self.recovery[owner] += amount

@view
@external
def coverable(market: address) -> uint256:
    return self.skin_in_the_game + self.insurance

@view
@external
def recovery_pot() -> uint256:
    return 0
"""

VAULT = """
# pragma version ==0.4.3
# pragma nonreentrancy on
@external
def ping():
    pass
"""


@cache
def compiled(name_or_source: str) -> Any:
    """A contract of the project by name, or a source, compiled once."""
    if "\n" in name_or_source:
        return boa.loads_partial(name_or_source)
    return boa.load_partial(str(CONTRACTS / f"{name_or_source}.vy"))


class World:
    """Contracts and model side by side."""

    def __init__(
        self, params: Params, vault: int, skin: int = 0, insurance: int = 0, reserve: int = 0, mandate: int = 2**100
    ) -> None:
        boa.env.evm.patch.timestamp = max(boa.env.evm.patch.timestamp, 1_800_000_000)
        self.params = params
        self.deployer = boa.env.eoa
        self.treasury = boa.env.generate_address("treasury")
        self.keeper = boa.env.generate_address("keeper")
        self.token = compiled(TOKEN).deploy()
        self.source = compiled(SOURCE).deploy()
        self.pool = compiled("MarginPool").deploy(self.token.address)
        self.book = compiled(BOOK).deploy(self.pool.address)
        self.fund = compiled(FUND).deploy(self.pool.address)
        self.vault = compiled(VAULT).deploy()
        wiring = (
            self.pool.address,
            self.vault.address,
            self.fund.address,
            self.book.address,
            self.treasury,
            self.source.address,
            FEED,
        )
        self.trading_engine = compiled("TradingEngine").deploy(wiring)
        self.risk_engine = compiled("RiskEngine").deploy(wiring)
        self.market = compiled("Market").deploy(
            wiring,
            self.trading_engine.address,
            self.risk_engine.address,
            self.deployer,
            tuple(asdict(params).values()),
        )
        # The market tells what its engines do: their events come from its address.
        for engine in (self.trading_engine, self.risk_engine):
            self.market.event_for.update(engine.event_for)
        self.book.list(self.market.address)
        self.lens = compiled("Lens").deploy(self.pool.address, self.book.address)
        self.deposit(self.vault.address, vault)
        self.deposit(self.fund.address, skin + insurance + reserve)
        self.fund.fund(skin, insurance, reserve)
        self.pool.set_roles(self.book.address, self.vault.address)
        for engine in (self.book, self.vault, self.fund, self.market):
            self.pool.set_engine(engine.address, True)
        self.pool.set_mandate(self.market.address, mandate)
        self.model = Model(params, Fraction(vault), Fraction(skin), Fraction(insurance), Fraction(reserve))
        self.model.now = self.model.funded_at = self.now
        self.owners: dict[str, Any] = {}
        self.units_dust = 10**13  # of 10**18 a unit: what a coin of loss budget is in units

    @property
    def cash_dust(self) -> int:
        return CASH_DUST + self.units_dust * self.model.price // self.model.cash_scale

    @property
    def now(self) -> int:
        return boa.env.evm.patch.timestamp

    def pass_time(self, seconds: int) -> None:
        boa.env.evm.patch.timestamp += seconds
        self.model.now = self.now

    def deposit(self, receiver: Any, amount: int) -> None:
        if amount:
            self.token.mint(self.deployer, amount)
            self.pool.deposit(amount, receiver)

    def add_owner(self, name: str, cash: int) -> None:
        self.owners[name] = boa.env.generate_address(name)
        self.deposit(self.owners[name], cash)
        self.model.free[name] = Fraction(cash)

    def set_price(self, price: int) -> None:
        self.source.set(price, self.now)
        self.model.offered = (price, self.now)

    # ------------------------------------------------------------------ the same step in both

    def trade(self, name: str, size_delta: int, margin: int) -> bool:
        """True if both filled it. They must agree whether it can be filled."""
        refused = ""
        quote = self.lens.quote(self.market.address, self.owners[name], size_delta, margin)
        try:
            fill = self.book.trade(self.market.address, self.owners[name], size_delta, margin, 0, False)
        except boa.BoaError:
            refused = reason_of(self.book)
        # what the vault can still pay is not looked at by the lens
        assert quote.error == refused or (not quote.error and refused == "wait: crank first"), (quote.error, refused)
        if not refused:
            self._compare_quote(name, quote, fill)
        held = self.model.positions.get(name)
        delta = Fraction(size_delta)
        if held is not None and abs(held.signed_units + delta) <= self.units_dust:
            delta = -held.signed_units  # all of it: the market rounds units down, the model has fractions
        try:
            self.model.trade(name, delta, margin)
        except RejectedError as error:
            assert refused, f"the model refuses ({error}), the market does not"
            return False
        assert not refused, f"the market refuses ({refused}), the model does not"
        return True

    def _compare_quote(self, name: str, quote: Any, fill: Any) -> None:
        """The lens foretold what happened, to the coin."""
        for field in ("fill_price", "premium", "fee"):
            assert getattr(quote, field) == getattr(fill, field), field
        if self.pool.balance_of(self.vault.address) > 0:
            assert quote.paid_out == fill.paid_out
        else:
            # the premium of a close that an empty vault could not pay is not looked at by the lens
            assert 0 <= quote.paid_out - fill.paid_out <= max(0, -fill.premium)
        after = self.lens.position(self.market.address, self.owners[name])
        # what a share stands for is rounded down, in favour of the others in the bucket
        assert 0 <= abs(quote.units_after) - after.units <= 2
        assert after.units == 0 or (quote.units_after > 0) == (after.side == LONG)
        if after.units:
            assert 0 <= quote.margin_locked - after.equity <= 2
            assert quote.liquidation_price == after.liquidation_price
            # the market keeps 45 bits of it
            assert 0 <= quote.entry_price - after.entry_price <= quote.entry_price >> 44

    def change_margin(self, name: str, margin_delta: int) -> bool:
        refused = ""
        try:
            self.book.change_margin(self.market.address, self.owners[name], margin_delta)
        except boa.BoaError:
            refused = reason_of(self.book)
        try:
            self.model.change_margin(name, margin_delta)
        except RejectedError as error:
            assert refused, f"the model refuses ({error}), the market does not"
            return False
        assert not refused, f"the market refuses ({refused}), the model does not"
        return True

    def crank(self, chunk: int = 1_000, is_to_the_end: bool = True) -> None:
        """Crank `chunk` buckets at a time, to the end or once, and compare what became of whom."""
        liquidated: list[Any] = []
        deleveraged: list[Any] = []
        view = self.lens.market(self.market.address)
        work = self.lens.work(self.market.address)
        queues = [self.lens.queue(self.market.address, side, 64) for side in (LONG, SHORT)]
        buckets = 0
        liquidations = len(self.model.liquidations)
        deleveragings = len(self.model.deleveragings)
        for _ in range(200):
            done = self.market.crank(chunk, sender=self.keeper)
            buckets += done
            logs = self.market.get_logs()
            liquidated += [e for e in logs if type(e).__name__ == "Liquidated"]
            deleveraged += [e for e in logs if type(e).__name__ == "Deleveraged"]
            if done < chunk or not is_to_the_end:
                break
        pieces = self.model.crank(None if is_to_the_end else chunk)
        if not is_to_the_end:
            assert buckets == pieces, f"{buckets} buckets done, {pieces} in the model"
        for told in self.model.liquidations[liquidations:]:
            if told.loss_per_unit > 0:
                # so many units does the smallest coin of cover make the vault's
                self.units_dust += 4 * self.model.cash_scale // floor(told.loss_per_unit)
        if is_to_the_end:
            self._compare_work(view, work, queues, buckets, liquidated, deleveraged)
        self._compare_liquidations(liquidated, self.model.liquidations[liquidations:])
        self._compare_deleveragings(deleveraged, self.model.deleveragings[deleveragings:])

    def _compare_work(
        self, view: Any, work: Any, queues: list[Any], buckets: int, liquidated: list[Any], deleveraged: list[Any]
    ) -> None:
        """The lens foretold what the crank would find."""
        state = self.market.state()
        assert view.budget_left == state.budget_left
        assert view.index_price == state.index_price and view.funding_index == state.funding_index
        assert view.is_clean == (work.bankrupt_buckets == 0)
        assert len({e.bucket for e in liquidated}) >= work.liquidatable_buckets
        assert work.buckets >= buckets, f"{buckets} buckets done, {work} foretold"
        if buckets > 0 and not liquidated:
            assert work.is_adl_due
        # the first step goes down the queue, all on one side before the skew turns it to the other
        for side, queue in enumerate(queues):
            first = [e for e in deleveraged if e.step == 1 and e.bucket >> 24 == side]
            ids = list(dict.fromkeys(e.bucket for e in first))
            foretold = [item.bucket for item in queue]
            if not work.has_new_price:
                # those that gave their step before the crank was interrupted are passed over
                foretold = [bucket for bucket in foretold if bucket in ids]
            assert ids == foretold[: len(ids)]
            scores = {item.bucket: item.score for item in queue}
            assert all(e.score == scores[e.bucket] for e in first)

    def _compare_liquidations(self, events: list[Any], expected: list[Liquidation]) -> None:
        order = list(dict.fromkeys(e.bucket for e in events))
        assert order == [told.bucket for told in expected], "liquidated buckets or their order"
        for told in expected:
            mine = [e for e in events if e.bucket == told.bucket]
            # what the last resort leaves to the vault stands in the events of either counterparty
            units = sum(e.units for e in mine)
            assert_close(units, told.units_to_vault + told.units_to_adl + told.units_last_resort, self.units_dust)
            for name, amount in (
                ("paid", told.paid),
                ("penalty", told.penalty),
                ("loss", told.loss),
                ("skin_in_the_game", told.skin),
                ("insurance", told.insurance),
                ("adl", told.adl),
                ("vault", told.vault),
            ):
                assert_close(sum(getattr(e, name) for e in mine), amount, self.cash_dust, f"{name} of {told}")

    def _compare_deleveragings(self, events: list[Any], expected: list[Deleveraging]) -> None:
        """Order, steps, units and price of every deleveraging; less than dust may come once more or not at all."""
        mine = merge([(e.bucket, e.for_bucket, e.step, e.units, e.loss_per_unit) for e in events], self.units_dust)
        theirs = merge([(d.bucket, d.for_bucket, d.step, d.units, d.loss_per_unit) for d in expected], self.units_dust)
        assert [m[:3] for m in mine] == [t[:3] for t in theirs], "deleveraged buckets, their order or their steps"
        for m, t in zip(mine, theirs, strict=True):
            assert_close(m[3], t[3], self.units_dust, f"units of {t}")
            a_coin = self.model.cash_scale // floor(t[3])
            assert_close(m[4], t[4], PRICE_DUST + 10 * a_coin, f"loss per unit of {t}")

    def sync(self, name: str) -> None:
        self.market.sync(self.owners[name])
        self.model.sync(name)

    # ------------------------------------------------------------------ the same state in both

    def compare(self) -> None:
        """Everybody's money and positions within dust."""
        model, market, pool = self.model, self.market, self.pool
        state = market.state()
        assert state.is_settling == model.is_settling
        for name, address in self.owners.items():
            held = market.position(address)
            theirs = model.positions.get(name)
            if theirs is None:
                assert held.units <= self.units_dust, f"{name} still holds {held.units}"
            else:
                assert held.bucket == theirs.bucket, f"bucket of {name}"
                assert_close(held.units, theirs.units, self.units_dust, f"units of {name}")
                a_coin = model.cash_scale // max(1, floor(theirs.units))
                dust = PRICE_DUST + 10 * a_coin + floor(self.units_dust * theirs.basis / theirs.units)
                assert_close(held.basis, theirs.basis, dust, f"basis of {name}")
            money = pool.balance_of(address) + held.cash_owed
            expected = model.free.get(name, Fraction(0)) + model.owed.get(name, Fraction(0))
            assert_close(money, expected, self.cash_dust, f"cash of {name}")
            claims = self.fund.recovery(address) + held.claim_owed
            assert_close(claims, model.claims_ever.get(name, Fraction(0)), self.cash_dust, f"claims of {name}")
        assert_close(state.units_long, model.units(LONG), self.units_dust, "open interest, long")
        assert_close(state.units_short, model.units(SHORT), self.units_dust, "open interest, short")
        assert_close(state.funding_index, model.funding, PRICE_DUST, "funding index")
        assert_close(state.budget_left, model.budget_left, self.cash_dust, "loss budget left")
        assert_close(pool.balance_of(self.vault.address), model.vault, self.cash_dust, "vault")
        assert_close(self.fund.skin_in_the_game(), model.skin, self.cash_dust, "skin in the game")
        assert_close(pool.balance_of(self.keeper), model.keeper, self.cash_dust, "keeper")
        if model.is_clean and not model.is_settling:
            books = state.cash - state.claimable - state.trader_equity
            assert 0 <= books <= self.cash_dust, f"C - U - E = {books}"


PRICE_DUST = 10**9
CASH_DUST = 1_000  # a tenth of a cent


def reason_of(called: Any) -> str:
    """Why the last call of a contract reverted."""
    data: bytes = called._computation.output
    assert data[:4] == bytes.fromhex("08c379a0"), f"reverted without a reason: {data.hex()}"
    return str(abi_decode("(string)", data[4:])[0])


def assert_close(mine: int, theirs: Fraction | int, dust: int, what: str = "") -> None:
    assert abs(mine - theirs) <= dust + abs(theirs) / 10**10, f"{what}: market {mine}, model {float(theirs):.6f}"


def merge(rows: list[tuple[int, int, int, Any, Any]], dust: int) -> list[tuple[int, int, int, Any, Any]]:
    """Adds up neighbours of the same bucket, cause and step (an interrupted crank tells twice), and drops dust."""
    merged: list[tuple[int, int, int, Any, Any]] = []
    for row in rows:
        if row[3] <= dust:
            continue
        if merged and merged[-1][:3] == row[:3]:
            row = (*row[:3], merged[-1][3] + row[3], row[4])
            merged.pop()
        merged.append(row)
    return merged
