"""What a keeper decides, without I/O: what to put into calls of `Relay.act`, and whether they are worth sending."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eth_typing import ChecksumAddress

from plimsoll.keeper.orders import PendingOrder, is_ready
from plimsoll.observation import Observation
from plimsoll.oracle import median_price

BPS = 10_000
WAD = 10**18
MAX_OBSERVATIONS, MAX_MARKETS, MAX_ORDERS = 128, 16, 64
"""`Relay.act` takes no more in one call."""
MAX_BUCKETS = 256
BLOCK_GAS = 30_000_000
GAS_CAP = 28_000_000
"""Gas of the calls of one round at most: a little of the block is left to others."""


@dataclass(frozen=True)
class Gas:
    """Gas by kind of step."""

    fixed: int
    price: int
    market: int
    bucket: int
    order: int

    def of(self, plan_: "Plan", buckets: int, orders: int) -> int:
        """The gas of a plan that works on so many buckets and orders."""
        steps = self.price * plan_.feeds + self.market * len(plan_.markets)
        return self.fixed + steps + self.bucket * buckets + self.order * orders


LIMITS = Gas(fixed=400_000, price=250_000, market=450_000, bucket=120_000, order=420_000)
"""What is surely enough: a step with too little gas is left out, not reverted."""
TYPICAL = Gas(fixed=60_000, price=60_000, market=90_000, bucket=32_000, order=190_000)
"""What steps cost most of the time, for the profit check."""


@dataclass(frozen=True)
class Price:
    """A price that the chain holds: WAD, Unix seconds. Both 0 if it holds none yet."""

    price: int
    published_at: int


@dataclass(frozen=True)
class GasPrice:
    """What gas costs: wei per gas, the price of the currency it is paid in (WAD), decimals of the collateral."""

    wei: int
    currency_price: int
    decimals: int

    def cash(self, gas: int) -> int:
        """The cost of `gas` in base units of the collateral, rounded up."""
        return -(-gas * self.wei * self.currency_price * 10**self.decimals // WAD**2)


@dataclass(frozen=True)
class View:
    """Everything a decision is made from."""

    feed_of: Mapping[ChecksumAddress, bytes]
    """The feed of each market."""
    prices: Mapping[bytes, Price]
    reports: Mapping[bytes, Sequence[Observation]]
    orders: Sequence[PendingOrder]
    """Open orders that are not attached to another open one."""
    now: int
    idle: Mapping[ChecksumAddress, int] = field(default_factory=dict)
    """Seconds since the funding of a market was settled or this keeper tried to; only markets that take funding: with
    positions, and not settling."""
    gas_price: GasPrice | None = None
    """None if the currency has no price on the chain."""
    max_age: Mapping[ChecksumAddress, int] = field(default_factory=dict)
    """Seconds after which a price is too old for a market; it settles no funding then."""
    turn: int = 0
    """The number of the round: with more markets than fit into a call it says whose turn it is."""


@dataclass(frozen=True)
class Policy:
    """What this keeper does, and when a price alone is worth a transaction: moved so far, or so old (seconds)."""

    does: frozenset[str] = frozenset({"prices", "cranks", "orders", "funding"})
    deviation_bps: int = 10
    heartbeat: int = 20
    funding_seconds: int = 3_600
    gas_price_bps: int = 500
    is_duty: bool = True
    min_profit_bps: int = 0
    shard_index: int = 0
    shard_count: int = 1
    shard_grace: int = 5


@dataclass(frozen=True)
class Plan:
    """The arguments of `Relay.act`."""

    observations: tuple[Observation, ...]
    markets: tuple[ChecksumAddress, ...]
    max_buckets: int
    order_ids: tuple[int, ...]
    feeds: int
    """How many feeds the observations are of."""
    is_whole: bool = True
    """False if something was left for the next call."""

    def arguments(self) -> list[object]:
        """In the order of `Relay.act`."""
        observations = [item.as_tuple() for item in self.observations]
        return [observations, list(self.markets), self.max_buckets, list(self.order_ids)]


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
    """Whether to send, why, and with how much gas."""

    is_worth_it: bool
    reason: str
    gas: int


def new_reports(view: View) -> dict[bytes, Sequence[Observation]]:
    """The reports that the chain does not know yet, the most urgent feed first: longest without a price. Publishers may
    sign feeds that this deployment has no use for."""

    def known(feed: bytes) -> Price:
        return view.prices.get(feed, Price(0, 0))

    ours = {*view.feed_of.values(), *view.prices}
    found = {feed: report for feed, report in view.reports.items() if feed in ours}
    found = {feed: report for feed, report in found.items() if oldest(report) > known(feed).published_at}
    return {feed: found[feed] for feed in sorted(found, key=lambda feed: (known(feed).published_at, feed))}


def oldest(report: Sequence[Observation]) -> int:
    """The time that `PriceFeed` will store for a report."""
    return min(item.published_at for item in report)


def ready_orders(view: View) -> list[PendingOrder]:
    """Orders that could fill at the prices of now, reports included; those tried least first."""
    prices = dict(view.prices)
    prices |= {feed: Price(median_price(report), oldest(report)) for feed, report in new_reports(view).items()}

    def is_ready_now(order: PendingOrder) -> bool:
        price = prices.get(view.feed_of.get(order.market, b""))
        return price is not None and is_ready(order, price.price, price.published_at, view.now)

    return sorted(filter(is_ready_now, view.orders), key=lambda order: (order.attempts, order.id))


def own_orders(orders: Iterable[PendingOrder], policy: Policy, now: int) -> list[PendingOrder]:
    """Those of this keeper's shard, and those of others that have been ready for too long."""

    def is_own(order: PendingOrder) -> bool:
        since = now if order.ready_since is None else order.ready_since
        return order.id % policy.shard_count == policy.shard_index or now - since >= policy.shard_grace

    return [order for order in orders if is_own(order)]


