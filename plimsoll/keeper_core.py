"""What a keeper decides, without I/O: what to put into one call of `Relay.act`, and whether it is worth sending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from plimsoll.observation import Observation
from plimsoll.oracle import median_price

BPS = 10_000
MAX_ORDERS = 64
"""`Relay.act` takes no more in one call."""
MAX_BUCKETS = 256
BLOCK_GAS = 30_000_000
GAS_CAP = 28_000_000
"""Gas of one call at most: a little of the block is left to others."""
GAS_FIXED = 400_000
GAS_PER_PRICE = 250_000
GAS_PER_MARKET = 450_000
GAS_PER_BUCKET = 120_000
GAS_PER_ORDER = 420_000


@dataclass(frozen=True)
class Price:
    """A price that the chain holds: WAD, Unix seconds. Both 0 if it holds none yet."""

    price: int
    published_at: int


@dataclass(frozen=True)
class PendingOrder:
    """An order waiting in the book. `attempts` counts calls that left it waiting."""

    id: int
    market: ChecksumAddress
    placed_at: int
    attempts: int = 0


@dataclass(frozen=True)
class View:
    """Everything a decision is made from."""

    feed_of: Mapping[ChecksumAddress, bytes]
    """The feed of each market."""
    prices: Mapping[bytes, Price]
    reports: Mapping[bytes, Sequence[Observation]]
    orders: Sequence[PendingOrder]
    now: int


@dataclass(frozen=True)
class Policy:
    """When a price alone is worth a transaction: it moved this far, or the chain's is this old (seconds)."""

    deviation_bps: int = 10
    heartbeat: int = 20


@dataclass(frozen=True)
class Plan:
    """The arguments of `Relay.act`."""

    observations: tuple[Observation, ...]
    markets: tuple[ChecksumAddress, ...]
    max_buckets: int
    order_ids: tuple[int, ...]
    feeds: int
    """How many feeds the observations are of."""


@dataclass(frozen=True)
class Outcome:
    """What `Relay.act` did, or would do: `IRelay.Results`."""

    prices_updated: int
    buckets: tuple[int, ...]
    orders_filled: int
    orders_failed: int
    orders_waiting: int
    reward: int


@dataclass(frozen=True)
class Verdict:
    """Whether to send, why, and the gas the transaction may use."""

    is_worth_it: bool
    reason: str
    gas: int


def oldest(report: Sequence[Observation]) -> int:
    """The time `PriceFeed` will store for a report."""
    return min(item.published_at for item in report)


def new_reports(view: View) -> dict[bytes, Sequence[Observation]]:
    """The reports that would move the chain's price on."""
    return {
        feed: report
        for feed, report in view.reports.items()
        if oldest(report) > view.prices.get(feed, Price(0, 0)).published_at
    }


def plan(view: View, max_buckets: int = MAX_BUCKETS) -> Plan:
    """All new reports, all markets, and the orders that a price may fill by then, least tried and oldest first."""
    reports = new_reports(view)
    price_time = {feed: price.published_at for feed, price in view.prices.items()}
    price_time |= {feed: oldest(report) for feed, report in reports.items()}
    ready = [order for order in view.orders if price_time.get(view.feed_of[order.market], 0) > order.placed_at]
    ready.sort(key=lambda order: (order.attempts, order.id))
    observations = tuple(item for feed in sorted(reports) for item in reports[feed])
    order_ids = tuple(order.id for order in ready[:MAX_ORDERS])
    return Plan(observations, tuple(view.feed_of), max_buckets, order_ids, len(reports))


def smaller(plan_: Plan) -> Plan:
    """The same with half of the buckets and orders, for when a call does not fit into a block."""
    orders = plan_.order_ids[: len(plan_.order_ids) // 2]
    return Plan(plan_.observations, plan_.markets, max(1, plan_.max_buckets // 2), orders, plan_.feeds)


def price_reason(view: View, policy: Policy) -> str | None:
    """Why a price alone is worth sending, if it is."""
    for feed, report in new_reports(view).items():
        known = view.prices.get(feed, Price(0, 0))
        if known.price == 0:
            return "first price"
        if view.now - known.published_at >= policy.heartbeat:
            return "heartbeat"
        if abs(median_price(report) - known.price) * BPS >= policy.deviation_bps * known.price:
            return "price moved"
    return None


def judge(view: View, plan_: Plan, outcome: Outcome, policy: Policy) -> Verdict:
    """Whether what a simulation did is worth a transaction."""
    buckets = sum(outcome.buckets)
    gas = gas_limit(plan_, buckets)
    if buckets:
        return Verdict(True, f"{buckets} buckets", gas)
    if outcome.orders_filled or outcome.orders_failed:
        return Verdict(True, f"{outcome.orders_filled + outcome.orders_failed} orders", gas)
    reason = price_reason(view, policy)
    if reason and outcome.prices_updated:
        return Verdict(True, reason, gas)
    return Verdict(False, "nothing to do", gas)


def gas_limit(plan_: Plan, buckets: int) -> int:
    """Gas for a plan that works on `buckets` buckets.

    Not an estimate of the node: `act` tries each step on its own, so it also succeeds with too little gas, doing less.
    """
    needed = (
        GAS_FIXED
        + GAS_PER_PRICE * plan_.feeds
        + GAS_PER_MARKET * len(plan_.markets)
        + GAS_PER_BUCKET * (buckets + len(plan_.markets))
        + GAS_PER_ORDER * len(plan_.order_ids)
    )
    return min(GAS_CAP, needed)


def has_more(plan_: Plan, outcome: Outcome) -> bool:
    """Whether the call stopped at its own limits, so that the next one should not wait for a price."""
    is_at_bucket_limit = any(done >= plan_.max_buckets for done in outcome.buckets)
    return is_at_bucket_limit or len(plan_.order_ids) == MAX_ORDERS


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that at least `percent` % of `values` do not exceed; 0 of none."""
    if not values:
        return 0
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
