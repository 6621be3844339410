"""What holds for every path: errors in words, caching, who may read, and what an API does while its index moves."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plimsoll.accounting import Ledger
from plimsoll.api import parameters, server, statements
from plimsoll.api.books import KEY, Books
from plimsoll.api.endpoints import ENDPOINTS
from plimsoll.api.server import TAG_SECONDS, Api
from plimsoll.indexer import schema
from plimsoll.indexer.schema import block_of, seq_of
from plimsoll.indexer.store import Store
from tests.api.conftest import Served, serve_in_thread
from tests.indexer.story import played
from tests.indexer.support import ANCHOR, fill, new_store

PATIENCE = 60


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/nothing", 404, "openapi.json"),
        ("/v1/markets/DOGE", 404, "BTC, ETH"),
        ("/v1/markets/B%00C", 400, "market"),
        ("/v1/markets/BTC/trades?limit=0", 400, "limit"),
        ("/v1/markets/BTC/trades?limit=many", 400, "limit"),
        ("/v1/markets/BTC/trades?before=-1", 400, "before"),
        ("/v1/markets/BTC/trades?page=2", 400, "account, before, limit"),
        ("/v1/markets/BTC/trades?limit=1&limit=2", 400, "more than once"),
        ("/v1/markets/BTC/trades?market=ETH", 400, "path"),
        ("/v1/markets/BTC/candles?interval=2m", 400, "'1m'"),
        ("/v1/accounts/0x12/positions", 400, "account"),
        ("/v1/orders/-1", 400, "id"),
        ("/v1/orders/99999999999999999999999999", 400, "id"),
        ("/v1/orders?status=lost", 400, "executed"),
        ("/v1/status?verbose=1", 400, "none is taken"),
        ("/v1/stream?after=x", 400, "after"),
        ("/v1/stream?market=DOGE", 404, "BTC, ETH"),
    ],
)
def test_error__says_what_to_do(api: Served, path: str, status: int, words: str) -> None:
    answer = api.get(path)
    assert answer.status == status
    assert words in answer.body["error"]


def test_method__other_than_get__is_refused(api: Served) -> None:
    answer = api.get("/v1/status", method="POST")
    assert answer.status == 405
    assert "GET" in answer.body["error"]


def test_description_and_page_name_every_path(api: Served) -> None:
    document = api.found("/openapi.json")
    assert document["openapi"] == "3.1.0"
    assert {endpoint.path for endpoint in ENDPOINTS} < document["paths"].keys()
    page = api.get("/").text
    assert all(path in page for path in document["paths"])
    for methods in document["paths"].values():
        assert methods["get"]["summary"]


def test_etag__saves_the_answer_until_something_changes(own_api: Served) -> None:
    first = own_api.get("/v1/markets")
    tag = first.headers["ETag"]
    again = own_api.get("/v1/markets", **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.text) == (304, "")
    blocks = own_api.story.blocks()
    own_api.store.rollback(blocks[-1][0], blocks[-9][0])
    time.sleep(2 * TAG_SECONDS)
    assert own_api.get("/v1/markets", **{"If-None-Match": tag}).status == 200


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://127.0.0.1:5273", True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1.evil.example:80", False),
        ("https://example.org", False),
        ("null", False),
    ],
)
def test_cors__is_for_pages_of_this_machine(api: Served, origin: str, is_allowed: bool) -> None:
    for method in ("GET", "OPTIONS"):
        answer = api.get("/v1/status", method=method, Origin=origin)
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if is_allowed else None)


def test_health_and_metrics(api: Served) -> None:
    answer = api.get("/health")
    assert answer.status == 200
    assert answer.body["block"] == api.story.blocks()[-1][0].number
    assert 'plimsoll_api_requests_total{path="/health"' in api.get("/metrics").text


def test_books__that_take_long__hold_nobody_else_up(own_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    is_made_up, ask = threading.Event(), Books.ask

    def slow(self: Books, *args: Any) -> Any:
        is_made_up.wait(20)
        return ask(self, *args)

    monkeypatch.setattr(Books, "ask", slow)
    account = own_api.story.trader("lp")
    paths = [f"/v1/accounts/{account}/statement?", "/v1/vault/income?", "/v1/insurance/days?"] * 4
    with ThreadPoolExecutor(len(paths)) as askers:
        waiting = [askers.submit(own_api.get, path) for path in paths]
        time.sleep(0.3)
        began = time.monotonic()
        assert own_api.get("/v1/status").status == own_api.get("/health").status == 200
        assert time.monotonic() - began < 5 and not any(item.done() for item in waiting)
        is_made_up.set()
        assert {item.result().status for item in waiting} == {200}


def test_health__database_that_hangs__is_unhealthy_and_holds_nobody_up(
    own_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_back, read = threading.Event(), Api.read

    def hang(self: Api, query: Any) -> Any:
        is_back.wait(20)
        return read(self, query)

    monkeypatch.setattr(server, "HEALTH_SECONDS", 0.3)
    monkeypatch.setattr(Api, "read", hang)
    with ThreadPoolExecutor(1) as asker:
        waiting = asker.submit(own_api.get, "/health")
        assert own_api.get("/openapi.json").status == 200
        answer = waiting.result()
    is_back.set()
    assert answer.status == 503 and "did not answer" in answer.body["problem"]


@pytest.mark.parametrize(("depth", "is_deep"), [(5, False), (150, True)])
def test_books__after_a_reorganisation__are_made_up_from_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int, is_deep: bool
) -> None:
    story = played()
    store, blocks = new_store(tmp_path, story), story.blocks()
    fill(store, blocks)
    taken: list[Any] = []
    take_in = Ledger.take
    monkeypatch.setattr(Ledger, "take", lambda self, *args: taken.append(args) or take_in(self, *args))

    def income(books: Books) -> Any:
        with Session(store.engine, info={KEY: books}) as session:
            return statements.vault_income(session, parameters.Query()).model_dump()

    books = Books()
    first = income(books)
    kept = blocks[-depth - 1][0]
    store.rollback(blocks[-1][0], kept)
    assert income(books) == income(Books())
    fill(store, story.blocks("fork", first=kept.number + 1))
    assert income(books) == first
    assert income(books) == income(Books())
    taken.clear()
    store.rollback(store.head(), kept)
    income(books)
    again = len(taken)
    taken.clear()
    income(Books())
    assert again == len(taken) if is_deep else again < len(taken) // 2
    store.close()


def test_without_an_index__says_what_to_start(tmp_path: Path) -> None:
    url, stop = serve_in_thread(Api(played().deployment, f"sqlite:///{tmp_path}/index.sqlite"))
    served = Served(url, None, played())  # type: ignore[arg-type]
    for path in ("/v1/status", "/v1/markets/BTC", "/v1/stream", "/v1/vault"):
        answer = served.get(path)
        assert answer.status == 404
        assert "plimsoll indexer" in answer.body["error"]
    assert served.get("/health").status == 503
    stop()


def test_another_deployment__is_served_from_its_own_store(tmp_path: Path) -> None:
    story = played()
    fill(new_store(tmp_path, story), story.blocks())
    present = [story.deployment()]
    url, stop = serve_in_thread(Api(lambda: present[0], f"sqlite:///{tmp_path}/index.sqlite"))
    served = Served(url, None, story)  # type: ignore[arg-type]
    assert served.get("/v1/status").status == 200
    present[0] = story.deployment(genesis="0x" + "cd" * 32)
    for _ in range(100):
        if served.get("/v1/status").status == 404:
            break
        threading.Event().wait(0.1)
    assert served.get("/v1/status").status == 404
    stop()


def test_verification__of_a_log_that_was_tampered_with__says_what_is_wrong(own_api: Served) -> None:
    row = schema.Log
    with own_api.store.engine.begin() as connection:
        chosen = select(row.seq, row.args).where(row.event == "Deleveraged").order_by(row.seq)
        seq, args = connection.execute(chosen).first()
        changed = {**args, "paid": str(int(args["paid"]) - 1)}
        connection.execute(update(row).where(row.seq == seq).values(args=changed))
    verdict = own_api.found(f"/v1/markets/BTC/adl/{args['price_round']}/verification")
    assert not verdict["is_valid"]
    assert f"was paid {changed['paid']}, due was {args['paid']}" in verdict["violation"]
    assert verdict["block"] == block_of(seq)


# CSV


def test_csv__longer_than_a_page__is_whole(own_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/accounts/{own_api.story.trader('short 0')}/history.csv"
    whole = own_api.get(path).text
    monkeypatch.setattr(parameters, "MOST", 3)
    answer = own_api.get(path)
    assert answer.text == whole and len(whole.splitlines()) > 10
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8" and answer.headers["ETag"]
    assert own_api.get(path, **{"If-None-Match": answer.headers["ETag"]}).status == 304
    assert own_api.get(f"{path}?limit=4").text.splitlines() == whole.splitlines()[:5]
    assert own_api.get(path, "HEAD").text == ""


def test_csv__reorganisation_meanwhile__breaks_it_off(own_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "MOST", 3)
    eras = iter(range(100))
    monkeypatch.setattr(server, "era_of", lambda _: next(eras))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        own_api.get(f"/v1/accounts/{own_api.story.trader('short 0')}/history.csv")


# The stream


def messages(url: str, **headers: str) -> Iterator[dict[str, str]]:
    """Server-sent events as they come."""
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        message: dict[str, str] = {}
        for line in response:
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                message[name] = value
            elif "data" in message:
                yield message
                message = {}
            else:
                message = {}


def take(stream: Iterator[Any], count: int) -> list[dict[str, str]]:
    return [next(stream) for _ in range(count)]


def test_stream__from_the_beginning__holds_every_event_in_order(own_api: Served) -> None:
    told = [event for _, events in own_api.story.blocks() for event in events]
    found = take(messages(f"{own_api.url}/v1/stream?after=0"), len(told))
    assert [item["event"] for item in found] == [event.name for event in told]
    assert [json.loads(item["data"])["block"] for item in found] == [event.block for event in told]


def test_stream__resumes_without_a_gap_and_goes_on_live(tmp_path: Path) -> None:
    story = played()
    store = new_store(tmp_path, story)
    blocks = story.blocks()
    fill(store, blocks[:150])
    url, stop = serve_in_thread(Api(story.deployment, f"sqlite:///{tmp_path}/index.sqlite"))
    told = [event.name for _, events in blocks for event in events]
    stream = messages(f"{url}/v1/stream?after=0")
    first = take(stream, 40)
    stream.close()  # type: ignore[attr-defined]
    again = messages(f"{url}/v1/stream", **{"Last-Event-ID": first[-1]["id"]})
    early = sum(len(events) for _, events in blocks[:150])
    second = take(again, early - 40)
    fill(store, blocks)
    third = take(again, len(told) - early)
    assert [item["event"] for item in first + second + third] == told
    stop()


def test_stream__tells_what_a_reorganisation_undoes(own_api: Served) -> None:
    blocks = own_api.story.blocks()
    listening = messages(f"{own_api.url}/v1/stream?after=0")
    seen = take(listening, sum(len(events) for _, events in blocks))
    kept = blocks[-30][0]
    own_api.store.rollback(blocks[-1][0], kept)
    fork = own_api.story.blocks("fork", first=kept.number + 1)
    fill(own_api.store, fork)
    (reorg,) = take(listening, 1)
    assert reorg["event"] == "reorg"
    assert json.loads(reorg["data"]) == {"block": kept.number}
    anew = take(listening, sum(len(events) for _, events in blocks[-29:]))
    assert {json.loads(item["data"])["block_hash"] for item in anew} <= {header.hash for header, _ in fork[-29:]}
    # who comes back later is told, too
    late = messages(f"{own_api.url}/v1/stream", **{"Last-Event-ID": seen[-1]["id"]})
    assert take(late, 1)[0]["event"] == "reorg"


def test_stream__chain_started_anew__is_told_and_goes_on(tmp_path: Path) -> None:
    story = played()
    blocks = story.blocks()
    fill(new_store(tmp_path, story), blocks)
    present = [story.deployment()]
    database = f"sqlite:///{tmp_path}/index.sqlite"
    url, stop = serve_in_thread(Api(lambda: present[0], database))
    listening = messages(f"{url}/v1/stream?after={seq_of(blocks[-40][0].number)}&market=BTC")
    seen = take(listening, 3)
    present[0] = story.deployment(genesis="0x" + "cd" * 32)
    store = Store(database, present[0], "test")
    store.begin(ANCHOR)
    fill(store, blocks[:100])
    told = next(item for item in listening if item["event"] == "reorg")
    assert json.loads(told["data"]) == {"block": 0}
    first = take(listening, 5)
    assert json.loads(first[0]["data"])["block"] < 100
    # who comes back with an id of the old chain is told too, with one of the new chain goes on
    for headers, event in (({"Last-Event-ID": seen[-1]["id"]}, "reorg"), ({"Last-Event-ID": first[3]["id"]}, None)):
        item = take(messages(f"{url}/v1/stream?market=BTC", **headers), 1)[0]
        assert item["event"] == event if event else item["id"] == first[4]["id"]
    store.close()
    stop()


def test_stream__id_of_an_earlier_version__goes_on_or_begins_anew(api: Served) -> None:
    first = take(messages(f"{api.url}/v1/stream?after=0"), 3)
    short, _, _ = first[1]["id"].rpartition(".")
    assert take(messages(f"{api.url}/v1/stream", **{"Last-Event-ID": short}), 1) == first[2:]
    (beyond,) = take(messages(f"{api.url}/v1/stream", **{"Last-Event-ID": f"{seq_of(10**6)}.0"}), 1)
    assert beyond["event"] == "reorg"


def test_stream__head__is_refused(api: Served) -> None:
    assert api.get("/v1/stream", "HEAD").status == 405


def test_stream__bad_id__is_refused(api: Served) -> None:
    for text in ("x", "1", "1.", "-1.0", "1.2.3", "1.2." + "g" * 16, "9" * 60 + ".1"):
        assert api.get("/v1/stream", **{"Last-Event-ID": text}).status == 400


def test_stream__of_one_market_and_event(api: Served) -> None:
    found = take(messages(f"{api.url}/v1/stream?after=0&market=ETH&event=Traded"), 5)
    assert {item["event"] for item in found} == {"Traded"}
    assert {json.loads(item["data"])["address"] for item in found} == {api.story.market("ETH").address}
