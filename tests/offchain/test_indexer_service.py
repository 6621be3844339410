"""The indexer's comparison with the chain, at a head that moves on meanwhile."""

import asyncio
from types import SimpleNamespace

import pytest

from plimsoll.config import Indexer as Settings
from plimsoll.indexer import service
from plimsoll.indexer.reconcile import Comparison
from plimsoll.indexer.service import Indexer


@pytest.mark.parametrize(
    ("second", "told"), [((), []), (("vault cash",), ["vault cash"])], ids=["the next block's state", "a real one"]
)
def test_compare__figure_that_differs__is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, second: tuple[str, ...], told: list[str]
) -> None:
    answers = [Comparison(7, 5, ("vault cash",)), Comparison(7, 5, second)]

    async def reconcile(*_: object) -> Comparison:
        return answers.pop(0)

    monkeypatch.setattr(service, "reconcile", reconcile)
    saved: list[tuple[int, list[str]]] = []
    store = SimpleNamespace(read=None, save_reconciliation=lambda block, lines: saved.append((block, list(lines))))
    indexer = Indexer(lambda: None, Settings(poll_seconds=0.01))
    asyncio.run(indexer._compare(SimpleNamespace(progress=SimpleNamespace(indexed=7)), None, store))
    assert saved == [(7, told)] and not answers
    assert indexer.health()[1]["mismatches"] == told
