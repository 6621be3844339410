from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boa
import pytest

from tests.unit.support import Observation, deployer, publisher_keys, sign

MAX_AGE = 60
MAX_SPREAD_BPS = 100
PRICE = 100_000 * 10**18

Report = Callable[..., list[Observation]]


@pytest.fixture(scope="session")
def feed() -> Any:
    """Five publishers, four of whom are a quorum."""
    addresses = [key.address for key in publisher_keys(5)]
    return deployer("PriceFeed").deploy(addresses, 4, MAX_AGE, MAX_SPREAD_BPS)


@pytest.fixture
def report(feed: Any) -> Report:
    """A report by the first publishers, one for each price, all of them `age` seconds old."""

    def make(*prices: int, age: int = 0) -> list[Observation]:
        prices = prices or (PRICE,) * 4
        at = boa.env.timestamp - age
        return [sign(key, feed.address, price, at) for key, price in zip(publisher_keys(5), prices, strict=False)]

    return make
