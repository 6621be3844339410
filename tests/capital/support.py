"""What providers of capital do again and again in these tests."""

from __future__ import annotations

import boa

from tests.system import World

DAY = 86_400
COOLDOWN = DAY
ROUND = COOLDOWN


def tokens(world: World, name: str, amount: int) -> str:
    account = world.account(name)
    with boa.env.prank(world.owner):
        world.token.mint(account, amount)
    with boa.env.prank(account):
        world.token.approve(world.vault.address, 2**256 - 1)
        world.token.approve(world.pool.address, 2**256 - 1)
    return account


def join(world: World, name: str, amount: int) -> int:
    account = tokens(world, name, amount)
    with boa.env.prank(account):
        return int(world.vault.deposit(amount, account))


def ask(world: World, name: str, shares: int, least: int = 0) -> int:
    boa.env.time_travel(seconds=max(0, world.vault.unlocked_at(world.account(name)) - boa.env.timestamp))
    with boa.env.prank(world.account(name)):
        return int(world.vault.request_redeem(shares, world.account(name), least))


def redeem(world: World, name: str, request: int) -> int:
    with boa.env.prank(world.account(name)):
        return int(world.vault.redeem_request(request))


def worth_of(world: World, name: str) -> int:
    return int(world.vault.convertToAssets(world.vault.balanceOf(world.account(name))))


def unlock(world: World, name: str) -> None:
    """Time passes until the shares of `name` can move; then the same prices again."""
    boa.env.time_travel(seconds=max(0, world.vault.unlocked_at(world.account(name)) - boa.env.timestamp))
    refresh(world)


def refresh(world: World, seconds: int = 0) -> None:
    boa.env.time_travel(seconds=seconds)
    for market in range(len(world.markets)):
        world.refresh(market)


def ready(world: World, name: str, amount: int) -> int:
    """Joins, asks for all of it, and waits until it can be redeemed at unchanged prices."""
    request = ask(world, name, join(world, name, amount))
    refresh(world, COOLDOWN)
    return request


def purse(world: World, name: str) -> int:
    """Tokens held, and what shares in hand and asked out are worth."""
    account, vault = world.account(name), world.vault
    shares = vault.balanceOf(account)
    for request in range(1, vault.next_request_id()):
        theirs = vault.request(request)
        if theirs.owner == account:
            shares += theirs.shares
    return int(world.token.balanceOf(account) + vault.convertToAssets(shares))
