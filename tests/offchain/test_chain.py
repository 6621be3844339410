"""Reading a chain while it mines."""

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace

from web3.exceptions import ContractLogicError

from plimsoll.chain import READ_ATTEMPTS, Chain


class Mining(Chain):
    """A node whose head rises after each `looks` looks, and a view that fails `failures` times before it answers."""

    def __init__(self, looks: int = 1, failures: int = 0) -> None:
        self.w3 = SimpleNamespace(eth=self)
        self.looks, self.failures = looks, failures
        self.looked = 0

    @property
    def block_number(self) -> Awaitable[int]:
        async def number() -> int:
            self.looked += 1
            return 7 + (self.looked - 1) // self.looks

        return number()

    async def call(self) -> int:
        self.failures -= 1
        if self.failures >= 0:
            raise ContractLogicError("execution reverted")
        return 42


def test_passed_block__is_told_when_the_next_is_there() -> None:
    node = Mining(looks=3)
    assert asyncio.run(node.passed_block()) == 7
    assert node.looked == 4


def test_passed_block__chain_that_mines_on_demand__is_told_all_the_same() -> None:
    assert asyncio.run(Mining(looks=1_000).passed_block(0.3)) == 7


def test_read__new_state_at_an_old_time__is_asked_again() -> None:
    node = Mining(failures=READ_ATTEMPTS - 1)
    assert asyncio.run(node.read(node)) == 42
