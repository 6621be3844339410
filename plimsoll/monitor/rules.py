"""What is worth an alert, and which alerts are news. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

BPS = 10_000
ETH = 10**18


@dataclass(frozen=True)
class Limits:
    """When a value becomes an alert. Ages in seconds, shares in basis points, balances in wei."""

    price_seconds: int = 60
    dirty_blocks: int = 5
    mandate_bps: int = 5_000
    insurance_bps: int = 5_000
    keeper_wei: int = ETH // 10
    publisher_seconds: int = 15
    head_seconds: int = 30


@dataclass(frozen=True)
class MarketSeen:
    """One market. `dirty_blocks`: for how many blocks in a row it had work left."""

    symbol: str
    price_age: int | None
    """None: no price yet."""
    dirty_blocks: int
    mandate: int
    mandate_left: int
    is_settling: bool


@dataclass(frozen=True)
class Seen:
    """The exchange at one moment. `head_age` is None if the node does not answer: then there are no markets either."""

    head_age: int | None
    markets: Sequence[MarketSeen] = ()
    insurance: int = 0
    insurance_at_start: int = 0
    keepers: Mapping[str, int] = field(default_factory=dict)
    publishers: Mapping[str, int | None] = field(default_factory=dict)
    """Seconds since each published last; None: it does not answer."""


@dataclass(frozen=True)
class Alert:
    """Something a person should know. `key` stays the same as long as it is the same trouble."""

    key: str
    text: str


def alerts(seen: Seen, limits: Limits) -> list[Alert]:
    """All that is wrong now."""
    found = list(_publishers(seen, limits))
    if seen.head_age is None:
        return [Alert("node", "the node does not answer"), *found]
    if seen.head_age > limits.head_seconds:
        found.append(Alert("node", f"the newest block is {seen.head_age} s old"))
    for market in seen.markets:
        found += _market(market, limits)
    if seen.insurance * BPS < seen.insurance_at_start * limits.insurance_bps:
        share = seen.insurance * 100 // seen.insurance_at_start
        found.append(Alert("insurance", f"insurance is down to {share} % of what it was deployed with"))
    for address, wei in seen.keepers.items():
        if wei < limits.keeper_wei:
            found.append(Alert(f"keeper:{address}", f"keeper {address} has {wei * 1_000 // ETH} mETH left"))
    return found


def _publishers(seen: Seen, limits: Limits) -> Iterable[Alert]:
    for url, age in seen.publishers.items():
        if age is None:
            yield Alert(f"publisher:{url}", f"publisher {url} does not answer")
        elif age > limits.publisher_seconds:
            yield Alert(f"publisher:{url}", f"publisher {url} published last {age} s ago")


def _market(market: MarketSeen, limits: Limits) -> Iterable[Alert]:
    symbol = market.symbol
    if market.price_age is None:
        yield Alert(f"price:{symbol}", f"{symbol} has no price")
    elif market.price_age > limits.price_seconds:
        yield Alert(f"price:{symbol}", f"the price of {symbol} is {market.price_age} s old")
    if market.dirty_blocks > limits.dirty_blocks:
        text = f"{symbol} has had liquidations or ADL left to do for {market.dirty_blocks} blocks"
        yield Alert(f"dirty:{symbol}", text)
    used = market.mandate - market.mandate_left
    if used * BPS > market.mandate * limits.mandate_bps:
        yield Alert(f"mandate:{symbol}", f"{symbol} has used {used * 100 // market.mandate} % of its daily mandate")
    if market.is_settling:
        yield Alert(f"settling:{symbol}", f"{symbol} settles: the vault could not pay")


@dataclass(frozen=True)
class News:
    """A change worth telling: an alert that began or ended."""

    status: str
    """firing or resolved"""
    alert: Alert
    since: int
    """Unix seconds at which it began."""


@dataclass
class Tracker:
    """Turns what is wrong at each look into news: each trouble once when it begins and once when it ends."""

    firing: dict[str, tuple[int, Alert]] = field(default_factory=dict)

    def update(self, now: int, found: Iterable[Alert]) -> list[News]:
        """The news since the last look."""
        current = {alert.key: alert for alert in found}
        ended = [News("resolved", alert, since) for key, (since, alert) in self.firing.items() if key not in current]
        begun = [News("firing", alert, now) for key, alert in current.items() if key not in self.firing]
        self.firing = {
            key: (self.firing[key][0] if key in self.firing else now, alert) for key, alert in current.items()
        }
        return ended + begun
