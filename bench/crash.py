"""A crash with a crowd in the market: what all liquidations and all ADL cost, per open position.

The crowd, the same for the same seed and size:

| | |
|---|---|
| open interest | drawn to be 200 million USD, twenty times the vault, however many positions it is split over |
| notional | log-normal with sigma 1.5 (mean 3 times the median, 1 % over 10 times the mean), 25 to 500,000 USD |
| leverage | log-uniform from 2 to 40 |
| side | long with 60 %; but where the skew would pass 2 million USD, the side that shrinks it |
| entry | in equal parts at each price of PATH; who is liquidated on the way is replaced at the last one |

Then a price 30 % lower, and cranks in blocks of 30 million gas until there is no more to do; or the fall in six steps.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp, log
from random import Random

from bench.exchange import PRICE, USD, Bench, count
from bench.meter import SendError, Sent
from plimsoll.deploy import WAD

SEED = 20_251_010
BLOCK_GAS = 30_000_000
OPEN_INTEREST = 200_000_000
"""USD, both sides together."""
SIGMA = 1.5
LONG_SHARE = 0.6
LEVERAGES = (2.0, 40.0)
MOST_SKEW = 0.01
"""Of open interest: 2 million USD, of the 3.3 million that the default vault gives room for."""
PATH = (94_000, 96_500, 98_500, 97_500, 99_500, 102_000, 101_000, PRICE)
LONG_PATH_LENGTH = 80
CRASHED = PRICE * 7 // 10
STEPS = tuple(PRICE - PRICE * part // 100 for part in (5, 10, 15, 20, 25, 30))
LEAST_NOTIONAL = 25
"""USD. The smallest position is worth 20."""
CUSHION = 0.08
"""Of margin, added: the grid rounds a bankruptcy price by up to a sixteenth of it."""
COSTS = 0.005
"""Of notional, added to the margin: fee and premium."""
Report = Callable[[int], None]
"""Is told how many more positions are open."""
TRIES = 8
BATCH = 1_000
"""Positions opened at one price update: later ones would find it stale."""
ALL = 100_000
"""More buckets than there are."""


@dataclass(frozen=True)
class Crash:
    """What the cranks of one crash did, and what that took."""

    positions: int
    gas: int
    blocks: int
    buckets_liquidated: int
    steps_deleveraged: int
    """A bucket that gives in two passes counts twice."""
    liquidated: int
    """Positions."""
    deleveraged: int
    """Positions that lost at least a part."""
    deleveraged_share: float
    """Of the units of all shorts."""

    @property
    def gas_per_position(self) -> float:
        return self.gas / self.positions


def draw(rng: Random, positions: int, skew: float) -> Iterator[tuple[int, float, float]]:
    """Traders without end: sign, notional in USD, leverage. `skew` is what the market has already, in USD."""
    mean = OPEN_INTEREST / positions
    while True:
        sign = 1 if rng.random() < LONG_SHARE else -1
        notional = max(LEAST_NOTIONAL, mean * rng.lognormvariate(-SIGMA * SIGMA / 2, SIGMA))
        notional = min(notional, OPEN_INTEREST * MOST_SKEW / 4)
        if abs(skew + sign * notional) > OPEN_INTEREST * MOST_SKEW:
            sign = -1 if skew > 0 else 1
        skew += sign * notional
        yield sign, notional, exp(rng.uniform(*map(log, LEVERAGES)))


def crowd(positions: int, report: Report = lambda more: None, path: Sequence[int] = PATH) -> tuple[Bench, list[str]]:
    """An exchange with exactly `positions` open positions and nothing to crank at PRICE; and their owners."""
    bench = Bench.build()
    rng = Random(f"{SEED}:{positions}")
    owners: list[str] = []
    prices = [*path, *[PRICE] * TRIES]
    drawn = 0
    for turn, price in enumerate(prices):
        bench.publish(price)
        bench.crank(ALL)
        part = positions // len(path)
        if turn >= len(path) - 1:
            owners = [owner for owner in owners if bench.market.position(owner).units]
            part = positions - len(owners)
        if part == 0:
            return bench, owners
        state = bench.market.state()
        traders = draw(rng, positions, (state.units_long - state.units_short) * price / WAD)
        orders = [
            (
                drawn + number,
                sign * int(notional / price * WAD),
                int(notional * ((1 + CUSHION) / leverage + COSTS) * USD),
            )
            for number, (sign, notional, leverage) in enumerate(islice(traders, part))
        ]
        drawn += part
        for first in range(0, part, BATCH):
            batch = orders[first : first + BATCH]
            owners += bench.open_all(batch, price)
            report(len(batch))
    raise AssertionError(f"no {positions} positions after {len(prices)} prices")


def fall(bench: Bench, owners: Sequence[str], prices: Sequence[int]) -> Crash:
    """One price after the other, each cranked in blocks until there is no more to do."""
    before = [bench.market.position(owner) for owner in owners]
    gas, blocks, size = 0, 0, 400
    counts: Counter[str] = Counter()
    for price in prices:
        update = bench.send_price(price)
        gas += update.gas
        room = BLOCK_GAS - update.gas
        is_done = False
        while not is_done:
            sent, size = crank_block(bench, room, size)
            gas += sent.gas
            blocks += 1
            counts += Counter({event: count(sent, event) for event in ("Liquidated", "Deleveraged")})
            is_done = int.from_bytes(sent.output, "big") < size
            # 3 % less than what this block's gas per bucket gives room for
            size = max(100, size if is_done else size * BLOCK_GAS * 97 // (sent.gas * 100))
            room = BLOCK_GAS

    after = [bench.market.position(owner) for owner in owners]
    shorts = [(old.units, new.units) for old, new in zip(before, after, strict=True) if old.side == 1]
    return Crash(
        positions=len(owners),
        gas=gas,
        blocks=blocks,
        buckets_liquidated=counts["Liquidated"],
        steps_deleveraged=counts["Deleveraged"],
        liquidated=sum(old.side == 0 and not new.units for old, new in zip(before, after, strict=True)),
        deleveraged=sum(new < old for old, new in shorts),
        deleveraged_share=1 - sum(new for _, new in shorts) / sum(old for old, _ in shorts),
    )


def crank_block(bench: Bench, room: int, size: int) -> tuple[Sent, int]:
    """A crank of `size` buckets, or of as many less as it takes to stay within `room` gas; and how many it was."""
    while True:
        try:
            return bench.send_crank(size, gas_limit=room), size
        except SendError:
            size = size * 9 // 10


def crash(positions: int, report: Report = lambda more: None) -> Crash:
    """Down by 30 % at once: nearly everyone who is liquidated is bankrupt, and the winners bear it."""
    return fall(*crowd(positions, report), [CRASHED])


def long_path() -> list[int]:
    """A random walk of 80 prices between the lowest and the highest of PATH, with steps of 1.2 %."""
    rng = Random(SEED)
    prices = [PATH[0]]
    while len(prices) < LONG_PATH_LENGTH - 1:
        prices.append(int(min(max(PATH), max(PATH[0], prices[-1] * (1 + rng.gauss(0.0008, 0.012))))))
    return [*prices, PRICE]


def scattered_crash(positions: int, report: Report = lambda more: None) -> Crash:
    """`crash`, with the positions opened at 80 prices: they are spread over more buckets."""
    return fall(*crowd(positions, report, long_path()), [CRASHED])


def slide(positions: int, report: Report = lambda more: None) -> Crash:
    """Down by 30 % in six steps, each cranked: the vault and the losers' own margin bear most of it."""
    return fall(*crowd(positions, report), STEPS)
