"""The page keeps what it has read of the chain: a reload asks for what is new, and nothing of it can break the page."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.web.browser import Browser, test_id
from tests.web.flows import connect, wait_until
from tests.web.stage import Stack

SETTLED_BLOCKS = 32
STORE = "plimsoll.logs"


def starts(browser: Browser) -> list[int]:
    """First blocks of all ranges whose logs were asked for since the last call."""
    return browser.do("log_starts")


def read_whole_history(stack: Stack, browser: Browser) -> None:
    """Opens the page on a chain that has something to keep, and waits until everything old is kept."""
    first = stack.deployment.start_block
    enough = first + 2 * SETTLED_BLOCKS + 2
    wait_until(lambda: stack.w3.eth.block_number > enough, "the chain stands still")
    connect(stack, browser)
    browser.wait(test_id("incident-adl-BTC"))
    assert min(starts(browser)) == first


def reload(stack: Stack, browser: Browser) -> list[int]:
    """Loads the page again, until it shows what happened long ago; the first blocks it asked for."""
    browser.open("about:blank")
    starts(browser)
    browser.open(stack.page_url)
    browser.wait(test_id("incident-adl-BTC"))
    return starts(browser)


def test_reload__asks_for_the_newest_blocks_alone(stack: Stack, winner: Browser) -> None:
    newest = stack.w3.eth.block_number
    read_whole_history(stack, winner)
    oldest = min(reload(stack, winner))
    assert oldest > newest - 2 * SETTLED_BLOCKS
    assert oldest > stack.deployment.start_block


def nonsense(browser: Browser, version: int) -> None:
    assert browser.do("spoil_store", name=STORE, version=version) > 0


@pytest.mark.parametrize("spoil", [partial(nonsense, version=1), partial(nonsense, version=99)])
def test_reload__a_spoiled_store__is_thrown_away(stack: Stack, winner: Browser, spoil: Callable[..., None]) -> None:
    read_whole_history(stack, winner)
    spoil(winner)
    assert min(reload(stack, winner)) == stack.deployment.start_block
    assert min(reload(stack, winner)) > stack.deployment.start_block


def test_no_store__reads_everything_each_time(stack: Stack, winner: Browser) -> None:
    winner.do("forbid_store")
    read_whole_history(stack, winner)
    assert min(reload(stack, winner)) == stack.deployment.start_block
