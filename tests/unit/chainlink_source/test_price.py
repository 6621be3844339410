"""Against a stand-in for Chainlink's AggregatorV3Interface.

Its functions are those of `@chainlink/contracts` 1.4.0, `abi/v0.8/AggregatorV3Interface.json`, written out below with
the selectors that this ABI gives; the package itself is no part of the set-up.
"""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

from tests.unit.chainlink_source.conftest import BOUNDS, DECIMALS, GRACE_PERIOD, MAX_AGE, PRICE, Chainlink
from tests.unit.support import FEED, OTHER_FEED, WAD, deployer

PACKAGE = {
    "decimals()": ("313ce567", ["uint8"]),
    "latestRoundData()": ("feaf968c", ["uint80", "int256", "uint256", "uint256", "uint80"]),
}


@pytest.mark.parametrize("signature", PACKAGE)
def test_interface__selector_and_outputs__those_of_the_package(signature: str) -> None:
    selector, outputs = PACKAGE[signature]
    assert function_signature_to_4byte_selector(signature).hex() == selector
    artifact = deployer("StubAggregator").artifact
    entry: dict[str, Any] = next(each for each in artifact.abi if each.get("name") == signature.removesuffix("()"))
    assert [each["type"] for each in entry["outputs"]] == outputs
    assert bytes.fromhex(selector) in bytes.fromhex(deployer("ChainlinkSource").artifact.bytecode[2:])


def test_price__fresh_answer__in_wad_with_its_time(chainlink: Chainlink) -> None:
    at = chainlink.answer(age=100)
    assert chainlink.price() == (PRICE * WAD, at)


def test_price__decoded_as_the_words_of_the_interface(chainlink: Chainlink) -> None:
    at = boa.env.timestamp
    words = encode(PACKAGE["latestRoundData()"][1], [7, PRICE * 10**DECIMALS, at, at, 7])
    chainlink.aggregator.latestRoundData()
    assert chainlink.aggregator._computation.output == words


@pytest.mark.parametrize("decimals", [0, 6, 8, 17, 18, 19, 20, 36])
def test_price__decimals__normalised(chainlink: Chainlink, decimals: int) -> None:
    aggregator = deployer("StubAggregator").deploy(decimals)
    chainlink.set_feed(OTHER_FEED, aggregator.address, MAX_AGE, *BOUNDS)
    at = boa.env.timestamp
    aggregator.set_round(1, 54_321 * 10**decimals, at, at, 1)
    assert chainlink.source.price(OTHER_FEED)[0] == 54_321 * WAD


def test_price__more_than_18_decimals__rounds_down(chainlink: Chainlink) -> None:
    aggregator = deployer("StubAggregator").deploy(20)
    chainlink.set_feed(OTHER_FEED, aggregator.address, MAX_AGE, *BOUNDS)
    at = boa.env.timestamp
    aggregator.set_round(1, 54_321 * 10**20 + 199, at, at, 1)
    assert chainlink.source.price(OTHER_FEED)[0] == 54_321 * WAD + 1


def test_price__feed_not_registered__reverts(chainlink: Chainlink) -> None:
    with boa.reverts("wait: no price"):
        chainlink.source.price(OTHER_FEED)


@pytest.mark.parametrize("answer", [0, -1, -(2**255), 2**255 - 1, 2**192 + 1, 2**192])
def test_price__answer_not_positive_or_huge__reverts(chainlink: Chainlink, answer: int) -> None:
    chainlink.answer(answer)
    with boa.reverts("wait: price out of bounds"):
        chainlink.price()


def test_price__bounds__are_part_of_the_range(chainlink: Chainlink) -> None:
    unit = 10**DECIMALS
    for inside in BOUNDS:
        chainlink.answer(inside * unit // WAD)
        assert chainlink.price()[0] == inside
    for outside in (BOUNDS[0] * unit // WAD - 1, BOUNDS[1] * unit // WAD + 1):
        chainlink.answer(outside)
        with boa.reverts("wait: price out of bounds"):
            chainlink.price()


def test_price__older_than_the_feed_allows__reverts(chainlink: Chainlink) -> None:
    chainlink.answer(age=MAX_AGE)
    chainlink.price()
    chainlink.answer(age=MAX_AGE + 1)
    with boa.reverts("wait: stale answer"):
        chainlink.price()


def test_price__each_feed_has_its_own_age(chainlink: Chainlink) -> None:
    chainlink.set_feed(OTHER_FEED, chainlink.aggregator.address, 60, *BOUNDS)
    chainlink.answer(age=61)
    chainlink.price()
    with boa.reverts("wait: stale answer"):
        chainlink.source.price(OTHER_FEED)


def test_price__from_the_future__reverts(chainlink: Chainlink) -> None:
    chainlink.answer(age=-1)
    with boa.reverts("wait: answer from the future"):
        chainlink.price()


def test_price__round_not_complete__reverts(chainlink: Chainlink) -> None:
    chainlink.answer(round_id=8, answered_in=7)
    with boa.reverts("wait: round not complete"):
        chainlink.price()
    chainlink.aggregator.set_round(7, PRICE * 10**DECIMALS, 0, 0, 7)
    with boa.reverts("wait: round not complete"):
        chainlink.price()


def test_price__aggregator_reverts__reads_as_a_wait(chainlink: Chainlink) -> None:
    chainlink.aggregator.set_silent(True)
    with boa.reverts("wait: no answer"):
        chainlink.price()


def test_price__sequencer_down__reverts(chainlink: Chainlink) -> None:
    chainlink.sequencer(True, boa.env.timestamp - 86_400)
    with boa.reverts("wait: sequencer is down"):
        chainlink.price()


def test_price__sequencer_never_reported__reverts(chainlink: Chainlink) -> None:
    chainlink.sequencer(False, 0)
    with boa.reverts("wait: sequencer is down"):
        chainlink.price()


def test_price__sequencer_silent__reverts(chainlink: Chainlink) -> None:
    chainlink.uptime.set_silent(True)
    with boa.reverts("wait: no answer"):
        chainlink.price()


@pytest.mark.parametrize("since", [-30, 0, GRACE_PERIOD])
def test_price__sequencer_just_back__reverts(chainlink: Chainlink, since: int) -> None:
    chainlink.sequencer(False, boa.env.timestamp - since)
    with boa.reverts("wait: sequencer just restarted"):
        chainlink.price()


def test_price__grace_period_over__is_given(chainlink: Chainlink) -> None:
    chainlink.sequencer(False, boa.env.timestamp - GRACE_PERIOD - 1)
    assert chainlink.price()[0] == PRICE * WAD


def test_price__no_sequencer__is_not_asked_for() -> None:
    source = deployer("ChainlinkSource").deploy("0x" + "00" * 20, 0)
    aggregator = deployer("StubAggregator").deploy(DECIMALS)
    source.set_feed(FEED, aggregator.address, MAX_AGE, *BOUNDS)
    at = boa.env.timestamp
    aggregator.set_round(1, PRICE * 10**DECIMALS, at, at, 1)
    assert source.price(FEED) == (PRICE * WAD, at)
