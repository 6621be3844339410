"""The timelock itself is snekmate's and tested there; here is what this deployable fixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector

from tests.unit.support import deployer

DELAY = 3_600
NOBODY = "0x" + "00" * 20
NONE = bytes(32)


@dataclass
class Governed:
    timelock: Any
    proposer: str

    def schedule(self, payload: bytes, delay: int = DELAY) -> None:
        self.timelock.schedule(self.timelock.address, 0, payload, NONE, NONE, delay, sender=self.proposer)

    def execute(self, payload: bytes) -> None:
        self.timelock.execute(self.timelock.address, 0, payload, NONE, NONE)


@pytest.fixture(scope="module")
def governed() -> Governed:
    proposer = boa.env.generate_address("proposer")
    return Governed(deployer("TimelockController").deploy(DELAY, [proposer], [NOBODY]), proposer)


def update_delay(delay: int) -> bytes:
    return selector("update_delay(uint256)") + encode(["uint256"], [delay])


def test_schedule__not_a_proposer__reverts(governed: Governed) -> None:
    with boa.reverts("access_control: account is missing role"):
        governed.timelock.schedule(governed.timelock.address, 0, b"", NONE, NONE, DELAY)


def test_schedule__less_than_the_delay__reverts(governed: Governed) -> None:
    with boa.reverts("timelock_controller: insufficient delay"):
        governed.schedule(update_delay(DELAY), DELAY - 1)


def test_execute__before_the_delay_is_over__reverts(governed: Governed) -> None:
    governed.schedule(update_delay(2 * DELAY))
    boa.env.time_travel(seconds=DELAY - 1)
    with boa.reverts("timelock_controller: operation is not ready"):
        governed.execute(update_delay(2 * DELAY))
    boa.env.time_travel(seconds=1)
    governed.execute(update_delay(2 * DELAY))
    assert governed.timelock.get_minimum_delay() == 2 * DELAY


@pytest.mark.parametrize("delay", [0, DELAY - 1, 30 * 86_400 + 1])
def test_update_delay__below_the_first_or_too_long__reverts(governed: Governed, delay: int) -> None:
    governed.schedule(update_delay(delay))
    boa.env.time_travel(seconds=DELAY)
    with pytest.raises(boa.BoaError):
        governed.execute(update_delay(delay))
    assert governed.timelock.get_minimum_delay() == governed.timelock.least_delay() == DELAY


def test_update_delay__not_by_a_proposal__reverts(governed: Governed) -> None:
    with boa.reverts("timelock_controller: caller must be timelock"):
        governed.timelock.update_delay(DELAY, sender=governed.proposer)


def test_roles__nobody_but_the_timelock_gives_them(governed: Governed) -> None:
    timelock = governed.timelock
    admin = timelock.DEFAULT_ADMIN_ROLE()
    assert timelock.hasRole(admin, timelock.address)
    for role in (admin, timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE(), timelock.EXECUTOR_ROLE()):
        assert timelock.getRoleAdmin(role) == admin
        for caller in (governed.proposer, boa.env.eoa):
            assert not timelock.hasRole(admin, caller)
            with boa.reverts("access_control: account is missing role"):
                timelock.grantRole(role, caller, sender=caller)


@pytest.mark.parametrize("delay", [0, 59, 30 * 86_400 + 1])
def test_deploy__delay_out_of_bounds__reverts(governed: Governed, delay: int) -> None:
    with boa.reverts("delay out of bounds"):
        deployer("TimelockController").deploy(delay, [governed.proposer], [NOBODY])


def test_deploy__nobody_to_propose__reverts() -> None:
    with boa.reverts("nobody can propose"):
        deployer("TimelockController").deploy(DELAY, [], [NOBODY])
