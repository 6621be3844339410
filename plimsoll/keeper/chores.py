"""What nobody is paid for and everybody is better off with: the keeper's duties beside prices, cranks and orders.

- Clears exits of positions that are gone, so that they don't close the owner's next one.
- Carries out redemption requests of the vault that are ready: whoever waits gets a part of each round.
- Carries out unstake requests of the insurance fund that are ripe: one that nobody carries out is an option on leaving.
- Keeps requests from lapsing while markets are not settled and nobody can be paid.

All of it is read from the chain, tried in a call first, and open to anyone: another keeper that was faster is no error.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from eth_typing import ChecksumAddress
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import FilterParams, TxReceipt

from plimsoll.chain import LOG_RANGE, Call, Chain, Event, gather_limited
from plimsoll.keeper.metrics import Metrics
from plimsoll.keeper.orders import Book, PendingOrder
from plimsoll.sender import Sender

Id = TypeVar("Id", int, ChecksumAddress)
log = structlog.get_logger(__name__)
TURN_SECONDS = 10.0
MAX_CALLS = 16
"""Of a kind in one turn: chores must not hold up the work that is paid for."""
MAX_LOOKS = 64
"""Positions or requests that one turn asks for: however many there are, a node is asked no more often."""
FIRM_BLOCKS = 64
"""Events of blocks this deep are taken in for good; those of the newer ones are read again each turn: a reorg may undo
them."""
KEEP_SECONDS = 6 * 3_600
"""Between two words for the requests of a contract; without one they lapse after two days."""
CANCEL_GAS, REDEEM_GAS, UNSTAKE_GAS, KEEP_GAS = 200_000, 600_000, 600_000, 2_000_000


def free_standing_exits(book: Book) -> list[PendingOrder]:
    """Exits that wait for a trigger alone: those whose position may be gone."""
    return [order for order in book.open.values() if order.is_exit and not book.attached(order)]


def unstakes_after(ready_at: Mapping[ChecksumAddress, int], events: Iterable[Event]) -> dict[ChecksumAddress, int]:
    """When the unstake request of each owner is ripe, Unix seconds, after events of the insurance fund."""
    found = dict(ready_at)
    for event in events:
        if event.name == "UnstakeRequested" and event.args["shares"]:
            found[event.args["owner"]] = event.args["ready_at"]
        elif event.name in ("UnstakeRequested", "Unstaked"):
            found.pop(event.args["owner"], None)
    return found


def in_turn(ids: Iterable[Id], after: Id | None) -> list[Id]:
    """The next MAX_LOOKS of `ids` behind `after`, beginning anew at the end: everybody has a turn."""
    ordered = sorted(ids)
    later = [id_ for id_ in ordered if after is None or id_ > after]
    return [*later, *ordered[: len(ordered) - len(later)]][:MAX_LOOKS]


class Chores:
    """The chores of one deployment, beside the rounds of the keeper whose keys and order book these are."""

    def __init__(self, chain: Chain, book: Book, senders: Sequence[Sender], metrics: Metrics) -> None:
        self.chain = chain
        self.book = book
        self.senders = senders
        self.metrics = metrics
        self.vault = chain.contract("Vault")
        self.order_book = chain.contract("OrderBook")
        self.fund = chain.contract("InsuranceFund")
        self._requests: set[int] = set()
        self._next_request = 1
        self._unstakes: dict[ChecksumAddress, int] = {}
        """As of the block before `_next_block`."""
        self._next_block = chain.deployment.start_block
        self._last_exit: int | None = None
        self._last_request: int | None = None
        self._last_owner: ChecksumAddress | None = None
        self._kept_at: dict[ChecksumAddress, int] = {}

    async def run(self) -> None:
        """A turn now and then until cancelled, whatever fails."""
        while True:
            await asyncio.sleep(TURN_SECONDS)
            try:
                await self.turn()
            except Exception as error:  # the next turn may do better
                log.warning("chores failed", error=str(error) or type(error).__name__)

    async def turn(self) -> None:
        """Does what is due, by the first key that can pay for it."""
        for sender in self.senders:
            if not sender.is_stuck and await sender.can_pay(MAX_CALLS * REDEEM_GAS):
                break
        else:
            return
        calls = await self.due(sender.address)
        results = await asyncio.gather(*(sender.send_and_wait(call) for call in calls), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                log.warning("chore failed", error=str(result))
            else:
                self._record(result)

    def _record(self, receipt: TxReceipt) -> None:
        is_done = bool(receipt["status"])
        self.metrics.sent.labels("chore" if is_done else "failed").inc()
        self.metrics.gas.inc(receipt["gasUsed"])
        log.info("chore", block=receipt["blockNumber"], gas=receipt["gasUsed"], done=is_done)

    async def due(self, sender: ChecksumAddress) -> list[Call]:
        """Transactions that would do something if `sender` sent them now."""
        calls: list[Call] = []
        now = (await self.chain.w3.eth.get_block("latest"))["timestamp"]
        exits, redemptions, unstakes = await self._exits(), await self._redemptions(), await self._ripe_unstakes()
        keeps = self._keeps(now)
        for found in (exits, redemptions, unstakes, keeps):
            works = await gather_limited(self._works(call, sender) for call in found)
            # Cut only here: what nobody can carry out must not take the place of what somebody can.
            calls += [call for call, is_good in zip(found, works, strict=True) if is_good][:MAX_CALLS]
        self._kept_at |= {call.to: now for call in keeps if call in calls}
        return calls

    def _keeps(self, now: int) -> list[Call]:
        """For contracts with requests: refused, and so not sent, unless a market is unsettled."""
        waiting = [(self.vault, self._requests), (self.fund, self._unstakes)]
        return [
            self.chain.call(contract, "keep_requests", [], KEEP_GAS)
            for contract, requests in waiting
            if requests and now - self._kept_at.get(contract.address, 0) >= KEEP_SECONDS
        ]

    async def _works(self, call: Call, sender: ChecksumAddress) -> bool:
        transaction = {"from": sender, "to": call.to, "data": call.data, "gas": call.gas}
        try:
            await self.chain.w3.eth.call(transaction, "pending")
        except (ContractLogicError, Web3Exception):
            return False
        return True

    async def _exits(self) -> list[Call]:
        waiting = {order.id: order for order in free_standing_exits(self.book)}
        exits = [waiting[id_] for id_ in in_turn(waiting, self._last_exit)]
        if exits:
            self._last_exit = exits[-1].id
        units = await gather_limited(self._units(order) for order in exits)
        gone = [order for order, held in zip(exits, units, strict=True) if held == 0]
        return [self.chain.call(self.order_book, "cancel", [order.id], CANCEL_GAS) for order in gone]

    async def _units(self, order: PendingOrder) -> int:
        position = await self.chain.at("Market", order.market).functions.position(order.owner).call()
        return position.units

    async def _redemptions(self) -> list[Call]:
        end = await self.vault.functions.next_request_id().call()
        if end < self._next_request:  # a reorg took requests back
            self._requests, self._next_request = set(), 1
        self._requests |= set(range(self._next_request, end))
        self._next_request = end
        ids = in_turn(self._requests, self._last_request)
        if ids:
            self._last_request = ids[-1]
        payable = dict(zip(ids, await gather_limited(self._assets(id_) for id_ in ids), strict=True))
        self._requests -= {id_ for id_, assets in payable.items() if assets is None}  # such an id never comes back
        ready = [id_ for id_, assets in payable.items() if assets]
        return [self.chain.call(self.vault, "redeem_request", [id_], REDEEM_GAS) for id_ in ready]

    async def _assets(self, id_: int) -> int | None:
        """What a request would be paid now; None if it is done with."""
        request = await self.vault.functions.request(id_).call()
        if request.shares == 0:
            return None
        _, assets = await self.chain.plain("Vault").functions.redeemable(id_).call()
        return assets

    async def _ripe_unstakes(self) -> list[Call]:
        head = await self.chain.w3.eth.get_block("latest")
        now = head["timestamp"]
        ready_at = await self._unstakes_at(head["number"])
        owners = in_turn([owner for owner, ripe_at in ready_at.items() if ripe_at <= now], self._last_owner)
        if owners:
            self._last_owner = owners[-1]
        requests = dict(
            zip(owners, await gather_limited(self._unstake_request(owner) for owner in owners), strict=True)
        )
        for owner, request in requests.items():
            if request.lapses_at < now:  # or gone: then all of it is zero
                self._unstakes.pop(owner, None)
        ripe = [owner for owner, request in requests.items() if request.ready_at <= now <= request.lapses_at]
        return [self.chain.call(self.fund, "unstake", [owner], UNSTAKE_GAS) for owner in ripe]

    async def _unstakes_at(self, head: int) -> dict[ChecksumAddress, int]:
        """Unstake requests are known by their owner alone: events tell whose there are."""
        firm = max(self._next_block - 1, head - FIRM_BLOCKS)
        for begin in range(self._next_block, firm + 1, LOG_RANGE):
            end = min(firm, begin + LOG_RANGE - 1)
            self._unstakes = unstakes_after(self._unstakes, await self._fund_events(begin, end))
            self._next_block = end + 1
        return unstakes_after(self._unstakes, await self._fund_events(self._next_block, head))

    async def _fund_events(self, first: int, last: int) -> list[Event]:
        if last < first:
            return []
        query: FilterParams = {"fromBlock": first, "toBlock": last, "address": self.fund.address}
        return self.chain.decode(await self.chain.w3.eth.get_logs(query))

    async def _unstake_request(self, owner: ChecksumAddress) -> Any:
        return await self.fund.functions.unstake_request(owner).call()
