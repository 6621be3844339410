"""`make bench`: measures all figures and shows them beside goals, peers and the committed snapshot. See README.md."""

from collections.abc import Mapping

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import figures, snapshot
from bench.crash import Crash
from plimsoll import artifacts
from plimsoll.artifacts import ROOT

OUTPUT = ROOT / "build" / "bench.json"
SHOWN_CHANGE = 0.001


@click.command()
@click.option("--update", is_flag=True, help="Make these figures the committed snapshot.")
@click.option("--most", default=10**9, metavar="N", help="Leave out crashes with more than N positions.")
def main(update: bool, most: int) -> None:
    """Measure gas and sizes."""
    if update and most < max(scale.positions for scale in figures.SCALES):
        raise click.UsageError("a snapshot has all figures: --update goes without --most")
    console = Console()
    measured, crashes = measure(console, most)
    snapshot.save(measured, OUTPUT)
    committed = snapshot.load()
    for table in (
        goal_table(measured),
        peer_table(measured),
        crash_table(crashes),
        figure_table(measured, committed),
        artifacts.size_table(artifacts.compile_all().values()),
    ):
        console.print(table)
    console.print(f"wrote {OUTPUT.relative_to(ROOT)}")
    if update:
        snapshot.save(measured)
        console.print(f"wrote {snapshot.PATH.relative_to(ROOT)}")
        return
    known = {name: value for name, value in measured.items() if name in committed}
    for line in snapshot.complaints(known, committed):
        console.print(line, style="red", highlight=False, soft_wrap=True)


def measure(console: Console, most: int) -> tuple[figures.Figures, dict[str, Crash]]:
    """All figures, and the crashes that some of them stem from."""
    measured: figures.Figures = {}
    crashes: dict[str, Crash] = {}
    scales = [scale for scale in figures.SCALES if scale.positions <= most]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        groups = progress.add_task("groups of figures", total=1 + len(figures.QUICK) + len(scales))
        for name, group in {"sizes": figures.sizes, **figures.QUICK}.items():
            progress.update(groups, description=name)
            measured |= group()
            progress.advance(groups)
        for scale in scales:
            progress.update(groups, description=scale.figure)
            opened = progress.add_task("positions opened", total=scale.positions)
            result = scale.run(scale.positions, lambda more, task=opened: progress.advance(task, more))
            progress.remove_task(opened)
            crashes[scale.figure] = result
            measured[scale.figure] = result.gas_per_position
            progress.advance(groups)
    return measured, crashes


def table_of(title: str, *names: str, caption: str | None = None) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    for number, name in enumerate(names):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def goal_table(measured: Mapping[str, float]) -> Table:
    table = table_of("Gas of whole transactions on Cancun, against the goals", "figure", "gas", "goal", "")
    for name, goal in figures.GOALS.items():
        if name in measured:
            is_met = measured[name] <= goal
            verdict = ("met", "") if is_met else ("missed", "red")
            table.add_row(name, f"{measured[name]:,.0f}", f"{goal:,}", verdict[0], style=verdict[1])
    return table


def peer_table(measured: Mapping[str, float]) -> Table:
    caption = (
        "All transactions of the work added up. The peers' figures were measured on their own code with mock prices: "
        "they exclude checking price signatures; our liquidation and ADL include an update with four."
    )
    works = [compared.work for compared in figures.COMPARED]
    table = table_of("Thousands of gas, against others", "", *works, caption=caption)
    ours = (f"{figures.total(compared.ours, measured) / 1_000:,.0f}" for compared in figures.COMPARED)
    table.add_row("Plimsoll", *ours, style="bold")
    for number, peer in enumerate(figures.PEERS):
        table.add_row(peer, *(compared.peers[number] for compared in figures.COMPARED))
    return table


def crash_table(crashes: Mapping[str, Crash]) -> Table:
    caption = (
        "Gas: per open position. Bkts: buckets liquidated. Steps: of ADL; a bucket that gives twice has two. "
        "Closed: part of all positions that was liquidated. ADL: part of all positions that was deleveraged. "
        "Units: part of the shorts' units that ADL closed."
    )
    table = table_of(
        "A fall by 30 %: at once (crash), in six steps (slide); blocks of 30M gas",
        *("", "gas", "Mgas", "blocks", "bkts", "steps", "closed", "ADL", "units"),
        caption=caption,
    )
    for name, crash in crashes.items():
        table.add_row(
            name.removesuffix("_per_position"),
            f"{crash.gas_per_position:,.0f}",
            f"{crash.gas / 1e6:,.1f}",
            f"{crash.blocks}",
            f"{crash.buckets_liquidated:,}",
            f"{crash.steps_deleveraged:,}",
            f"{crash.liquidated / crash.positions:.0%}",
            f"{crash.deleveraged / crash.positions:.0%}",
            f"{crash.deleveraged_share:.0%}",
        )
    return table


def figure_table(measured: Mapping[str, float], committed: Mapping[str, float]) -> Table:
    table = table_of("All figures, against the committed snapshot", "figure", "measured", "snapshot", "change")
    for name, value in measured.items():
        if name.startswith("size_"):
            continue
        old = committed.get(name)
        if old is None:
            table.add_row(name, f"{value:,.0f}", "", "new", style="yellow")
            continue
        grown = snapshot.change(value, old)
        style = "red" if grown > snapshot.TOLERANCE else "green" if grown < -SHOWN_CHANGE else ""
        table.add_row(
            name, f"{value:,.0f}", f"{old:,.0f}", f"{grown:+.1%}" if abs(grown) > SHOWN_CHANGE else "", style=style
        )
    return table


if __name__ == "__main__":
    main()
