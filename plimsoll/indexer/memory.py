"""What deriving needs to know of the rows before: the newest of each key, read when it is first needed."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.indexer import schema
from plimsoll.indexer.capital import Capital


@dataclass(frozen=True)
class Bucket:
    """A bucket's present epoch."""

    epoch: int = 0
    units: int = 0
    shares: int = 0


@dataclass(frozen=True)
class Position:
    """A place in a bucket; no shares: none."""

    bucket: int = 0
    epoch: int = 0
    shares: int = 0
    entry_price: int = 0


@dataclass
class Memory:
    """The newest row of each key, as far as it was needed. Read from the database where it is missing here."""

    buckets: dict[tuple[str, int], Bucket] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    interest: dict[str, list[int]] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    """The present price round of each market."""
    prices: dict[str, int] = field(default_factory=dict)
    skew_scales: dict[str, int] = field(default_factory=dict)
    settled: set[str] | None = None
    capital: Capital = field(default_factory=Capital)

    def bucket(self, session: Session, market: str, bucket: int) -> Bucket:
        """A bucket as of the last event."""
        key = market, bucket
        if key not in self.buckets:
            row = schema.BucketState
            query = select(row.epoch, row.units, row.shares).where(row.market == market, row.bucket == bucket)
            found = session.execute(query.order_by(row.seq.desc()).limit(1)).first()
            self.buckets[key] = Bucket(*found) if found else Bucket()
        return self.buckets[key]

    def position(self, session: Session, market: str, account: str) -> Position:
        """An account's place in a market as of the last event."""
        key = market, account
        if key not in self.positions:
            row = schema.PositionState
            query = select(row.bucket, row.epoch, row.shares, row.entry_price)
            query = query.where(row.market == market, row.account == account)
            found = session.execute(query.order_by(row.seq.desc()).limit(1)).first()
            self.positions[key] = Position(*found) if found else Position()
        return self.positions[key]

    def round(self, session: Session, market: str) -> int:
        """The present price round of a market."""
        if market not in self.rounds:
            row = schema.PriceRound
            query = select(row.price_round).where(row.market == market).order_by(row.seq.desc()).limit(1)
            self.rounds[market] = session.scalar(query) or 0
        return self.rounds[market]

    def last_price(self, session: Session, market: str) -> int:
        """The last price that reached a market, WAD; 0: none."""
        if market not in self.prices:
            row = schema.PriceRound
            query = select(row.index_price).where(row.market == market).order_by(row.seq.desc()).limit(1)
            self.prices[market] = session.scalar(query) or 0
        return self.prices[market]

    def skew_scale(self, session: Session, market: str) -> int:
        """psi of a market, WAD units."""
        if market not in self.skew_scales:
            row = schema.Params
            query = select(row.params).where(row.market == market).order_by(row.seq.desc()).limit(1)
            self.skew_scales[market] = int(session.scalars(query).one()["skew_scale"])
        return self.skew_scales[market]

    def settled_markets(self, session: Session) -> set[str]:
        """Markets that have settled: a set that the caller adds to."""
        if self.settled is None:
            row = schema.Log
            query = select(row.address).where(row.event == "Settling", row.contract == "Market")
            self.settled = set(session.scalars(query))
        return self.settled

    def sides(self, session: Session, market: str) -> list[int]:
        """Units long and short of a market: a list that the caller changes."""
        if market not in self.interest:
            row = schema.Interest
            query = select(row.units_long, row.units_short).where(row.market == market)
            found = session.execute(query.order_by(row.seq.desc()).limit(1)).first()
            self.interest[market] = list(found) if found else [0, 0]
        return self.interest[market]
