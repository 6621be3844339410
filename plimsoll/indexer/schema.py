"""The tables. Every row stands for one thing that happened and never changes: undoing blocks is deleting rows.

`seq` is the place of a log on the chain, `block << 20 | log index`: one number that orders everything, that resumes a
stream, and after which a reorganised chain's rows are deleted. What is true "now" is the newest row of its key.
Amounts up to 256 bits are decimal strings, because no SQL integer holds them and nothing is ordered by them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, Text, TypeDecorator, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

SEQ_BITS = 20
ROWS_AT_ONCE = 2_000
INTERVALS = {"1s": 1, "10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
"""Candles by name, in seconds."""


def seq_of(block: int, index: int = 0) -> int:
    """The place of a log; without `index`, the place before every log of a block."""
    return block << SEQ_BITS | index


def block_of(seq: int) -> int:
    """The block of a place."""
    return seq >> SEQ_BITS


class Amount(TypeDecorator[int]):
    """An integer of up to 256 bits, signed, kept exactly."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


Big = BigInteger().with_variant(Integer, "sqlite")
Address = String(42)
Hash = String(66)


class Base(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = {int: Big, str: Text, dict[str, Any]: JSON}  # noqa: RUF012


class Cursor(Base):
    """One row: how far the index is, of which deployment, and who is writing. Moves with the rows it stands for."""

    __tablename__ = "cursor"
    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    block: Mapped[int]
    hash: Mapped[str] = mapped_column(Hash)
    time: Mapped[int]
    deployment: Mapped[dict[str, Any]]
    holder: Mapped[str] = mapped_column(default="")
    lease_until: Mapped[int] = mapped_column(default=0)
    reorgs: Mapped[int] = mapped_column(default=0)
    reconciled_block: Mapped[int] = mapped_column(default=0)
    mismatches: Mapped[list[str]] = mapped_column(JSON, default=list)


class Block(Base):
    """A header: of every block followed one by one; of a range caught up with, those with logs and the last."""

    __tablename__ = "blocks"
    hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    parent_hash: Mapped[str] = mapped_column(Hash)
    time: Mapped[int]


class Log(Base):
    """An event with all its arguments."""

    __tablename__ = "logs"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_hash: Mapped[str] = mapped_column(Hash, ForeignKey("blocks.hash"))
    time: Mapped[int]
    transaction: Mapped[str] = mapped_column(Hash)
    contract: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(Address)
    event: Mapped[str] = mapped_column(String(40))
    args: Mapped[dict[str, Any]]
    __table_args__ = (
        Index("logs_address", "address", "seq"),
        Index("logs_event", "event", "seq"),
        Index("logs_block", "block_hash"),  # a block goes only if no log refers to it
    )


class LogAccount(Base):
    """An address that an event names, other than the exchange's own contracts."""

    __tablename__ = "log_accounts"
    account: Mapped[str] = mapped_column(Address, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, index=True)


class Market(Base):
    """A market that the factory created."""

    __tablename__ = "markets"
    address: Mapped[str] = mapped_column(Address, primary_key=True)
    seq: Mapped[int]
    feed: Mapped[str] = mapped_column(Hash)
    symbol: Mapped[str] = mapped_column(String(42))


class Params(Base):
    """`IMarket.Params` from this place on."""

    __tablename__ = "params"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    params: Mapped[dict[str, Any]]


class Price(Base):
    """A price of a market's feed. One for each second in which one was published."""

    __tablename__ = "prices"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address, primary_key=True)
    published_at: Mapped[int]
    price: Mapped[int] = mapped_column(Amount)
    __table_args__ = (Index("prices_time", "market", "published_at", unique=True),)


class Candle(Base):
    """Prices of an interval, the only rows that are rewritten: from `prices`, when one comes or goes."""

    __tablename__ = "candles"
    market: Mapped[str] = mapped_column(Address, primary_key=True)
    interval: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    open: Mapped[int] = mapped_column(Amount)
    high: Mapped[int] = mapped_column(Amount)
    low: Mapped[int] = mapped_column(Amount)
    close: Mapped[int] = mapped_column(Amount)
    prices: Mapped[int]


