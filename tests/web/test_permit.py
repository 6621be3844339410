"""Money goes in with one signature and one transaction where the wallet can sign, from every form that takes some."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.web.browser import Browser, test_id
from tests.web.flows import USD, connect, fund, wallet_balance
from tests.web.stage import Stack

AMOUNT = 25 * USD
DOES_NOTHING = "0x00"
"""Code of an account that has no key."""


@dataclass(frozen=True)
class Form:
    """Where an amount is entered, and what says on the chain that it arrived."""

    page: str
    field: str
    spender: str
    done: str
    held: Callable[[Stack, str], int]


FORMS = {
    "margin": Form(
        "trade",
        "cash-amount",
        "MarginPool",
        "25.00 USDC is in your free balance",
        lambda stack, who: stack.contract("MarginPool").functions.balance_of(who).call(),
    ),
    "vault": Form(
        "vault",
        "vault-deposit",
        "Vault",
        "25.00 USDC work in the vault",
        lambda stack, who: stack.contract("Vault").functions.balanceOf(who).call(),
    ),
    "insurance": Form(
        "vault",
        "stake",
        "InsuranceFund",
        "25.00 USDC stand behind the traders",
        lambda stack, who: stack.contract("InsuranceFund").functions.shares_of(who).call(),
    ),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, stack: Stack, browser: Browser) -> Form:
    """Open, with money in the wallet and no allowance."""
    found = FORMS[request.param]
    fund(stack, browser.account)
    approve(stack, browser.account, found, 0)
    connect(stack, browser)
    browser.click(f"page-{found.page}")
    browser.wait(test_id(found.field))
    browser.do("asked")
    return found


def approve(stack: Stack, account: str, form: Form, amount: int) -> None:
    token, spender = stack.contract("CollateralToken").functions, stack.contract(form.spender).address
    sent = token.approve(spender, amount).transact({"from": account})
    stack.w3.eth.wait_for_transaction_receipt(sent)


def allowance(stack: Stack, account: str, form: Form) -> int:
    token = stack.contract("CollateralToken").functions
    return token.allowance(account, stack.contract(form.spender).address).call()


def send(browser: Browser, form: Form) -> None:
    browser.fill(form.field, "25")
    browser.click(f"{form.field}-submit")


def test_permit__one_signature_and_one_transaction(stack: Stack, browser: Browser, form: Form) -> None:
    had, held = wallet_balance(stack, browser.account), form.held(stack, browser.account)
    send(browser, form)
    browser.wait_text("toast", form.done)
    asked = browser.do("asked")
    assert asked.count("eth_signTypedData_v4") == 1
    assert asked.count("eth_sendTransaction") == 1
    assert wallet_balance(stack, browser.account) == had - AMOUNT
    assert form.held(stack, browser.account) > held
    assert allowance(stack, browser.account, form) == 0


def test_permit__rejected__sends_nothing(stack: Stack, browser: Browser, form: Form) -> None:
    had = wallet_balance(stack, browser.account)
    browser.wallet(rejects=True)
    send(browser, form)
    browser.wait_text("toast", "You rejected it in the wallet. Nothing was sent.")
    asked = browser.do("asked")
    assert asked.count("eth_signTypedData_v4") == 1
    assert "eth_sendTransaction" not in asked, "a rejected signature is no reason to ask for an approval"
    assert wallet_balance(stack, browser.account) == had
    assert allowance(stack, browser.account, form) == 0


def test_permit__allowance_in_place__is_used(stack: Stack, browser: Browser, form: Form) -> None:
    approve(stack, browser.account, form, AMOUNT)
    send(browser, form)
    browser.wait_text("toast", form.done)
    asked = browser.do("asked")
    assert "eth_signTypedData_v4" not in asked
    assert asked.count("eth_sendTransaction") == 1


@pytest.fixture
def contract_wallet(stack: Stack, browser: Browser, form: Form) -> Iterator[Browser]:
    """The account has code of its own, as contract wallets do."""
    stack.w3.provider.make_request("anvil_setCode", [browser.account, DOES_NOTHING])
    yield browser
    stack.w3.provider.make_request("anvil_setCode", [browser.account, "0x"])


def test_permit__contract_wallet__is_asked_for_no_signature_and_approves(
    stack: Stack, contract_wallet: Browser, form: Form
) -> None:
    browser = contract_wallet
    held = form.held(stack, browser.account)
    send(browser, form)
    browser.wait_text("toast", form.done)
    asked = browser.do("asked")
    assert "eth_signTypedData_v4" not in asked
    assert asked.count("eth_sendTransaction") == 2
    assert form.held(stack, browser.account) > held
