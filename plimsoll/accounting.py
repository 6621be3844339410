"""Who paid in what, took out what, holds what and earned it from where: told from events alone. Pure.

Feed a `Ledger` every event of a deployment, from its first block on, in the order of the chain, with the times of
blocks. All cash is in base units of the collateral. Numbers are as of the last event: a price that no market has taken
in yet, and funding since then (`advance`), are not in them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from plimsoll.chain import Event
from plimsoll.fund_books import SHRINK_BITS, FundBooks, MarketDay
from plimsoll.market_books import VAULT_SOURCES, MarketBooks

NOBODY = "0x" + "00" * 20
VIRTUAL_SHARES = 10**6
PRECISION = 2**96


@dataclass
class Trading:
    """What passed between an account and one market."""

    margin_in: int = 0
    """Put in with trades and as added margin."""
    paid_out: int = 0
    """Paid by trades, removed margin, and what liquidation and ADL left."""
    fees: int = 0
    premium: int = 0
    """Paid for skew, negative if received."""
    realised: int = 0
    """Profit of the units that trades closed, after premium and fee."""
    recovery_claims: int = 0
    """RECOVER for profit that ADL took."""


@dataclass
class Holding:
    """Shares of a pot of money, and what came of them."""

    paid_in: int = 0
    taken_out: int = 0
    shares: int = 0
    """With those that wait in a request."""
    earned: dict[str, int] = field(default_factory=dict)
    """By source, times PRECISION."""
    seen: dict[str, int] = field(default_factory=dict)


@dataclass
class Recovery:
    """RECOVER of an account."""

    issued: int = 0
    received: int = 0
    """From others, less what was sent to others."""
    redeemed: int = 0
    paid: int = 0
    """Cash for what was redeemed."""

    @property
    def held(self) -> int:
        return self.issued + self.received - self.redeemed


@dataclass
class Account:
    """Everything of one address."""

    deposited: int = 0
    withdrawn: int = 0
    trading: dict[ChecksumAddress, Trading] = field(default_factory=dict)
    vault: Holding = field(default_factory=Holding)
    stake: Holding = field(default_factory=Holding)
    recovery: Recovery = field(default_factory=Recovery)

    @property
    def recovery_deferred(self) -> int:
        """RECOVER beyond the caps of the markets: waits to be issued."""
        return sum(each.recovery_claims for each in self.trading.values()) - self.recovery.issued

    def market(self, address: ChecksumAddress) -> Trading:
        """What passed between the account and a market."""
        return self.trading.setdefault(address, Trading())


@dataclass(frozen=True)
class Statement:
    """A holding in cash. It earned `worth + taken_out - paid_in`; `sources` says from where and sums up to that:
    VAULT_SOURCES or STAKER_SOURCES, donations, skew_reserve (what the vault would pay back if the skew closed) or
    unvested (income not earned yet), both negative, and others: what who came and went left behind, and rounding."""

    paid_in: int
    taken_out: int
    shares: int
    worth: int
    sources: dict[str, int]

    @property
    def earned(self) -> int:
        return self.worth + self.taken_out - self.paid_in


class Shares:
    """Shares of one pot. A source's gain goes to whoever holds shares when it comes, by their number."""

    def __init__(self) -> None:
        self.supply = 0
        self.per_share: dict[str, int] = {}
        self._seen: dict[str, int] = {}

    def flush(self, totals: Mapping[str, int]) -> None:
        """Shares out what the sources have gained since the last time. `totals` since the beginning, base units."""
        for name, total in totals.items():
            gain = total - self._seen.get(name, 0)
            if gain:
                shared = gain * PRECISION // (self.supply + VIRTUAL_SHARES)
                self.per_share[name] = self.per_share.get(name, 0) + shared
                self._seen[name] = total

    def change(self, holding: Holding, shares: int) -> None:
        """`flush` first. A holding gets or loses shares."""
        self.settle(holding)
        holding.shares += shares

    def settle(self, holding: Holding) -> None:
        """Books what the holding's shares have earned since it changed last."""
        for name, total in self.per_share.items():
            gain = total - holding.seen.get(name, 0)
            if gain:
                holding.earned[name] = holding.earned.get(name, 0) + gain * holding.shares
                holding.seen[name] = total

    def shrink(self, holdings: Iterable[Holding], steps: int, supply: int) -> None:
        """All shares are fewer and worth the same."""
        for holding in holdings:
            self.settle(holding)
            holding.shares >>= SHRINK_BITS * steps
        self.supply = supply


