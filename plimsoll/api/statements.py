"""The answers about who paid in what and earned it from where: vault, insurance fund, and each account."""

from datetime import UTC, datetime
from typing import Any

from eth_typing import ChecksumAddress
from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.accounting import Ledger, Statement
from plimsoll.api import models, parameters, reads
from plimsoll.api.books import books_of
from plimsoll.indexer import schema

DAY = 86_400


def _symbols(session: Session) -> dict[str, str]:
    return dict(session.execute(select(schema.Market.address, schema.Market.symbol)).all())


def vault_income(session: Session, query: parameters.Query) -> models.VaultIncome:
    """What the vault earned (or lost) by market and source, and what it is worth."""
    symbols = _symbols(session)

    def question(ledger: Ledger) -> models.VaultIncome:
        items = [
            models.VaultSource(market=symbols.get(market, market), source=source, amount=amount)
            for market, sources in ledger.vault_sources().items()
            for source, amount in sources.items()
        ]
        flows = {name: ledger.vault_flows[name] for name in ("paid_in", "taken_out", "donated")}
        return models.VaultIncome(items=items, cash=ledger.vault_cash(), worth=ledger.vault_worth(), **flows)

    return books_of(session).ask(session, question)


def insurance_days(session: Session, query: parameters.Query) -> models.FundDays:
    """What the insurance fund paid and earned, by market and day (UTC)."""
    symbols = _symbols(session)

    def question(ledger: Ledger) -> models.FundDays:
        items = []
        for (market, day), figures in sorted(ledger.fund.days.items(), key=lambda item: (item[0][1], item[0][0])):
            date = datetime.fromtimestamp(day * DAY, UTC).date().isoformat()
            items.append(models.FundDay(market=symbols.get(market, market), day=date, **vars(figures)))
        return models.FundDays(items=items, unvested=ledger.fund.unvested(ledger.now))

    return books_of(session).ask(session, question)


def statement(session: Session, query: parameters.OfAccount) -> models.AccountStatement:
    """What an account paid in, took out, holds and earned: trading by market, shares and stake by source, RECOVER."""
    symbols = _symbols(session)
    address = ChecksumAddress(query.account)  # type: ignore[arg-type]

    def question(ledger: Ledger) -> models.AccountStatement:
        is_known = address in ledger.accounts
        found = ledger.account(address)
        answer = models.AccountStatement(
            account=query.account,
            deposited=found.deposited,
            withdrawn=found.withdrawn,
            trading=[{"market": symbols.get(at, at), **vars(each)} for at, each in found.trading.items()],  # type: ignore[misc]
            vault=_holding(ledger.vault_statement(address)),
            stake=_holding(ledger.stake_statement(address)),
            recovery=models.Recovery(
                **vars(found.recovery),
                held=found.recovery.held,
                deferred=found.recovery_deferred,
                worth=ledger.recovery_worth(address),
            ),
        )
        if not is_known:
            del ledger.accounts[address]  # asking is no reason to remember anybody
        return answer

    reads.cursor(session)
    return books_of(session).ask(session, question)


def _holding(found: Statement) -> Any:
    return models.Holding.model_validate({**vars(found), "earned": found.earned})
