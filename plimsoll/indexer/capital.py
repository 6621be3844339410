"""Vault and insurance fund from their events: what each flow adds to or takes from a layer of capital."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plimsoll.chain import Event
from plimsoll.indexer import schema

NOBODY = "0x" + "00" * 20
LAYERS = ("skin_in_the_game", "insurance", "reward_reserve", "recovery_pot")
"""Of the insurance fund. A vault has one layer: its cash."""

Args = Mapping[str, Any]


@dataclass(frozen=True)
class Flow:
    """Base units of the collateral by layer, and shares. `market` or `account` is where it came from or went."""

    source: str
    layers: dict[str, int]
    shares: int = 0
    market: str | None = None
    account: str | None = None


def vault_flow(event: Event) -> Flow | None:
    """What an event does to the vault; None: nothing."""
    args = event.args
    if event.name == "VariationMargin":
        # + is what the vault paid: premiums, fees, prices and penalties all reach it as this
        return Flow("variation_margin", {"cash": -args["amount"]}, market=event.address)
    if event.name == "Deposit":
        return Flow("deposit", {"cash": args["assets"]}, account=args["owner"])
    if event.name == "Withdraw":
        return Flow("withdrawal", {"cash": -args["assets"]}, account=args["owner"])
    if event.name == "Donated":
        return Flow("donation", {"cash": args["assets"]}, account=args["sender"])
    if event.name == "Transfer" and NOBODY in (args["sender"], args["receiver"]):
        # the one place where every share begins and ends
        is_new = args["sender"] == NOBODY
        account = args["receiver"] if is_new else args["sender"]
        amount = args["value"] if is_new else -args["value"]
        return Flow("shares_minted" if is_new else "shares_burned", {}, amount, account=account)
    return None


def _two(sign: int) -> Callable[[Args], dict[str, int]]:
    return lambda args: {name: sign * args[name] for name in ("skin_in_the_game", "insurance")}


FUND_FLOWS: dict[str, tuple[str, Callable[[Args], dict[str, int]]]] = {
    "LossCovered": ("loss", _two(-1)),
    "CoverReturned": ("loss_returned", _two(1)),
    "RewardPaid": ("keeper_reward", lambda args: {"reward_reserve": -args["amount"]}),
    "IncomeReceived": (
        "income",
        lambda args: {name: args[name] for name in ("insurance", "recovery_pot", "reward_reserve")},
    ),
    "RecoveryRedeemed": ("recovery_redeemed", lambda args: {"recovery_pot": -args["paid"]}),
    "RecoveryPotFunded": ("recovery_pot_funded", lambda args: {"recovery_pot": args["amount"]}),
    "SkinFunded": ("skin_funded", lambda args: {"skin_in_the_game": args["amount"]}),
    "SkinReleased": ("skin_released", lambda args: {"skin_in_the_game": -args["amount"]}),
    "RewardReserveFunded": ("reward_reserve_funded", lambda args: {"reward_reserve": args["amount"]}),
    "Donated": ("donation", lambda args: {"insurance": args["amount"]}),
    "Staked": ("stake", lambda args: {"insurance": args["amount"]}),
    "Unstaked": ("unstake", lambda args: {"insurance": -args["amount"]}),
    "UnstakeLetGo": ("unstake_let_go", lambda args: {}),
}
ACCOUNTS = ("owner", "payer", "receiver", "keeper")


def fund_flow(event: Event) -> Flow | None:
    """What an event of the insurance fund does to it; None: nothing."""
    found = FUND_FLOWS.get(event.name)
    if found is None:
        return None
    source, layers = found
    args = event.args
    shares = {"Staked": 1, "Unstaked": -1}.get(event.name, 0) * args.get("shares", 0) - args.get("fee_shares", 0)
    account = next((args[name] for name in ACCOUNTS if name in args), None)
    return Flow(source, layers(args), shares, args.get("market"), account)


class Capital:
    """Adds flows up. What it knows is in the newest rows of the tables."""

    def __init__(self) -> None:
        self._vault: tuple[int, int] | None = None
        self._fund: list[int] | None = None

    def rows(
        self, session: Session, event: Event, seq: int, time: int, skew_reserve: Callable[[], int]
    ) -> dict[type[schema.Base], dict[str, Any]]:
        """The row that an event makes, if any. `skew_reserve` gives that of all markets."""
        if event.contract == "InsuranceFund":
            flow = fund_flow(event)
            return {} if flow is None else {schema.FundFlow: self._fund_row(session, flow, seq, time)}
        flow = vault_flow(event) if event.contract == "Vault" or event.name == "VariationMargin" else None
        if flow is None:
            return {}
        cash, shares = self._vault if self._vault is not None else self._read_vault(session)
        amount = flow.layers.get("cash", 0)
        self._vault = cash + amount, shares + flow.shares
        values = {"amount": amount, "cash": self._vault[0], "shares": self._vault[1], "skew_reserve": skew_reserve()}
        return {schema.VaultFlow: _row(flow, seq, time) | values}

    def _read_vault(self, session: Session) -> tuple[int, int]:
        row = schema.VaultFlow
        found = session.execute(select(row.cash, row.shares).order_by(row.seq.desc()).limit(1)).first()
        return (found[0], found[1]) if found else (0, 0)

    def _fund_row(self, session: Session, flow: Flow, seq: int, time: int) -> dict[str, Any]:
        if self._fund is None:
            row = schema.FundFlow
            columns = (row.skin_in_the_game, row.insurance, row.reward_reserve, row.recovery_pot, row.shares)
            found = session.execute(select(*columns).order_by(row.seq.desc()).limit(1)).first()
            self._fund = list(found) if found else [0] * 5
        for i, name in enumerate(LAYERS):
            self._fund[i] += flow.layers.get(name, 0)
        self._fund[4] += flow.shares
        state = dict(zip((*LAYERS, "shares"), self._fund, strict=True))
        return _row(flow, seq, time) | {"amount": sum(flow.layers.values()), **state}


def _row(flow: Flow, seq: int, time: int) -> dict[str, Any]:
    return {"seq": seq, "time": time, "source": flow.source, "market": flow.market, "account": flow.account}
