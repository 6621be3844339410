"""An outage costs nobody the request."""

from __future__ import annotations

import boa

from tests.unit.support import COOLDOWN, DAY
from tests.unit.vault.conftest import Lps

WINDOW = 2 * DAY


def test_keep_requests__market_not_settled_for_days__nothing_lapses(lps: Lps) -> None:
    request = lps.asked("lp", 1_000)
    for _ in range(3):
        boa.env.time_travel(seconds=WINDOW)
        lps.system.other_market.set_vault_position(0, 0, False)
        lapses_at = boa.env.timestamp + WINDOW
        assert lps.system.as_(lps.system.account("anyone"), lps.vault.keep_requests) == lapses_at
        assert lps.told("RequestsKept") == (lapses_at,)
        assert (lps.vault.lapses_at(request), lps.vault.kept_until()) == (lapses_at, boa.env.timestamp)
    with boa.reverts("wait: market not settled"):
        lps.redeem(request)
    boa.env.time_travel(seconds=WINDOW)
    lps.system.other_market.set_vault_position(0, 0, True)
    assert lps.redeem(request) == 1_000


def test_keep_requests__all_settled__refused(lps: Lps) -> None:
    request = lps.asked("lp", 1_000)
    lapses_at = lps.vault.lapses_at(request)
    with boa.reverts("markets are settled"):
        lps.vault.keep_requests()
    assert lps.vault.lapses_at(request) == lapses_at


def test_keep_requests__what_had_lapsed__stays_so(lps: Lps) -> None:
    old = lps.request("old", lps.hold("old", 1_000))
    young = lps.request("young", lps.hold("young", 1_000))
    boa.env.time_travel(seconds=lps.vault.lapses_at(old) + 1 - boa.env.timestamp)
    lps.system.market.set_vault_position(0, 0, False)
    for _ in range(2):
        lps.vault.keep_requests()
        lps.system.market.set_vault_position(0, 0, True)
        with boa.reverts("request lapsed"):
            lps.redeem(old)
        assert lps.vault.lapses_at(young) == boa.env.timestamp + WINDOW
        lps.system.market.set_vault_position(0, 0, False)
        boa.env.time_travel(seconds=DAY)


def test_keep_requests__short_of_money__revives_nothing_either(lps: Lps) -> None:
    old = lps.asked("old", 1_000)
    boa.env.time_travel(seconds=WINDOW + 1)
    young = lps.request("young", lps.hold("young", 1_000))
    boa.env.time_travel(seconds=COOLDOWN)
    lps.reserve(1_500)
    assert lps.redeem(young) > 0
    with boa.reverts("request lapsed"):
        lps.redeem(old)