class PriceRound(Base):
    """A price that reached a market, with the funding index and the loss budget as of then."""

    __tablename__ = "price_rounds"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    time: Mapped[int]
    price_round: Mapped[int]
    index_price: Mapped[int] = mapped_column(Amount)
    published_at: Mapped[int]
    funding_index: Mapped[int] = mapped_column(Amount)
    variation_margin: Mapped[int] = mapped_column(Amount)
    budget_left: Mapped[int] = mapped_column(Amount)
    __table_args__ = (
        Index("price_rounds_market", "market", "seq"),
        Index("price_rounds_round", "market", "price_round"),
    )


class Trade(Base):
    """A fill."""

    __tablename__ = "trades"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    account: Mapped[str] = mapped_column(Address)
    time: Mapped[int]
    transaction: Mapped[str] = mapped_column(Hash)
    order_id: Mapped[int | None]
    bucket: Mapped[int]
    units_delta: Mapped[int] = mapped_column(Amount)
    units_after: Mapped[int] = mapped_column(Amount)
    fill_price: Mapped[int] = mapped_column(Amount)
    margin: Mapped[int] = mapped_column(Amount)
    paid_out: Mapped[int] = mapped_column(Amount)
    fee: Mapped[int] = mapped_column(Amount)
    premium: Mapped[int] = mapped_column(Amount)
    realised: Mapped[int] = mapped_column(Amount)
    __table_args__ = (Index("trades_market", "market", "seq"), Index("trades_account", "account", "seq"))


class Order(Base):
    """An order as it was placed."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(unique=True)
    time: Mapped[int]
    transaction: Mapped[str] = mapped_column(Hash)
    owner: Mapped[str] = mapped_column(Address)
    market: Mapped[str] = mapped_column(Address)
    terms: Mapped[dict[str, Any]]
    """`IOrderBook.Order` without the market."""
    keeper_fee: Mapped[int] = mapped_column(Amount)
    __table_args__ = (Index("orders_owner", "owner", "seq"), Index("orders_market", "market", "seq"))


class OrderUpdate(Base):
    """What became of an order: linked, topped_up, and at last executed, cancelled or failed."""

    __tablename__ = "order_updates"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[int]
    time: Mapped[int]
    transaction: Mapped[str] = mapped_column(Hash)
    status: Mapped[str] = mapped_column(String(10))
    is_final: Mapped[bool]
    details: Mapped[dict[str, Any]]
    __table_args__ = (Index("order_updates_order", "order_id", "seq"),)


class BucketState(Base):
    """A bucket after an event changed it."""

    __tablename__ = "bucket_states"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    bucket: Mapped[int]
    epoch: Mapped[int]
    units: Mapped[int] = mapped_column(Amount)
    shares: Mapped[int] = mapped_column(Amount)
    __table_args__ = (Index("bucket_states_bucket", "market", "bucket", "seq"),)


class PositionState(Base):
    """An account's position after a trade or a change of margin. Its units are its part of the bucket's as long as the
    bucket's epoch is this."""

    __tablename__ = "position_states"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    account: Mapped[str] = mapped_column(Address)
    time: Mapped[int]
    bucket: Mapped[int]
    epoch: Mapped[int]
    shares: Mapped[int] = mapped_column(Amount)
    entry_price: Mapped[int] = mapped_column(Amount)
    __table_args__ = (
        Index("position_states_account", "account", "market", "seq"),
        Index("position_states_bucket", "market", "bucket", "seq"),
    )


class Interest(Base):
    """Units of both sides of a market after the last event of a block that changed them."""

    __tablename__ = "interest"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    units_long: Mapped[int] = mapped_column(Amount)
    units_short: Mapped[int] = mapped_column(Amount)
    __table_args__ = (Index("interest_market", "market", "seq"),)


