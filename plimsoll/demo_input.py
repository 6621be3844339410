"""What a demo or a replay is asked for, checked before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from plimsoll import scenario
from plimsoll.bars import Bar, PricePath, path_of_bars, read_bars, select_bars
from plimsoll.errors import PlimsollError
from plimsoll.replay import Clock, Replay, default_speed_milli

WAD = 10**18
FOLLOWING_BPS = 5_000
"""With DATA, the share of BTC's relative moves that ETH and SOL follow: there are no bars for them."""
FOLLOWING_NOTE = "BTC as in the file; ETH and SOL have no bars and follow BTC with half of its moves"
LEAST_SPEED, MOST_SPEED = Decimal("0.01"), Decimal(100)


@dataclass(frozen=True)
class Input:
    """A checked request: prices of all feeds and the clock that will run through them."""

    replay: Replay
    clock: Clock
    bars: int
    seed: int
    note: str
    """What of the prices is not recorded."""

    @property
    def first_prices(self) -> dict[str, int]:
        """The price of each symbol when the replay begins, WAD."""
        return {name.removesuffix("-USD"): path.prices[0] for name, path in self.replay.paths.items()}


def load_input(data: Path | None, bars: str | None, speed: str | None, seed: int | None) -> Input:
    """Reads and checks everything. PlimsollError, one line, for the first thing wrong."""
    chosen_seed = scenario.DEFAULT_SEED if seed is None else seed
    if data is None:
        label, note = scenario.NAME, scenario.NOTE
        series = {symbol: select_bars(rows, bars) for symbol, rows in scenario.reconstruct(chosen_seed).items()}
        paths = {f"{symbol}-USD": path_of_bars(rows) for symbol, rows in series.items()}
        count = len(series["BTC"])
    else:
        rows = select_bars(read_bars(data), bars)
        label, note, count = data.name, FOLLOWING_NOTE, len(rows)
        paths = _paths_around(rows)
    main = paths["BTC-USD"]
    pace = int(default_speed_milli(main) * (parse_speed(speed) if speed else 1))
    clock = Clock(main.start_ms, main.end_ms, pace)
    return Input(Replay(label, paths, chosen_seed), clock, count, chosen_seed, note)


def _paths_around(rows: list[Bar]) -> dict[str, PricePath]:
    """BTC as in the bars; ETH and SOL from their price of 10 October 2025 on, half as much as BTC."""
    main = path_of_bars(rows)
    paths = {"BTC-USD": main}
    for symbol in ("ETH", "SOL"):
        first = int(scenario.WAYPOINTS[symbol].first * WAD)
        paths[f"{symbol}-USD"] = main.scaled(first, FOLLOWING_BPS)
    return paths


def parse_speed(text: str) -> Decimal:
    """Times the default pace, at which a replay of any length takes DEFAULT_SECONDS."""
    try:
        speed = Decimal(text)
    except InvalidOperation:
        raise PlimsollError(f"SPEED={text}: not a number") from None
    if not speed.is_finite() or not LEAST_SPEED <= speed <= MOST_SPEED:
        raise PlimsollError(f"SPEED={text}: must be from {LEAST_SPEED} to {MOST_SPEED} times the default pace")
    return speed


def parse_whole(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the environment, or `default`."""
    text = environment.get(name, "")
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise PlimsollError(f"{name}={text}: not a whole number") from None
    if not least <= number <= most:
        raise PlimsollError(f"{name}={text}: must be from {least} to {most}")
    return number
