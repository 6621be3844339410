"""A picture of a run: prices, what was closed, and who paid, from events."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from eth_typing import ChecksumAddress

from plimsoll.chain import Event
from plimsoll.history import LAYERS, WAD

mpl.use("Agg")

from matplotlib import pyplot as plt

COLOURS = {"skin_in_the_game": "#8d6a9f", "insurance": "#3b7ea1", "adl": "#d98032", "vault": "#b03a3a"}
SIZE_INCHES = (10, 8)
DPI = 110


def draw(
    path: Path,
    title: str,
    events: Sequence[Event],
    times: Mapping[int, int],
    symbol_of_feed: Mapping[bytes, str],
    markets: Mapping[ChecksumAddress, str],
    cash_scale: int,
) -> None:
    """Writes a PNG. `times` gives the time of each block, `cash_scale` the base units in one unit of the collateral."""
    events = [event for event in events if event.block in times]
    start = min((times[event.block] for event in events), default=0)
    figure, (prices, closed, losses) = plt.subplots(3, 1, sharex=True, figsize=SIZE_INCHES, layout="constrained")
    figure.suptitle(title)
    _draw_prices(prices, events, times, symbol_of_feed, start)
    _draw_closed(closed, events, times, markets, start)
    _draw_losses(losses, events, times, markets, start, cash_scale)
    losses.set_xlabel("seconds since the crowd came")
    for axes in (prices, closed, losses):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", fontsize="small")
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def _draw_prices(
    axes: plt.Axes, events: Sequence[Event], times: Mapping[int, int], names: Mapping[bytes, str], start: int
) -> None:
    for feed, name in names.items():
        seen = [event for event in events if event.name == "PriceUpdated" and event.args["feed"] == feed]
        if seen:
            first = seen[0].args["price"]
            axes.plot(
                [times[event.block] - start for event in seen],
                [event.args["price"] * 10_000 // first / 100 for event in seen],
                label=name,
            )
    axes.set_ylabel("price, % of the first")


def _draw_closed(
    axes: plt.Axes,
    events: Sequence[Event],
    times: Mapping[int, int],
    markets: Mapping[ChecksumAddress, str],
    start: int,
) -> None:
    for name, label, colour in (("Liquidated", "liquidated", "#444444"), ("Deleveraged", "deleveraged", "#d98032")):
        seen = [event for event in events if event.name == name and event.address in markets]
        sizes = [event.args["units"] * event.args["index_price"] // WAD / (1000 * WAD) for event in seen]
        axes.scatter([times[event.block] - start for event in seen], sizes, s=12, label=label, color=colour, alpha=0.6)
    axes.set_ylabel("closed, thousand USD a bucket")


def _draw_losses(
    axes: plt.Axes,
    events: Sequence[Event],
    times: Mapping[int, int],
    markets: Mapping[ChecksumAddress, str],
    start: int,
    cash_scale: int,
) -> None:
    seen = [event for event in events if event.name == "Liquidated" and event.address in markets]
    if seen:
        sums = dict.fromkeys(LAYERS, 0)
        rows: list[list[float]] = []
        for event in seen:
            for layer in LAYERS:
                sums[layer] += event.args[layer]
            rows.append([sums[layer] / cash_scale for layer in LAYERS])
        rows.append(rows[-1])
        moments = [*(times[event.block] - start for event in seen), max(times.values()) - start]
        columns = [list(column) for column in zip(*rows, strict=True)]
        labels = [layer.replace("_", " ") for layer in LAYERS]
        axes.stackplot(moments, columns, labels=labels, colors=[COLOURS[layer] for layer in LAYERS], step="post")
    axes.set_ylabel("loss beyond margin, USD, by payer")
