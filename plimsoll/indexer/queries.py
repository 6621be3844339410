"""What is true at a block: the newest rows up to it. Shared by the API and by the comparison with the chain."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from hexbytes import HexBytes
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from plimsoll.chain import Event
from plimsoll.indexer import schema
from plimsoll.indexer.capital import LAYERS
from plimsoll.indexer.decoding import checksum, from_json

FOREVER = 2**62
LOOKS = 5
"""Positions looked at for each that a sample asks for: some were closed with their bucket."""


@dataclass(frozen=True)
class Held:
    """An open position. Units and entry price in WAD."""

    market: str
    account: str
    side: int
    bucket: int
    units: int
    entry_price: int
    since: int
    """The place of its last trade or change of margin."""


@dataclass(frozen=True)
class LiveBucket:
    """A bucket with units; `id` as the contracts number them."""

    id: int
    epoch: int
    units: int
    shares: int


def _latest_buckets(market: str, until: int) -> Select[tuple[int, int, int, int]]:
    row = schema.BucketState
    newest = (
        select(func.max(row.seq).label("seq"))
        .where(row.market == market, row.seq < until)
        .group_by(row.bucket)
        .subquery()
    )
    return select(row.bucket, row.epoch, row.units, row.shares).join(newest, row.seq == newest.c.seq)


def live_buckets(session: Session, market: str, until: int | None = None) -> list[LiveBucket]:
    """Every bucket with units before the place `until` (default: now)."""
    found = session.execute(_latest_buckets(market, FOREVER if until is None else until))
    return [LiveBucket(*row) for row in found if row.units]


def interest(session: Session, market: str, until: int = FOREVER) -> tuple[int, int]:
    """Units long and short before the place `until`. Only places between blocks are known."""
    row = schema.Interest
    query = select(row.units_long, row.units_short).where(row.market == market, row.seq < until)
    found = session.execute(query.order_by(row.seq.desc()).limit(1)).first()
    return (found[0], found[1]) if found else (0, 0)


def cash(session: Session, until: int = FOREVER) -> tuple[int, int]:
    """What vault and insurance fund have in the pool before the place `until`. Base units."""
    vault, fund = schema.VaultFlow, schema.FundFlow
    held = session.scalar(select(vault.cash).where(vault.seq < until).order_by(vault.seq.desc()).limit(1))
    layers = session.scalar(select(fund).where(fund.seq < until).order_by(fund.seq.desc()).limit(1))
    return held or 0, sum(getattr(layers, name) for name in LAYERS) if layers else 0


def has_price(session: Session, market: str) -> bool:
    """Whether a price of the market was ever published."""
    return session.scalar(select(schema.Price.seq).where(schema.Price.market == market).limit(1)) is not None


def position(session: Session, market: str, account: str, until: int = FOREVER) -> Held | None:
    """What an account holds in a market before the place `until`; None if nothing."""
    row = schema.PositionState
    query = select(row).where(row.market == market, row.account == account, row.seq < until)
    held = session.scalar(query.order_by(row.seq.desc()).limit(1))
    return _open(session, held, until) if held is not None else None


def positions(session: Session, account: str | None = None, until: int = FOREVER) -> Iterator[Held]:
    """Every open position of an account, or of everybody."""
    row, later = schema.PositionState, aliased(schema.PositionState)
    newest = select(func.max(later.seq)).where(later.seq < until).group_by(later.market, later.account)
    if account is not None:
        newest = newest.where(later.account == account)
    for held in session.scalars(select(row).where(row.seq.in_(newest)).order_by(row.seq)):
        found = _open(session, held, until)
        if found is not None:
            yield found


def sample(session: Session, count: int, until: int, rng: Random) -> list[Held]:
    """Up to `count` open positions, drawn by `rng`. Only so many are looked at, however many there are."""
    row, later = schema.PositionState, aliased(schema.PositionState)
    newest = select(func.max(later.seq)).where(later.seq < until).group_by(later.market, later.account)
    places = list(session.scalars(select(row.seq).where(row.seq.in_(newest), row.shares != 0).order_by(row.seq)))
    found: list[Held] = []
    for seq in rng.sample(places, min(LOOKS * count, len(places))):
        held = _open(session, session.get_one(row, seq), until)
        found += [held] if held is not None else []
        if len(found) == count:
            break
    return found


def _open(session: Session, held: schema.PositionState, until: int) -> Held | None:
    if held.shares == 0:
        return None
    row = schema.BucketState
    query = select(row.epoch, row.units, row.shares).where(row.market == held.market, row.bucket == held.bucket)
    bucket = session.execute(query.where(row.seq < until).order_by(row.seq.desc()).limit(1)).one()
    if bucket.epoch != held.epoch:
        return None
    # rounded down as the contracts do; the last owner gets all
    units = held.shares * bucket.units // bucket.shares
    if units == 0:
        return None
    return Held(held.market, held.account, held.bucket >> 24, held.bucket, units, held.entry_price, held.seq)


def event_of(log: schema.Log) -> Event:
    """The event that a row was made from."""
    args = from_json(log.contract, log.event, log.args)
    place = schema.block_of(log.seq), log.seq & (1 << schema.SEQ_BITS) - 1
    return Event(log.contract, checksum(log.address), log.event, args, *place, HexBytes(log.transaction))
