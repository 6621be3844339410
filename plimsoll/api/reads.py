"""The answers about markets, orders, positions and capital: a function each, from a session and checked parameters."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from plimsoll.adl_rank import equity_of
from plimsoll.api import models, parameters
from plimsoll.api.errors import RequestError
from plimsoll.indexer import queries, schema
from plimsoll.indexer.schema import SEQ_BITS, block_of
from plimsoll.reference.grid import LONG, WAD, beta_of

SIDES: tuple[models.Side, models.Side] = ("long", "short")


def cursor(session: Session) -> schema.Cursor:
    """The state of the index. RequestError 404 before there is any."""
    found = session.get(schema.Cursor, 1)
    if found is None:
        raise RequestError(404, "nothing is indexed yet: start `plimsoll indexer`")
    return found


def decimals(session: Session) -> int:
    """Of the collateral."""
    return int(cursor(session).deployment["collateral"]["decimals"])


def market_of(session: Session, name: str) -> schema.Market:
    """A market by symbol or address, whatever its case. RequestError 404 with those there are."""
    found = list(session.scalars(select(schema.Market).order_by(schema.Market.seq)))
    for market in found:
        if name.lower() in (market.address.lower(), market.symbol.lower()):
            return market
    raise RequestError(404, f"no market {name}: there are {', '.join(item.symbol for item in found) or 'none yet'}")


def paged(query: Select[Any], key: Any, page: parameters.Paged) -> Select[Any]:
    """Newest first, and one row more than the page holds, to see whether there is another."""
    if page.before is not None:
        query = query.where(key < page.before)
    return query.order_by(key.desc()).limit(page.limit + 1)


def page_of(rows: list[Any], page: parameters.Paged, build: Any) -> dict[str, Any]:
    """The page's items, each made by `build`, and where the next begins."""
    shown = rows[: page.limit]
    return {"items": [build(row) for row in shown], "next": shown[-1].seq if len(rows) > page.limit else None}


def fields(row: Any) -> dict[str, Any]:
    """A row's columns, its place as `id` and `block`."""
    values = {column.key: getattr(row, column.key) for column in row.__mapper__.columns}
    seq = values.pop("seq")
    return {"id": seq, "block": block_of(seq)} | values


def status(session: Session, query: parameters.Query) -> models.Status:
    """How far the index is, of what, and whether it agrees with the contracts."""
    row = cursor(session)
    return models.Status(
        network=row.deployment["network"],
        chain_id=row.deployment["chain_id"],
        genesis_hash=row.deployment["genesis_hash"],
        block=row.block,
        block_hash=row.hash,
        block_time=row.time,
        reorgs=row.reorgs,
        compared_at_block=row.reconciled_block,
        mismatches=row.mismatches,
        collateral=models.Collateral.model_validate(row.deployment["collateral"]),
    )


def markets(session: Session, query: parameters.Query) -> models.Markets:
    """Every market with its parameters and what the last events say of it."""
    rows = session.scalars(select(schema.Market).order_by(schema.Market.seq))
    return models.Markets(items=[_market(session, row) for row in rows])


def market(session: Session, query: parameters.OfMarket) -> models.Market:
    """One market."""
    return _market(session, market_of(session, query.market))


def _newest(session: Session, table: Any, market: str) -> Any:
    return session.scalar(select(table).where(table.market == market).order_by(table.seq.desc()).limit(1))


def _market(session: Session, row: schema.Market) -> models.Market:
    last, params = (_newest(session, table, row.address) for table in (schema.PriceRound, schema.Params))
    long, short = queries.interest(session, row.address)
    return models.Market(
        symbol=row.symbol,
        address=row.address,
        feed=row.feed,
        created_at_block=block_of(row.seq),
        params=params.params if params else {},
        index_price=last.index_price if last else 0,
        published_at=last.published_at if last else 0,
        price_round=last.price_round if last else 0,
        funding_index=last.funding_index if last else 0,
        budget_left=last.budget_left if last else 0,
        units_long=long,
        units_short=short,
    )


def candles(session: Session, query: parameters.CandleQuery) -> models.Candles:
    """First, highest, lowest and last price of each interval. An interval without a price is left out."""
    found = market_of(session, query.market)
    row = schema.Candle
    chosen = select(row).where(row.market == found.address, row.interval == schema.INTERVALS[query.interval])
    chosen = chosen.where(row.start >= query.since, row.start < query.until)
    rows = list(session.scalars(chosen.order_by(row.start.desc()).limit(query.limit)))
    items = [models.Candle.model_validate(item) for item in reversed(rows)]
    return models.Candles(market=found.symbol, interval=query.interval, items=items)


def trades(session: Session, query: parameters.TradeQuery) -> models.Page[models.Trade]:
    """Fills of a market, newest first."""
    row = schema.Trade
    chosen = select(row).where(row.market == market_of(session, query.market).address)
    if query.account is not None:
        chosen = chosen.where(row.account == query.account)
    rows = list(session.scalars(paged(chosen, row.seq, query)))
    return models.Page[models.Trade](**page_of(rows, query, fields))


def funding(session: Session, query: parameters.PagedOfMarket) -> models.Page[models.Funding]:
    """The funding index at each price that reached the market, newest first."""
    row = schema.PriceRound
    chosen = select(row).where(row.market == market_of(session, query.market).address)
    rows = list(session.scalars(paged(chosen, row.seq, query)))
    return models.Page[models.Funding](**page_of(rows, query, fields))


