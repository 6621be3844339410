"""Gas of a crank in a market with few and with many live columns: what is fixed, and what each further bucket adds."""

from bench.cranks import per_bucket, warm_up
from bench.exchange import PRICE, USD, Bench, count
from plimsoll.deploy import WAD

COLUMNS = (1, 8, 40)
"""Live columns a side."""
CLASS = 2 ** (1 / 4)
LEAST_MARGIN = 2_600
"""USD per BTC of the lowest column; each further one is a quarter octave higher."""
PRICES = tuple(PRICE + 150 * turn for turn in range(8))
"""At each of them a long and a short open in every column."""
SIZE = WAD // 10
CRASHED = 70_000


def market(columns: int, skin: int) -> Bench:
    """Longs and shorts in `columns` columns a side, up to eight buckets in each, after a fall by 30 %."""
    bench = warm_up(Bench.build(skin_in_the_game=skin, insurance=0))
    margins = [int(LEAST_MARGIN * CLASS**column * USD * SIZE / WAD) for column in range(columns)]
    for turn, price in enumerate(PRICES):
        first = turn * 2 * columns
        positions = [
            (first + 2 * column + side, sign * SIZE, margin)
            for column, margin in enumerate(margins)
            for side, sign in enumerate((1, -1))
        ]
        bench.open_all(positions, price)
    live = [bench.market.columns(side).bit_count() for side in (0, 1)]
    assert live == [columns, columns], f"live columns: {live}"
    bench.publish(CRASHED)
    return bench


def columns() -> dict[str, float]:
    """Bankrupt longs whose loss is covered and who go to the vault; and the same paid for by ADL."""
    gas: dict[str, float] = {}
    for number in COLUMNS:
        for work, event, skin in (("liquidate", "Liquidated", 10**8), ("adl", "Deleveraged", 0)):
            bench = market(number, skin)
            each = per_bucket(bench, event)
            gas[f"columns_{number}_{work}_per_bucket"] = each
            few = bench.try_crank(2)
            gas[f"columns_{number}_{work}_fixed"] = few.gas - count(few, event) * each
    return gas
