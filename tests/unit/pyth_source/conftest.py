from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.unit.support import FEED, WAD, deployer

ID = keccak(text="Crypto.BTC/USD")
FEE = 7
MAX_AGE = 60
MAX_CONFIDENCE_BPS = 50
PRICE = 100_000
EXPONENT = -8
BOUNDS = (1_000 * WAD, 1_000_000 * WAD)


@dataclass
class Pyth:
    """A source with one feed on a stand-in for Pyth."""

    owner: str
    source: Any
    pyth: Any

    def signed(
        self, price: int = PRICE * 10**8, confidence: int = 0, exponent: int = EXPONENT, age: int = 0, feed: bytes = ID
    ) -> bytes:
        """One update, as the stand-in takes it."""
        types = ["bytes32", "int64", "uint64", "int32", "uint256"]
        return encode(types, [feed, price, confidence, exponent, boa.env.timestamp - age])

    def bring(self, *args: Any, **more: Any) -> None:
        """A price that is newer than the last one reaches Pyth, not through the source."""
        boa.env.time_travel(seconds=100)
        payer = boa.env.generate_address("payer")
        boa.env.set_balance(payer, 10**18)
        self.pyth.updatePriceFeeds([self.signed(*args, **more)], value=FEE, sender=payer)

    def price(self) -> tuple[int, int]:
        price, at = self.source.price(FEED)
        return int(price), int(at)

    def set_feed(self, *args: Any) -> None:
        with boa.env.prank(self.owner):
            self.source.set_feed(*args)


@pytest.fixture(scope="session")
def deployed() -> Pyth:
    owner = boa.env.generate_address("owner")
    stub = deployer("StubPyth").deploy(FEE)
    with boa.env.prank(owner):
        source = deployer("PythSource").deploy(stub.address)
        source.set_feed(FEED, ID, MAX_AGE, MAX_CONFIDENCE_BPS, *BOUNDS)
    return Pyth(owner, source, stub)


@pytest.fixture
def pyth(deployed: Pyth) -> Pyth:
    return deployed
