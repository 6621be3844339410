"""What the API takes: parameters of paths and queries. An unknown one is an error."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from plimsoll.indexer.decoding import checksum
from plimsoll.indexer.schema import INTERVALS

MOST_ID = 2**62
MOST_TIME = 2**40
MOST = 500

Account = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$"), AfterValidator(checksum)]
MarketName = Annotated[
    str,
    StringConstraints(pattern=r"^(0x[0-9a-fA-F]{40}|[A-Za-z0-9]{1,12})$"),
    Field(description="symbol or address of a market", examples=["BTC"]),
]


class Query(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


class Paged(Query):
    limit: int = Field(50, ge=1, le=MOST, description="items on a page")
    before: int | None = Field(None, ge=0, le=MOST_ID, description="`next` of the page before; newest first")


class OfMarket(Query):
    market: MarketName


class PagedOfMarket(Paged):
    market: MarketName


class CandleQuery(OfMarket):
    interval: Literal[tuple(INTERVALS)] = Field("1m", description="length of a candle")  # type: ignore[valid-type]
    since: int = Field(0, ge=0, le=MOST_TIME, description="first Unix second")
    until: int = Field(MOST_TIME, ge=0, le=MOST_TIME, description="Unix second after the last")
    limit: int = Field(200, ge=1, le=1_000, description="the newest candles before `until`, this many at most")


class TradeQuery(PagedOfMarket):
    account: Account | None = Field(None, description="only of this account")


class OrderQuery(Paged):
    account: Account | None = Field(None, description="only of this owner")
    market: MarketName | None = Field(None, description="only in this market")
    status: Literal["open", "executed", "cancelled", "failed"] | None = Field(None, description="only with this status")


class OfOrder(Query):
    id: int = Field(ge=0, le=MOST_ID, description="the order book's number of the order")


class OfAccount(Query):
    account: Account


class PagedOfAccount(Paged):
    account: Account


class WholeOfAccount(OfAccount):
    limit: int | None = Field(None, ge=1, le=MOST, description="rows at most; default: all")
    before: int | None = Field(None, ge=0, le=MOST_ID, description="only what is older than this id")


class OfRound(OfMarket):
    price_round: int = Field(ge=0, le=2**32, description="the market's number of the price")


class EventQuery(Paged):
    market: MarketName | None = Field(None, description="only logged by this market")
    account: Account | None = Field(None, description="only those that name this account")
    event: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,40}$")] | None = Field(
        None, description="only events of this name", examples=["Liquidated"]
    )


class StreamQuery(Query):
    market: MarketName | None = Field(None, description="only logged by this market")
    account: Account | None = Field(None, description="only those that name this account")
    event: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,40}$")] | None = Field(
        None, description="only events of this name"
    )
    after: int | None = Field(None, ge=0, le=MOST_ID, description="begin after this id; default: with what comes next")
