"""The orders that wait in the book: followed through events, rolled back with blocks; and when each is ready. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from eth_typing import ChecksumAddress, HexAddress, HexStr

from plimsoll.chain import Event

MARKET, LIMIT, STOP = 0, 1, 2
ENDINGS = ("OrderExecuted", "OrderCancelled", "OrderFailed")
MAX_RETRY_SECONDS = 64
NOBODY = ChecksumAddress(HexAddress(HexStr("0x" + "0" * 40)))


@dataclass(frozen=True)
class PendingOrder:
    """An order as the keeper knows it. Prices in WAD, times in Unix seconds."""

    id: int
    market: ChecksumAddress
    placed_at: int
    placed_block: int = 0
    kind: int = MARKET
    is_buy: bool = True
    trigger_price: int = 0
    expires_at: int = 2**63
    waits_for: int = 0
    """The order it is attached to; 0 for none."""
    owner: ChecksumAddress = NOBODY
    is_exit: bool = False
    ready_since: int | None = None
    """When this keeper first found it ready."""
    attempts: int = 0
    """How often in a row it was left waiting."""
    retry_at: int = 0


def is_ready(order: PendingOrder, price: int, published_at: int, now: int) -> bool:
    """Whether `OrderBook.execute` would get as far as the market, at a price of the chain or one that comes with it."""
    if published_at <= order.placed_at or now < order.retry_at:
        return False
    if order.kind == MARKET or now > order.expires_at:
        return True
    waits_for_fall = (order.kind == LIMIT) == order.is_buy
    return price <= order.trigger_price if waits_for_fall else price >= order.trigger_price


@dataclass
class Book:
    """Open orders, and those that ended within the blocks that may still be rolled back."""

    open: dict[int, PendingOrder] = field(default_factory=dict)
    ended: dict[int, tuple[int, PendingOrder]] = field(default_factory=dict)
    """By id: the block it ended in, and the order."""

    def follow(self, events: Iterable[Event], times: Mapping[int, int]) -> None:
        """Takes events of the order book in, in the order of the chain; `times` gives the time of their blocks. Of a
        block that it leaves out all orders have ended for good."""
        for event in events:
            id_ = event.args.get("id")
            if event.name == "OrderPlaced" and event.block not in times:
                continue
            if event.name == "OrderPlaced":
                self.open[id_] = _placed(event, times[event.block])
            elif event.name == "OrderLinked" and id_ in self.open:
                self.open[id_] = replace(self.open[id_], waits_for=event.args["order_id"], is_exit=True)
            elif event.name in ENDINGS and id_ in self.open:
                self.ended[id_] = event.block, self.open.pop(id_)

    def roll_back(self, to_block: int) -> None:
        """Forgets what happened after `to_block`."""
        for id_, (block, order) in list(self.ended.items()):
            if block > to_block:
                del self.ended[id_]
                self.open[id_] = order
        self.open = {id_: order for id_, order in self.open.items() if order.placed_block <= to_block}

    def forget_before(self, block: int) -> None:
        """Forgets orders that ended in blocks too old to be rolled back."""
        self.ended = {id_: item for id_, item in self.ended.items() if item[0] >= block}

    def attached(self, order: PendingOrder) -> bool:
        """Whether it waits for another order that is still open."""
        return order.waits_for in self.open

    def note_ready(self, ids: Iterable[int], now: int) -> None:
        """Remembers since when orders are ready; who is not any more begins anew."""
        ready = set(ids)
        for id_, order in self.open.items():
            if (id_ in ready) != (order.ready_since is not None):
                self.open[id_] = replace(order, ready_since=now if id_ in ready else None)

    def note_waiting(self, ids: Iterable[int], now: int) -> None:
        """Puts orders off that were tried and left waiting: twice as long each time, so that nobody can hold up others
        or burn a keeper's gas with orders that look ready and are not."""
        for id_ in ids:
            if id_ in self.open:
                order = self.open[id_]
                pause = min(MAX_RETRY_SECONDS, 2**order.attempts)
                self.open[id_] = replace(order, attempts=order.attempts + 1, retry_at=now + pause)


def _placed(event: Event, placed_at: int) -> PendingOrder:
    order = event.args["order"]
    return PendingOrder(
        id=event.args["id"],
        market=event.args["market"],
        placed_at=placed_at,
        placed_block=event.block,
        kind=order["kind"],
        is_buy=order["size_delta"] > 0,
        trigger_price=order["trigger_price"],
        expires_at=order["expires_at"],
        owner=event.args["owner"],
    )
