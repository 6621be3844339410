"""Asking a publisher, and choosing what goes into a report."""

import asyncio
import json
import time

import aiohttp
import pytest
from aiohttp import web
from eth_account import Account

from plimsoll.observation import Domain, Observation, feed_id
from plimsoll.oracle import MAX_BYTES, MAX_ITEMS, Endpoint, Rules, choose, fetch, genuine, median_price, verified
from plimsoll.service import serve

ACCOUNTS = [Account.from_key(bytes([i]) * 32) for i in range(1, 6)]
STRANGER = Account.from_key("0x" + "99" * 32)
BTC, ETH = feed_id("BTC-USD"), feed_id("ETH-USD")
RULES = Rules(frozenset(item.address for item in ACCOUNTS), quorum=4, max_spread_bps=100, max_age=60)
NOW = 1_000_000


def seen(by: int, price: int = 10_000, second: int = NOW, feed: bytes = BTC) -> Observation:
    return Observation(feed, price, second, 27, b"\1" * 32, b"\1" * 32, ACCOUNTS[by].address)


def test_choose__all_valid_ones_sorted_by_signer() -> None:
    report = choose([seen(by) for by in (3, 0, 4, 1, 2)], RULES, NOW)[BTC]
    signers = [int(item.signer, 16) for item in report]
    assert len(report) == 5 and signers == sorted(signers)


def test_choose__feeds_apart() -> None:
    found = [seen(by, feed=feed) for by in range(5) for feed in (BTC, ETH)]
    assert {feed: len(report) for feed, report in choose(found, RULES, NOW).items()} == {BTC: 5, ETH: 5}


def test_choose__below_quorum__leaves_the_feed_out() -> None:
    assert choose([seen(by) for by in range(3)], RULES, NOW) == {}
    assert choose([seen(0)] * 5, RULES, NOW) == {}


def test_choose__unknown_signer__does_not_count() -> None:
    stranger = Observation(BTC, 10_000, NOW, 27, b"\1" * 32, b"\1" * 32, STRANGER.address)
    assert choose([*(seen(by) for by in range(3)), stranger], RULES, NOW) == {}


def test_choose__newest_second_with_a_quorum_wins() -> None:
    older = [seen(by, price=9_000, second=NOW - 1) for by in range(5)]
    newer = [seen(by, price=9_999) for by in range(4)]
    report = choose([*older, *newer], RULES, NOW)[BTC]
    assert {item.published_at for item in report} == {NOW} and len(report) == 4
    report = choose([*older, *newer[:3]], RULES, NOW)[BTC]
    assert {item.published_at for item in report} == {NOW - 1} and len(report) == 5


def test_choose__no_common_second__takes_the_newest_of_each() -> None:
    report = choose([seen(by, second=NOW - by) for by in range(5)], RULES, NOW)[BTC]
    assert len(report) == 5


def test_choose__stale_or_from_the_future__does_not_count() -> None:
    assert choose([seen(by, second=NOW + 1) for by in range(5)], RULES, NOW) == {}
    assert choose([seen(by, second=NOW - 60) for by in range(5)], RULES, NOW) == {}


def test_choose__one_far_off__is_left_out_as_long_as_the_quorum_holds() -> None:
    found = [seen(by, price=10_000 + by) for by in range(4)]
    assert len(choose([*found, seen(4, price=20_000)], RULES, NOW)[BTC]) == 4
    assert len(choose([*found, seen(4, price=1_000)], RULES, NOW)[BTC]) == 4
    assert choose([*found[:3], seen(3, price=1_000), seen(4, price=20_000)], RULES, NOW) == {}


def test_median_price__is_the_contract_s() -> None:
    assert median_price([seen(0, 1), seen(1, 9), seen(2, 4)]) == 4
    assert median_price([seen(0, 1), seen(1, 9), seen(2, 4), seen(3, 7)]) == 5


def test_verified__drops_who_did_not_sign() -> None:
    domain = Domain(31337, STRANGER.address)
    good = domain.sign(ACCOUNTS[0], BTC, 5, NOW)
    assert verified([good, seen(1)], domain) == [good]


def test_genuine__one_signs_wrongly_and_says_much__few_signatures_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = Domain(31337, STRANGER.address)
    asked: list[Observation] = []
    check = Domain.is_signed_by_its_signer
    monkeypatch.setattr(Domain, "is_signed_by_its_signer", lambda self, item: asked.append(item) or check(self, item))
    good = [domain.sign(account, feed, 10_000, NOW) for account in ACCOUNTS[:4] for feed in (BTC, ETH)]
    forged = [seen(4, price=10_000 + i % 7, second=NOW - i % 5) for i in range(200)]
    left = genuine([*good, *forged], RULES, domain, NOW)
    assert left == good
    assert len(asked) == len(good) + 1


def test_genuine__signs_one_feed_wrongly__still_counts_for_the_other() -> None:
    domain = Domain(31337, STRANGER.address)
    good = [domain.sign(account, feed, 10_000, NOW) for account in ACCOUNTS[:3] for feed in (BTC, ETH)]
    mixed = [domain.sign(ACCOUNTS[3], ETH, 10_000, NOW), seen(3), domain.sign(ACCOUNTS[4], BTC, 10_000, NOW)]
    reports = choose(genuine([*good, *mixed, seen(4, feed=ETH)], RULES, domain, NOW), RULES, NOW)
    assert {feed: len(report) for feed, report in reports.items()} == {BTC: 4, ETH: 4}


ITEM = seen(0).to_json()


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"observations": [ITEM]}).replace('"10000"', "1e999"),
        '{"observations":' + "[" * 100_000 + "]" * 100_000 + "}",
        json.dumps({"observations": [ITEM] * (MAX_ITEMS + 1)}),
        json.dumps({"observations": [ITEM], "more": "x" * MAX_BYTES}),
        json.dumps({"observations": [{**ITEM, "price": "9" * 5_000}]}),
        json.dumps({"observations": [{**ITEM, "feed": 5}]}),
        json.dumps({"observations": 5}),
        "[]",
    ],
    ids=["infinite price", "deep", "many", "long", "digits", "feed", "number", "list"],
)
def test_fetch__whatever_a_publisher_answers__is_no_error(answer: str) -> None:
    async def main() -> list[Observation]:
        async def observations(_: web.Request) -> web.Response:
            return web.Response(text=answer, content_type="application/json")

        app = web.Application()
        app.add_routes([web.get("/observations", observations)])
        runner = await serve(app, 0)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as session:
                return await fetch(session, Endpoint(url, ACCOUNTS[0].address), 0, 5.0)
        finally:
            await runner.cleanup()

    began = time.monotonic()
    assert asyncio.run(main()) == []
    assert time.monotonic() - began < 4
