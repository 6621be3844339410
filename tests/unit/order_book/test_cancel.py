from __future__ import annotations

import boa

from tests.unit.order_book.conftest import Desk
from tests.unit.support import every_decimals, last_event


@every_decimals
def test_cancel__owner__gets_everything_back(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)
    event = last_event(desk.system.order_book, "OrderCancelled")
    assert (event.id, event.owner) == (order_id, desk.trader)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
    assert desk.escrow == 0


def test_cancel__stranger__only_after_expiry(desk: Desk) -> None:
    order_id = desk.place(expires_at=boa.env.timestamp + 10)
    boa.env.time_travel(seconds=10)
    with boa.reverts("not your order"):
        desk.system.as_(desk.keeper, desk.system.order_book.cancel, order_id)
    boa.env.time_travel(seconds=1)
    desk.system.as_(desk.keeper, desk.system.order_book.cancel, order_id)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
    assert desk.free(desk.keeper) == 0


def test_cancel__twice__reverts(desk: Desk) -> None:
    order_id = desk.place()
    desk.place()
    desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)
    with boa.reverts("no such order"):
        desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)


def test_cancel__market_off_the_list__still_works(desk: Desk) -> None:
    order_id = desk.place()
    desk.system.as_(desk.system.owner, desk.system.order_book.set_market, desk.system.market.address, False)
    desk.system.as_(desk.trader, desk.system.order_book.cancel, order_id)
    assert desk.free(desk.trader) == 1_000 * desk.system.unit
