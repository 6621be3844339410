"""Whoever reads the vault's events alone knows every account's shares, locks, requests and cash flows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import boa

from tests.capital.support import COOLDOWN, ROUND, refresh
from tests.regressions.support import USD, set_params
from tests.system import WAD, World

NOBODY = "0x" + "00" * 20


@dataclass
class Reader:
    """Follows the events of the vault, one call after the other."""

    shares: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    locks: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    paid_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    given: int = 0
    round: tuple[int, int, int] = (0, 0, 0)

    def read(self, logs: list[Any]) -> None:
        for event in logs:
            getattr(self, f"on_{type(event).__name__}", lambda event: None)(event)

    def on_Transfer(self, event: Any) -> None:
        self.shares[event.sender] -= event.value
        self.shares[event.receiver] += event.value

    def on_Deposit(self, event: Any) -> None:
        self.paid_in[event.owner] += event.assets

    def on_SharesLocked(self, event: Any) -> None:
        self.locks[event.owner].append((event.shares, event.until))

    def on_Donated(self, event: Any) -> None:
        self.given += event.assets

    def on_RedeemRequested(self, event: Any) -> None:
        self.requests[event.id] = {
            "owner": event.owner,
            "shares": event.shares,
            "receiver": event.receiver,
            "ready_at": event.ready_at,
            "round": 0,
        }

    def on_RequestRedeemed(self, event: Any) -> None:
        request = self.requests[event.id]
        self.paid_out[request["owner"]] += event.assets
        assert request["shares"] - event.shares == event.shares_left
        request |= {"shares": event.shares_left, "round": event.round}
        if event.shares_left == 0:
            del self.requests[event.id]

    def on_RedeemCancelled(self, event: Any) -> None:
        assert self.requests.pop(event.id)["shares"] == event.shares + event.fee_shares

    def on_RoundOpened(self, event: Any) -> None:
        self.round = event.round, event.fraction, event.ends_at


def check(reader: Reader, world: World, names: tuple[str, ...]) -> None:
    vault, now = world.vault, boa.env.timestamp
    for account in (*(world.account(name) for name in names), vault.address, world.owner):
        assert reader.shares[account] == vault.balanceOf(account)
        assert sum(shares for shares, until in reader.locks[account] if until > now) == vault.locked_shares(account)
    assert -reader.shares[NOBODY] == vault.totalSupply()
    for id_ in range(1, vault.next_request_id()):
        theirs = vault.request(id_)
        known = reader.requests.get(id_)
        assert (theirs.owner == NOBODY) == (known is None)
        if known is not None:
            assert known == {name: getattr(theirs, name) for name in known}
    assert reader.round == tuple(vault.round())


def test_events__of_a_whole_life__are_all_there_is_to_know(world: World) -> None:
    vault, token, reader = world.vault, world.token, Reader()
    refresh(world, 200)  # the first provider's shares are no longer locked
    reader.shares[world.owner], reader.shares[NOBODY] = vault.totalSupply(), -vault.totalSupply()
    names = ("first", "second", "third")

    def call(name: str, function: Any, *args: Any) -> Any:
        result = function(*args, sender=world.account(name))
        reader.read([event for event in vault.get_logs() if event.address == vault.address])
        check(reader, world, names)
        return result

    with boa.env.prank(world.owner):
        for name in names:
            token.mint(world.account(name), 9_000_000 * USD)
    for name in names:
        token.approve(vault.address, 2**256 - 1, sender=world.account(name))
    first, second, third = (world.account(name) for name in names)
    call("first", vault.deposit, 4_000_000 * USD, first)
    boa.env.time_travel(seconds=45)
    refresh(world)
    call("second", vault.deposit, 2_000_000 * USD, first)
    call("second", vault.mint, 10**18, second)
    call("third", vault.donate, 7 * USD)
    boa.env.time_travel(seconds=200)
    call("first", vault.transfer, third, 10**18)
    call("second", vault.approve, first, 10**17)
    call("first", vault.transferFrom, second, third, 10**17)
    early = call("third", vault.request_redeem, 10**16)
    call("third", vault.cancel_request, early)
    ids = [
        call("first", vault.request_redeem, 4 * 10**18, second, USD),
        call("second", vault.request_redeem, 10**17),
        call("third", vault.request_redeem, 10**18),
    ]
    with boa.env.prank(world.owner):
        world.pool.set_mandate(world.market.address, 100_000_000 * USD)
    set_params(world, loss_budget=13_000_000 * USD)
    world.open("trader", 10 * WAD, 500 * USD)
    refresh(world, COOLDOWN)
    for id_ in ids:
        call("third", vault.redeem_request, id_)
    assert 0 < reader.round[1] < WAD
    assert len(reader.requests) == 3
    call("third", vault.cancel_request, ids[2])
    refresh(world, ROUND)
    set_params(world, loss_budget=1_000_000 * USD)
    for id_ in ids[:2]:
        call("second", vault.redeem_request, id_)
    assert not reader.requests

    assert reader.given == 7 * USD
    for name, account in zip(names, (first, second, third), strict=True):
        spent = 9_000_000 * USD - token.balanceOf(account)
        received = reader.paid_out[account]
        if name == "third":
            assert spent == 7 * USD - received
    cash = reader.paid_in[first] + reader.paid_in[second] + reader.given - sum(reader.paid_out.values())
    assert cash == sum(9_000_000 * USD - token.balanceOf(account) for account in (first, second, third))