def plan(view: View, policy: Policy, max_buckets: int = MAX_BUCKETS) -> Plan:
    """What to try next: every report that is new, every market, and the orders that may be ready at those prices."""
    reports = new_reports(view) if "prices" in policy.does else {}
    observations: list[Observation] = []
    feeds = 0
    for report in reports.values():
        if len(observations) + len(report) > MAX_OBSERVATIONS:
            break
        observations += report
        feeds += 1
    markets = _markets(view, policy)
    orders = own_orders(ready_orders(view), policy, view.now) if "orders" in policy.does else []
    ids = tuple(order.id for order in orders[:MAX_ORDERS])
    is_whole = feeds == len(reports) and len(ids) == len(orders) and len(markets) <= MAX_MARKETS
    return Plan(tuple(observations), markets[:MAX_MARKETS], max_buckets, ids, feeds, is_whole)


def _markets(view: View, policy: Policy) -> tuple[ChecksumAddress, ...]:
    # With more markets than fit into a call each gets its turn, whether or not anything is sent.
    every = list(view.feed_of)
    begin = view.turn * MAX_MARKETS % max(1, len(every)) if len(every) > MAX_MARKETS else 0
    every = every[begin:] + every[:begin]
    idle = sorted(filter(lambda item: _needs_funding(view, policy, item), every), key=lambda item: -view.idle[item])
    if "cranks" in policy.does:
        return (*idle, *(market for market in every if market not in set(idle)))
    return tuple(idle)


def _needs_funding(view: View, policy: Policy, market: ChecksumAddress) -> bool:
    is_due = "funding" in policy.does and view.idle.get(market, 0) >= policy.funding_seconds
    return is_due and _has_fresh_price(view, market)


def _has_fresh_price(view: View, market: ChecksumAddress) -> bool:
    """As of now, or with the report that comes along."""
    feed = view.feed_of[market]
    times = [view.prices.get(feed, Price(0, 0)).published_at]
    times += [oldest(report) for report in (view.reports.get(feed),) if report]
    return market not in view.max_age or view.now - max(times) <= view.max_age[market]


