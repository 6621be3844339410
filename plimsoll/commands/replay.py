"""`plimsoll replay`."""

import time
from pathlib import Path

import click

from plimsoll.commands.base import OneLineErrors
from plimsoll.folders import DEMO_FOLDER


@click.command(cls=OneLineErrors)
@click.option("--data", type=click.Path(path_type=Path), help="CSV of BTC bars. Default: the bundled reconstruction.")
@click.option("--bars", help="Rows first:end of it, for example 700:1100.")
@click.option("--speed", help="Times the default pace, at which any replay takes 120 seconds.")
@click.option("--seed", default=None, type=int, help="Seed of the reconstruction and of the publishers' noise.")
@click.option("--folder", type=click.Path(path_type=Path), default=DEMO_FOLDER, help="Where publishers look.")
def replay(data: Path | None, bars: str | None, speed: str | None, seed: int | None, folder: Path) -> None:
    """Start a replay for the publishers that run: writes what they read, replay.json and clock.json."""
    from plimsoll.demo_input import load_input
    from plimsoll.replay import save_clock

    chosen = load_input(data, bars, speed, seed)
    chosen.replay.save(folder / "replay.json")
    clock = chosen.clock.started(int(time.time() * 1000) + 2000)
    save_clock(folder / "clock.json", clock)
    click.echo(f"{chosen.replay.label}: {chosen.bars} bars in {clock.wall_seconds()} s")
