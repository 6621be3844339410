"""A chain, a deployment, publishers, a keeper and the built page: what `make demo` starts, less the crowd."""

import time
from dataclasses import dataclass
from pathlib import Path

from plimsoll import accounts, web
from plimsoll.bars import PricePath
from plimsoll.deploy import LISTINGS
from plimsoll.processes import Children
from plimsoll.replay import Clock, save_clock
from tests.stack import Stack as Services
from tests.stack import free_ports, read, start_stack

RISE_BPS = 300
RISE_SECONDS = 20
"""Slow enough that no price jumps past the maintenance margin: what is liquidated still has something left."""
LEAVES_REDEMPTIONS = {"PLIMSOLL_KEEPER__POLICIES": '["prices", "cranks", "orders", "funding", "gas_price"]'}
"""A keeper that does the chores would be faster than the page."""
REST_SECONDS = 30.0
JUMP_BPS = 1_500
JUMP_MS = 40_000
"""Then, in one second: shorts of high leverage lose more than they have."""
SMALL_FUND = {"PLIMSOLL_SKIN_IN_THE_GAME": "20", "PLIMSOLL_INSURANCE": "20"}
"""Too little for the loss that a jump leaves, so that winners are deleveraged."""
SHORT_WAITS = {"PLIMSOLL_COOLDOWN": "60", "PLIMSOLL_DEPOSIT_LOCK": "15"}


@dataclass(frozen=True)
class Stack(Services):
    """The services and the page."""

    page_url: str

    def rise(self) -> None:
        """From the next second on every price rises, by RISE_BPS in RISE_SECONDS."""
        self._play(0, RISE_SECONDS * 1000)

    def begin(self) -> None:
        """Prices stand where markets were listed; comes back when the chain knows."""
        self._stand(0, 0)

    def rest(self) -> None:
        """Prices stand where the rise ends; comes back when the chain knows."""
        self._stand(JUMP_MS - 1000, RISE_BPS)

    def _stand(self, at_ms: int, risen_bps: int) -> None:
        save_clock(self.clock_path, Clock(at_ms, JUMP_MS, 1000))
        listing = LISTINGS[0]
        market = self.deployment.markets[listing.symbol].address
        expected = listing.price_wad * (10_000 + risen_bps) // 10_000
        deadline = time.monotonic() + REST_SECONDS
        while abs(read(self.contract("Lens").functions.market(market))[2] - expected) > expected // 1_000:
            assert time.monotonic() < deadline, "prices do not come to rest"
            time.sleep(0.5)

    def jump(self) -> None:
        """In two seconds every price stands JUMP_BPS over what it was listed at."""
        self._play(JUMP_MS - 1000, JUMP_MS)

    def _play(self, begin_ms: int, end_ms: int) -> None:
        save_clock(self.clock_path, Clock(begin_ms, end_ms, 1000, int(time.time() * 1000) + 1000))


def dev(index: int) -> str:
    """The address of a development account."""
    return accounts.dev_account(index).address


def paths() -> dict[str, PricePath]:
    """Each price rises in 20 steps from where its market is listed, stays, and jumps."""
    times = (*(step * RISE_SECONDS * 50 for step in range(21)), JUMP_MS)
    moves = (*(RISE_BPS * step // 20 for step in range(21)), JUMP_BPS)
    return {
        listing.feed_name: PricePath(
            times, tuple(listing.price_wad + listing.price_wad * move // 10_000 for move in moves)
        )
        for listing in LISTINGS
    }


async def start(children: Children, folder: Path) -> Stack:
    """Starts the services, and the page beside them."""
    build = web.start_build(children)
    terms = SMALL_FUND | SHORT_WAITS
    services = await start_stack(children, folder, paths(), RISE_SECONDS, terms, LEAVES_REDEMPTIONS)
    page_url = await web.serve_page(children, build, free_ports(1)[0], services.deployment_path.parent)
    return Stack(**vars(services), page_url=page_url)
