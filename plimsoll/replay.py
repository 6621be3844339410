"""A replay: price paths of the feeds, and the clock that says how far they have run.

Both live in small JSON files, so that publishers are processes of their own and still agree on the price of every
second. Prices stand as decimal strings: they exceed what JSON readers keep exactly.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from plimsoll.artifacts import write_atomically
from plimsoll.bars import PricePath
from plimsoll.errors import PlimsollError

DEFAULT_SECONDS = 120
"""How long a replay takes at SPEED=1, whatever its length."""


@dataclass(frozen=True)
class Clock:
    """Market time as a function of wall time, in milliseconds; it stands still at `begin_ms` until `started_ms`."""

    begin_ms: int
    end_ms: int
    speed_milli: int
    started_ms: int | None = None

    def started(self, started_ms: int) -> "Clock":
        """The same clock, running from the wall time `started_ms` on."""
        return replace(self, started_ms=started_ms)

    def market_ms(self, now_ms: int) -> int:
        """Market time at the wall time `now_ms`."""
        if self.started_ms is None or now_ms <= self.started_ms:
            return self.begin_ms
        return min(self.end_ms, self.begin_ms + (now_ms - self.started_ms) * self.speed_milli // 1000)

    def progress_bps(self, now_ms: int) -> int:
        """The part of the replay that is over, 0 to 10,000."""
        return (self.market_ms(now_ms) - self.begin_ms) * 10_000 // max(1, self.end_ms - self.begin_ms)

    def wall_seconds(self) -> int:
        """How long the replay takes, rounded up."""
        return -(-(self.end_ms - self.begin_ms) // self.speed_milli)


def default_speed_milli(path: PricePath) -> int:
    """Market seconds per wall second, in thousandths, so that `path` takes DEFAULT_SECONDS."""
    return max(1, (path.end_ms - path.start_ms) // DEFAULT_SECONDS)


@dataclass(frozen=True)
class Replay:
    """What publishers replay: a label for people, one path for each feed name, the seed of the noise."""

    label: str
    paths: dict[str, PricePath]
    seed: int

    def price(self, feed_name: str, market_ms: int) -> int:
        """The price (WAD) of a feed at a market time."""
        return self.paths[feed_name].at(market_ms)

    def save(self, path: Path) -> None:
        """Writes the replay as JSON."""
        paths = {
            name: {"times": list(item.times), "prices": [str(price) for price in item.prices]}
            for name, item in self.paths.items()
        }
        write_json(path, {"label": self.label, "seed": self.seed, "paths": paths})

    @classmethod
    def load(cls, path: Path) -> "Replay":
        """The replay of a file that `save` wrote."""
        data = read_json(path)
        paths = {
            name: PricePath(tuple(item["times"]), tuple(int(price) for price in item["prices"]))
            for name, item in data["paths"].items()
        }
        return cls(data["label"], paths, data["seed"])


def save_clock(path: Path, clock: Clock) -> None:
    """Sets the clock that all publishers read."""
    write_json(path, vars(clock))


def load_clock(path: Path) -> Clock:
    """The clock of a file that `save_clock` wrote."""
    return Clock(**read_json(path))


def write_json(path: Path, data: object) -> None:
    """Replaces `path` in one step, so that no reader ever sees half of it. PlimsollError if it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(data, indent=1) + "\n")
    except OSError as error:
        raise PlimsollError(f"{path}: cannot be written: {error.strerror}") from None


def read_json(path: Path) -> dict:
    """The object in a JSON file; PlimsollError if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlimsollError(f"{path}: no such file") from None
    except json.JSONDecodeError as error:
        raise PlimsollError(f"{path}: not valid JSON (line {error.lineno})") from None
