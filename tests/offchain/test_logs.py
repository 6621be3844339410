"""Logs come out in one form, whoever wrote them."""

import io
import json
import logging

import pytest
import structlog

from plimsoll import logs


@pytest.fixture(autouse=True)
def undone() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_set_up__json__one_object_a_line_for_ours_and_for_libraries() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    structlog.get_logger("plimsoll.x").info("sent", gas=5)
    logging.getLogger("elsewhere").warning("slow %s", "node")
    structlog.get_logger("plimsoll.x").debug("unseen")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["gas"], first["level"], first["logger"]) == ("sent", 5, "info", "plimsoll.x")
    assert (second["event"], second["level"], second["logger"]) == ("slow node", "warning", "elsewhere")


def test_set_up__console__level_counts_and_the_last_call_wins() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.set_up("json", "info", first)
    logs.set_up("console", "debug", second)
    structlog.get_logger("plimsoll.x").debug("seen", block=7)
    assert not first.getvalue()
    assert "seen" in second.getvalue() and "block=7" in second.getvalue()
