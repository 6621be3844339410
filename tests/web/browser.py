"""A headless Chromium with a test wallet in it, driven through `frontend/browser/driver.mjs`."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from plimsoll.artifacts import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"
"""Where tests leave what they saw; `failure.png` is the page when something that had to be there was not."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 45.0
"""How long to wait for what the page must show before that is a failure."""


def chromium_program() -> str | None:
    """The browser to test with."""
    chosen = os.environ.get("PLIMSOLL_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


class Browser:
    """One page. Selectors are CSS; `test_id` makes one from a `data-testid`."""

    def __init__(self, program: str, rpc_url: str, account: str) -> None:
        self.account = account
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            ["node", "browser/driver.mjs", program, rpc_url, account, str(SCREENSHOTS / "failure.png")],
            cwd=ROOT / "frontend",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """Ends the driver, which ends the browser."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def do(self, method: str, **args: Any) -> Any:
        """One request of the driver; AssertionError with its message if it fails."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"method": method, "args": args}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser driver ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{method} {args}: {answer['error']}"
        return answer["result"]

    def open(self, url: str) -> None:
        self.do("open", url=url)

    def click(self, name: str) -> None:
        """Waits until it can be clicked."""
        self.do("click", selector=test_id(name))

    def fill(self, name: str, text: str) -> None:
        self.do("fill", selector=test_id(name), text=text)

    def text(self, name: str) -> str:
        return self.do("text", selector=test_id(name))

    def is_enabled(self, name: str) -> bool:
        return self.do("is_enabled", selector=test_id(name))

    def attribute(self, name: str, attribute: str) -> str | None:
        return self.do("attribute", selector=test_id(name), name=attribute)

    def wait(self, selector: str, state: str = "visible", seconds: float = SECONDS) -> None:
        self.do("wait", selector=selector, state=state, seconds=seconds)

    def wait_text(self, name: str, pattern: str, seconds: float = SECONDS) -> str:
        """The text of the first `name` that has `pattern` (a JavaScript regular expression) in it."""
        return self.do("wait_text", selector=test_id(name), pattern=pattern, seconds=seconds)

    def screenshot(
        self, path: Path, width: int = 1440, height: int = 900, theme: str = "dark", whole: bool = True
    ) -> None:
        """Leaves the page at this size and theme."""
        self.do("screenshot", path=str(path), width=width, height=height, theme=theme, whole=whole)

    def wallet(self, **changes: Any) -> None:
        """`rejects`, `fails`, `isSilent`, `hasTypedData`, `knowsChain`, `chainId` (hex)."""
        self.do("wallet", **changes)


def test_id(name: str) -> str:
    """The selector of what carries `data-testid="name"`."""
    return f'[data-testid="{name}"]'


test_id.__test__ = False  # type: ignore[attr-defined]


def units(text: str, decimals: int) -> int:
    """The number at the start of what the page shows, in base units: "1,234.50 USDC" -> 1234500000."""
    match = re.match(r"\$?([−-]?)([\d,]+)(?:\.(\d+))?", text.strip())
    assert match, f"no number in {text!r}"
    sign, whole, fraction = match.groups()
    value = int(whole.replace(",", "") + (fraction or "").ljust(decimals, "0")[:decimals])
    return -value if sign else value
