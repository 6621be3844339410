"""A crowd comes to an exchange at which no price is known yet."""

import asyncio
from pathlib import Path

import pytest

from plimsoll import artifacts
from plimsoll.chain import Chain
from plimsoll.crowd import Crowd
from plimsoll.crowd_draw import draw_crowd
from plimsoll.errors import PlimsollError
from tests.integration.site import working

SEED = 3
TRADERS = 6


def test_crowd__waits_for_the_first_prices(tmp_path: Path) -> None:
    artifacts.compile_all()

    async def scenario() -> None:
        async with working(tmp_path, keeper=False) as site:
            chain = Chain(site.deployment)
            try:
                with pytest.raises(PlimsollError, match=r"no price of BTC after 0.3 s: are the publishers"):
                    await chain.wait_priced(0.3)
                crowd = Crowd(chain, draw_crowd(SEED, TRADERS), SEED)
                await crowd.prepare()
                opening = asyncio.create_task(crowd.open_first())
                await asyncio.sleep(1.0)
                assert not opening.done()
                await site.start_keeper()
                await opening
                await crowd.wait_executed()
                held = [
                    await chain.market(trader.symbol).functions.position(crowd.account(trader).address).call()
                    for trader in crowd.traders
                    if not trader.joins_bps
                ]
                assert held and all(position.units > 0 for position in held)
            finally:
                await chain.close()

    asyncio.run(scenario())
