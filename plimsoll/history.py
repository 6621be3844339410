"""What happened, told from events alone: who held what, what was liquidated and deleveraged, who paid for the losses.
Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from plimsoll.chain import Event

WAD = 10**18
LAYERS = ("skin_in_the_game", "insurance", "adl", "vault")
Opening = tuple[ChecksumAddress, ChecksumAddress, int]
"""One position from opening to end: market, account, number of the opening."""


@dataclass
class MarketHistory:
    """Sums of one market. Cash in base units of the collateral, units in WAD."""

    opened: int = 0
    liquidated: set[Opening] = field(default_factory=set)
    liquidated_buckets: set[tuple[int, int]] = field(default_factory=set)
    liquidated_units: int = 0
    deleveraged: set[Opening] = field(default_factory=set)
    deleveraged_buckets: set[tuple[int, int]] = field(default_factory=set)
    fair_adl_units: int = 0
    """Deleveraged at the index price."""
    loss_adl_units: int = 0
    """Deleveraged below the index price: these gave profit up."""
    fair_adl_notional: int = 0
    """At the index price, USD in WAD."""
    loss_adl_notional: int = 0
    claims: int = 0
    loss: int = 0
    paid_by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LAYERS, 0))

    @property
    def adl_units(self) -> int:
        return self.fair_adl_units + self.loss_adl_units


class History:
    """Events folded into sums. Feed it every event of a deployment in the order of the chain."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.markets: dict[ChecksumAddress, MarketHistory] = {}
        self.accounts: set[ChecksumAddress] = set()
        self.deposited = 0
        self.withdrawn = 0
        self.recovery_issued = 0
        self.orders = dict.fromkeys(("OrderPlaced", "OrderExecuted", "OrderCancelled", "OrderFailed"), 0)
        self.failures: dict[str, int] = {}
        self._held: dict[tuple[ChecksumAddress, ChecksumAddress], tuple[int, Opening]] = {}
        self._openings = 0
        self.take(events)

    def take(self, events: Iterable[Event]) -> None:
        """Goes on with later events."""
        for event in events:
            self._take(event)

    def market(self, address: ChecksumAddress) -> MarketHistory:
        """The sums of one market."""
        return self.markets.setdefault(address, MarketHistory())

    def total(self, name: str) -> int:
        """A number, or the size of a set, summed over the markets."""
        values = (getattr(market, name) for market in self.markets.values())
        return sum(value if isinstance(value, int) else len(value) for value in values)

    def paid_by(self) -> dict[str, int]:
        """Losses beyond margin by the layer that paid."""
        return {layer: sum(market.paid_by[layer] for market in self.markets.values()) for layer in LAYERS}

    def _take(self, event: Event) -> None:
        self.accounts |= {
            value
            for value in event.args.values()
            if isinstance(value, str) and value.startswith("0x") and len(value) == 42
        }
        if event.contract == "Market":
            self._take_market(event)
        elif event.name == "Deposited":
            self.deposited += event.args["amount"]
        elif event.name == "Withdrawn":
            self.withdrawn += event.args["amount"]
        elif event.name == "RecoveryIssued":
            self.recovery_issued += event.args["amount"]
        elif event.name in self.orders:
            self.orders[event.name] += 1
            if event.name == "OrderFailed":
                reason = event.args["reason"]
                self.failures[reason] = self.failures.get(reason, 0) + 1

    def _take_market(self, event: Event) -> None:
        args, market = event.args, self.market(event.address)
        if event.name == "Traded":
            self._trade(event, market)
        elif event.name == "MarginChanged":
            key = event.address, args["account"]
            if key in self._held:
                self._held[key] = args["bucket"], self._held[key][1]
        elif event.name == "Liquidated":
            market.liquidated |= self._holders(event, args["units_left"] == 0)
            market.liquidated_buckets.add((args["bucket"], args["epoch"]))
            market.liquidated_units += args["units"]
            market.loss += args["loss"]
            for layer in LAYERS:
                market.paid_by[layer] += args[layer]
        elif event.name == "Deleveraged":
            market.deleveraged |= self._holders(event, args["units_left"] == 0)
            market.deleveraged_buckets.add((args["bucket"], args["epoch"]))
            market.claims += args["claim"]
            notional = args["units"] * args["index_price"] // WAD
            if args["loss_per_unit"]:
                market.loss_adl_units += args["units"]
                market.loss_adl_notional += notional
            else:
                market.fair_adl_units += args["units"]
                market.fair_adl_notional += notional

    def _trade(self, event: Event, market: MarketHistory) -> None:
        key = event.address, event.args["account"]
        after = event.args["units_after"]
        before = after - event.args["units_delta"]
        if after == 0:
            self._held.pop(key, None)
            return
        if before * after <= 0 or key not in self._held:
            market.opened += 1
            self._openings += 1
            self._held[key] = event.args["bucket"], (*key, self._openings)
        else:
            self._held[key] = event.args["bucket"], self._held[key][1]

    def _holders(self, event: Event, is_emptied: bool) -> set[Opening]:
        """The positions in the event's bucket; an emptied bucket ends them."""
        keys = [
            key for key, (bucket, _) in self._held.items() if key[0] == event.address and bucket == event.args["bucket"]
        ]
        openings = {self._held[key][1] for key in keys}
        if is_emptied:
            for key in keys:
                del self._held[key]
        return openings


def keeper_blocks(events: Iterable[Event], times: dict[int, int], market_of: dict[bytes, ChecksumAddress]) -> list[int]:
    """For each price that reached the chain: blocks from publication to the last work done at it.

    A price published at second t counts from the last block before t; done in the next block is 1. `times` gives the
    time of every block, `market_of` the market of a feed.
    """
    done: dict[tuple[ChecksumAddress, int], tuple[int, int]] = {}
    current: dict[ChecksumAddress, int] = {}
    for event in events:
        if event.name == "PriceUpdated":
            market = market_of.get(event.args["feed"])
            if market is not None:
                current[market] = event.args["published_at"]
                done[market, current[market]] = current[market], event.block
        elif event.name in ("Liquidated", "Deleveraged") and event.address in current:
            published_at = current[event.address]
            done[event.address, published_at] = published_at, event.block
    blocks = sorted(times)
    counts = []
    for published_at, last in done.values():
        before = [number for number in blocks if number <= last and times[number] < published_at]
        if before:
            counts.append(last - before[-1])
    return counts


def lowest_insurance(events: Iterable[Event], start: int) -> int:
    """The least that the stakers' insurance ever was, in base units, from `start` on: a crank pays out of it first and
    pays penalties in afterwards, so the end of a block does not show it."""
    level = lowest = start
    for event in events:
        if event.name in ("IncomeReceived", "CoverReturned"):
            level += event.args["insurance"]
        elif event.name == "LossCovered":
            level -= event.args["insurance"]
            lowest = min(lowest, level)
    return lowest


def blocks_p50_p99(counts: list[int]) -> tuple[int, int]:
    """Median and 99th percentile."""
    return percentile(counts, 50), percentile(counts, 99)


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that at least `percent` % of `values` do not exceed; 0 of none."""
    if not values:
        return 0
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
