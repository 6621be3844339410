"""What every browser test is given: the services and the page, and a browser with a wallet of its own."""

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest

from plimsoll import accounts, artifacts
from plimsoll.processes import Children
from tests.stack import ACCOUNTS
from tests.web.browser import Browser, chromium_program
from tests.web.flows import crash
from tests.web.stage import REST_SECONDS, Stack, dev, start

FIRST_STRANGER = 20
"""From here on nobody else uses the accounts of the development mnemonic."""
ASKED_CASH = 1_000 * 10**6
"""What the LP asks of the vault."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What the page needs around it, until the last test is done."""
    folder = tmp_path_factory.mktemp("web")
    children = Children(folder / "logs")
    artifacts.compile_all()
    try:
        yield asyncio.run(start(children, folder))
    finally:
        children.stop_all()


def opened(stack: Stack, account: str) -> Iterator[Browser]:
    """A fresh browser with a wallet that holds the key of `account`.

    Whatever a test does with it: no request leaves the machine, and the browser has nothing to complain about.
    """
    program = chromium_program()
    assert program, "no Chromium or Google Chrome on PATH: run `make chromium`"
    browser = Browser(program, stack.deployment.rpc_url, account)
    try:
        yield browser
        requests = browser.do("requests")
        assert requests
        strangers = {
            url for url in requests if urlparse(url).scheme != "data" and urlparse(url).hostname != "127.0.0.1"
        }
        assert not strangers
        assert browser.do("problems") == []
    finally:
        browser.close()


@pytest.fixture(scope="session")
def strangers() -> Iterator[str]:
    """Addresses of people who have never been here, with ether and nothing else. No two tests share one."""
    return map(dev, range(FIRST_STRANGER, ACCOUNTS))


@pytest.fixture
def browser(stack: Stack, strangers: Iterator[str]) -> Iterator[Browser]:
    """Of a stranger."""
    yield from opened(stack, next(strangers))


@pytest.fixture(scope="session")
def deleveraged(stack: Stack, strangers: Iterator[str]) -> str:
    """Somebody whose BTC long was closed by ADL, and who has not collected what that pays."""
    winner = next(strangers)
    crash(stack, winner, next(strangers))
    return winner


@pytest.fixture
def winner(stack: Stack, deleveraged: str) -> Iterator[Browser]:
    """Of the one who was deleveraged."""
    yield from opened(stack, deleveraged)


@pytest.fixture
def lp(stack: Stack) -> Iterator[Browser]:
    """Of somebody whose capital is in the vault."""
    yield from opened(stack, dev(accounts.LP))


@pytest.fixture(scope="session")
def asked(stack: Stack) -> None:
    """The LP's request, number 1. Who needs it redeemable asks for this early: the cooldown passes while tests run."""
    vault, owner = stack.contract("Vault").functions, dev(accounts.LP)
    deadline = time.monotonic() + REST_SECONDS
    while vault.locked_shares(owner).call():
        assert time.monotonic() < deadline, "shares stay locked"
        time.sleep(0.5)
    sent = vault.request_redeem(vault.convertToShares(ASKED_CASH).call()).transact({"from": owner})
    assert stack.w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
