"""Takes the pictures of docs/web from a demo whose crash is over, as one of its traders sees it.

`make demo` in one terminal; when it has reported, `python -m tests.web.pictures` in another, from the root, with the
address of the page if it is not the default.
"""

import sys
from typing import Any

from PIL import Image
from web3 import HTTPProvider, Web3

from plimsoll import artifacts, deployments
from plimsoll.deployments import Deployment
from tests.web.browser import Browser, chromium_program, test_id
from tests.web.test_axe import DESK, PHONE

FOLDER = artifacts.ROOT / "docs" / "web"
PAGE_URL = "http://127.0.0.1:5273/"
COLORS = 256
WALLET = "wallet-org.plimsoll.test"


def contract(w3: Web3, name: str, address: str) -> Any:
    """With structs that have names."""
    return w3.eth.contract(address=Web3.to_checksum_address(address), abi=artifacts.abi(name), decode_tuples=True)


def somebody(w3: Web3, deployment: Deployment) -> tuple[str, str]:
    """An account that was deleveraged and still holds a position, the nearest to the front; and its market's symbol."""
    lens = contract(w3, "Lens", deployment.contracts["Lens"])
    found = []
    for symbol, market in deployment.markets.items():
        events = contract(w3, "Market", market.address).events.Collected()
        logs = events.get_logs(from_block=deployment.start_block)
        for owner in sorted({log["args"]["account"] for log in logs if log["args"]["claim"] > 0}):
            held = lens.functions.position(market.address, owner).call()
            if held.units > 0:
                found.append((held.lights, held.notional, owner, symbol))
    assert found, "nobody who was deleveraged holds a position: run the demo with another SEED"
    return max(found)[2:]


def shoot(browser: Browser, name: str) -> None:
    """The page as it is, on a desk and on a phone."""
    for kind, (width, height) in (("phone", PHONE), ("desktop", DESK)):
        path = FOLDER / f"{name}-{kind}.png"
        browser.screenshot(path, width, height, whole=False)
        # A page has few colours: a third of the bytes shows the same.
        Image.open(path).convert("RGB").quantize(COLORS).save(path, optimize=True)


def shoot_all(browser: Browser, page_url: str, symbol: str) -> None:
    """Every picture, in the order in which a visit makes them."""
    browser.open(page_url)
    browser.click("connect")
    browser.click(WALLET)
    browser.click("page-portfolio")
    browser.wait(test_id("csv") + ":enabled")
    browser.wait(test_id(f"incident-adl-{symbol}"))
    shoot(browser, "deleveraged")
    browser.do("click_all", selector=".hit > button")
    shoot(browser, "portfolio")

    browser.click("page-trade")
    browser.click(f"market-{symbol}")
    browser.fill("size", "5000")
    browser.wait_text("quote-rank", r"\d|queue")
    shoot(browser, "trade")
    browser.click(f"adl-{symbol}")
    browser.do("fill", selector=test_id("lower-amount"), text="30")
    browser.wait_text("lower-rank", r"\d|queue")
    shoot(browser, "adl")
    browser.do("press", key="Escape")

    browser.click("page-vault")
    browser.wait(test_id("vault-worth"))
    shoot(browser, "vault")
    browser.click("page-risk")
    browser.wait(test_id("rounds-verdict"))
    shoot(browser, "risk")
    browser.do("click", selector=f'[data-testid^="round-{symbol}-"] a')
    browser.wait(test_id("verdict"))
    shoot(browser, "round")


def main() -> None:
    """One visit."""
    page_url = sys.argv[1] if len(sys.argv) > 1 else PAGE_URL
    program = chromium_program()
    assert program, "no Chromium or Google Chrome on PATH: run `make chromium`"
    deployment = deployments.load(deployments.path_of())
    owner, symbol = somebody(Web3(HTTPProvider(deployment.rpc_url)), deployment)
    browser = Browser(program, deployment.rpc_url, owner)
    try:
        shoot_all(browser, page_url, symbol)
    finally:
        browser.close()
    print(f"pictures of {owner} in {FOLDER}")


if __name__ == "__main__":
    main()
