"""docs/security.md says who may call what.

Every function of every contract is in its tables, and every one that changes state is called as every role: it refuses
with the table's error whoever may not call it, and succeeds for all the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
import pytest

from plimsoll import artifacts
from tests.unit.access.stage import ENGINES, ROLES, Stage, build_stage

DOCUMENT = artifacts.ROOT / "docs/security.md"

# The first words of the table's second column, and which roles that is. The trader holds the orders, requests and roles
# in question; the deployer of the play money is its minter.
WHO = {
    "anyone": ROLES,
    "nobody": set(),
    "owner": {"owner"},
    "owner; to pause": {"owner", "guardian contract"},
    "order book": {"order book"},
    "market": {"market"},
    "engine": ENGINES,
    "fund": {"fund"},
    "guardian": {"guardian"},
    "proposer": {"proposer"},
    "timelock": {"timelock"},
    "delegate": {"delegate"},
    "holder of the account or their delegate": {"trader", "delegate"},
    "holder of the order or their delegate; anyone once it has expired": {"trader", "delegate"},
    "holder of the request; anyone once it has lapsed": {"trader"},
    "holder of the role": {"trader"},
    "minter": {"owner"},
}


@dataclass(frozen=True)
class Row:
    who: str
    error: str

    @property
    def allowed(self) -> set[str]:
        return WHO[self.who.split(",")[0].split(":")[0].strip()]


@cache
def table() -> dict[str, Row]:
    """Rows by "Contract.function"."""
    found: dict[str, Row] = {}
    chapter = DOCUMENT.read_text(encoding="utf-8").split("## Who may call what")[1].split("\n## ")[0]
    for section in chapter.split("\n### ")[1:]:
        contract = section.split("\n", 1)[0].strip()
        for names, who, error in re.findall(r"^\| (`.*`) \| (.*?) \| ?(.*?) ?\|$", section, re.MULTILINE):
            for name in re.findall(r"`(\w+)`", names):
                assert f"{contract}.{name}" not in found, f"{contract}.{name} stands there twice"
                found[f"{contract}.{name}"] = Row(who, error)
    return found


def entries(contract: str) -> list[dict[str, Any]]:
    return [entry for entry in artifacts.abi(contract) if entry["type"] == "function"]


def is_view(entry: dict[str, Any]) -> bool:
    return entry["stateMutability"] in ("view", "pure")


WRITES = sorted(
    {f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name) if not is_view(entry)}
)


def test_table__every_function__and_no_other() -> None:
    real = {f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name)}
    assert len(real) > 200
    assert real - set(table()) == set(), "not in docs/security.md"
    assert set(table()) - real == set(), "only in docs/security.md"


def test_table__views__are_those_that_change_nothing() -> None:
    views = {name for name, row in table().items() if row.who == "view"}
    real = {
        f"{name}.{entry['name']}" for name in artifacts.contract_names() for entry in entries(name) if is_view(entry)
    }
    assert views == real


def test_table__no_fallback__takes_calls_that_it_does_not_name() -> None:
    for name in artifacts.contract_names():
        assert {entry["type"] for entry in artifacts.abi(name)} <= {"function", "event", "error", "constructor"}


# Calls that fail for those who may make them, too: they were made once, when the exchange was wired, or have a time.
FAILS = {
    "InsuranceFund.keep_requests": "markets are settled",
    "Vault.keep_requests": "markets are settled",
    "MarginPool.set_roles": "roles already set",
    "RecoveryToken.set_minter": "minter already set",
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    return build_stage()


def outcome(stage: Stage, function: str, role: str, *args: Any) -> str | None:
    """Why the call was refused, or None if it was not. What it did is undone."""
    contract, name = function.split(".")
    with boa.env.anchor():
        try:
            getattr(stage.contracts[contract], name)(*args, sender=stage.roles[role])
        except boa.BoaError as error:
            return str(error)
    return None


@pytest.mark.parametrize("function", WRITES)
def test_function__as_every_role__as_the_table_says(stage: Stage, function: str) -> None:
    assert set(stage.roles) == ROLES
    row = table()[function]
    for role in sorted(ROLES):
        # no contract calls itself from outside; what the timelock does to itself: tests/unit/timelock_controller
        if stage.roles[role] == stage.contracts[function.split(".")[0]].address:
            continue
        refusal = outcome(stage, function, role, *stage.samples[function])
        if role not in row.allowed:
            assert refusal is not None, f"{role} may call {function}"
            assert row.error in refusal, f"{function} refuses {role} otherwise: {refusal}"
        elif function in FAILS:
            assert refusal is not None
            assert FAILS[function] in refusal
        else:
            assert refusal is None, f"{function} refuses {role}: {refusal}"


def test_pause__ended_by_the_owner_only(stage: Stage) -> None:
    for role in sorted(ROLES - {"owner"}):
        refusal = outcome(stage, "Market.set_increase_paused", role, False)
        assert refusal is not None
        assert "ownable: caller is not the owner" in refusal
    assert outcome(stage, "Market.set_increase_paused", "owner", False) is None


def test_cancel__expired__open_to_anyone(stage: Stage) -> None:
    boa.env.time_travel(seconds=366 * 86_400)
    for role in sorted(ROLES - {"order book"}):
        assert outcome(stage, "OrderBook.cancel", role, *stage.samples["OrderBook.cancel"]) is None


def test_cancel_request__lapsed__open_to_anyone(stage: Stage) -> None:
    boa.env.time_travel(seconds=4 * 86_400)
    for role in sorted(ROLES):
        assert outcome(stage, "Vault.cancel_request", role, *stage.samples["Vault.cancel_request"]) is None


@pytest.mark.parametrize("function", ["InsuranceFund.keep_requests", "Vault.keep_requests"])
def test_keep_requests__prices_too_old__open_to_anyone(stage: Stage, function: str) -> None:
    boa.env.time_travel(seconds=86_400)
    # no contract calls itself from outside
    for role in sorted(ROLES - {"fund"}):
        assert outcome(stage, function, role) is None
