"""The round verifier trusts nobody: a node that changes one number of one event is found out."""

from eth_utils.abi import event_abi_to_log_topic

from tests.web.browser import Browser, test_id
from tests.web.stage import Stack

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


def test_round__as_it_was__holds(stack: Stack, winner: Browser) -> None:
    winner.open(f"{stack.page_url}#/risk")
    winner.wait_text("rounds-verdict", "follow the rules")
    winner.click(f"round-BTC-{rounds(stack)[0]}-link")
    winner.wait(f'{test_id("verdict")}[data-holds="true"]')


def test_round__a_tampered_score__is_the_first_violation(stack: Stack, winner: Browser) -> None:
    found = rounds(stack)
    winner.do("tamper", topic=topic(stack, "Deleveraged"), word=SCORE, by=1)
    winner.open(f"{stack.page_url}#/risk/BTC/{found[0]}")
    winner.wait(f'{test_id("verdict")}[data-holds="false"]')
    winner.wait_text("verdict", "The first rule broken: score")
    winner.click("page-risk")
    winner.wait_text("rounds-verdict", f"1 of {len(found)} break")

    # The lie was told once. Whoever asks the node again hears the truth, and nothing of the lie is kept.
    winner.do("click", selector=f'[data-testid="round-BTC-{found[0]}"] a')
    winner.click("read-again")
    winner.wait(f'{test_id("verdict")}[data-holds="true"]')
