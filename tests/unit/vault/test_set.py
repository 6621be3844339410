from __future__ import annotations

import boa
import pytest

from tests.unit.support import COOLDOWN, DAY
from tests.unit.vault.conftest import Lps

MOST = 2**104 - 1


@pytest.mark.parametrize(
    ("function", "value", "is_good"),
    [
        ("set_cooldown", 59, False),
        ("set_cooldown", 60, True),
        ("set_cooldown", 30 * DAY, True),
        ("set_cooldown", 30 * DAY + 1, False),
        ("set_deposit_lock", 0, True),
        ("set_deposit_lock", DAY, True),
        ("set_deposit_lock", DAY + 1, False),
        ("set_deposit_cap", 0, True),
        ("set_deposit_cap", MOST, True),
        ("set_deposit_cap", MOST + 1, False),
    ],
)
def test_set__bounds(lps: Lps, function: str, value: int, is_good: bool) -> None:
    name = function.removeprefix("set_")
    if not is_good:
        with boa.reverts(f"{name.replace('_', ' ')} out of bounds"):
            lps.set(function, value)
        return
    lps.set(function, value)
    assert lps.told("".join(part.title() for part in name.split("_")) + "Set") == (value,)
    assert getattr(lps.vault, name)() == value


def test_set_cooldown__requests_keep_theirs(lps: Lps) -> None:
    request = lps.request("lp", lps.hold("lp", 1_000))
    lps.set("set_cooldown", 30 * DAY)
    boa.env.time_travel(seconds=COOLDOWN)
    assert lps.redeem(request) == 1_000
