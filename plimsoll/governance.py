"""Proposals to the timelock that owns Plimsoll. Listing a market is one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from eth_abi import encode
from eth_typing import ChecksumAddress
from eth_utils import function_abi_to_4byte_selector, keccak
from eth_utils.abi import collapse_if_tuple

from plimsoll import artifacts
from plimsoll.deploy import Chain, Contract, Listing, Plan, listing_steps, wiring

NO_PREDECESSOR = bytes(32)


@dataclass(frozen=True)
class Call:
    """One call that the timelock is to make."""

    target: ChecksumAddress
    payload: bytes


@dataclass(frozen=True)
class Proposal:
    """Calls that are made together or not at all. Two proposals of the same calls differ by `salt`."""

    calls: Sequence[Call]
    salt: bytes

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What `TimelockController` takes: targets, amounts, payloads, predecessor, salt."""
        targets = [call.target for call in self.calls]
        payloads = [call.payload for call in self.calls]
        return targets, [0] * len(self.calls), payloads, NO_PREDECESSOR, self.salt

    def id(self, timelock: Any) -> bytes:
        """Under which `timelock` knows it."""
        return bytes(timelock.hash_operation_batch(*self.arguments))

    def schedule(self, timelock: Any, delay: int, sender: Any) -> None:
        """Proposes; `delay` seconds later it can be executed."""
        timelock.schedule_batch(*self.arguments, delay, sender=sender)

    def execute(self, timelock: Any, sender: Any) -> None:
        """Makes the calls. Anyone may, once the delay is over."""
        timelock.execute_batch(*self.arguments, sender=sender)


def call(name: str, target: ChecksumAddress, function: str, *args: Any) -> Call:
    """A call of `function` of contract `name` at `target`.

    :raises ValueError: if the contract has no such function.
    """
    for entry in artifacts.abi(name):
        if entry["type"] == "function" and entry["name"] == function and len(entry["inputs"]) == len(args):
            types = [collapse_if_tuple(item) for item in entry["inputs"]]
            return Call(target, function_abi_to_4byte_selector(entry) + encode(types, args))
    raise ValueError(f"{name} has no function {function} of {len(args)} arguments")


def create_market(
    chain: Chain, plan: Plan, contracts: Mapping[str, Contract], listing: Listing, source: str | None = None
) -> Contract:
    """Deploys a market that the timelock owns. Anyone may; it has no rights before a proposal gives them.

    :param source: where it reads its prices for good, default the `PriceFeed`. What the `SourceRouter` reads can be
        replaced: see `source_proposal`.
    """
    factory: Any = contracts["MarketFactory"]
    owner = contracts["TimelockController"].address
    params = astuple(plan.market_params(listing))
    address = chain.returned(factory.create_market, wiring(contracts, listing.feed, source), owner, params)
    return chain.at("Market", address)


def listing_proposal(
    plan: Plan, contracts: Mapping[str, Contract], market: ChecksumAddress, first_source: Call | None = None
) -> Proposal:
    """What lists `market`: its rights, its mandate and its guardian. For one market always the same.

    :param first_source: the announcement of the source of a feed that the router does not know yet.
    """
    calls = [] if first_source is None else [first_source]
    calls += [
        call(name, contracts[name].address, function, *args) for name, function, args in listing_steps(plan, market)
    ]
    calls.append(call("Market", market, "set_guardian", contracts["Guardian"].address))
    return Proposal(calls, salt=keccak(text=f"list {market.lower()}"))


def source_announcement(contracts: Mapping[str, Contract], feed: bytes, source: ChecksumAddress) -> Call:
    """Makes `source` the one of `feed` for the markets on the router: the first at once, another after its delay."""
    return call("SourceRouter", contracts["SourceRouter"].address, "announce_source", feed, source)


def source_proposal(contracts: Mapping[str, Contract], feed: bytes, source: ChecksumAddress) -> Proposal:
    """What replaces the source of `feed`. For one feed and source always the same."""
    announcement = source_announcement(contracts, feed, source)
    return Proposal([announcement], salt=keccak(text=f"source {feed.hex()} {source.lower()}"))
