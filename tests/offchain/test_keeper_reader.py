"""Which markets wait for their funding."""

import asyncio
import time
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from plimsoll.deployments import MarketEntry
from plimsoll.keeper.reader import Reader

ADDRESSES = [Account.from_key(bytes([i]) * 32).address for i in (1, 2, 3)]
State = namedtuple("State", "funded_at units_long units_short is_settling")


def test_read_idle__leaves_out_what_takes_no_funding_and_what_was_just_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    busy, empty, settling = ADDRESSES
    states = {
        busy: State(now - 5_000, 1, 0, False),
        empty: State(now - 5_000, 0, 0, False),
        settling: State(now - 5_000, 1, 1, True),
    }
    markets = {
        str(i): MarketEntry(address=item, feed="0x" + "0" * 64, feed_name="X", params={"max_age": 60})
        for i, item in enumerate(ADDRESSES)
    }
    reader = Reader(SimpleNamespace(deployment=SimpleNamespace(markets=markets)), b"\0" * 32)

    async def state(market: Any) -> State:
        return states[market]

    monkeypatch.setattr(reader, "_state", state)
    asyncio.run(reader.read_idle())
    assert set(reader.idle) == {busy} and 5_000 <= reader.idle[busy] < 5_010
    reader.note_touched([busy])
    assert reader.idle == {}
    asyncio.run(reader.read_idle())
    assert reader.idle[busy] < 10, "what a call did not settle is tried again after funding_seconds, not each round"
    assert reader.max_age[busy] == 60
