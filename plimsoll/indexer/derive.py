"""What the events say, as rows: the one place that knows what each event means for the tables."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.adl_rank import ceil_div
from plimsoll.chain import Event
from plimsoll.indexer import schema
from plimsoll.indexer.capital import NOBODY
from plimsoll.indexer.decoding import addresses_in, to_json
from plimsoll.indexer.memory import Bucket, Memory, Position
from plimsoll.indexer.schema import seq_of
from plimsoll.reference.grid import LONG

NOTHING = 2**256 - 1
ENTRY_BITS = 45
"""Significant bits of an entry price that a position keeps; positions.vy."""
FINAL = {"OrderExecuted": "executed", "OrderCancelled": "cancelled", "OrderFailed": "failed"}
UPDATES = {**FINAL, "OrderLinked": "linked", "OrderToppedUp": "topped_up"}

Rows = dict[type[schema.Base], list[dict[str, Any]]]


class Derivation:
    """Turns events into rows. Feed it every event in the order of the chain; `forget` after a failure."""

    def __init__(self, own: Iterable[str], symbols: dict[str, str], decimals: int) -> None:
        """`own` are the exchange's contracts, `symbols` the names of the markets known by name, `decimals` the
        collateral's."""
        self.scale = 10 ** (36 - decimals)
        self.own = {*own, NOBODY}
        self.symbols = symbols
        self.feeds: dict[bytes, list[str]] = {}
        self.memory = Memory()
        self.rows: Rows = {}
        self._moves: dict[str, list[Event]] = {}
        self._trades: dict[tuple[str, str], dict[str, Any]] = {}
        self._touched: dict[tuple[str, int], int] = {}

    def forget(self) -> None:
        """Reads the database again: after a rollback, or when rows were not written."""
        self.memory = Memory()
        self.feeds = {}

    def derive(self, session: Session, events: Iterable[Event], times: dict[int, int], hashes: dict[int, str]) -> Rows:
        """The rows of further events; `times` and `hashes` are those of their blocks. Holds nothing back: a batch ends
        where a block ends."""
        if not self.feeds:
            for market in session.scalars(select(schema.Market)):
                self._know(market.address, bytes.fromhex(market.feed[2:]))
        self.rows = {}
        self._moves, self._trades, self._touched = {}, {}, {}
        for event in events:
            seq, time = seq_of(event.block, event.index), times[event.block]
            self._keep(event, seq, time, hashes[event.block])
            handler = HANDLERS.get((event.contract, event.name))
            if handler is not None:
                handler(self, session, event, seq, time)
            reserve = lambda: self._skew_reserve(session)  # noqa: E731
            for table, row in self.memory.capital.rows(session, event, seq, time, reserve).items():
                self._put(table, **row)
        for market, moves in self._moves.items():
            assert not moves, f"a bucket of {market} changed without a trade or a change of margin"
        return self.rows

    def _put(self, table: type[schema.Base], **row: Any) -> dict[str, Any]:
        self.rows.setdefault(table, []).append(row)
        return row

    def _keep(self, event: Event, seq: int, time: int, block_hash: str) -> None:
        self._put(
            schema.Log,
            seq=seq,
            block_hash=block_hash,
            time=time,
            transaction=event.transaction.to_0x_hex(),
            contract=event.contract,
            address=event.address,
            event=event.name,
            args=to_json(event.args),
        )
        for account in dict.fromkeys(addresses_in(event.args)):
            if account not in self.own:
                self._put(schema.LogAccount, account=account, seq=seq)

    # Markets and prices

    def _know(self, market: str, feed: bytes) -> None:
        self.own.add(market)
        known = self.feeds.setdefault(feed, [])
        if market not in known:
            known.append(market)

    def market_created(self, session: Session, event: Event, seq: int, time: int) -> None:
        address, feed = event.args["market"], event.args["feed"]
        self._know(address, feed)
        symbol = self.symbols.get(address, address)
        self._put(schema.Market, address=address, seq=seq, feed="0x" + feed.hex(), symbol=symbol)

    def params_set(self, session: Session, event: Event, seq: int, time: int) -> None:
        self.memory.skew_scales[event.address] = event.args["params"]["skew_scale"]
        self._put(schema.Params, seq=seq, market=event.address, params=to_json(event.args["params"]))

    def price_updated(self, session: Session, event: Event, seq: int, time: int) -> None:
        for market in self.feeds.get(event.args["feed"], ()):
            self._price(session, market, seq, event.args["published_at"], event.args["price"])

    def price_round(self, session: Session, event: Event, seq: int, time: int) -> None:
        args = event.args
        self.memory.rounds[event.address] = args["price_round"]
        self.memory.prices[event.address] = args["index_price"]
        self._put(schema.PriceRound, seq=seq, market=event.address, time=time, **args)
        # Also where the price comes from a source that tells nothing: another chain's feed
        self._price(session, event.address, seq, args["published_at"], args["index_price"])

    def settling(self, session: Session, event: Event, seq: int, time: int) -> None:
        self.memory.settled_markets(session).add(event.address)

    def _price(self, session: Session, market: str, seq: int, published_at: int, price: int) -> None:
        last = self.memory.published.get(market)
        if last is None:
            row = schema.Price
            found = session.scalar(
                select(row.published_at).where(row.market == market).order_by(row.published_at.desc()).limit(1)
            )
            last = found or 0
        if published_at > last:
            self._put(schema.Price, seq=seq, market=market, published_at=published_at, price=price)
        self.memory.published[market] = max(last, published_at)

    # Orders

    def order_placed(self, session: Session, event: Event, seq: int, time: int) -> None:
        args = event.args
        self._put(
            schema.Order,
            id=args["id"],
            seq=seq,
            time=time,
            transaction=event.transaction.to_0x_hex(),
            owner=args["owner"],
            market=args["market"],
            terms=to_json({name: value for name, value in args["order"].items() if name != "market"}),
            keeper_fee=args["keeper_fee"],
        )

    def order_updated(self, session: Session, event: Event, seq: int, time: int) -> None:
        args = event.args
        self._put(
            schema.OrderUpdate,
            seq=seq,
            order_id=args["id"],
            time=time,
            transaction=event.transaction.to_0x_hex(),
            status=UPDATES[event.name],
            is_final=event.name in FINAL,
            details=to_json({name: value for name, value in args.items() if name not in ("id", "owner", "market")}),
        )
        if event.name == "OrderExecuted":
            trade = self._trades.get((args["market"], args["owner"]))
            if trade is not None and trade["transaction"] == event.transaction.to_0x_hex():
                trade["order_id"] = args["id"]

    # Positions and buckets

    def bucket_changed(self, session: Session, event: Event, seq: int, time: int) -> None:
        args, market = event.args, event.address
        self._moves.setdefault(market, []).append(event)
        bucket = self.memory.bucket(session, market, args["bucket"])
        units, shares = bucket.units + args["units_delta"], bucket.shares + args["shares_delta"]
        self._set_bucket(seq, market, args["bucket"], args["epoch"], units, shares)
        self._add_interest(session, market, seq, args["bucket"] >> 24, args["units_delta"])

    def _set_bucket(self, seq: int, market: str, bucket: int, epoch: int, units: int, shares: int) -> None:
        if units == 0:
            epoch, shares = epoch + 1, 0
        self.memory.buckets[market, bucket] = Bucket(epoch, units, shares)
        self._put(schema.BucketState, seq=seq, market=market, bucket=bucket, epoch=epoch, units=units, shares=shares)

    def _move(self, session: Session, event: Event, seq: int, time: int, fill_price: int | None) -> None:
        """The position after a trade (at `fill_price`) or a change of margin, by what it was told to leave and join."""
        market, account = event.address, event.args["account"]
        held = self.memory.position(session, market, account)
        left = 0
        for move in self._moves.pop(market, ()):
            args = move.args
            if args["shares_delta"] <= 0:
                left = -args["units_delta"]
                held = Position(held.bucket, held.epoch, held.shares + args["shares_delta"], held.entry_price)
                continue
            units = args["units_delta"]
            is_same_side = left != 0 and held.bucket >> 24 == args["bucket"] >> 24
            entry = held.entry_price
            if fill_price is not None:
                before = left if is_same_side else 0
                entry = _rounded(((units - before) * fill_price + before * held.entry_price) // units)
            held = Position(args["bucket"], args["epoch"], args["shares_delta"], entry)
        if held.shares == 0:
            held = Position()
        self.memory.positions[market, account] = held
        self._put(
            schema.PositionState,
            seq=seq,
            market=market,
            account=account,
            time=time,
            bucket=held.bucket,
            epoch=held.epoch,
            shares=held.shares,
            entry_price=held.entry_price,
        )

    def traded(self, session: Session, event: Event, seq: int, time: int) -> None:
        self._move(session, event, seq, time, event.args["fill_price"])
        transaction = event.transaction.to_0x_hex()
        row = self._put(
            schema.Trade,
            seq=seq,
            market=event.address,
            time=time,
            transaction=transaction,
            order_id=None,
            **event.args,
        )
        self._trades[event.address, event.args["account"]] = row

    def margin_changed(self, session: Session, event: Event, seq: int, time: int) -> None:
        self._move(session, event, seq, time, None)

    # Liquidation and ADL

    def liquidated(self, session: Session, event: Event, seq: int, time: int) -> None:
        self._close(session, schema.Liquidation, event, seq, time, dict(event.args))

    def deleveraged(self, session: Session, event: Event, seq: int, time: int) -> None:
        args = dict(event.args)
        self.memory.rounds[event.address] = args.pop("price_round")
        args["for_bucket"] = None if args["for_bucket"] == NOTHING else args["for_bucket"]
        self._close(session, schema.Deleveraging, event, seq, time, args)

    def _close(
        self, session: Session, table: type[schema.Base], event: Event, seq: int, time: int, args: dict[str, Any]
    ) -> None:
        market, bucket = event.address, args["bucket"]
        shares = self.memory.bucket(session, market, bucket).shares
        transaction = event.transaction.to_0x_hex()
        args |= {"shares": shares, "price_round": self.memory.round(session, market)}
        self._put(table, seq=seq, market=market, time=time, transaction=transaction, **args)
        self._set_bucket(seq, market, bucket, args["epoch"], args["units_left"], shares)
        self._add_interest(session, market, seq, bucket >> 24, -args["units"])

    # Open interest

    def _skew_reserve(self, session: Session) -> int:
        """Of all markets but the settled, cash, rounded up as book.vy does: exits from those are paid no premium."""
        total = 0
        settled = self.memory.settled_markets(session)
        for market in (item for known in self.feeds.values() for item in known if item not in settled):
            long, short = self.memory.sides(session, market)
            size, price = abs(long - short), self.memory.last_price(session, market)
            if size and price:
                per_unit = ceil_div(price * size, 2 * self.memory.skew_scale(session, market))
                total += ceil_div(per_unit * size, self.scale)
        return total

    def _add_interest(self, session: Session, market: str, seq: int, side: int, units: int) -> None:
        sides = self.memory.sides(session, market)
        sides[0 if side == LONG else 1] += units
        key = market, schema.block_of(seq)
        if key in self._touched:
            row = self.rows[schema.Interest][self._touched[key]]
            row |= {"seq": seq, "units_long": sides[0], "units_short": sides[1]}
        else:
            self._touched[key] = len(self.rows.get(schema.Interest, ()))
            self._put(schema.Interest, seq=seq, market=market, units_long=sides[0], units_short=sides[1])


def _rounded(price: int) -> int:
    """As a position keeps it: 45 significant bits."""
    exponent = max(0, price.bit_length() - ENTRY_BITS)
    return price >> exponent << exponent


Handler = Callable[[Derivation, Session, Event, int, int], None]
HANDLERS: dict[tuple[str, str], Handler] = {
    ("MarketFactory", "MarketCreated"): Derivation.market_created,
    ("Market", "ParamsSet"): Derivation.params_set,
    ("PriceFeed", "PriceUpdated"): Derivation.price_updated,
    ("Market", "PriceRound"): Derivation.price_round,
    ("Market", "Settling"): Derivation.settling,
    ("OrderBook", "OrderPlaced"): Derivation.order_placed,
    **{("OrderBook", name): Derivation.order_updated for name in UPDATES},
    ("Market", "BucketChanged"): Derivation.bucket_changed,
    ("Market", "Traded"): Derivation.traded,
    ("Market", "MarginChanged"): Derivation.margin_changed,
    ("Market", "Liquidated"): Derivation.liquidated,
    ("Market", "Deleveraged"): Derivation.deleveraged,
}
