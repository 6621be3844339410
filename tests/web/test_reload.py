"""The page keeps what it has read of the chain: a reload asks for what is new, and nothing of it can break the page."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.web.browser import Browser, test_id
from tests.web.flows import connect, wait_until
from tests.web.stage import Stack

SETTLED_BLOCKS = 32
STORE = "plimsoll.logs"


Starts = dict[str, int]
"""What logs are asked for, and the first block from which on."""


def starts(browser: Browser) -> Starts:
    """All that was asked for since the last call."""
    found: Starts = {}
    for name, block in browser.do("log_ranges"):
        found[name] = min(block, found.get(name, block))
    return found


def wait_kept(browser: Browser, names: Starts) -> None:
    """Until something of each is kept: a page that is left before asks for everything again."""
    wait_until(lambda: set(names) <= set(browser.do("kept_names", name=STORE)), "logs are not kept")


def read_whole_history(stack: Stack, browser: Browser) -> Starts:
    """Opens the page on a chain that has something to keep, and waits until it shows something old."""
    first = stack.deployment.start_block
    enough = first + 2 * SETTLED_BLOCKS + 2
    wait_until(lambda: stack.w3.eth.block_number > enough, "the chain stands still")
    connect(stack, browser)
    browser.wait(test_id("incident-adl-BTC"))
    found = starts(browser)
    assert set(found.values()) == {first}
    return found


def reload(stack: Stack, browser: Browser, names: Starts) -> Starts:
    """Loads the page again, until it shows what happened long ago and has asked for all `names`."""
    browser.open("about:blank")
    starts(browser)
    browser.open(stack.page_url)
    browser.wait(test_id("incident-adl-BTC"))
    found: Starts = {}

    def all_asked() -> bool:
        for name, block in starts(browser).items():
            found.setdefault(name, block)
        return set(names) <= set(found)

    wait_until(all_asked, "logs are not asked for")
    return {name: found[name] for name in names}


def test_reload__asks_for_the_newest_blocks_alone(stack: Stack, winner: Browser) -> None:
    newest = stack.w3.eth.block_number
    names = read_whole_history(stack, winner)
    wait_kept(winner, names)
    oldest = min(reload(stack, winner, names).values())
    assert oldest > newest - 2 * SETTLED_BLOCKS
    assert oldest > stack.deployment.start_block


def nonsense(browser: Browser, version: int) -> None:
    assert browser.do("spoil_store", name=STORE, version=version) > 0


@pytest.mark.parametrize("spoil", [partial(nonsense, version=1), partial(nonsense, version=99)])
def test_reload__a_spoiled_store__is_thrown_away(stack: Stack, winner: Browser, spoil: Callable[..., None]) -> None:
    names = read_whole_history(stack, winner)
    wait_kept(winner, names)
    spoil(winner)
    first = stack.deployment.start_block
    assert set(reload(stack, winner, names).values()) == {first}
    wait_kept(winner, names)
    assert min(reload(stack, winner, names).values()) > first


def test_no_store__reads_everything_each_time(stack: Stack, winner: Browser) -> None:
    winner.do("forbid_store")
    names = read_whole_history(stack, winner)
    assert set(reload(stack, winner, names).values()) == {stack.deployment.start_block}
