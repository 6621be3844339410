"""What the index says beside what the contracts say, after going forward, back and forward again."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plimsoll.errors import PlimsollError
from plimsoll.indexer import candles, queries, schema
from plimsoll.indexer.capital import LAYERS
from plimsoll.indexer.store import ConflictError, Header, Store, compiled_schema, key_of, open_engine
from tests.indexer.story import Story, hash_of, played
from tests.indexer.support import ANCHOR, clear, content, fill, new_store

POSTGRESQL = os.environ.get("PLIMSOLL_TEST_POSTGRESQL")


@pytest.fixture(scope="module")
def story() -> Story:
    return played()


@pytest.fixture
def store(tmp_path: Path, story: Story) -> Store:
    return new_store(tmp_path, story)


def test_positions_and_buckets_are_those_of_the_contracts(store: Store, story: Story) -> None:
    fill(store, story.blocks())
    names = [f"{kind} {i}" for kind in ("long", "short", "eth long") for i in range(6)] + [
        "flip",
        "eth short",
        "nobody",
    ]
    compared = 0
    for symbol, market in story.exchange.markets.items():
        for name in names:
            account = story.trader(name)
            held = market.position(account)
            found = store.read(lambda s: queries.position(s, market.address, account))  # noqa: B023
            if held.units == 0:
                assert found is None, (symbol, name)
                continue
            assert found is not None, (symbol, name)
            assert (found.units, found.bucket, found.entry_price) == (held.units, held.bucket, held.entry_price)
            compared += 1
        state = market.state()
        interest = store.read(lambda s: queries.interest(s, market.address))  # noqa: B023
        assert interest == (state.units_long, state.units_short)
        for bucket in store.read(lambda s: queries.live_buckets(s, market.address, None)):  # noqa: B023
            kept = market.bucket(bucket.id)
            assert (bucket.units, bucket.shares, bucket.epoch) == (kept.units, kept.shares, kept.epoch)
    assert compared >= 10


def test_capital_is_what_the_contracts_hold(store: Store, story: Story) -> None:
    fill(store, story.blocks())
    vault, fund, pool = (story.contract(name) for name in ("Vault", "InsuranceFund", "MarginPool"))
    row = schema.VaultFlow
    last = store.read(lambda s: s.scalars(select(row).order_by(row.seq.desc()).limit(1)).one())
    assert last.cash == pool.balance_of(vault.address)
    assert last.shares == vault.totalSupply()
    assert last.cash - last.skew_reserve == vault.totalAssets()
    state = schema.FundFlow
    layers = store.read(lambda s: s.scalars(select(state).order_by(state.seq.desc()).limit(1)).one())
    assert layers.skin_in_the_game == fund.skin_in_the_game()
    assert layers.reward_reserve == fund.reward_reserve()
    assert layers.recovery_pot == fund.recovery_pot()
    assert layers.shares == fund.total_shares()
    total = sum(getattr(layers, name) for name in LAYERS)
    assert total == pool.balance_of(fund.address)


@pytest.mark.parametrize("is_known", [False, True])
def test_skew_reserve_of_a_settled_market_is_nothing(store: Store, story: Story, is_known: bool) -> None:
    blocks = story.blocks()
    fill(store, blocks)
    row = schema.VaultFlow
    last = store.read(lambda s: s.scalars(select(row).order_by(row.seq.desc()).limit(1)).one())
    assert last.skew_reserve > 0
    head, _ = blocks[-1]
    like = next(event for _, told in blocks for event in told)

    first = Header(head.number + 1, hash_of(head.number + 1), head.hash, head.time + 1)
    second = Header(first.number + 1, hash_of(first.number + 1), first.hash, first.time + 1)
    settling = replace(like, contract="Market", name="Settling", args={}, block=first.number)
    markets = enumerate(story.exchange.markets.values())
    settled = [replace(settling, address=market.address, index=i) for i, market in markets]
    gift = {"sender": story.trader("nobody"), "assets": 1}
    vault = story.contract("Vault").address
    given = replace(like, contract="Vault", name="Donated", address=vault, args=gift, block=second.number, index=0)
    more = [(first, settled), (second, [given])]
    fill(store, more[:1])
    if not is_known:
        store.derivation.forget()
    fill(store, more)
    last = store.read(lambda s: s.scalars(select(row).order_by(row.seq.desc()).limit(1)).one())
    assert (last.source, last.skew_reserve) == ("donation", 0)


def test_batches_of_any_size_give_the_same_rows(tmp_path: Path, story: Story) -> None:
    contents = []
    for size in (1, 1_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        store = new_store(folder, story)
        fill(store, story.blocks(), at_once=size)
        contents.append(content(store))
    assert contents[0] == contents[1]


@pytest.mark.parametrize("depth", [1, 5, 40, 150])
def test_rollback__leaves_what_was_there_before(store: Store, tmp_path: Path, story: Story, depth: int) -> None:
    blocks = story.blocks()
    fill(store, blocks)
    kept = blocks[-1 - depth][0]
    store.rollback(blocks[-1][0], kept)

    (tmp_path / "other").mkdir()
    other = new_store(tmp_path / "other", story)
    fill(other, blocks[:-depth])
    assert content(store) == content(other)

    # and the other fork can follow
    fork = story.blocks("fork", first=kept.number + 1)
    fill(store, fork)
    assert store.head() == Header(fork[-1][0].number, fork[-1][0].hash, "", fork[-1][0].time)
    (tmp_path / "third").mkdir()
    third = new_store(tmp_path / "third", story)
    fill(third, fork)
    assert content(store) == content(third)


def test_append__after_another_writer__is_refused_whole(store: Store, tmp_path: Path, story: Story) -> None:
    blocks = story.blocks()
    fill(store, blocks[:20])
    second = Store(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), "second")
    fill(second, blocks[:40])
    before = content(second)
    late = blocks[20:30]
    with pytest.raises(ConflictError):
        store.append(blocks[19][0], [item[0] for item in late], [event for item in late for event in item[1]])
    with pytest.raises(ConflictError):
        store.rollback(blocks[19][0], blocks[10][0])
    assert content(second) == before
    # and reads on where the other one is
    fill(store, blocks)
    assert len(content(store)["logs"]) == sum(len(events) for _, events in blocks)


def test_append__that_fails_half_way__leaves_nothing(store: Store, story: Story, monkeypatch: Any) -> None:
    blocks = story.blocks()
    fill(store, blocks[:150])
    before = content(store)

    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(candles, "write", full)
    with pytest.raises(OSError, match="disk full"):
        fill(store, blocks)
    monkeypatch.undo()
    assert content(store) == before
    fill(store, blocks)


def test_turn__is_one_writer_s_until_it_gives_it_up(store: Store, tmp_path: Path, story: Story) -> None:
    second = Store(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), "second")
    assert store.has_turn()
    assert store.has_turn()
    assert not second.has_turn()
    store.give_turn_up()
    assert second.has_turn()
    assert not store.has_turn()


def test_turn__of_a_process_that_is_gone__is_free_at_once(store: Store, tmp_path: Path, story: Story) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    gone = Store(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), f"{socket.gethostname()}:{process.pid}")
    assert gone.has_turn()
    assert store.has_turn()
    assert not gone.has_turn()


def test_store__another_genesis__is_another_file_and_the_old_one_stays(
    store: Store, tmp_path: Path, story: Story
) -> None:
    fill(store, story.blocks())
    rows = content(store)
    anew = story.deployment().model_copy(update={"genesis_hash": "0x" + "ab" * 32})
    fresh = Store(f"sqlite:///{tmp_path}/index.sqlite", anew, "test")
    assert fresh.head() is None
    assert content(store) == rows
    assert len(list(tmp_path.glob("index-*.sqlite"))) == 2


def test_store__file_of_something_else__says_so(tmp_path: Path, story: Story) -> None:
    path = tmp_path / f"index-{key_of(story.deployment())}.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(PlimsollError, match="not a database"):
        Store(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), "test")


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "no url"])
def test_open__unsupported_database__says_what_is(url: str, story: Story) -> None:
    with pytest.raises(PlimsollError, match="sqlite"):
        open_engine(url, story.deployment(), is_writer=False)


def test_open__folder_that_cannot_be_made__is_one_line(story: Story) -> None:
    with pytest.raises(PlimsollError, match="/proc/nope cannot be made"):
        open_engine("sqlite:////proc/nope/index.sqlite", story.deployment(), is_writer=True)


def test_store__of_a_version_with_fewer_indexes__gets_them(tmp_path: Path, story: Story) -> None:
    def indexes(store: Store) -> set[str]:
        query = text("SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'")
        with store.engine.connect() as connection:
            return set(connection.execute(query).scalars())

    old = new_store(tmp_path, story)
    fill(old, story.blocks()[:50])
    every, before = indexes(old), content(old)
    with old.engine.begin() as connection:
        connection.execute(text("DROP INDEX logs_block"))
        connection.execute(text("DROP INDEX deleveragings_round"))
    old.close()
    new = Store(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), "test")
    assert indexes(new) == every > {"logs_block", "deleveragings_round", "liquidations_round", "price_rounds_round"}
    assert content(new) == before
    new.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT 1 FROM logs WHERE block_hash = 'x'", "logs_block"),
        ("SELECT * FROM price_rounds WHERE market = 'x' AND price_round = 5", "price_rounds_round"),
        ("SELECT * FROM deleveragings WHERE market = 'x' AND price_round = 5 ORDER BY seq", "deleveragings_round"),
        ("SELECT * FROM liquidations WHERE market = 'x' AND price_round = 5 ORDER BY seq", "liquidations_round"),
    ],
)
def test_store__what_is_asked_often__has_an_index(store: Store, query: str, index: str) -> None:
    with store.engine.connect() as connection:
        (plan,) = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert f"INDEX {index} " in plan.detail


def test_sample__few_of_many__looks_at_few(store: Store, story: Story) -> None:
    fill(store, story.blocks())
    asked: list[str] = []
    with Session(store.engine) as session:
        every = set(queries.positions(session))
        sql_event.listen(store.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        found = queries.sample(session, 3, queries.FOREVER, Random(1))
    assert len(set(found)) == 3 and set(found) < every
    assert len(asked) <= 1 + 2 * 3 * queries.LOOKS
    with Session(store.engine) as session:
        assert set(queries.sample(session, 10_000, queries.FOREVER, Random(1))) == every


def test_reader__cannot_write(store: Store, tmp_path: Path, story: Story) -> None:
    reader = open_engine(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), is_writer=False)
    with reader.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(text("DELETE FROM cursor"))


def test_schema__compiles_for_postgresql() -> None:
    statements = compiled_schema("postgresql")
    assert len(statements) > len(schema.EVENT_TABLES)
    joined = "\n".join(statements)
    # 64 bits for what is counted, text for what may have 256
    assert "seq BIGINT NOT NULL" in joined
    assert "units VARCHAR(80) NOT NULL" in joined
    assert "args JSON NOT NULL" in joined
    assert compiled_schema("sqlite") != statements


@pytest.mark.skipif(not POSTGRESQL, reason="PLIMSOLL_TEST_POSTGRESQL names no server")
def test_postgresql__holds_what_sqlite_holds(store: Store, story: Story) -> None:
    assert POSTGRESQL is not None
    clear(POSTGRESQL, story.deployment())
    other = Store(POSTGRESQL, story.deployment(), "test")
    try:
        other.begin(ANCHOR)
        blocks = story.blocks()
        fill(store, blocks)
        fill(other, blocks)
        other.rollback(blocks[-1][0], blocks[100][0])
        second = Store(POSTGRESQL, story.deployment(), "second")
        with pytest.raises(ConflictError):
            second.append(blocks[-1][0], [blocks[101][0]], [])
        fill(second, blocks)
        assert content(other) == content(store)
    finally:
        clear(POSTGRESQL, story.deployment())


def test_sqlite__a_reader_sees_one_state_while_a_writer_writes(store: Store, tmp_path: Path, story: Story) -> None:
    blocks = story.blocks()
    fill(store, blocks[:50])
    reader = open_engine(f"sqlite:///{tmp_path}/index.sqlite", story.deployment(), is_writer=False)
    with reader.connect() as connection:
        count = text("SELECT count(*) FROM logs")
        first = connection.execute(count).scalar()
        fill(store, blocks)
        assert connection.execute(count).scalar() == first
    with reader.connect() as connection:
        assert connection.execute(count).scalar() > first
    path = next(tmp_path.glob("index-*.sqlite"))
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
