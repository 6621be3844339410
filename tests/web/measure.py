"""Measures the page: bytes of the first load, and how long the picture of the ADL queue takes with 2,000 buckets.

`python -m tests.web.measure`, from the root. Nothing here asserts: what is measured on a busy machine proves nothing.
"""

import asyncio
import gzip
import re
import statistics
import tempfile
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from plimsoll import artifacts
from plimsoll.processes import Children
from plimsoll.web import FRONTEND
from tests.web.browser import Browser, chromium_program, test_id
from tests.web.conftest import FIRST_STRANGER
from tests.web.flows import WAD, connect, fund, order
from tests.web.stage import Stack, dev, start
from tests.web.test_risk import topic

BUCKETS = 2_000
MOVES = 40
COLUMNS = 25
FIRST_CLASS = 150


def first_load() -> int:
    """Gzipped bytes of the built page and all that it loads before anything is clicked."""
    dist = FRONTEND / "dist"
    page = (dist / "index.html").read_text()
    names = re.findall(r'(?:src|href)="/(assets/[^"]+)"', page)
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in (dist / "index.html", *(dist / n for n in names)))


def bucket_logs(stack: Stack) -> list[dict[str, Any]]:
    """Events of buckets that were joined right before the last one: longs in COLUMNS grid columns."""
    market = stack.market("BTC")
    last = stack.w3.eth.get_block("latest")
    logs = []
    for i in range(BUCKETS):
        bucket = (FIRST_CLASS + i % COLUMNS) << 16 | (32_768 + i // COLUMNS)
        data = encode(["uint256", "int256", "int256"], [0, WAD, WAD])
        logs.append(
            {
                "address": market.address.lower(),
                "topics": [topic(stack, "BucketChanged"), f"0x{bucket:064x}"],
                "data": "0x" + data.hex(),
                "blockNumber": hex(last["number"]),
                "blockTimestamp": hex(last["timestamp"]),
                "blockHash": "0x" + last["hash"].hex(),
                "transactionHash": f"0x{i:064x}",
                "transactionIndex": "0x0",
                "logIndex": hex(1_000 + i),
                "removed": False,
            }
        )
    return logs


def measure(stack: Stack) -> list[float]:
    """Milliseconds from a movement of the pointer over the picture to the next frame."""
    program = chromium_program()
    assert program, "no Chromium or Google Chrome on PATH: run `make chromium`"
    browser = Browser(program, stack.deployment.rpc_url, dev(FIRST_STRANGER))
    try:
        fund(stack, browser.account)
        connect(stack, browser)
        order(browser, "BTC", "long", "5000", 10)
        browser.click("place")
        browser.wait(test_id("position-BTC"))
        browser.do("add_logs", topic=topic(stack, "BucketChanged"), logs=bucket_logs(stack))
        browser.open("about:blank")
        browser.open(stack.page_url)
        browser.click("adl-BTC")
        browser.wait(f'{test_id("queue-picture")}[data-buckets="{BUCKETS + 1}"]')
        return browser.do("pointer_times", selector=test_id("queue-picture"), count=MOVES)
    finally:
        browser.close()


def main() -> None:
    """Prints what docs/web.md says."""
    artifacts.compile_all()
    with tempfile.TemporaryDirectory() as folder:
        children = Children(Path(folder) / "logs")
        try:
            times = measure(asyncio.run(start(children, Path(folder))))
        finally:
            children.stop_all()
    print(f"first load, gzipped: {first_load() / 1000:.0f} KB")
    print(f"pointer over {BUCKETS} buckets: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")


if __name__ == "__main__":
    main()