def _order(row: schema.Order, last: schema.OrderUpdate | None) -> dict[str, Any]:
    state = {"status": last.status if last else "open", "reason": last.details.get("reason") if last else None}
    return fields(row) | {"id": row.id} | state


def orders(session: Session, query: parameters.OrderQuery) -> models.Page[models.Order]:
    """Orders with what became of them, the newest first."""
    row, update = schema.Order, schema.OrderUpdate
    chosen = select(row, update).outerjoin(update, (update.order_id == row.id) & update.is_final)
    if query.account is not None:
        chosen = chosen.where(row.owner == query.account)
    if query.market is not None:
        chosen = chosen.where(row.market == market_of(session, query.market).address)
    if query.status == "open":
        chosen = chosen.where(update.seq.is_(None))
    elif query.status is not None:
        chosen = chosen.where(update.status == query.status)
    rows = session.execute(paged(chosen, row.seq, query)).all()
    items = [_order(*found) for found in rows[: query.limit]]
    following = rows[query.limit - 1][0].seq if len(rows) > query.limit else None
    return models.Page[models.Order](items=items, next=following)  # type: ignore[arg-type]


def order(session: Session, query: parameters.OfOrder) -> models.OrderHistory:
    """One order and everything that happened to it."""
    row = session.get(schema.Order, query.id)
    if row is None:
        raise RequestError(404, f"no order {query.id}: it was never placed, or its block was reorganised away")
    update = schema.OrderUpdate
    updates = list(session.scalars(select(update).where(update.order_id == query.id).order_by(update.seq)))
    last = next((item for item in updates if item.is_final), None)
    return models.OrderHistory(**_order(row, last), updates=[fields(item) for item in updates])  # type: ignore[arg-type]


def positions(session: Session, query: parameters.OfAccount) -> models.Positions:
    """The open positions of an account, after all liquidation and ADL so far."""
    scale = 10 ** (36 - decimals(session))
    items = []
    for held in queries.positions(session, query.account):
        row = session.get_one(schema.Market, held.market)
        last = _newest(session, schema.PriceRound, held.market)
        equity = held.units * equity_of(held.bucket, last.index_price, last.funding_index) // scale
        items.append(
            models.Position(
                market=held.market,
                symbol=row.symbol,
                account=held.account,
                side=SIDES[held.side],
                units=held.units,
                entry_price=held.entry_price,
                bucket=held.bucket,
                bankruptcy_coordinate=beta_of(held.bucket),
                equity=max(0, equity),
                since_block=block_of(held.since),
            )
        )
    return models.Positions(items=items)


def vault(session: Session, query: parameters.Paged) -> models.Page[models.VaultFlow]:
    """Everything that changed the vault's cash or shares, newest first, with the share price afterwards."""
    row = schema.VaultFlow

    def build(item: schema.VaultFlow) -> dict[str, Any]:
        price = (item.cash - item.skew_reserve) * WAD // item.shares if item.shares else None
        return fields(item) | {"share_price": price}

    rows = list(session.scalars(paged(select(row), row.seq, query)))
    return models.Page[models.VaultFlow](**page_of(rows, query, build))


def insurance(session: Session, query: parameters.Paged) -> models.Page[models.FundFlow]:
    """Everything that changed a layer of the insurance fund, newest first."""
    row = schema.FundFlow

    def build(item: schema.FundFlow) -> dict[str, Any]:
        return fields(item) | {"share_price": item.insurance * WAD // item.shares if item.shares else None}

    rows = list(session.scalars(paged(select(row), row.seq, query)))
    return models.Page[models.FundFlow](**page_of(rows, query, build))


def event_rows(query: parameters.EventQuery | parameters.StreamQuery, market: str | None) -> Select[tuple[schema.Log]]:
    """Logs of a market's address, that name an account, or of one event name."""
    row, named = schema.Log, schema.LogAccount
    chosen = select(row)
    if market is not None:
        chosen = chosen.where(row.address == market)
    if query.account is not None:
        chosen = chosen.join(named, (named.seq == row.seq) & (named.account == query.account))
    if query.event is not None:
        chosen = chosen.where(row.event == query.event)
    return chosen


def event_of(row: schema.Log) -> dict[str, Any]:
    """A log as the API gives it."""
    return fields(row) | {"log_index": row.seq & (1 << SEQ_BITS) - 1}


def events(session: Session, query: parameters.EventQuery) -> models.Page[models.Event]:
    """Every event of the exchange with all its arguments, newest first."""
    market = market_of(session, query.market).address if query.market is not None else None
    rows = list(session.scalars(paged(event_rows(query, market), schema.Log.seq, query)))
    return models.Page[models.Event](**page_of(rows, query, event_of))


def side_of(bucket: int) -> models.Side:
    """The side that a bucket is on."""
    return SIDES[0 if bucket >> 24 == LONG else 1]


def liquidations(session: Session, query: parameters.PagedOfMarket) -> models.Page[models.Liquidation]:
    """Buckets that were liquidated, by counterparty, newest first."""
    row = schema.Liquidation
    chosen = select(row).where(row.market == market_of(session, query.market).address)
    rows = list(session.scalars(paged(chosen, row.seq, query)))
    return models.Page[models.Liquidation](**page_of(rows, query, liquidation_of))


def liquidation_of(row: schema.Liquidation) -> dict[str, Any]:
    """A liquidation as the API gives it."""
    return fields(row) | {"side": side_of(row.bucket)}
