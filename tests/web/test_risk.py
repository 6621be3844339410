"""The round verifier trusts nobody: a node that changes one number of one event is found out."""

from eth_utils.abi import event_abi_to_log_topic

from tests.web.browser import Browser, test_id
from tests.web.conftest import Stack

SCORE = 5
"""Word of `Deleveraged` that carries the score."""


def topic(stack: Stack, name: str) -> str:
    """Signature of a market's event."""
    (event,) = (item for item in stack.market("BTC").abi if item["type"] == "event" and item["name"] == name)
    return "0x" + event_abi_to_log_topic(event).hex()


def rounds(stack: Stack) -> list[int]:
    """Numbers of the price rounds in which BTC winners were deleveraged."""
    logs = stack.market("BTC").events.Deleveraged().get_logs(from_block=stack.deployment.start_block)
    return sorted({log["args"]["price_round"] for log in logs})


def test_round__a_tampered_score__is_the_first_violation(stack: Stack, browser: Browser) -> None:
    found = rounds(stack)
    assert found, "nobody has been deleveraged: test_path.py comes first"
    browser.open(f"{stack.page_url}#/risk")
    browser.wait_text("rounds-verdict", "follow the rules")
    browser.click(f"round-BTC-{found[0]}-link")
    browser.wait(f'{test_id("verdict")}[data-holds="true"]')

    browser.do("tamper", topic=topic(stack, "Deleveraged"), word=SCORE, by=1)
    browser.open("about:blank")
    browser.open(f"{stack.page_url}#/risk/BTC/{found[0]}")
    browser.wait(f'{test_id("verdict")}[data-holds="false"]')
    browser.wait_text("verdict", "The first rule broken: score")
    browser.click("page-risk")
    browser.wait_text("rounds-verdict", f"1 of {len(found)} break")
