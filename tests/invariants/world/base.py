"""What every part of a world stands on: the contracts, the model, and how a call is made in both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import floor
from typing import Any

from plimsoll.reference import Capital, RejectedError, Vault
from plimsoll.reference import Market as Model
from plimsoll.reference.grid import LONG, SHORT
from tests.invariants.calls import Contract, RevertedError
from tests.invariants.exchange import MARKETS, address_of, deployed
from tests.invariants.world.terms import (
    NAMES,
    NONE,
    STORAGE_LIMITS,
    TRADERS,
    Grant,
    Last,
    Order,
    Request,
    Setup,
    Snapshot,
    View,
)


class Base:
    capital: Capital
    models: list[Model]
    shares: Vault  # the model's

    def __init__(self, setup: Setup, is_adopting: bool = True) -> None:
        self.setup, self.is_adopting = setup, is_adopting
        self.exchange = deployed(setup.decimals)
        self.chain = self.exchange.chain
        self.unit, self.lot = setup.unit, setup.lot
        self.scale = 10 ** (36 - setup.decimals)
        self.orders: dict[int, Order] = {}
        self.requests: dict[int, Request] = {}
        self.grants: dict[tuple[str, str], Grant] = {}  # by owner and delegate
        self.donated = self.flows = 0
        self.seen_buckets: list[tuple[int, list[tuple[int, int]]]] = [(-1, [])] * MARKETS
        self.coins = 0  # of rounding so far, or since the model took over the contracts' numbers
        self.equal_since = self.now
        self.loose_units = self.touches = 0  # funding is rounded to a WAD each time
        self.moved_units = Fraction(0)
        self.markets_touched: set[int] = set()
        self.given_before: dict[tuple[int, int], int] = {}
        self.is_unsettled = [False] * MARKETS
        self.is_interrupted = [False] * MARKETS
        self.last = Last()
        self.prices = [setup.price] * MARKETS

    @property
    def now(self) -> int:
        return self.chain.now

    def market(self, index: int) -> Contract:
        return self.exchange.markets[index]

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Whatever happens inside is undone, in the contracts and in the model."""
        mine = {name: _copy(value) for name, value in self.__dict__.items() if name not in ("capital", "models")}
        capital, models = self.capital.state(), [model.state() for model in self.models]
        supply, asked = self.shares.supply, self.shares.asked
        try:
            with self.chain.anchor():
                yield
        finally:
            self.__dict__.update(mine)
            self.capital.restore(capital)
            self.shares.supply, self.shares.asked = supply, asked
            for model, kept in zip(self.models, models, strict=True):
                model.restore(kept)

    def _call(self, function: Any, *args: Any, sender: str) -> tuple[Any, str]:
        """What it returned, and why it reverted."""
        self.last.events = []
        self.touches += 1
        try:
            value = function(*args, sender=address_of(sender))
        except RevertedError as error:
            return None, str(error)
        self.last.events = self.chain.logs()
        return value, ""

    def _agree(self, refused: str, method: Any, *args: Any) -> bool:
        """Does the same in the model. True if both did it; they must agree."""
        if refused in STORAGE_LIMITS:
            return False
        try:
            method(*args)
        except RejectedError as error:
            assert refused, f"the model refuses ({error}), the contracts do not"
            return False
        assert not refused, f"the contracts refuse ({refused}), the model does not"
        return True

    def _to_free(self, who: str, amount: int) -> None:
        if who == "treasury":
            self.capital.treasury += amount
        else:
            self.capital.credit(who, amount)

    def _pay(self, who: str, to: str, amount: int) -> None:
        self.capital.credit(who, -amount)
        self.capital.credit(to, amount)

    def buckets(self, market: int) -> list[tuple[int, int]]:
        """Every live bucket and its units, found through the bitmaps."""
        version = self.chain.version
        if self.seen_buckets[market][0] == version:
            return self.seen_buckets[market][1]
        contract = self.market(market)
        found = []
        for side in (LONG, SHORT):
            columns = contract.columns(side)
            while columns:
                index = columns.bit_length() - 1
                columns ^= 1 << index
                bucket = contract.next_bucket(side << 24 | index << 16, True)
                while bucket != NONE:
                    found.append((bucket, contract.bucket(bucket).units))
                    bucket = contract.next_bucket(bucket + 1, True) if bucket & 0xFFFF != 0xFFFF else NONE
        self.seen_buckets[market] = version, found
        return found

    def view(self, market: int) -> View:
        contract = self.market(market)
        positions = {name: contract.position(address_of(name)) for name in TRADERS}
        return View(contract.state(), positions, self.buckets(market))

    def snapshot(self) -> Snapshot:
        ex = self.exchange
        balance = ex.pool.balance_of
        ledger = {name: balance(address_of(name)) for name in NAMES}
        engines = (ex.book, ex.vault, ex.fund, ex.relay, *ex.markets)
        return Snapshot(
            [self.view(i) for i in range(MARKETS)],
            ledger,
            {f"{e.label} {i}": balance(e.address) for i, e in enumerate(engines)},
            ex.pool.total(),
        )

    def units_dust(self, market: int) -> int:
        """What some coins are in units, and 2^-44 of what is open (the contracts keep floats of 50 bits)."""
        model = self.models[market]
        open_units = floor(model.units(LONG) + model.units(SHORT) + self.moved_units)
        # prices are whole numbers of WAD, and twenty times their rounding is in a limit of the vault (1 / shock)
        loose = 20 * (8 + self.touches) * open_units // max(1, model.price)
        return (
            loose + 10 + (200 + self.coins) * self.scale // max(1, model.price) + (open_units >> 44) + self.loose_units
        )

    def funding_dust(self, market: int) -> int:
        """A WAD each time, and the dust of units in the skew at up to 100 % a day since both sides were equal."""
        model = self.models[market]
        elapsed = self.now - self.equal_since
        skew = self.units_dust(market) * model.price * elapsed // (model.params.skew_scale * 86_400)
        return 10 + self.touches + model.price // 10**12 + skew

    def cash_dust(self, market: int | None = None) -> int:
        """Coins of rounding, what the dust of units is worth, and a few WADs of price for each unit."""
        markets = range(MARKETS) if market is None else (market,)
        units = sum(self.models[i].units(side) for i in markets for side in (LONG, SHORT)) + self.moved_units
        return (
            50
            + self.coins
            + floor((8 + self.touches) * units / self.scale)
            + sum(self._funding_cash(i) for i in markets)
            + sum(self.units_dust(i) * self.models[i].price // self.scale for i in markets)
        )

    def _funding_cash(self, market: int) -> int:
        """What the dust of funding is for all that is open."""
        model = self.models[market]
        if self.is_adopting:
            return 0
        return floor(self.funding_dust(market) * (model.units(LONG) + model.units(SHORT)) / self.scale)

    def is_broke(self, market: int) -> bool:
        """Nobody could pay a keeper: the market's mandate is used up, or there is no reward to pay."""
        params = self.models[market].params
        left = self.exchange.pool.mandate_left(self.market(market).address)
        return left <= params.reward_floor or params.reward_floor == 0


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list | set) else value
