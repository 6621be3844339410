"""The answers about ADL: rounds, everything their ranking was made from, and a check of a round from its logs."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plimsoll.adl_proof import Round, Standing, verify
from plimsoll.adl_rank import ceiling_of, equity_of, score_of
from plimsoll.api import models, parameters, reads
from plimsoll.api.errors import RequestError
from plimsoll.chain import Event
from plimsoll.indexer import queries, schema
from plimsoll.indexer.schema import block_of
from plimsoll.reference.grid import beta_of

ABOUT_MARKETS = ("LossCovered", "CoverReturned")
"""Events of the insurance fund that a round's arithmetic needs."""


def rounds(session: Session, query: parameters.PagedOfMarket) -> models.AdlRounds:
    """Prices at which a market deleveraged anybody, newest first. `before` is a number of a price here."""
    market = reads.market_of(session, query.market).address
    row = schema.Deleveraging
    chosen = select(row.price_round).where(row.market == market).group_by(row.price_round)
    if query.before is not None:
        chosen = chosen.where(row.price_round < query.before)
    numbers = list(session.scalars(chosen.order_by(row.price_round.desc()).limit(query.limit + 1)))
    items = [_summary(session, market, number) for number in numbers[: query.limit]]
    return models.AdlRounds(items=items, next=numbers[query.limit - 1] if len(numbers) > query.limit else None)


def _given(session: Session, market: str, price_round: int) -> list[schema.Deleveraging]:
    row = schema.Deleveraging
    chosen = select(row).where(row.market == market, row.price_round == price_round)
    return list(session.scalars(chosen.order_by(row.seq)))


def _summary(session: Session, market: str, price_round: int) -> models.AdlRound:
    given = _given(session, market, price_round)
    return models.AdlRound(
        price_round=price_round,
        block=block_of(given[0].seq),
        time=given[0].time,
        index_price=given[0].index_price,
        is_fair=all(item.for_bucket is None for item in given),
        buckets=len({(item.bucket, item.epoch) for item in given}),
        units=sum(item.units for item in given),
        claim=sum(item.claim for item in given),
    )


def _price(session: Session, market: schema.Market, price_round: int) -> schema.PriceRound:
    row = schema.PriceRound
    found = session.scalar(select(row).where(row.market == market.address, row.price_round == price_round))
    if found is None:
        raise RequestError(404, f"no price {price_round} of {market.symbol}: see /v1/markets/{market.symbol}/adl")
    return found


def _params(session: Session, market: str, until: int) -> dict[str, str]:
    row = schema.Params
    chosen = select(row.params).where(row.market == market, row.seq < until)
    return dict(session.scalars(chosen.order_by(row.seq.desc()).limit(1)).one())


def detail(session: Session, query: parameters.OfRound) -> models.AdlRoundDetail:
    """One price of a market: every bucket that could have been deleveraged with its rank, and who was, in order."""
    market = reads.market_of(session, query.market)
    price = _price(session, market, query.price_round)
    row = schema.Liquidation
    chosen = select(row).where(row.market == market.address, row.price_round == query.price_round).order_by(row.seq)
    live = queries.live_buckets(session, market.address, price.seq)
    candidates = [_candidate(bucket, price) for bucket in live]
    return models.AdlRoundDetail(
        market=market.symbol,
        price_round=price.price_round,
        index_price=price.index_price,
        funding_index=price.funding_index,
        budget_left=price.budget_left,
        params=_params(session, market.address, price.seq),
        candidates=sorted(candidates, key=lambda item: (-item.score, item.bucket)),
        liquidations=[reads.liquidation_of(item) for item in session.scalars(chosen)],  # type: ignore[misc]
        deleveragings=[_deleveraging(item) for item in _given(session, market.address, query.price_round)],  # type: ignore[misc]
    )


def _candidate(bucket: queries.LiveBucket, price: schema.PriceRound) -> models.Candidate:
    return models.Candidate(
        bucket=bucket.id,
        side=reads.side_of(bucket.id),
        units=bucket.units,
        bankruptcy_coordinate=beta_of(bucket.id),
        class_ceiling=ceiling_of(bucket.id),
        score=score_of(bucket.id, price.index_price, price.funding_index),
    )


def _deleveraging(row: schema.Deleveraging) -> dict[str, Any]:
    equity, ceiling = equity_of(row.bucket, row.index_price, row.funding_index), ceiling_of(row.bucket)
    return reads.fields(row) | {
        "side": reads.side_of(row.bucket),
        "bankruptcy_coordinate": beta_of(row.bucket),
        "class_ceiling": ceiling,
        "equity_per_unit": equity,
        "profit_per_unit": equity - ceiling,
    }


def verification(session: Session, query: parameters.OfRound) -> models.AdlVerdict:
    """Recomputes a round from its logs: order by score, steps, profit only, exact units, exact prices. Says in words
    what the first event that breaks a rule breaks. Logs that were tampered with are found."""
    market = reads.market_of(session, query.market)
    price = _price(session, market, query.price_round)
    following = schema.PriceRound
    end = session.scalar(
        select(func.min(following.seq)).where(following.market == market.address, following.seq > price.seq)
    )
    params = {name: int(value) for name, value in _params(session, market.address, price.seq).items()}
    live = queries.live_buckets(session, market.address, price.seq)
    standing = {bucket.id: Standing(bucket.units, bucket.epoch) for bucket in live}
    told = _events(session, market.address, price.seq, end or queries.FOREVER)
    verdict = verify(Round(params, reads.decimals(session), standing), told)
    return models.AdlVerdict(
        market=market.symbol,
        price_round=query.price_round,
        is_valid=verdict.violation is None,
        deleveraged=verdict.deleveraged,
        comparisons=verdict.comparisons,
        violation=verdict.violation,
        block=verdict.block,
        log_index=verdict.index,
    )


def _events(session: Session, market: str, first: int, end: int) -> list[tuple[Event, int]]:
    row = schema.Log
    is_cover = (row.contract == "InsuranceFund") & row.event.in_(ABOUT_MARKETS)
    chosen = select(row).where(row.seq >= first, row.seq < end, (row.address == market) | is_cover).order_by(row.seq)
    found = []
    for item in session.scalars(chosen):
        event = queries.event_of(item)
        if item.address == market or event.args["market"] == market:
            found.append((event, item.time))
    return found
