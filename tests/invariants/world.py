"""The real contracts on revm and the exact model, in step.

An action is a method `do_...` that takes plain numbers and names, so that a sequence of actions can be written down and
played again. It does the same in the contracts and in the model; both must agree whether it can be done. `compare` then
looks at everybody's money and positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from math import floor
from typing import Any

from eth_account import Account

from plimsoll.reference import Capital, Deleveraging, Liquidation, Mandate, Params, Position, RejectedError
from plimsoll.reference import Market as Model
from plimsoll.reference.grid import LONG, SHORT, beta_of
from plimsoll.signing import Signer
from tests.invariants.calls import Contract, RevertedError
from tests.invariants.exchange import (
    FEEDS,
    MARKETS,
    MAX_AGE,
    OWNER,
    START,
    WAD,
    address_of,
    deployed,
    first_params,
    insurance_params,
    key_of,
)

TRADERS = tuple(f"trader{i}" for i in range(8))
LPS = ("lp0", "lp1")
STAKERS = ("staker0", "staker1")
KEEPERS = ("keeper0", "keeper1")
NAMES = (*TRADERS, *LPS, *STAKERS, *KEEPERS, "owner", "treasury")
LOT_USD = 100  # a lot is so many units as are worth this at the first price
NONE = 2**256 - 1
YEAR = 365 * 86_400

# Refusals that come from how the contracts store things. The model has no such limits.
STORAGE_LIMITS = (
    "too small for its bucket",
    "bucket is worn out: change the margin a little",
    "open interest out of range",
    "dues out of range",
)


@dataclass(frozen=True)
class Setup:
    """How an exchange begins. Amounts in USD, `skew_scale` in lots."""

    decimals: int = 6
    price: int = 100 * WAD
    vault: int = 1_000_000
    skin: int = 0
    insurance: int = 0
    reserve: int = 0
    budget: int = 10_000
    skew_scale: int = 1_000_000
    adl_step_bps: int = 5_000
    adl_fee_bps: int = 0
    mandate: int = 10**12
    cap_bps: int = 5_000
    cash: int = 10_000_000
    params: tuple[tuple[str, int], ...] = ()

    @property
    def unit(self) -> int:
        return int(10**self.decimals)

    @property
    def lot(self) -> int:
        return LOT_USD * WAD * WAD // self.price

    def market_params(self) -> Params:
        given = Params(
            adl_step_bps=self.adl_step_bps,
            adl_fee_bps=self.adl_fee_bps,
            max_age=MAX_AGE,
            skew_scale=self.skew_scale * self.lot,
            min_value=20 * self.unit,
            loss_budget=self.budget * self.unit,
            reward_floor=self.unit // 2,
        )
        return replace(given, **dict(self.params))


@dataclass
class Order:
    owner: str
    market: int
    kind: int
    size: int
    margin: int
    trigger: int
    acceptable: int
    reduce_only: bool
    expires_at: int
    placed_at: int
    fee: int
    parent: int = 0  # waits for this one to fill
    twin: int = 0  # if one fills the other is cancelled


@dataclass(frozen=True)
class Grant:
    market: int | None
    expires_at: int
    orders: int
    notional: int


@dataclass
class Request:
    owner: str
    shares: int
    receiver: str
    ready_at: int


@dataclass
class View:
    """What a market says of itself and of everybody in it."""

    state: Any
    positions: dict[str, Any]
    buckets: list[tuple[int, int]]  # id and units, upward column by column


@dataclass
class Snapshot:
    markets: list[View]
    ledger: dict[str, int]  # of people
    engines: dict[str, int]
    total: int


@dataclass
class Last:
    """The last call: what the invariants need besides the state before and after."""

    action: str = ""
    market: int | None = None
    events: list[Any] = field(default_factory=list)
    keeper: str = ""
    pieces: int | None = None
    is_filled: bool = False
    is_vault_flow: bool = False
    is_donation: bool = False


ROUNDING = 10**6  # units: what the market takes for rounding, not for an order


class World:
    """One exchange. Begin and end it with `world(setup)`, which undoes everything."""

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
        self._begin()

    # ------------------------------------------------------------------ beginning

    def _begin(self) -> None:
        ex, setup, unit = self.exchange, self.setup, self.unit
        self.capital = Capital(
            daily_cap_bps=setup.cap_bps, recovery_share_bps=5_000, reserve_target=1_000 * unit, now=self.chain.now
        )
        ex.fund.set_params(insurance_params(unit, setup.cap_bps), sender=OWNER)
        params = setup.market_params()
        self.models = []
        for i, market in enumerate(ex.markets):
            model = Model(Params(*first_params(unit)), self.capital, f"market{i}", self.scale)
            model.funded_at = self.chain.now
            self.models.append(model)
            market.set_increase_paused(False, sender=OWNER)
            ex.pool.set_mandate(market.address, setup.mandate * unit, sender=OWNER)
            self.capital.mandates[model.name] = Mandate(Fraction(setup.mandate * unit))
            ex.source.set_price_of(FEEDS[i], setup.price, self.chain.now, sender=OWNER)
            model.offered = setup.price, self.chain.now
            market.set_params(tuple(asdict(params).values()), sender=OWNER)
            model.set_params(params)
            # the loss budget follows its parameter at the next price
            self.refresh(i)
            market.crank(1, sender=address_of("keeper0"))
            model.crank("keeper0", 1)
        for name in NAMES:
            ex.token.mint(address_of(name), setup.cash * unit, sender=OWNER)
            for spender in (ex.pool, ex.vault, ex.fund):
                ex.token.approve(spender.address, 2**255, sender=address_of(name))
        for name in TRADERS:
            self.do_deposit(name, setup.cash * unit // 2)
        if setup.vault:
            self.do_lp_deposit("lp0", setup.vault * unit)
        if setup.skin:
            self.do_fund_skin("owner", setup.skin * unit)
        if setup.insurance:
            self.do_stake("staker0", setup.insurance * unit)
        if setup.reserve:
            self.do_fund_reserve("owner", setup.reserve * unit)

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
        try:
            with self.chain.anchor():
                yield
        finally:
            self.__dict__.update(mine)
            self.capital.restore(capital)
            for model, kept in zip(self.models, models, strict=True):
                model.restore(kept)

    # ------------------------------------------------------------------ both sides of a call

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

    # ------------------------------------------------------------------ time and price

    def do_wait(self, seconds: int) -> None:
        self.chain.now += seconds
        self.capital.now = self.chain.now

    def do_price(self, market: int, price: int, after: int) -> None:
        """`after` seconds pass, then there is a price."""
        self.do_wait(after)
        self.prices[market] = price
        self.exchange.source.set_price_of(FEEDS[market], price, self.now, sender=OWNER)
        self.models[market].offered = (price, self.now)

    def do_move(self, market: int, bps: int, after: int) -> None:
        """The price moves by `bps`; odd digits, so that nothing lies on a tick by chance of round figures."""
        odd = 1 + self.setup.price // 81_000_007
        lowest, highest = max(10**12, self.setup.price // 10_000), min(10**26, self.setup.price * 10_000)
        price = self.prices[market] * (10_000 + bps) // 10_000 + odd
        self.do_price(market, min(highest, max(lowest, price)), after)

    def refresh(self, market: int) -> None:
        """The same price a second later."""
        self.do_price(market, self.prices[market], 1)

    # ------------------------------------------------------------------ the pool

    def do_deposit(self, who: str, amount: int, receiver: str = "") -> bool:
        receiver = receiver or who
        _, refused = self._call(self.exchange.pool.deposit, amount, address_of(receiver), sender=who)
        return self._deposited(refused, receiver, amount)

    def _deposited(self, refused: str, receiver: str, amount: int) -> bool:
        if refused:
            assert refused in ("nothing to deposit", "erc20: transfer amount exceeds balance"), refused
            return False
        self.flows += amount
        self._to_free(receiver, amount)
        return True

    def _to_free(self, who: str, amount: int) -> None:
        if who == "treasury":
            self.capital.treasury += amount
        else:
            self.capital.credit(who, amount)

    def do_deposit_permit(self, who: str, amount: int, is_valid: bool) -> bool:
        """With a permit; a wrong one does no harm while there is an allowance."""
        token, pool = self.exchange.token, self.exchange.pool
        deadline = self.now + 60
        v, r, s = self._permit(token, who, pool.address, amount, deadline) if is_valid else (27, bytes(32), bytes(32))
        args = amount, address_of(who), deadline, v, r, s
        _, refused = self._call(pool.deposit_with_permit, *args, sender=who)
        token.approve(pool.address, 2**255, sender=address_of(who))
        return self._deposited(refused, who, amount)

    def _permit(self, token: Contract, who: str, spender: str, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
        separator = token.DOMAIN_SEPARATOR()
        from eth_abi import encode
        from eth_utils import keccak

        kind = keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
        nonce = token.nonces(address_of(who))
        types = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
        content = keccak(encode(types, [kind, address_of(who), spender, amount, nonce, deadline]))
        signed = Account.unsafe_sign_hash(keccak(b"\x19\x01" + separator + content), key_of(who).key)
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def do_withdraw(self, who: str, amount: int, receiver: str = "") -> bool:
        balance = self.exchange.pool.balance_of(address_of(who))
        to = address_of(receiver or who)
        _, refused = self._call(self.exchange.pool.withdraw, amount, to, sender=who)
        assert (refused == "") == (amount <= balance), refused
        if refused:
            return False
        self.flows -= amount
        self._to_free(who, -amount)
        return True

    def do_donate(self, who: str, amount: int) -> None:
        """Tokens sent to the pool past its door."""
        _, refused = self._call(self.exchange.token.transfer, self.exchange.pool.address, amount, sender=who)
        if not refused:
            self.donated += amount
            self.last.is_donation = True

    # ------------------------------------------------------------------ orders

    def do_place(
        self,
        who: str,
        market: int,
        size: int,
        margin: int,
        kind: int = 0,
        trigger: int = 0,
        acceptable: int = 0,
        reduce_only: bool = False,
        expires_in: int = YEAR,
    ) -> int:
        """The order's number, 0 if it was refused."""
        book, pool = self.exchange.book, self.exchange.pool
        expires_at = self.now + expires_in
        order = (self.market(market).address, kind, size, margin, trigger, acceptable, reduce_only, expires_at)
        fee = book.keeper_fee()
        balance = pool.balance_of(address_of(who))
        number, refused = self._call(book.place, order, sender=who)
        fits = (kind == 0) == (trigger == 0) and expires_in > 0 and size != 0
        is_open = reduce_only or book.is_listed(self.market(market).address)
        assert (refused == "") == (fits and is_open and balance >= margin + fee), refused
        if refused:
            return 0
        self.orders[number] = Order(
            who, market, kind, size, margin, trigger, acceptable, reduce_only, expires_at, self.now, fee
        )
        return int(number)

    def do_top_up(self, order: int, amount: int, by: str) -> bool:
        """What is topped up is as if it were the order's fee."""
        number = list(self.orders)[order % len(self.orders)] if self.orders else 0
        balance = self.exchange.pool.balance_of(address_of(by))
        _, refused = self._call(self.exchange.book.top_up, number, amount, sender=by)
        assert (refused == "") == bool(number and 0 < amount <= balance), refused
        if refused:
            return False
        theirs = self.orders[number]
        self._pay(by, theirs.owner, amount)
        self.orders[number] = replace(theirs, fee=theirs.fee + amount)
        return True

    def _exits(self, market: int, is_buy: bool, size: int, widths: tuple[int, int]) -> list[tuple[Any, ...]]:
        """Take-profit and stop-loss so many bps away from the price, 0 for none; size 0 closes all."""
        address, price, sign = self.market(market).address, self.prices[market], 1 if is_buy else -1
        size = sign * abs(size) if size else (2**255 - 1 if is_buy else -(2**255))
        made = []
        for kind, bps in ((1, -widths[0]), (2, widths[1])):
            if bps:
                trigger = price * (10_000 + sign * bps) // 10_000
                made.append((address, kind, size, 0, trigger, 0, True, self.now + YEAR))
        return made

    def _remember_exits(self, who: str, market: int, exits: list[tuple[Any, ...]], first: int, parent: int) -> None:
        fee = self.exchange.book.keeper_fee()
        for i, (_, kind, size, margin, trigger, _, _, expires_at) in enumerate(exits):
            twin = first + 1 - i if len(exits) == 2 else 0
            self.orders[first + i] = Order(
                who, market, kind, size, margin, trigger, 0, True, expires_at, self.now, fee, parent, twin
            )
            assert self.exchange.book.links(first + i) == (parent, twin)

    def do_place_attached(
        self, who: str, market: int, size: int, margin: int, widths: tuple[int, int], is_full: bool
    ) -> int:
        book, pool, fee = self.exchange.book, self.exchange.pool, self.exchange.book.keeper_fee()
        expires_at = self.now + YEAR
        order = (self.market(market).address, 0, size, margin, 0, 0, False, expires_at)
        exits = self._exits(market, size < 0, 0 if is_full else size, widths)
        balance = pool.balance_of(address_of(who))
        number, refused = self._call(book.place_linked, address_of(who), [order, *exits], sender=who)
        fits = size != 0 and exits and balance >= margin + (1 + len(exits)) * fee and book.is_listed(order[0])
        assert (refused == "") == bool(fits), refused
        if refused:
            return 0
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, False, expires_at, self.now, fee)
        self._remember_exits(who, market, exits, number + 1, number)
        return int(number)

    def do_place_exits(self, who: str, market: int, part_bps: int, widths: tuple[int, int]) -> int:
        """Of what is held; without a position they wait all the same."""
        held = self.market(market).position(address_of(who))
        exits = self._exits(market, held.side == SHORT, held.units * part_bps // 10_000, widths)
        balance, fee = self.exchange.pool.balance_of(address_of(who)), self.exchange.book.keeper_fee()
        number, refused = self._call(self.exchange.book.place_linked, address_of(who), exits, sender=who)
        assert (refused == "") == (bool(exits) and balance >= len(exits) * fee), refused
        if refused:
            return 0
        self._remember_exits(who, market, exits, number, 0)
        return int(number)

    def do_set_delegate(self, who: str, by: str, market: int | None, lasts: int, orders: int, usd: int) -> None:
        address = "0x" + "00" * 20 if market is None else self.market(market).address
        terms = (address, self.now + lasts, orders, usd * self.unit)
        _, refused = self._call(self.exchange.book.set_delegate, address_of(by), *terms, sender=who)
        assert (refused == "") == (who != by), refused
        if not refused:
            self.grants[who, by] = Grant(market, self.now + lasts if lasts > 0 else 0, orders, usd * self.unit)

    def _is_delegate(self, owner: str, by: str, market: int) -> bool:
        grant = self.grants.get((owner, by))
        return grant is not None and grant.expires_at >= self.now and grant.market in (None, market)

    def do_place_for(self, who: str, by: str, market: int, size: int, margin: int, reduce_only: bool) -> int:
        """A market order of `who`, placed by `by`."""
        book, pool = self.exchange.book, self.exchange.pool
        expires_at = self.now + YEAR
        order = (self.market(market).address, 0, size, margin, 0, 0, reduce_only, expires_at)
        fee, balance = book.keeper_fee(), pool.balance_of(address_of(who))
        number, refused = self._call(book.place_for, address_of(who), order, sender=by)
        grant = self.grants.get((who, by))
        notional = 0 if reduce_only else -(-abs(size) * self.prices[market] // self.scale)
        fits = grant is not None and grant.orders > 0 and notional <= grant.notional and balance >= margin + fee
        is_open = reduce_only or book.is_listed(self.market(market).address)
        assert (refused == "") == (fits and is_open and size != 0 and self._is_delegate(who, by, market)), refused
        if refused:
            return 0
        assert grant is not None
        left = replace(grant, orders=grant.orders - 1, notional=grant.notional - notional)
        self.grants[who, by] = left
        terms = book.delegate_terms(address_of(who), address_of(by))
        assert (terms.expires_at, terms.orders, terms.notional) == (left.expires_at, left.orders, left.notional)
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, reduce_only, expires_at, self.now, fee)
        return int(number)

    def do_place_signed(
        self, who: str, market: int, size: int, margin: int, nonce: int, fee: int, by: str, is_good: bool = True
    ) -> int:
        """A market order of `who`, brought by `by`."""
        book, pool, deadline = self.exchange.book, self.exchange.pool, self.now + 60
        order = (self.market(market).address, 0, size, margin, 0, 0, False, self.now + YEAR)
        signature = self._signer(who if is_good else "owner", who, book).placement(order, nonce, deadline, fee)
        terms = (order, address_of(who), nonce, deadline, signature)
        keeper_fee, balance = book.keeper_fee(), pool.balance_of(address_of(who))
        is_used = book.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        is_listed = book.is_listed(self.market(market).address)
        number, refused = self._call(book.place_signed, *terms, *([fee] if fee else []), sender=by)
        fits = is_good and not is_used and size != 0 and fee <= 10 * self.unit and is_listed
        assert (refused == "") == (fits and balance >= margin + keeper_fee + fee), refused
        if refused:
            return 0
        self._pay(who, by, fee)
        self.orders[number] = Order(who, market, 0, size, margin, 0, 0, False, self.now + YEAR, self.now, keeper_fee)
        return int(number)

    def _signer(self, key: str, owner: str, contract: Contract) -> Signer:
        return Signer(
            key_of(key), contract.label, contract.address, self.chain.env.evm.patch.chain_id, address_of(owner)
        )

    def _pay(self, who: str, to: str, amount: int) -> None:
        self.capital.credit(who, -amount)
        self.capital.credit(to, amount)

    def do_cancel_signed(self, order: int, nonce: int, fee: int, by: str) -> bool:
        """The `order`-th of the open ones, by its owner's signature; without one only the nonce is used up."""
        book, deadline = self.exchange.book, self.now + 60
        number = list(self.orders)[order % len(self.orders)] if self.orders else 0
        who = self.orders[number].owner if self.orders else "trader0"
        back = self.orders[number].margin + self.orders[number].fee if self.orders else 0
        balance = self.exchange.pool.balance_of(address_of(who))
        is_used = book.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        signature = self._signer(who, who, book).cancellation(number, nonce, deadline, fee)
        terms = (number, address_of(who), nonce, deadline, signature)
        _, refused = self._call(book.cancel_signed, *terms, *([fee] if fee else []), sender=by)
        fits = not is_used and fee <= 10 * self.unit and balance + back >= fee
        assert (refused == "") == fits, refused
        if refused:
            return False
        self._pay(who, by, fee)
        if number:
            self._end(number)
        return True

    def do_invalidate_nonces(self, who: str, word: int, mask: int) -> None:
        for contract in (self.exchange.book, self.exchange.pool):
            _, refused = self._call(contract.invalidate_nonces, word, mask, sender=who)
            assert not refused
            assert contract.nonces_used(address_of(who), word) & mask == mask

    def do_deposit_signed(self, who: str, amount: int, fee: int, nonce: int, by: str, is_good: bool = True) -> bool:
        """By a relayer, with a permit or the allowance that everybody has given."""
        pool, deadline = self.exchange.pool, self.now + 60
        is_used = pool.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        signature = self._signer(who if is_good else "owner", who, pool).deposit(amount, fee, nonce, deadline)
        args = (amount, fee, nonce, deadline, signature, 27, bytes(32), bytes(32))
        _, refused = self._call(pool.deposit_signed, address_of(who), *args, sender=by)
        if refused in ("bad signature", "nonce already used", "relayer fee above the deposit"):
            assert not is_good or is_used or fee > amount
            return False
        if not self._deposited(refused, who, amount):
            return False
        assert is_good and not is_used
        self._pay(who, by, fee)
        return True

    def do_cancel(self, order: int, by: str) -> bool:
        """The `order`-th of the open ones."""
        if not self.orders:
            return False
        number = list(self.orders)[order % len(self.orders)]
        theirs = self.orders[number]
        _, refused = self._call(self.exchange.book.cancel, number, sender=by)
        is_for_them = by == theirs.owner or self._is_delegate(theirs.owner, by, theirs.market)
        assert (refused == "") == (is_for_them or self.now > theirs.expires_at), refused
        if not refused:
            self._end(number)
        return not refused

    def do_execute(self, order: int, keeper: str) -> bool:
        if not self.orders:
            return False
        return self._execute(list(self.orders)[order % len(self.orders)], keeper)

    def _execute(self, number: int, keeper: str) -> bool:
        order = self.orders[number]
        self._quote(order)
        done, refused = self._call(self.exchange.book.execute, number, sender=keeper)
        return self._executed(number, keeper, done, refused)

    def _quote(self, order: Order) -> None:
        self.quoted = None
        if not order.reduce_only:
            market, owner = self.market(order.market).address, address_of(order.owner)
            self.quoted = self.exchange.lens.quote(market, owner, order.size, order.margin)

    def _executed(self, number: int, keeper: str, done: bool, refused: str) -> bool:
        """Does in the model what `execute` did; the events are those of the call."""
        order = self.orders[number]
        model = self.models[order.market]
        is_dropped = not refused and not done
        if is_dropped:
            failed = [e for e in self.last.events if type(e).__name__ == "OrderFailed" and e.id == number]
            refused = failed[-1].reason
        if not refused or is_dropped:
            self._end(number, is_filled=not is_dropped)
        if self.now > order.expires_at:
            assert is_dropped and refused == "expired"
            return False
        if order.parent in self.orders:
            assert refused == "wait: attached to an order not filled"
            return False
        if refused == "wait: trigger not reached" or (order.kind and refused.startswith("wait: price not newer")):
            assert not is_dropped and not self._is_triggered(order)
            return False
        assert self._is_triggered(order)
        held = model.positions.get(order.owner)
        delta = Fraction(order.size)
        is_all = abs(order.size) >= 2**255 - 1  # all there is, whatever that is at execution
        if is_all:
            delta = Fraction(1 if order.size > 0 else -1)
        if held is not None and held.signed_units * delta < 0:
            left = [e.units_after for e in self.last.events if type(e).__name__ == "Traded"]
            beyond = abs(delta) - abs(held.signed_units)
            if is_all or left == [0] or 0 <= beyond <= ROUNDING:
                delta = -held.signed_units  # all of it: the market rounds units down, the model has fractions
        known = refused == "market only reduces"
        terms = order.owner, delta, order.margin, order.acceptable, order.reduce_only, order.placed_at
        if known or not self._agree(refused, model.trade, *terms):
            assert refused.startswith("wait: ") != is_dropped, refused
            return False
        self.coins += 20
        self.moved_units += abs(delta)
        # no price of gas is set: a keeper gets all that is there
        self.capital.credit(order.owner, -order.fee)
        self.capital.credit(keeper, order.fee)
        self.last.market, self.last.is_filled = order.market, True
        self.is_unsettled[order.market] = self.is_interrupted[order.market] = False
        fill = next(e for e in self.last.events if type(e).__name__ == "Traded")
        if self.quoted is not None:
            self._compare_quote(order, fill)
        return True

    def _end(self, number: int, is_filled: bool = False) -> None:
        """It is gone, and what hangs on it."""
        order = self.orders.pop(number)
        if is_filled:
            self.orders.pop(order.twin, None)
        else:
            for other in [each for each, theirs in self.orders.items() if theirs.parent == number]:
                del self.orders[other]

    def _is_triggered(self, order: Order) -> bool:
        if order.parent in self.orders:
            return False
        if order.kind == 0:
            return True
        price, published_at = self.models[order.market].offered
        waits_for_fall = (order.kind == 1) == (order.size > 0)
        reached = price <= order.trigger if waits_for_fall else price >= order.trigger
        return published_at > order.placed_at and reached

    def _compare_quote(self, order: Order, fill: Any) -> None:
        """The lens foretold what happened, to the coin."""
        quote = self.quoted
        assert not quote.error, f"the lens foretold {quote.error}"
        assert (quote.fill_price, quote.premium, quote.fee) == (fill.fill_price, fill.premium, fill.fee)
        # the premium of a close that the vault could not pay is not looked at by the lens
        assert 0 <= quote.paid_out - fill.paid_out <= max(0, -fill.premium)

    def do_trade(self, who: str, market: int, size: int, margin: int, reduce_only: bool = False) -> bool:
        """Place, the same price a second later, execute; an order that has to wait is cancelled."""
        if size == 0 or not (number := self.do_place(who, market, size, margin, reduce_only=reduce_only)):
            return False
        self.refresh(market)
        is_filled = self._execute(number, "keeper0")
        if number in self.orders:
            last = self.last
            self.do_cancel(list(self.orders).index(number), who)
            self.last = last
        return is_filled

    def do_open(self, who: str, market: int, lots: int, margin_bps: int) -> bool:
        """`lots` (+ buys) at the newest price with margin_bps of their value; a size with odd digits."""
        size = lots * self.lot + (1_000_003 if lots > 0 else -1_000_003)
        value = abs(size) * self.prices[market] // self.scale
        return self.do_trade(who, market, size, value * margin_bps // 10_000)

    def do_close(self, who: str, market: int, part_bps: int) -> bool:
        held = self.market(market).position(address_of(who))
        size = max(1, held.units * part_bps // 10_000)
        if held.units == 0:
            return False
        return self.do_trade(who, market, -size if held.side == LONG else size, 0, reduce_only=True)

    def do_margin(self, who: str, market: int, bps: int) -> bool:
        """Adds (+) or removes (-) so much of the position's value."""
        held = self.market(market).position(address_of(who))
        amount = abs(held.units * self.prices[market] // self.scale * bps // 10_000) or 1
        return self.do_change_margin(who, market, amount if bps > 0 else -amount)

    def do_margin_for(self, who: str, market: int, bps: int, by: str) -> bool:
        held = self.market(market).position(address_of(who))
        return self.do_change_margin(
            who, market, held.units * self.prices[market] // self.scale * bps // 10_000 or 1, by
        )

    def do_change_margin(self, who: str, market: int, amount: int, by: str = "") -> bool:
        book, address = self.exchange.book, self.market(market).address
        balance = self.exchange.pool.balance_of(address_of(who))
        if by:
            _, refused = self._call(book.add_margin_for, address_of(who), address, amount, sender=by)
            assert (refused == "not a delegate") != self._is_delegate(who, by, market)
            if refused == "not a delegate":
                return False
        else:
            function = book.add_margin if amount > 0 else book.remove_margin
            _, refused = self._call(function, address, abs(amount), sender=who)
        if refused == "not enough free balance":
            assert amount > balance
            return False
        held = self.models[market].positions.get(who)
        if held is not None and held.units * self.prices[market] / self.scale < 10_000:
            # Worth less than ten thousand coins: a coin of its equity is more than a tick, and the tick is all there is
            # to compare. The money is compared all the same.
            return self._follow_margin(who, market, amount, refused)
        if not self._agree(refused, self.models[market].change_margin, who, amount):
            return False
        self.coins += 20
        self.last.market, self.last.is_filled = market, amount < 0
        self.is_unsettled[market] = False
        return True

    def _follow_margin(self, who: str, market: int, amount: int, refused: str) -> bool:
        model = self.models[market]
        if refused:
            return False
        self.coins += 20_000
        try:
            model.change_margin(who, amount)
        except RejectedError:
            model.touch_only()
            model.cash += amount
            self.capital.credit(who, -amount)
        self.adopt()
        self.is_unsettled[market] = False
        return True

    # ------------------------------------------------------------------ cranks

    def do_crank(self, market: int, most: int, keeper: str) -> int:
        contract = self.market(market)
        foretold = self._foretell(market)
        done, refused = self._call(contract.crank, most, sender=keeper)
        self._cranked(market, most, keeper, done, refused, foretold)
        return int(done or 0)

    def do_crank_all(self, market: int, most: int, keeper: str) -> int:
        """`most` at a time until there is nothing left."""
        buckets = 0
        for _ in range(2_000):
            done = self.do_crank(market, most, keeper)
            buckets += done
            if done < most:
                break
        return buckets

    def _foretell(self, market: int) -> Any:
        address, lens = self.market(market).address, self.exchange.lens
        if self.now - self.models[market].offered[1] > MAX_AGE or self.models[market].is_settling:
            return None
        work = lens.work(address)
        if work.buckets == 0:
            return work, lens.market(address), ()
        return work, lens.market(address), tuple(lens.queue(address, side, 64) for side in (LONG, SHORT))

    def _cranked(self, market: int, most: int, keeper: str, done: int, refused: str, foretold: Any) -> None:
        model = self.models[market]
        liquidations, deleveragings = len(model.liquidations), len(model.deleveragings)
        if refused:
            # where the vault can't be asked for cover, or the price is old
            assert not self._agree(refused, model.crank, keeper, most)
            return
        is_to_the_end = done < most
        mine = self.chain.logs(self.market(market))
        liquidated = [e for e in mine if type(e).__name__ == "Liquidated"]
        deleveraged = [e for e in mine if type(e).__name__ == "Deleveraged"]
        # Some pieces are but the rounding of others.
        self.coins += 10 * done
        for event in liquidated:
            if event.to_vault and event.loss:
                # so many units does the smallest coin of cover make the vault's
                self.loose_units += 4 * event.units // event.loss
        dust = self.units_dust(market)
        dusty = sum(e.units <= dust for e in deleveraged) + sum(e.units <= dust for e in liquidated if e.to_vault)
        pieces: list[int] = []
        wanted = None if is_to_the_end else most - dusty
        assert self._agree("", lambda: pieces.append(model.crank(keeper, wanted, dust, dusty)))
        told, gave = model.liquidations[liquidations:], model.deleveragings[deleveragings:]
        self.coins += 20 + 10 * max(0, pieces[0] - done)
        self.moved_units += sum((d.units for d in gave), Fraction(0))
        for each in told:
            self.moved_units += each.units_to_vault + each.units_to_adl + each.units_last_resort
            if each.loss_per_unit > 0:
                self.loose_units += 4 * self.scale // max(1, floor(each.loss_per_unit))
        self.last.market, self.last.keeper, self.last.pieces = market, keeper, done
        self.is_unsettled[market], self.is_interrupted[market] = False, not is_to_the_end
        if not is_to_the_end:
            assert done - dusty == pieces[0], f"{done} buckets done, {pieces[0]} in the model"
        elif foretold is not None:
            self._compare_work(foretold, done, liquidated, deleveraged)
        self._compare_liquidations(market, liquidated, told)
        self._compare_deleveragings(market, deleveraged, gave)

    def _compare_work(self, foretold: Any, buckets: int, liquidated: list[Any], deleveraged: list[Any]) -> None:
        """The lens foretold what the crank would find."""
        work, view, queues = foretold
        assert view.is_clean == (work.bankrupt_buckets == 0)
        assert len({e.bucket for e in liquidated}) >= work.liquidatable_buckets
        assert work.buckets >= buckets, f"{buckets} buckets done, {work} foretold"
        if buckets > 0 and not liquidated:
            assert work.is_adl_due
        for side, queue in enumerate(queues):
            first = [e for e in deleveraged if e.step == 1 and e.bucket >> 24 == side]
            ids = list(dict.fromkeys(e.bucket for e in first))
            foretold_ids = [item.bucket for item in queue]
            if not work.has_new_price:
                # those that gave their step before the crank was interrupted are passed over
                foretold_ids = [bucket for bucket in foretold_ids if bucket in ids]
            assert ids == foretold_ids[: len(ids)]

    def _compare_liquidations(self, market: int, events: list[Any], expected: list[Liquidation]) -> None:
        dust, cash_dust = self.units_dust(market), self.cash_dust(market)
        expected = [
            told for told in expected if told.units_to_vault + told.units_to_adl + told.units_last_resort > dust
        ]
        order = list(dict.fromkeys(e.bucket for e in events))
        order = [b for b in order if sum(e.units for e in events if e.bucket == b) > dust]
        assert order == [told.bucket for told in expected], "liquidated buckets or their order"
        for told in expected:
            mine = [e for e in events if e.bucket == told.bucket]
            # what the last resort leaves to the vault stands in the events of either counterparty
            units = sum(e.units for e in mine)
            near(units, told.units_to_vault + told.units_to_adl + told.units_last_resort, dust, "units liquidated")
            for name, amount in (
                ("paid", told.paid),
                ("penalty", told.penalty),
                ("loss", told.loss),
                ("skin_in_the_game", told.skin),
                ("insurance", told.insurance),
                ("adl", told.adl),
                ("vault", told.vault),
            ):
                near(sum(getattr(e, name) for e in mine), amount, cash_dust, f"{name} of {told}")

    def _compare_deleveragings(self, market: int, events: list[Any], expected: list[Deleveraging]) -> None:
        """Order, steps, units and price of every deleveraging; less than dust may come once more or not at all."""
        dust = self.units_dust(market)
        mine = merge([(e.bucket, e.for_bucket, e.step, e.units, e.loss_per_unit) for e in events], dust)
        theirs = merge([(d.bucket, d.for_bucket, d.step, d.units, d.loss_per_unit) for d in expected], dust)
        assert [m[:3] for m in mine] == [t[:3] for t in theirs], "deleveraged buckets, their order or their steps"
        for m, t in zip(mine, theirs, strict=True):
            near(m[3], t[3], dust, f"units of {t}")
            a_coin = self.scale * (10 + self.coins) // floor(t[3])
            near(m[4], t[4], a_coin + self.funding_dust(market), f"loss per unit of {t}")

    def do_sync(self, who: str, market: int, by: str) -> None:
        _, refused = self._call(self.market(market).sync, address_of(who), sender=by)
        assert not refused, refused
        self.models[market].sync(who)
        self.coins += 4
        self.last.market = market

    def do_relay(self, keeper: str, most: int, orders: int) -> None:
        """Cranks every market and tries the first `orders` orders."""
        ids = list(self.orders)[:orders]
        markets = [market.address for market in self.exchange.markets]
        with self.anchor():
            # the same one by one, to compare with: the relay is a keeper that passes on what it earns
            results: list[Any] = []
            for i in range(MARKETS):
                done, refused = self._call(self.market(i).crank, most, sender=keeper)
                results.append(0 if refused else done)
            filled = failed = waiting = 0
            for number in ids:
                done, refused = self._call(self.exchange.book.execute, number, sender=keeper)
                waiting += bool(refused)
                filled += bool(done)
                failed += not refused and not done
            expected = self.snapshot()
        result, refused = self._call(self.exchange.relay.act, [], markets, most, ids, sender=keeper)
        assert not refused, refused
        assert (list(result.buckets), result.orders_filled) == (results, filled)
        assert (result.orders_failed, result.orders_waiting) == (failed, waiting)
        mine = self.snapshot()
        assert mine.ledger == expected.ledger and mine.engines == expected.engines
        assert [v.state for v in mine.markets] == [v.state for v in expected.markets]
        self._follow_relay(keeper, most, ids, results)

    def _follow_relay(self, keeper: str, most: int, ids: list[int], buckets: list[int]) -> None:
        events = self.last.events
        raw = self.chain.raw_logs
        for i, done in enumerate(buckets):
            model = self.models[i]
            refused = ""
            if done == 0 and not model.is_settling and self.now - max(model.published_at, model.offered[1]) > MAX_AGE:
                refused = "stale price"
            self._cranked(i, most, keeper, done, refused, None)
        for number in ids:
            if number not in self.orders:
                continue
            ends = ("OrderExecuted", "OrderFailed")
            told = [e for e in events if getattr(e, "id", None) == number and type(e).__name__ in ends]
            self.quoted = None
            if not told:
                if self._is_triggered(self.orders[number]):
                    order = self.orders[number]
                    terms = Fraction(order.size), order.margin, order.acceptable, order.reduce_only, order.placed_at
                    assert not self._agree("wait", self.models[order.market].trade, order.owner, *terms)
                continue
            self.last.events = told + [e for e in events if type(e).__name__ == "Traded"]
            self._executed(number, keeper, type(told[-1]).__name__ == "OrderExecuted", "")
        self.last.events, self.chain.raw_logs = events, raw
        self.last.market, self.last.pieces, self.last.is_filled = None, None, False

    # ------------------------------------------------------------------ liquidity

    def _worth(self) -> int:
        return int(self.exchange.vault.totalAssets())

    def _is_vault_open(self) -> bool:
        """Every market clean at the newest price, and that fresh."""
        for i, model in enumerate(self.models):
            price, published_at = self.models[i].offered
            if self.now > published_at + MAX_AGE:
                return False
            price = model.price if model.is_settling else price
            adjusted = price - self.market(i).funding_index_now()
            for bucket, _ in self.buckets(i):
                if beta_of(bucket) > (adjusted if bucket >> 24 == LONG else -adjusted):
                    return False
        return True

    def do_lp_deposit(self, who: str, amount: int) -> bool:
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        shares, refused = self._call(vault.deposit, amount, address_of(who), sender=who)
        if refused:
            self._lp_refused(refused, worth, is_open)
            return False
        assert is_open, "vault flow while a bankrupt bucket is open, or at an old price"
        self._lp_entered(amount, shares, worth, supply)
        return True

    def _lp_refused(self, refused: str, worth: int, is_open: bool) -> None:
        known = ("amount too small", "nothing to deposit", "erc20: transfer amount exceeds balance")
        if refused == "wait: market not settled":
            assert not is_open
        elif refused == "vault owes more than it has":
            assert worth == 0
        else:
            assert refused in known, refused

    def _lp_entered(self, amount: int, shares: int, worth: int, supply: int) -> None:
        self.flows += amount
        self.capital.vault += amount
        self.last.is_vault_flow = True
        # nobody joins at the cost of who is in: shares / amount <= supply / worth
        assert shares * (worth + 1) <= amount * (supply + 10**6)

    def do_lp_mint(self, who: str, shares: int) -> bool:
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        amount, refused = self._call(vault.mint, shares, address_of(who), sender=who)
        if refused:
            self._lp_refused(refused, worth, is_open)
            return False
        assert is_open
        self._lp_entered(amount, shares, worth, supply)
        return True

    def do_lp_request(self, who: str, part_bps: int, form: int, receiver: str) -> bool:
        """`form`: with how many of its arguments."""
        vault = self.exchange.vault
        shares = vault.balanceOf(address_of(who)) * part_bps // 10_000
        args = (shares, address_of(receiver), 0)[: form + 1]
        number, refused = self._call(vault.request_redeem, *args, sender=who)
        assert (refused == "") == (shares > 0), refused
        if not refused:
            to = who if form == 0 else receiver
            self.requests[number] = Request(who, shares, to, self.now + vault.cooldown())
        return not refused

    def do_lp_redeem(self, request: int) -> bool:
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        mine = self.requests[number]
        vault = self.exchange.vault
        is_open, worth, supply = self._is_vault_open(), self._worth(), vault.totalSupply()
        assets, refused = self._call(vault.redeem_request, number, sender=mine.owner)
        if refused:
            known = ("wait: cooldown", "request lapsed", "wait: market not settled", "wait: not enough cash")
            assert refused in known, refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        del self.requests[number]
        self.flows -= assets
        self.capital.vault -= assets
        self.last.is_vault_flow = True
        # nobody leaves at the cost of who stays
        assert assets * (supply + 10**6) <= mine.shares * (worth + 1)
        return True

    def do_lp_cancel(self, request: int, by: str) -> bool:
        if not self.requests:
            return False
        number = list(self.requests)[request % len(self.requests)]
        _, refused = self._call(self.exchange.vault.cancel_request, number, sender=by)
        assert (refused == "") == (by == self.requests[number].owner), refused
        if not refused:
            del self.requests[number]
        return not refused

    def do_token(self, which: str, who: str, to: str, part_bps: int, way: int) -> bool:
        """Vault shares or RECOVER change hands: transfer, approve and transferFrom, permit and transferFrom."""
        token = self.exchange.vault if which == "vault" else self.exchange.recovery
        amount = token.balanceOf(address_of(who)) * part_bps // 10_000
        if way == 0:
            _, refused = self._call(token.transfer, address_of(to), amount, sender=who)
        else:
            if way == 1:
                self._call(token.approve, address_of(to), amount, sender=who)
            else:
                deadline = self.now + 60
                signature = self._permit(token, who, address_of(to), amount, deadline)
                args = address_of(who), address_of(to), amount, deadline, *signature
                _, refused = self._call(token.permit, *args, sender=to)
                assert not refused, refused
            _, refused = self._call(token.transferFrom, address_of(who), address_of(to), amount, sender=to)
        assert not refused, refused
        if which != "vault":
            recovery = self.capital.recovery
            recovery[who] = recovery.get(who, Fraction(0)) - amount
            recovery[to] = recovery.get(to, Fraction(0)) + amount
        return True

    # ------------------------------------------------------------------ insurance

    def do_fund_skin(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.fund_skin, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.skin += amount
        return not refused

    def do_fund_reserve(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.fund_reward_reserve, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.reserve += amount
        return not refused

    def do_stake(self, who: str, amount: int) -> bool:
        _, refused = self._call(self.exchange.fund.stake, amount, sender=who)
        if not refused:
            self.flows += amount
            self.capital.insurance += amount
        return not refused

    def do_request_unstake(self, who: str, part_bps: int) -> bool:
        shares = self.exchange.fund.shares_of(address_of(who)) * part_bps // 10_000
        _, refused = self._call(self.exchange.fund.request_unstake, shares, sender=who)
        assert not refused, refused
        return True

    def do_unstake(self, who: str) -> bool:
        fund = self.exchange.fund
        is_open, insurance, total = self._is_vault_open(), fund.insurance(), fund.total_shares()
        shares, _ = fund.unstake_request(address_of(who))
        amount, refused = self._call(fund.unstake, sender=who)
        if refused:
            known = ("nothing requested", "wait: cooldown", "request lapsed", "wait: market not settled")
            assert refused in known or shares > fund.shares_of(address_of(who)), refused
            assert (refused == "wait: market not settled") <= (not is_open)
            return False
        assert is_open
        self.flows -= amount
        self.capital.insurance -= amount
        assert amount * (total + 10**6) <= shares * (insurance + 1)
        return True

    def do_redeem_recovery(self, who: str, part_bps: int) -> bool:
        amount = self.exchange.recovery.balanceOf(address_of(who)) * part_bps // 10_000
        _, refused = self._call(self.exchange.fund.redeem_recovery, amount, sender=who)
        assert not refused, refused
        if amount:
            self.capital.redeem_recovery(who, amount)
        self.coins += 4
        return True

    # ------------------------------------------------------------------ the owner

    def do_pause(self, market: int, is_paused: bool) -> None:
        self.market(market).set_increase_paused(is_paused, sender=OWNER)
        self.models[market].is_increase_paused = is_paused

    def do_set_params(self, market: int, name: str, value: int) -> bool:
        model = self.models[market]
        params = replace(model.params, **{name: value})
        _, refused = self._call(self.market(market).set_params, tuple(asdict(params).values()), sender="owner")
        if refused:
            return False
        model.set_params(params)
        self.is_unsettled[market] = True
        return True

    def do_set_mandate(self, market: int, amount: int) -> None:
        self.exchange.pool.set_mandate(self.market(market).address, amount, sender=OWNER)
        mandate = self.capital.mandates[self.models[market].name]
        mandate.drawn, mandate.drawn_at = self.capital._used(self.models[market].name), self.now
        mandate.limit = Fraction(amount)

    def do_list(self, market: int, is_listed: bool) -> None:
        self.exchange.book.set_market(self.market(market).address, is_listed, sender=OWNER)

    def do_keeper_fee(self, amount: int) -> None:
        self.exchange.book.set_keeper_fee(amount, sender=OWNER)

    def do_cooldown(self, seconds: int) -> None:
        self.exchange.vault.set_cooldown(seconds, sender=OWNER)

    def do_fund_params(self, cap_bps: int, share_bps: int) -> None:
        self.exchange.fund.set_params(insurance_params(self.unit, cap_bps, share_bps), sender=OWNER)
        self.capital.daily_cap_bps, self.capital.recovery_share_bps = cap_bps, share_bps

    def do_forbidden(self, which: int, who: str) -> None:
        """What only others may call."""
        ex = self.exchange
        market, victim, me = ex.markets[which % MARKETS], address_of("trader0"), address_of(who)
        params = tuple(asdict(self.models[0].params).values())
        calls: list[tuple[Any, tuple[Any, ...]]] = [
            (ex.pool.collect, (victim, 1)),
            (ex.pool.allow_pull, (market.address, 2**100)),
            (ex.pool.pay, (me, 1)),
            (ex.pool.release, (me, 1)),
            (ex.pool.settle, (0, [(me, 1)])),
            (ex.pool.settle, (1, [])),
            (ex.pool.draw, (1,)),
            (ex.pool.set_roles, (me, me)),
            (ex.pool.set_engine, (me, True)),
            (ex.pool.set_mandate, (market.address, 2**90)),
            (ex.pool.transfer_ownership, (me,)),
            (ex.pool.deposit, (1, market.address)),
            (ex.pool.withdraw, (2**200, me)),
            (market.trade, (victim, 1, 0, 0, False, 0)),
            (market.change_margin, (victim, -1)),
            (market.set_params, (params,)),
            (market.set_increase_paused, (True,)),
            (market.transfer_ownership, (me,)),
            (market.crank, (0,)),
            (ex.book.set_market, (market.address, False)),
            (ex.book.set_keeper_fee, (0,)),
            (ex.book.set_gas_price, (me, bytes(32))),
            (ex.book.transfer_ownership, (me,)),
            (ex.book.cancel, (2**63,)),
            (ex.book.execute, (2**63,)),
            (ex.book.add_margin, (me, 1)),
            (ex.vault.set_market, (market.address, False)),
            (ex.vault.set_cooldown, (60,)),
            (ex.vault.transfer_ownership, (me,)),
            (ex.vault.redeem_request, (2**63,)),
            (ex.vault.transferFrom, (address_of("lp0"), me, 10**30)),
            (ex.fund.cover, (1,)),
            (ex.fund.return_cover, (1, 0)),
            (ex.fund.pay_reward, (me, 1)),
            (ex.fund.record_income, (0,)),
            (ex.fund.issue_recovery, (me, 1)),
            (ex.fund.set_params, (insurance_params(1),)),
            (ex.fund.set_market, (market.address, False)),
            (ex.fund.transfer_ownership, (me,)),
            (ex.fund.redeem_recovery, (2**200,)),
            (ex.recovery.mint, (me, 1)),
            (ex.recovery.burn, (victim, 1)),
            (ex.recovery.set_minter, (me,)),
            (ex.recovery.transfer_ownership, (me,)),
        ]
        function, args = calls[which % len(calls)]
        _, refused = self._call(function, *args, sender=who)
        assert refused, f"{function.name} let {who} pass"

    def remember(self, before: Snapshot, after: Snapshot) -> None:
        """What ADL has taken of each bucket at the present price, for the invariant `order`."""
        for i, (was, now) in enumerate(zip(before.markets, after.markets, strict=True)):
            if was.state.price_round != now.state.price_round:
                self.given_before = {key: units for key, units in self.given_before.items() if key[0] != i}
            if self.last.market not in (None, i) or not self.last.events:
                continue
            had, has = dict(was.buckets), dict(now.buckets)
            told = [e for e in self.chain.logs(self.market(i)) if type(e).__name__ == "Deleveraged"]
            for event in told:
                key = i, event.bucket
                self.given_before[key] = self.given_before.get(key, 0) + event.units
            if not told:
                # whoever joins or leaves a bucket changes its base in proportion
                for (market, bucket), units in list(self.given_before.items()):
                    if market != i:
                        continue
                    if bucket not in has or not had.get(bucket):
                        del self.given_before[market, bucket]
                    else:
                        self.given_before[market, bucket] = units * has[bucket] // had[bucket]

    def is_broke(self, market: int) -> bool:
        """Nobody could pay a keeper: the market's mandate is used up, or there is no reward to pay."""
        params = self.models[market].params
        left = self.exchange.pool.mandate_left(self.market(market).address)
        return left <= params.reward_floor or params.reward_floor == 0

    # ------------------------------------------------------------------ what the contracts say

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

    # ------------------------------------------------------------------ the same in both

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

    def compare(self, seen: Snapshot | None = None) -> Snapshot:
        """Everybody's money and positions within dust. Then the model may go on with the contracts' numbers."""
        seen = seen or self.snapshot()
        dust = self.cash_dust()
        for i, view in enumerate(seen.markets):
            self._compare_market(i, view)
        escrow: dict[str, int] = {}
        for order in self.orders.values():
            escrow[order.owner] = escrow.get(order.owner, 0) + order.margin + order.fee
        for name in NAMES:
            owed = sum(view.positions[name].cash_owed for view in seen.markets) if name in TRADERS else 0
            theirs = self.capital.free.get(name, Fraction(0))
            if name == "treasury":
                theirs = self.capital.treasury
            theirs += sum((model.owed.get(name, Fraction(0)) for model in self.models), Fraction(0))
            near(seen.ledger[name] + escrow.get(name, 0) + owed, theirs, dust, f"cash of {name}")
        fund = self.exchange.fund
        near(seen.engines["Vault 1"], self.capital.vault, dust, "vault")
        near(fund.skin_in_the_game(), self.capital.skin, dust, "skin in the game")
        near(fund.insurance(), self.capital.insurance, dust, "insurance")
        near(fund.reward_reserve(), self.capital.reserve, dust, "reward reserve")
        near(fund.recovery_pot(), self.capital.pot, dust, "recovery pot")
        supply = self.exchange.recovery.totalSupply()
        near(supply, self.capital.supply, dust, "supply of RECOVER")
        if supply or self.capital.supply:
            for name in NAMES:
                mine = self.exchange.recovery.balanceOf(address_of(name))
                near(mine, self.capital.recovery.get(name, Fraction(0)), dust, f"RECOVER of {name}")
        if self.is_adopting:
            self.adopt(seen)
        return seen

    def _compare_market(self, i: int, view: View) -> None:
        model, state = self.models[i], view.state
        dust, cash_dust = self.units_dust(i), self.cash_dust(i)
        assert state.is_settling == model.is_settling, f"settling {state.is_settling}, model {model.is_settling}"
        for name, held in view.positions.items():
            theirs = model.positions.get(name)
            if theirs is None:
                assert held.units <= dust, f"{name} still holds {held.units}"
            else:
                if held.units > 0 or theirs.units > dust:
                    assert held.bucket == theirs.bucket, f"bucket of {name}: {held.bucket:x}, model {theirs.bucket:x}"
                near(held.units, theirs.units, dust, f"units of {name}")
                if held.units:
                    a_coin = self.scale * (10 + self.coins) // max(1, floor(theirs.units))
                    loose = a_coin + floor(dust * theirs.basis / theirs.units) + floor(theirs.basis / 2**32)
                    near(held.basis, theirs.basis, loose + 4 + self.touches, f"basis of {name}")
            near(held.claim_owed, model.claims.get(name, Fraction(0)), cash_dust, f"claims of {name}")
        near(state.units_long, model.units(LONG), dust, "open interest, long")
        near(state.units_short, model.units(SHORT), dust, "open interest, short")
        near(state.funding_index, model.funding, self.funding_dust(i), "funding index")
        mandate_left = self.exchange.pool.mandate_left(self.market(i).address)
        limit = self.capital.mandates[model.name].limit
        near(mandate_left, max(Fraction(0), limit - self.capital._used(model.name)), cash_dust, "mandate left")
        near(state.budget_left, model.budget_left, cash_dust, "loss budget left")
        assert state.price_round == model.price_round
        assert self.market(i).is_fair_adl_begun() == model.is_fair_adl_begun or model.is_settling

    def adopt(self, seen: Snapshot | None = None) -> None:
        """The model goes on with the contracts' numbers: each step is compared by itself, rounding does not add up."""
        seen = seen or self.snapshot()
        for i, view in enumerate(seen.markets):
            model = self.models[i]
            for name, held in view.positions.items():
                if held.units == 0:
                    model.positions.pop(name, None)
                else:
                    model.positions[name] = Position(name, held.bucket, Fraction(held.units), Fraction(held.basis))
                for amounts, mine in ((model.owed, held.cash_owed), (model.claims, held.claim_owed)):
                    amounts.pop(name, None)
                    if mine:
                        amounts[name] = Fraction(mine)
            model.funding = Fraction(view.state.funding_index)
            model.budget_left = Fraction(view.state.budget_left)
            model.cash = Fraction(view.state.cash)
        escrow: dict[str, int] = {}
        for order in self.orders.values():
            escrow[order.owner] = escrow.get(order.owner, 0) + order.margin + order.fee
        capital, fund = self.capital, self.exchange.fund
        for name in NAMES:
            capital.free[name] = Fraction(seen.ledger[name] + escrow.get(name, 0))
        capital.treasury = capital.free.pop("treasury")
        capital.vault = Fraction(seen.engines["Vault 1"])
        capital.skin, capital.insurance = Fraction(fund.skin_in_the_game()), Fraction(fund.insurance())
        capital.reserve, capital.pot = Fraction(fund.reward_reserve()), Fraction(fund.recovery_pot())
        capital.supply = Fraction(self.exchange.recovery.totalSupply())
        if capital.supply:
            for name in NAMES:
                capital.recovery[name] = Fraction(self.exchange.recovery.balanceOf(address_of(name)))
        else:
            capital.recovery.clear()
        for model, market in zip(self.models, self.exchange.markets, strict=True):
            mandate = capital.mandates[model.name]
            if left := self.exchange.pool.mandate_left(market.address):
                mandate.drawn, mandate.drawn_at = mandate.limit - left, self.now
        self.coins = self.loose_units = self.touches = 0
        self.equal_since = self.now
        self.moved_units = Fraction(0)


@contextmanager
def world(setup: Setup, is_adopting: bool = True) -> Iterator[World]:
    """An exchange that is gone afterwards."""
    exchange = deployed(setup.decimals)
    with exchange.chain.anchor():
        exchange.chain.now = START + 1
        yield World(setup, is_adopting)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list | set) else value


def near(mine: int, theirs: Fraction | int, dust: int, what: str = "") -> None:
    if type(theirs) is Fraction and theirs.denominator == 1:
        theirs = theirs.numerator
    off = abs(mine - theirs)
    assert off <= dust or off <= abs(theirs) / 10**12, (
        f"{what}: contracts {mine}, model {float(theirs):.6f}, dust {dust}"
    )


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