class _Closing:
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    market: Mapped[str] = mapped_column(Address)
    time: Mapped[int]
    transaction: Mapped[str] = mapped_column(Hash)
    price_round: Mapped[int]
    bucket: Mapped[int]
    epoch: Mapped[int]
    shares: Mapped[int] = mapped_column(Amount)
    """Of the bucket, when it happened: an owner's part is its shares over these."""
    units: Mapped[int] = mapped_column(Amount)
    units_left: Mapped[int] = mapped_column(Amount)
    index_price: Mapped[int] = mapped_column(Amount)
    paid: Mapped[int] = mapped_column(Amount)


class Liquidation(_Closing, Base):
    """`IMarket.Liquidated`."""

    __tablename__ = "liquidations"
    fill_price: Mapped[int] = mapped_column(Amount)
    to_vault: Mapped[bool]
    penalty: Mapped[int] = mapped_column(Amount)
    loss: Mapped[int] = mapped_column(Amount)
    skin_in_the_game: Mapped[int] = mapped_column(Amount)
    insurance: Mapped[int] = mapped_column(Amount)
    adl: Mapped[int] = mapped_column(Amount)
    vault: Mapped[int] = mapped_column(Amount)
    __table_args__ = (
        Index("liquidations_market", "market", "seq"),
        Index("liquidations_bucket", "market", "bucket", "seq"),
        Index("liquidations_round", "market", "price_round", "seq"),
    )


class Deleveraging(_Closing, Base):
    """`IMarket.Deleveraged`."""

    __tablename__ = "deleveragings"
    for_bucket: Mapped[int | None]
    """None: fair ADL of the vault."""
    step: Mapped[int]
    funding_index: Mapped[int] = mapped_column(Amount)
    score: Mapped[int] = mapped_column(Amount)
    paid_per_unit: Mapped[int] = mapped_column(Amount)
    loss_per_unit: Mapped[int] = mapped_column(Amount)
    claim: Mapped[int] = mapped_column(Amount)
    __table_args__ = (
        Index("deleveragings_market", "market", "seq"),
        Index("deleveragings_bucket", "market", "bucket", "seq"),
        Index("deleveragings_round", "market", "price_round", "seq"),
    )


class _Flow:
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[int]
    source: Mapped[str] = mapped_column(String(24))
    market: Mapped[str | None] = mapped_column(Address)
    account: Mapped[str | None] = mapped_column(Address)
    amount: Mapped[int] = mapped_column(Amount)
    """What the flow added, over all layers."""


class VaultFlow(_Flow, Base):
    """Something that changed the vault's cash or shares, and what they were afterwards."""

    __tablename__ = "vault_flows"
    cash: Mapped[int] = mapped_column(Amount)
    shares: Mapped[int] = mapped_column(Amount)
    skew_reserve: Mapped[int] = mapped_column(Amount)
    """P * K^2 / (2 psi) of all markets at their last prices: not the vault's to keep."""


class FundFlow(_Flow, Base):
    """Something that changed a layer of the insurance fund, and what all of them were afterwards."""

    __tablename__ = "fund_flows"
    skin_in_the_game: Mapped[int] = mapped_column(Amount)
    insurance: Mapped[int] = mapped_column(Amount)
    reward_reserve: Mapped[int] = mapped_column(Amount)
    recovery_pot: Mapped[int] = mapped_column(Amount)
    shares: Mapped[int] = mapped_column(Amount)


class Reorg(Base):
    """A reorganisation that was undone: everything after `block` went. Told to whoever follows the stream."""

    __tablename__ = "reorgs"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block: Mapped[int]
    time: Mapped[int]


EVENT_TABLES: tuple[type[Base], ...] = (
    *(Log, LogAccount, Market, Params, Price, PriceRound, Trade, Order, OrderUpdate),
    *(BucketState, PositionState, Interest, Liquidation, Deleveraging, VaultFlow, FundFlow),
)
"""Tables whose rows go when their blocks go."""


def insert_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Writes many rows."""
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        session.connection().execute(insert(table.__table__), rows[begin : begin + ROWS_AT_ONCE])
