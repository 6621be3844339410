"""The committed figures, and what may not grow beyond them."""

import json
from collections.abc import Mapping
from pathlib import Path

from plimsoll.artifacts import MAX_RUNTIME_SIZE, write_atomically

PATH = Path(__file__).with_name("snapshot.json")
TOLERANCE = 0.03
UPDATE = "make bench UPDATE=1"


def load() -> dict[str, float]:
    """The committed figures; none before the first `UPDATE`."""
    return dict(json.loads(PATH.read_text(encoding="utf-8"))) if PATH.exists() else {}


def save(figures: Mapping[str, float], path: Path = PATH) -> None:
    """Writes figures by name, gas or bytes, rounded to a tenth."""
    rounded = {name: value if isinstance(value, int) else round(value, 1) for name, value in sorted(figures.items())}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(rounded, indent=2) + "\n")


def change(value: float, old: float) -> float:
    """By what part of `old` a figure has grown."""
    return (value - old) / old


def complaints(measured: Mapping[str, float], snapshot: Mapping[str, float]) -> list[str]:
    """A line for each figure that is over its snapshot by more than TOLERANCE or not in it, or too big a contract."""
    found = []
    for name, value in measured.items():
        if name.startswith("size_") and value > MAX_RUNTIME_SIZE:
            found.append(f"{name}: {value:,} bytes, the limit is {MAX_RUNTIME_SIZE:,}")
        if name not in snapshot:
            found.append(f"{name}: {value:,.0f} measured, not in {PATH.name}. Put it there with: {UPDATE}")
        elif change(value, snapshot[name]) > TOLERANCE:
            found.append(
                f"{name}: {value:,.0f} measured, {snapshot[name]:,.0f} in {PATH.name}: "
                f"{change(value, snapshot[name]):+.1%}. If it has to be: {UPDATE}"
            )
    return found
