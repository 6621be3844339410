"""Against a stand-in for Pyth.

Its functions are those of `@pythnetwork/pyth-sdk-solidity` 4.2.0, `abis/IPyth.json`, written out below with the
selectors that this ABI gives, and its errors are those of that package; the package itself is no part of the set-up.
"""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_utils import function_signature_to_4byte_selector

from tests.unit.pyth_source.conftest import BOUNDS, ID, MAX_AGE, MAX_CONFIDENCE_BPS, PRICE, Pyth
from tests.unit.support import FEED, OTHER_FEED, WAD, deployer

PACKAGE = {
    "getPriceUnsafe(bytes32)": ("96834ad3", ["int64", "uint64", "int32", "uint256"]),
    "getUpdateFee(bytes[])": ("d47eed45", ["uint256"]),
    "updatePriceFeeds(bytes[])": ("ef9e5e28", []),
}
ERRORS = {"PriceFeedNotFound()": "14aebe68", "InsufficientFee()": "025dbdd4"}


@pytest.mark.parametrize("signature", PACKAGE)
def test_interface__selector_and_outputs__those_of_the_package(signature: str) -> None:
    selector, outputs = PACKAGE[signature]
    assert function_signature_to_4byte_selector(signature).hex() == selector
    name, inputs = signature.removesuffix(")").split("(")
    entry: dict[str, Any] = next(each for each in deployer("StubPyth").artifact.abi if each.get("name") == name)
    assert [each["type"] for each in entry["inputs"]] == [inputs]
    found = [part for each in entry["outputs"] for part in each.get("components", [each])]
    assert [each["type"] for each in found] == outputs
    assert bytes.fromhex(selector) in bytes.fromhex(deployer("PythSource").artifact.bytecode[2:])


@pytest.mark.parametrize("error", ERRORS)
def test_interface__errors_of_the_stand_in__those_of_the_package(error: str) -> None:
    assert function_signature_to_4byte_selector(error).hex() == ERRORS[error]
    assert ERRORS[error] in deployer("StubPyth").artifact.bytecode


def test_price__fresh__in_wad_with_its_time(pyth: Pyth) -> None:
    pyth.bring(age=3)
    assert pyth.price() == (PRICE * WAD, boa.env.timestamp - 3)


@pytest.mark.parametrize(
    ("price", "exponent", "expected"),
    [
        (54_321, 0, 54_321 * WAD),
        (54, 3, 54_000 * WAD),
        (543_219, -1, 543_219 * WAD // 10),
        (54_321 * 10**12, -12, 54_321 * WAD),
        (5 * 10**18, -14, 50_000 * WAD),
        (5 * 10**18, -15, 5_000 * WAD),
        # more digits than WAD has: rounded down
        (9 * 10**18 + 19, -15, 9_000 * WAD + 19_000),
    ],
)
def test_price__exponent__normalised(pyth: Pyth, price: int, exponent: int, expected: int) -> None:
    pyth.bring(price, exponent=exponent)
    assert pyth.price()[0] == expected


def test_price__digits_beyond_wad__round_down(pyth: Pyth) -> None:
    pyth.set_feed(FEED, ID, MAX_AGE, MAX_CONFIDENCE_BPS, 1, 10 * WAD)
    pyth.bring(9 * 10**18 + 19, exponent=-19)
    assert pyth.price()[0] == 9 * WAD // 10 + 1


@pytest.mark.parametrize("exponent", [-(2**31), -55, -54, -20, 9, 18, 19, 2**31 - 1])
def test_price__odd_exponent__out_of_bounds(pyth: Pyth, exponent: int) -> None:
    pyth.bring(10**8, exponent=exponent)
    with boa.reverts("wait: price out of bounds"):
        pyth.price()


@pytest.mark.parametrize("price", [0, -1, -(2**63)])
def test_price__not_positive__reverts(pyth: Pyth, price: int) -> None:
    pyth.bring(price)
    with boa.reverts("wait: price not positive"):
        pyth.price()


def test_price__bounds__are_part_of_the_range(pyth: Pyth) -> None:
    for inside in BOUNDS:
        pyth.bring(inside * 10**8 // WAD)
        assert pyth.price()[0] == inside
    for outside in (BOUNDS[0] * 10**8 // WAD - 1, BOUNDS[1] * 10**8 // WAD + 1):
        pyth.bring(outside)
        with boa.reverts("wait: price out of bounds"):
            pyth.price()


def test_price__confidence_wider_than_the_cap__reverts(pyth: Pyth) -> None:
    most = PRICE * 10**8 * MAX_CONFIDENCE_BPS // 10_000
    pyth.bring(confidence=most)
    pyth.price()
    pyth.bring(confidence=most + 1)
    with boa.reverts("wait: price uncertain"):
        pyth.price()
    pyth.bring(confidence=2**64 - 1)
    with boa.reverts("wait: price uncertain"):
        pyth.price()


def test_price__older_than_the_feed_allows__reverts(pyth: Pyth) -> None:
    pyth.bring(age=MAX_AGE)
    pyth.price()
    boa.env.time_travel(seconds=1)
    with boa.reverts("wait: stale price"):
        pyth.price()


def test_price__from_the_future__reverts_until_then(pyth: Pyth) -> None:
    pyth.bring(age=-5)
    with boa.reverts("wait: price from the future"):
        pyth.price()
    boa.env.time_travel(seconds=5)
    assert pyth.price() == (PRICE * WAD, boa.env.timestamp)


def test_price__nothing_brought_yet__reads_as_a_wait(pyth: Pyth) -> None:
    pyth.set_feed(OTHER_FEED, b"\x01" * 32, MAX_AGE, MAX_CONFIDENCE_BPS, *BOUNDS)
    with boa.reverts("wait: no answer"):
        pyth.source.price(OTHER_FEED)


def test_price__feed_not_registered__reverts(pyth: Pyth) -> None:
    with boa.reverts("wait: no price"):
        pyth.source.price(OTHER_FEED)
