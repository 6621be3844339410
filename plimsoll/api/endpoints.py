"""Every path of the API: what it takes, what it gives, and the function that answers."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy.orm import Session

from plimsoll.api import accounts, adl, models, parameters, reads, statements


@dataclass(frozen=True)
class Endpoint:
    """One GET. `read` gets a session and the checked parameters."""

    path: str
    tag: str
    query: type[parameters.Query]
    answer: type[BaseModel]
    read: Callable[[Session, parameters.Query], BaseModel]
    """Its docstring is the description."""
    csv: Callable[[BaseModel, bool], str] | None = None
    """Where the answer is CSV, how a page of it is written, and whether that is the first. All pages are sent, unless
    the query limits them."""
    is_booked: bool = False
    """Whether it asks the books, which may have to be made up first."""

    @property
    def name(self) -> str:
        """An operation's id: the path in words."""
        return self.path.strip("/").replace("{", "").replace("}", "").replace("/", "_").replace(".", "_")

    @property
    def in_path(self) -> set[str]:
        """Parameters that stand in the path."""
        return {part[1:-1] for part in self.path.replace(".csv", "").split("/") if part.startswith("{")}


def _of(path: str, tag: str, query: type, answer: type, read: Callable, csv: Callable | None = None) -> Endpoint:
    is_booked = read.__module__ == statements.__name__
    return Endpoint(f"/v1{path}", tag, query, answer, read, csv, is_booked)


ENDPOINTS = (
    _of("/status", "index", parameters.Query, models.Status, reads.status),
    _of("/events", "index", parameters.EventQuery, models.Page[models.Event], reads.events),
    _of("/markets", "markets", parameters.Query, models.Markets, reads.markets),
    _of("/markets/{market}", "markets", parameters.OfMarket, models.Market, reads.market),
    _of("/markets/{market}/candles", "markets", parameters.CandleQuery, models.Candles, reads.candles),
    _of("/markets/{market}/trades", "markets", parameters.TradeQuery, models.Page[models.Trade], reads.trades),
    _of("/markets/{market}/funding", "markets", parameters.PagedOfMarket, models.Page[models.Funding], reads.funding),
    _of(
        "/markets/{market}/liquidations",
        "risk",
        parameters.PagedOfMarket,
        models.Page[models.Liquidation],
        reads.liquidations,
    ),
    _of("/markets/{market}/adl", "risk", parameters.PagedOfMarket, models.AdlRounds, adl.rounds),
    _of("/markets/{market}/adl/{price_round}", "risk", parameters.OfRound, models.AdlRoundDetail, adl.detail),
    _of(
        "/markets/{market}/adl/{price_round}/verification",
        "risk",
        parameters.OfRound,
        models.AdlVerdict,
        adl.verification,
    ),
    _of("/orders", "orders", parameters.OrderQuery, models.Page[models.Order], reads.orders),
    _of("/orders/{id}", "orders", parameters.OfOrder, models.OrderHistory, reads.order),
    _of(
        "/accounts/{account}/statement", "accounts", parameters.OfAccount, models.AccountStatement, statements.statement
    ),
    _of("/accounts/{account}/positions", "accounts", parameters.OfAccount, models.Positions, reads.positions),
    _of(
        "/accounts/{account}/history",
        "accounts",
        parameters.PagedOfAccount,
        models.Page[models.AccountEvent],
        accounts.history,
    ),
    _of(
        "/accounts/{account}/history.csv",
        "accounts",
        parameters.WholeOfAccount,
        models.Page[models.AccountEvent],
        accounts.part_of_whole,
        accounts.as_csv,
    ),
    _of("/vault", "capital", parameters.Paged, models.Page[models.VaultFlow], reads.vault),
    _of("/vault/income", "capital", parameters.Query, models.VaultIncome, statements.vault_income),
    _of("/insurance", "capital", parameters.Paged, models.Page[models.FundFlow], reads.insurance),
    _of("/insurance/days", "capital", parameters.Query, models.FundDays, statements.insurance_days),
)
STREAM = "/v1/stream"
