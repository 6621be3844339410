"""Children never outlive the command."""

import os
import sys
import time
from pathlib import Path

import pytest

from plimsoll.errors import PlimsollError
from plimsoll.processes import Children

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_stop_all__ends_grandchildren_too(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = children.start("parent", [sys.executable, "-c", PARENT])
    assert wait_for(lambda: child.log_path.read_text(encoding="ascii").strip() != "")
    grandchild = int(child.log_path.read_text(encoding="ascii"))
    assert is_alive(child.process.pid) and is_alive(grandchild)
    children.stop_all()
    assert not child.is_running and children.running == []
    assert wait_for(lambda: not is_alive(grandchild))


def test_stop__a_child_that_ignores_sigterm__is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plimsoll.processes.GRACE_SECONDS", 0.5)
    children = Children(tmp_path)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = children.start("stubborn", [sys.executable, "-c", code])
    assert wait_for(lambda: "up" in child.log_path.read_text(encoding="ascii"))
    children.stop(child)
    assert not child.is_running


def test_dead__names_who_ended_by_itself_with_its_last_words(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = children.start("brief", [sys.executable, "-c", "print('bye'); raise SystemExit(3)"])
    assert wait_for(lambda: children.dead() == [child])
    assert child.tail() == "bye"
    children.stop_all()
    assert os.path.exists(child.log_path)  # noqa: PTH110


def test_start__no_such_program__says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlimsollError, match="no such program; run `make setup`"):
        Children(tmp_path).start("ghost", ["/nonexistent/program"])
