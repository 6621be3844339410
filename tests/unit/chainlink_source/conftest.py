from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.unit.support import FEED, WAD, deployer

MAX_AGE = 3_600
GRACE_PERIOD = 1_800
DECIMALS = 8
PRICE = 100_000
BOUNDS = (1_000 * WAD, 1_000_000 * WAD)


@dataclass
class Chainlink:
    """A source with one feed of 8 decimals, on a chain whose sequencer has been up for a day."""

    owner: str
    source: Any
    aggregator: Any
    uptime: Any

    def answer(self, answer: int = PRICE * 10**DECIMALS, age: int = 0, round_id: int = 7, answered_in: int = 7) -> int:
        """Sets the newest round; returns when it was updated."""
        at = int(boa.env.timestamp) - age
        self.aggregator.set_round(round_id, answer, at, at, answered_in)
        return at

    def sequencer(self, is_down: bool, since: int) -> None:
        self.uptime.set_round(1, int(is_down), since, boa.env.timestamp, 1)

    def price(self) -> tuple[int, int]:
        price, at = self.source.price(FEED)
        return int(price), int(at)

    def set_feed(self, *args: Any) -> None:
        with boa.env.prank(self.owner):
            self.source.set_feed(*args)


@pytest.fixture(scope="session")
def deployed() -> Chainlink:
    owner = boa.env.generate_address("owner")
    aggregator = deployer("StubAggregator").deploy(DECIMALS)
    uptime = deployer("StubAggregator").deploy(0)
    with boa.env.prank(owner):
        source = deployer("ChainlinkSource").deploy(uptime.address, GRACE_PERIOD)
        source.set_feed(FEED, aggregator.address, MAX_AGE, *BOUNDS)
    return Chainlink(owner, source, aggregator, uptime)


@pytest.fixture
def chainlink(deployed: Chainlink) -> Chainlink:
    deployed.sequencer(False, boa.env.timestamp - 86_400)
    deployed.answer()
    return deployed
