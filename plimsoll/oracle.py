"""From publishers to one update of `PriceFeed`: fetch, then choose, purely, what to send."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aiohttp
from eth_typing import ChecksumAddress

from plimsoll.observation import Domain, Observation

log = logging.getLogger(__name__)
BPS = 10_000
MAX_BYTES = 2**18
MAX_ITEMS = 256
"""Of one answer: a publisher tells a few rounds of as many feeds as there are markets."""


@dataclass(frozen=True)
class Endpoint:
    """Where a publisher serves, and the key it must sign with."""

    url: str
    signer: ChecksumAddress


@dataclass(frozen=True)
class Rules:
    """What `PriceFeed` will ask of a report: known signers, quorum, widest spread, greatest age in seconds."""

    publishers: frozenset[ChecksumAddress]
    quorum: int
    max_spread_bps: int
    max_age: int


async def fetch(session: aiohttp.ClientSession, endpoint: Endpoint, after: int, seconds: float) -> list[Observation]:
    """The newest observations of one publisher, none if it fails or does not answer within `seconds`.

    It holds its answer until it has something published after `after` (long polling).
    """
    try:
        limit = aiohttp.ClientTimeout(total=seconds)
        async with session.get(f"{endpoint.url}/observations", params={"after": str(after)}, timeout=limit) as response:
            response.raise_for_status()
            data = json.loads(await _body(response))
        return [Observation.from_json(item, endpoint.signer) for item in data["observations"]]
    except Exception as error:  # whatever one publisher answers, the others count
        log.debug("publisher %s: %s", endpoint.url, error)
        return []


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ValueError(f"an answer of more than {MAX_BYTES} bytes")
    # Told before it is parsed: each observation opens one bracket, and many within each other exhaust the stack.
    if body.count(b"{") + body.count(b"[") > MAX_ITEMS + 2:
        raise ValueError(f"an answer of more than {MAX_ITEMS} observations")
    return bytes(body)


def choose(observations: Iterable[Observation], rules: Rules, now: int) -> dict[bytes, list[Observation]]:
    """For each feed all observations of one report, signers increasing; feeds without a quorum are left out.

    Preferred is the newest second for which there is a quorum. If publishers never agree on a second, each one's
    newest observation is used. Observations too far from the median are dropped while the spread is too wide and the
    quorum allows it. Which valid ones go in is not the keeper's choice: all of them do.
    """
    by_feed: dict[bytes, list[Observation]] = defaultdict(list)
    for item in observations:
        is_in_time = now - rules.max_age < item.published_at <= now
        if item.signer in rules.publishers and is_in_time:
            by_feed[item.feed].append(item)
    chosen = {}
    for feed, items in sorted(by_feed.items()):
        report = _trim(_one_round(items, rules.quorum), rules)
        if len(report) >= rules.quorum:
            chosen[feed] = sorted(report, key=lambda item: int(item.signer, 16))
    return chosen


def _one_round(items: list[Observation], quorum: int) -> list[Observation]:
    for second in sorted({item.published_at for item in items}, reverse=True):
        same_second = {item.signer: item for item in items if item.published_at == second}
        if len(same_second) >= quorum:
            return list(same_second.values())
    newest: dict[ChecksumAddress, Observation] = {}
    for item in items:
        known = newest.get(item.signer)
        if known is None or known.published_at < item.published_at:
            newest[item.signer] = item
    return list(newest.values())


def _trim(report: list[Observation], rules: Rules) -> list[Observation]:
    report = sorted(report, key=lambda item: item.price)
    while len(report) > rules.quorum and is_too_wide(report, rules.max_spread_bps):
        median = report[len(report) // 2].price
        is_low_end_farther = median - report[0].price > report[-1].price - median
        report = report[1:] if is_low_end_farther else report[:-1]
    return [] if report and is_too_wide(report, rules.max_spread_bps) else report


def median_price(report: Sequence[Observation]) -> int:
    """The price `PriceFeed` will store for a report: of an even number the mean of the middle two, rounded down."""
    prices = sorted(item.price for item in report)
    return (prices[(len(prices) - 1) // 2] + prices[len(prices) // 2]) // 2


def is_too_wide(report: Sequence[Observation], max_spread_bps: int) -> bool:
    """Whether highest and lowest price lie more than `max_spread_bps` of the median apart."""
    prices = [item.price for item in report]
    return (max(prices) - min(prices)) * BPS > max_spread_bps * median_price(report)


def genuine(observations: Sequence[Observation], rules: Rules, domain: Domain, now: int) -> list[Observation]:
    """`observations` less all that a signer says of a feed for which one of those that `choose` takes is forged.

    A signature costs some milliseconds to check, so only what would be sent is: however many observations somebody
    serves, one a feed and signer and round of choosing. For the case that a report was rejected.
    """
    left, good = list(observations), set[Observation]()
    while True:
        chosen = [item for report in choose(left, rules, now).values() for item in report if item not in good]
        right = {item for item in chosen if domain.is_signed_by_its_signer(item)}
        forged = {(item.signer, item.feed) for item in chosen if item not in right}
        if not forged:
            return left
        good |= right
        left = [item for item in left if (item.signer, item.feed) not in forged]


def verified(observations: Iterable[Observation], domain: Domain) -> list[Observation]:
    """Those whose signature is right. Costs some milliseconds each."""
    return [item for item in observations if domain.is_signed_by_its_signer(item)]