def with_orders(plan_: Plan, ids: Sequence[int]) -> Plan:
    """The same with other orders."""
    return replace(plan_, order_ids=tuple(ids))


def smaller(plan_: Plan) -> Plan:
    """The same with half of the buckets and orders, for when a call does not fit into a block."""
    orders = plan_.order_ids[: len(plan_.order_ids) // 2]
    return replace(plan_, max_buckets=max(1, plan_.max_buckets // 2), order_ids=orders, is_whole=False)


def lanes(view: View, policy: Policy, keys: int) -> list[Plan]:
    """Disjoint parts of the work, at most one for each key: for when one call cannot hold it.

    Each market, its price and its orders are in one part alone, so the parts do not depend on the order in which they
    are mined.
    """
    orders = own_orders(ready_orders(view), policy, view.now)
    load = {market: 1 + sum(order.market == market for order in orders) for market in view.feed_of}
    parts: list[list[ChecksumAddress]] = [[] for _ in range(min(keys, len(load)))]
    for market in sorted(load, key=lambda market: (-load[market], market)):
        min(parts, key=lambda part: sum(load[item] for item in part)).append(market)
    return [plan(_only(view, set(part)), policy) for part in parts]


def _only(view: View, markets: set[ChecksumAddress]) -> View:
    feed_of = {market: feed for market, feed in view.feed_of.items() if market in markets}
    feeds = set(feed_of.values())
    return replace(
        view,
        feed_of=feed_of,
        reports={feed: report for feed, report in view.reports.items() if feed in feeds},
        orders=[order for order in view.orders if order.market in markets],
    )


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


def is_gas_price_off(stored: int, now: int, policy: Policy) -> bool:
    """Whether the order book's price of the chain's own currency should be refreshed; 0 is no price."""
    return now > 0 and abs(now - stored) * BPS >= stored * policy.gas_price_bps and now != stored


def judge(view: View, plan_: Plan, outcome: Outcome, policy: Policy) -> Verdict:
    """Whether what a simulation did is worth a transaction."""
    buckets, orders = sum(outcome.buckets), outcome.orders_filled + outcome.orders_failed
    gas = gas_limit(plan_, buckets)
    reason = _reason(view, plan_, outcome, policy)
    if reason is None:
        return Verdict(False, "nothing to do", gas)
    if not policy.is_duty:
        typical = TYPICAL.of(plan_, buckets, orders)
        if view.gas_price is None:
            return Verdict(False, "no price of gas to judge the profit by", gas)
        cost = view.gas_price.cash(typical)
        if outcome.reward * BPS < cost * (BPS + policy.min_profit_bps) or not outcome.reward:
            return Verdict(False, f"{reason}: reward {outcome.reward} does not pay for gas worth {cost}", gas)
    return Verdict(True, reason, gas)


def _reason(view: View, plan_: Plan, outcome: Outcome, policy: Policy) -> str | None:
    buckets, orders = sum(outcome.buckets), outcome.orders_filled + outcome.orders_failed
    if buckets:
        return f"{buckets} buckets"
    if orders:
        return f"{orders} orders"
    if outcome.prices_updated and (reason := price_reason(view, policy)):
        return reason
    if any(_needs_funding(view, policy, market) for market in plan_.markets):
        return "funding"
    return None


def gas_limit(plan_: Plan, buckets: int) -> int:
    """Gas for a plan that works on `buckets` buckets.

    Not an estimate of the node: `act` tries each step on its own, so it also succeeds with too little gas, doing less.
    """
    return min(GAS_CAP, LIMITS.of(plan_, buckets + len(plan_.markets), len(plan_.order_ids)))


def has_more(plan_: Plan, outcome: Outcome) -> bool:
    """Whether the call stopped at its own limits, so that the next one should not wait for a price."""
    return not plan_.is_whole or any(done >= plan_.max_buckets for done in outcome.buckets)
