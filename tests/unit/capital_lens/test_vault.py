from __future__ import annotations

import boa

from tests.system import WAD
from tests.unit.capital_lens.conftest import Desk
from tests.unit.support import COOLDOWN, DEPOSIT_LOCK

USD = 10**6


def test_vault__nothing_open__all_is_free(desk: Desk) -> None:
    view = desk.lens.vault()
    assert view.worth == view.cash == view.free_capital == 10_000_000 * USD
    assert view.shares == 10_000_000 * 10**12
    assert (view.share_price, view.utilisation_bps, view.asked_shares) == (USD, 0, 0)
    assert view.is_settled
    assert view.deposit_room == 2**104 - 1 - view.worth
    assert (view.cooldown, view.deposit_lock) == (COOLDOWN, DEPOSIT_LOCK)


def test_vault__open_positions__keep_their_markets_budget(desk: Desk) -> None:
    desk.world.open("long", 20_000 * WAD, 100_000 * USD)
    view, vault = desk.lens.vault(), desk.vault
    reserve = desk.world.market.vault_position()[1]
    assert reserve > 0
    assert view.free_capital == vault.free_capital() == view.cash - 1_000_000 * USD - reserve
    assert view.utilisation_bps == vault.utilisation_bps() == 1_000
    assert (view.worth, view.share_price) == (vault.totalAssets(), vault.convertToAssets(10**12))


def test_vault__run__tells_the_round(desk: Desk) -> None:
    desk.world.open("long", 20_000 * WAD, 100_000 * USD)
    desk.join("lp", 1_000_000 * USD)
    request = desk.ask("lp", desk.vault.balanceOf(desk.world.account("lp")))
    desk.cool()
    desk.vault.redeem_request(request)
    round_ = desk.vault.round()
    view = desk.lens.vault()
    assert (view.round, view.round_fraction, view.round_ends_at) == (1, WAD, round_.ends_at)
    assert (view.kept_until, view.asked_shares, view.asked_assets) == (0, 0, 0)


def test_vault__price_too_old__is_not_settled(desk: Desk) -> None:
    boa.env.time_travel(seconds=61)
    view = desk.lens.vault()
    assert (view.is_settled, view.deposit_room) == (False, 0)
    assert view.worth == 10_000_000 * USD


def test_holder__fresh_shares__are_locked(desk: Desk) -> None:
    shares = desk.join("lp", 10_000_000 * USD)
    lp = desk.world.account("lp")
    view = desk.lens.holder(lp)
    assert (view.shares, view.assets, view.share_bps) == (shares, desk.vault.convertToAssets(shares), 5_000)
    assert (view.locked_shares, view.unlocked_at) == (shares, desk.vault.unlocked_at(lp))
    boa.env.time_travel(seconds=2 * DEPOSIT_LOCK)
    view = desk.lens.holder(lp)
    assert (view.locked_shares, view.unlocked_at) == (0, 0)


def test_holder__of_an_empty_vault__is_zero(desk: Desk) -> None:
    assert tuple(desk.lens.holder(desk.world.account("nobody"))) == (0, 0, 0, 0, 0)
