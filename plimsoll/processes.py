"""Child processes that never outlive the command that started them."""

import asyncio
import atexit
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from plimsoll.errors import PlimsollError

GRACE_SECONDS = 5.0
TAIL_LINES = 5


@dataclass
class Child:
    """A process in a process group of its own, so that stopping it stops what it started in turn."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    log: IO[bytes]

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Signals the whole group; a group that is gone is no error."""
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    async def finish(self, seconds: float) -> bool:
        """Waits until it ends by itself; whether it ended well and in time."""
        try:
            return await asyncio.to_thread(self.process.wait, seconds) == 0
        except subprocess.TimeoutExpired:
            return False

    def tail(self) -> str:
        """The last lines of its output, for an error message."""
        self.log.flush()
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-TAIL_LINES:] if line.strip())


@dataclass
class Children:
    """All processes of one command. `stop_all` also runs when the interpreter exits by itself."""

    log_folder: Path
    running: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        atexit.register(self.stop_all)

    def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Child:
        """Starts `command`, output into `<log_folder>/<name>.log`. PlimsollError if there is no such program."""
        log_path = self.log_folder / f"{name}.log"
        log = log_path.open("wb")
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        except FileNotFoundError:
            log.close()
            raise PlimsollError(f"{command[0]}: no such program; run `make setup`") from None
        child = Child(name, process, log_path, log)
        self.running.append(child)
        return child

    def stop(self, child: Child) -> None:
        """Ends one child and its group."""
        self._end([child])

    def stop_all(self) -> None:
        """Asks every group to end, newest first, and after GRACE_SECONDS makes those end that did not."""
        self._end(list(reversed(self.running)))

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in children:
            try:
                child.process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.signal(signal.SIGKILL)
                child.process.wait()
            child.signal(signal.SIGKILL)  # whatever else was in its group
            child.log.close()
            if child in self.running:
                self.running.remove(child)

    def dead(self) -> list[Child]:
        """Children that ended by themselves."""
        return [child for child in self.running if not child.is_running]