class Ledger:
    """Events folded into accounts, and into the sources of the vault's and the insurance fund's profit and loss.

    `vault` is the vault's address, `decimals` the collateral's.
    """

    def __init__(self, vault: ChecksumAddress, decimals: int) -> None:
        self.vault = vault
        self.scale = 10 ** (36 - decimals)
        self.now = 0
        self.markets: dict[ChecksumAddress, MarketBooks] = {}
        self.fund = FundBooks()
        self.accounts: dict[ChecksumAddress, Account] = {}
        self.vault_flows = {"paid_in": 0, "taken_out": 0, "donated": 0}
        self.recovery_supply = 0
        self._vault_shares, self._stake_shares = Shares(), Shares()
        self._requests: dict[int, ChecksumAddress] = {}
        self._shrunk = 0

    def take(self, events: Iterable[Event], times: Mapping[int, int]) -> None:
        """Goes on with later events. `times`: of their blocks, in seconds."""
        for event in events:
            self.now = times[event.block]
            handler = getattr(self, f"_in_{event.contract}", None)
            if handler is not None:
                handler(event)

    def advance(self, time: int) -> None:
        """Funding and vesting go on to `time`."""
        self.now = max(self.now, time)
        for books in self.markets.values():
            books.advance(self.now)

    def account(self, address: ChecksumAddress) -> Account:
        """Everything of an address; empty if it was never seen."""
        return self.accounts.setdefault(address, Account())

    # What there is to ask

    def vault_sources(self) -> dict[ChecksumAddress, dict[str, int]]:
        """The vault's profit and loss by market and source (VAULT_SOURCES), rounded down."""
        return {
            address: {name: amount // self.scale for name, amount in books.sources.items()}
            for address, books in self.markets.items()
        }

    def vault_cash(self) -> int:
        """What the vault holds in the pool."""
        flows = self.vault_flows
        settled = sum(books.settled for books in self.markets.values())
        return flows["paid_in"] + flows["donated"] - flows["taken_out"] + settled

    def vault_worth(self) -> int:
        """Cash, what markets owe it, less the skew reserves, at the last prices that reached the markets."""
        exact = sum(books.unsettled - books.reserve for books in self.markets.values())
        return max(0, self.vault_cash() + exact // self.scale)

    def insurance_by_market_and_day(self) -> dict[tuple[ChecksumAddress, int], MarketDay]:
        """What the fund paid and earned; days are counted from 1970, UTC."""
        return self.fund.days

    def vault_statement(self, address: ChecksumAddress) -> Statement:
        """Vault shares of an address, with those that wait in requests."""
        worth = (self.vault_worth() + 1) * self.account(address).vault.shares
        return self._statement(
            self.account(address).vault,
            worth // (self._vault_shares.supply + VIRTUAL_SHARES),
            self._vault_shares,
            self._vault_totals(),
        )

    def stake_statement(self, address: ChecksumAddress) -> Statement:
        """The stake of an address in the insurance fund; worth is what `unstake` would pay now."""
        holding = self.account(address).stake
        return self._statement(
            holding, self.fund.value_of(holding.shares, self.now), self._stake_shares, self._stake_totals()
        )

    def recovery_worth(self, address: ChecksumAddress) -> int:
        """What redeeming all RECOVER of an address would pay now: held * min(1, pot / supply)."""
        held, pot = self.account(address).recovery.held, self.fund.pot
        return held if pot >= self.recovery_supply else held * pot // self.recovery_supply

    def _statement(self, holding: Holding, worth: int, shares: Shares, totals: Mapping[str, int]) -> Statement:
        shares.flush(totals)
        shares.settle(holding)
        sources = {name: amount // PRECISION for name, amount in holding.earned.items()}
        earned = worth + holding.taken_out - holding.paid_in
        # what others left behind or brought in when they came and went, and rounding
        sources["others"] = earned - sum(sources.values())
        return Statement(holding.paid_in, holding.taken_out, holding.shares, worth, sources)

    def _vault_totals(self) -> dict[str, int]:
        books = self.markets.values()
        totals = {name: sum(each.sources[name] for each in books) // self.scale for name in VAULT_SOURCES}
        totals["donations"] = self.vault_flows["donated"]
        totals["skew_reserve"] = -sum(each.reserve for each in books) // self.scale
        return totals

    def _stake_totals(self) -> dict[str, int]:
        return {**self.fund.sources, "unvested": -self.fund.unvested(self.now)}

    # Events by the contract that told them

    def _in_Market(self, event: Event) -> None:
        books = self.markets.setdefault(event.address, MarketBooks(self.scale))
        books.take(event, self.now)
        args = event.args
        if event.name == "Traded":
            mine = self.account(args["account"]).market(event.address)
            mine.margin_in += args["margin"]
            mine.paid_out += args["paid_out"]
            mine.fees += args["fee"]
            mine.premium += args["premium"]
            mine.realised += args["realised"]
        elif event.name == "MarginChanged":
            mine = self.account(args["account"]).market(event.address)
            mine.margin_in += max(0, args["margin_delta"])
            mine.paid_out += max(0, -args["margin_delta"])
        elif event.name == "Collected":
            self.account(args["account"]).market(event.address).recovery_claims += args["claim"]

    def _in_MarginPool(self, event: Event) -> None:
        if event.name == "Deposited":
            self.account(event.args["receiver"]).deposited += event.args["amount"]
        elif event.name == "Withdrawn":
            self.account(event.args["account"]).withdrawn += event.args["amount"]

    def _in_Vault(self, event: Event) -> None:
        args = event.args
        if event.name == "Transfer":
            self._transfer_shares(args["sender"], args["receiver"], args["value"])
        elif event.name == "Deposit":
            self.account(args["owner"]).vault.paid_in += args["assets"]
            self.vault_flows["paid_in"] += args["assets"]
        elif event.name == "Withdraw":
            self.account(args["owner"]).vault.taken_out += args["assets"]
            self.vault_flows["taken_out"] += args["assets"]
        elif event.name == "Donated":
            self.vault_flows["donated"] += args["assets"]
        elif event.name == "RedeemRequested":
            self._requests[args["id"]] = args["owner"]
            self._hold(args["owner"], args["shares"])
        elif event.name == "RequestRedeemed":
            self._hold(self._requests[args["id"]], -args["shares"])
        elif event.name == "RedeemCancelled":
            self._hold(args["owner"], -args["shares"] - args["fee_shares"])

    def _hold(self, owner: ChecksumAddress, shares: int) -> None:
        self._vault_shares.flush(self._vault_totals())
        self._vault_shares.change(self.account(owner).vault, shares)

    def _transfer_shares(self, sender: ChecksumAddress, receiver: ChecksumAddress, shares: int) -> None:
        """Between people: as if one had taken out and the other paid in what the shares are worth. The vault keeps the
        shares of those who asked to leave: they stay their owner's."""
        supply = self._vault_shares.supply
        worth = (self.vault_worth() + 1) * shares // (supply + VIRTUAL_SHARES)
        is_between_people = not {sender, receiver} & {NOBODY, self.vault}
        for address, sign in ((sender, -1), (receiver, 1)):
            if address == NOBODY:
                self._vault_shares.flush(self._vault_totals())
                self._vault_shares.supply -= sign * shares
            elif address != self.vault:
                self._hold(address, sign * shares)
        if is_between_people:
            self.account(sender).vault.taken_out += worth
            self.account(receiver).vault.paid_in += worth

    def _in_InsuranceFund(self, event: Event) -> None:
        args = event.args
        if event.name in ("Staked", "Unstaked", "UnstakeLetGo", "SharesShrunk"):
            self._stake_shares.flush(self._stake_totals())
        self.fund.take(event, self.now)
        if event.name == "Staked":
            holding = self.account(args["owner"]).stake
            holding.paid_in += args["amount"]
            self._stake_shares.change(holding, args["shares"])
            self._stake_shares.supply = self.fund.total_shares
        elif event.name == "Unstaked":
            holding = self.account(args["owner"]).stake
            holding.taken_out += args["amount"]
            self._stake_shares.change(holding, -args["shares"])
            self._stake_shares.supply = self.fund.total_shares
        elif event.name == "UnstakeLetGo":
            self._stake_shares.change(self.account(args["owner"]).stake, -args["fee_shares"])
            self._stake_shares.supply = self.fund.total_shares
        elif event.name == "SharesShrunk":
            holdings = [account.stake for account in self.accounts.values()]
            self._stake_shares.shrink(holdings, args["scale"] - self._shrunk, args["total_shares"])
            self._shrunk = args["scale"]
        elif event.name == "RewardPaid":
            self.markets.setdefault(args["market"], MarketBooks(self.scale)).topped_up(args["amount"])
        elif event.name == "RecoveryRedeemed":
            self.account(args["owner"]).recovery.paid += args["paid"]

    def _in_RecoveryToken(self, event: Event) -> None:
        if event.name != "Transfer":
            return
        sender, receiver, amount = (event.args[name] for name in ("sender", "receiver", "value"))
        if sender == NOBODY:
            self.account(receiver).recovery.issued += amount
            self.recovery_supply += amount
        elif receiver == NOBODY:
            self.account(sender).recovery.redeemed += amount
            self.recovery_supply -= amount
        else:
            self.account(sender).recovery.received -= amount
            self.account(receiver).recovery.received += amount
