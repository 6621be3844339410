"""The history of one account: every event that names it, and its part of what happened to its buckets."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll.api import models, parameters, reads
from plimsoll.indexer import schema
from plimsoll.indexer.decoding import to_json
from plimsoll.indexer.queries import FOREVER

AMOUNTS = ("units", "price", "cash", "fee", "realised", "claim")
COLUMNS = ("id", "block", "time", "transaction", "event", "market", *AMOUNTS)
PLACE = ("id", "time", "transaction", "market")
Item = dict[str, Any]


def history(session: Session, query: parameters.PagedOfAccount) -> models.Page[models.AccountEvent]:
    """Deposits, orders, trades, liquidation and ADL of an account, newest first."""
    before = FOREVER if query.before is None else query.before
    found = [*_named(session, query.account, before, query.limit + 1)]
    # What is older than all of a full page of named events is not on this page
    since = found[-1]["id"] if len(found) > query.limit else 0
    found += _closed(session, query.account, since, before, query.limit + 1)
    found.sort(key=lambda item: -item["id"])
    shown = found[: query.limit]
    following = shown[-1]["id"] if len(found) > query.limit else None
    return models.Page[models.AccountEvent](items=shown, next=following)  # type: ignore[arg-type]


def part_of_whole(session: Session, query: parameters.WholeOfAccount) -> models.Page[models.AccountEvent]:
    """Deposits, orders, trades, liquidation and ADL of an account, all of them, newest first. A reorganisation
    meanwhile breaks the answer off: ask again."""
    limit = parameters.MOST if query.limit is None else query.limit
    return history(session, parameters.PagedOfAccount(account=query.account, limit=limit, before=query.before))


def as_csv(page: models.Page[models.AccountEvent], is_first: bool) -> str:
    """A header line, if the page is the first, then a line for each item; whole numbers as in the JSON form."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if is_first:
        writer.writerow(COLUMNS)
    for item in page.items:
        values = item.model_dump(mode="json")
        writer.writerow(["" if values[name] is None else values[name] for name in COLUMNS])
    return text.getvalue()


def _item(row: Any, event: str, market: str | None, details: dict[str, Any], **amounts: int | None) -> Item:
    empty = dict.fromkeys(AMOUNTS)
    place = {"id": row.seq, "block": schema.block_of(row.seq), "time": row.time, "transaction": row.transaction}
    return place | {"event": event, "market": market, "details": details} | empty | amounts


def _named(session: Session, account: str, before: int, limit: int) -> Iterator[Item]:
    row, named = schema.Log, schema.LogAccount
    chosen = select(row).join(named, (named.seq == row.seq) & (named.account == account)).where(named.seq < before)
    for log in session.scalars(chosen.order_by(named.seq.desc()).limit(limit)):
        market = log.address if log.contract == "Market" else log.args.get("market")
        yield _item(log, log.event, market, log.args, **_amounts(log, account))


def _amounts(log: schema.Log, account: str) -> dict[str, int | None]:
    def number(name: str) -> int:
        return int(log.args[name])

    if log.event == "Traded":
        cash = number("paid_out") - number("margin")
        same = {name: number(name) for name in ("fee", "realised")}
        return {"units": number("units_delta"), "price": number("fill_price"), "cash": cash, **same}
    if log.event == "Deposited" and log.args["receiver"] == account:
        return {"cash": number("amount")}
    if log.event == "Withdrawn" and log.args["account"] == account:
        return {"cash": -number("amount")}
    if log.event == "Collected":
        return {"cash": number("cash"), "claim": number("claim")}
    if log.event == "MarginChanged":
        return {"cash": -number("margin_delta")}
    return {}


def _closed(session: Session, account: str, since: int, before: int, limit: int) -> Iterator[Item]:
    """Liquidation and ADL name buckets: an owner's part is its shares over the bucket's while it was in there."""
    row = schema.PositionState
    until = func.coalesce(func.lead(row.seq).over(partition_by=row.market, order_by=row.seq), FOREVER)
    states = select(row.market, row.bucket, row.epoch, row.shares, row.seq, until.label("until"))
    place = states.where(row.account == account, row.seq < before).subquery()
    for table, name in ((schema.Liquidation, "Liquidated"), (schema.Deleveraging, "Deleveraged")):
        is_inside = (table.market == place.c.market) & (table.bucket == place.c.bucket)
        is_inside &= (table.epoch == place.c.epoch) & (table.seq > place.c.seq) & (table.seq < place.c.until)
        chosen = select(table, place.c.shares).join(place, is_inside).where(place.c.shares != 0)
        chosen = chosen.where(table.seq >= since, table.seq < before).order_by(table.seq.desc()).limit(limit)
        for closing, shares in session.execute(chosen):
            yield _part(closing, name, shares)


def _part(closing: Any, name: str, shares: int) -> Item:
    def part(amount: int) -> int:
        return int(amount * shares // closing.shares)

    price = closing.fill_price if name == "Liquidated" else closing.index_price
    claim = None if name == "Liquidated" else part(closing.claim)
    details = to_json({name: value for name, value in reads.fields(closing).items() if name not in PLACE})
    # the cash is owed from here on and paid with the next `Collected`, so it is told in the details alone
    details["owed"] = str(part(closing.paid))
    return _item(closing, name, closing.market, details, units=part(closing.units), price=price, claim=claim)
