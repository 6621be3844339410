"""Where a demo keeps what it reads and writes."""

import os
from pathlib import Path

DEMO_FOLDER = Path(os.environ.get("PLIMSOLL_DEMO_FOLDER") or Path(__file__).resolve().parent.parent / "build" / "demo")
"""Replay, clock, report and logs. PLIMSOLL_DEMO_FOLDER names another."""
