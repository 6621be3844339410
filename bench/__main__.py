"""`make bench`: gas of the hot paths beside their goals, as a table and as build/bench.json."""

import json
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.exchange import Bench
from bench.meter import send
from plimsoll import artifacts
from plimsoll.artifacts import ROOT, write_atomically
from plimsoll.deploy import WAD

OUTPUT = ROOT / "build" / "bench.json"
LOT = WAD // 100
CROWD = 8
"""Positions in a bucket that stands for one with many."""
MARGINS = (3_700, 4_400, 5_300, 6_300, 7_500, 9_000)
"""USD per BTC, each of another class."""
BANKRUPTCIES = (96_150, 96_700)
"""Prices more than a tick apart that are within the maintenance margin of 97,000."""
WINNERS = 12


@dataclass(frozen=True)
class Result:
    work: str
    gas: int
    goal: int


def trading() -> list[Result]:
    """Orders and prices of a market that is in use."""
    bench = Bench.build()
    # The first of everything pays for storage that later ones find in use.
    for number in range(3):
        bench.open([number], LOT, 100 + 10 * number, 100_000)
    bench.gas.clear()
    (first,) = bench.open([10], LOT, 200, 100_000, "new bucket")
    bench.open([11], LOT, 200, 100_000, "live bucket")
    order_id = bench.place(first, -LOT, 0, reduce_only=True)
    bench.publish(100_000)
    bench.execute("close", order_id)
    median = {kind: sorted(used)[len(used) // 2] for kind, used in bench.gas.items()}
    return [
        Result("place a market order", median["place"], 110_000),
        Result("execute it, new position in a new bucket", median["new bucket"], 190_000),
        Result("execute it, new position in a live bucket", median["live bucket"], 190_000),
        Result("execute a close", median["close"], 150_000),
        Result("price update, 4 of 5 signatures", median["price_update"], 60_000),
    ]


def liquidation() -> list[Result]:
    """Buckets that the vault takes over, none of them bankrupt: of one position each, then of many."""
    results = []
    claim = 0
    for positions in (1, CROWD):
        bench = Bench.build()
        traders = []
        for bucket, (margin, bankruptcy) in enumerate(product(MARGINS, BANKRUPTCIES)):
            numbers = range(bucket * positions, (bucket + 1) * positions)
            traders += bench.open(numbers, LOT, margin // 100, bankruptcy + margin)
        bench.publish(97_000)
        bench.crank(1)  # takes the price in
        few_gas, few, _ = bench.crank(2)
        many_gas, many, _ = bench.crank()
        each = (many_gas - few_gas) // (many - few)
        title = f"liquidate: each further bucket, {positions} position{'s' * (positions > 1)} in it"
        results.append(Result(title, each, 30_000))
        claim = send(bench.market.sync, traders[0], sender=bench.keeper)
    return [*results, Result("claim after liquidation", claim, 60_000)]


def deleveraging() -> list[Result]:
    """Winners' buckets that pay for one bankrupt bucket when there is no insurance left."""
    used = {}
    for lots in (4, 2 * WINNERS):
        bench = Bench.build(skin_in_the_game=0, insurance=0)
        for bucket in range(WINNERS):
            bench.open([bucket], -2 * LOT, 500 + 40 * bucket, 100_000)
        bench.open([1_000], lots * LOT // 2, lots * 20, 100_000)
        bench.publish(90_000)
        gas, liquidated, deleveraged = bench.crank()
        assert liquidated, "nobody was liquidated"
        assert deleveraged, "nobody was deleveraged"
        used[deleveraged] = gas
    (few, few_gas), (many, many_gas) = sorted(used.items())
    each = (many_gas - few_gas) // (many - few)
    return [
        Result("ADL: each further bucket", each, 30_000),
        Result("ADL: fixed part", few_gas - few * each, 250_000),
    ]


def table(results: list[Result]) -> Table:
    shown = Table(title="Gas of whole transactions, Cancun, price signatures verified")
    for column in ("work", "gas", "goal", ""):
        shown.add_column(column, justify="left" if column == "work" else "right")
    for result in results:
        is_met = result.gas <= result.goal
        shown.add_row(
            result.work,
            f"{result.gas:,}",
            f"{result.goal:,}",
            "met" if is_met else "missed",
            style="" if is_met else "red",
        )
    return shown


def main() -> None:
    artifacts.compile_all()
    results = [*trading(), *liquidation(), *deleveraging()]
    content: dict[str, Any] = {"command": "make bench", "results": [asdict(result) for result in results]}
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(OUTPUT, json.dumps(content, indent=2) + "\n")
    console = Console()
    console.print(table(results))
    console.print(f"wrote {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
