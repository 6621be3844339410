"""Gas of single steps inside a keeper's batches, out of call traces."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from hexbytes import HexBytes

TRANSACTION_GAS = 21_000
ZERO_BYTE_GAS = 4
BYTE_GAS = 16


def as_transaction(frame: dict[str, Any]) -> int:
    """What a traced call would cost as a transaction of its own: with the fixed part and its calldata, before
    refunds."""
    data = bytes(HexBytes(frame["input"]))
    zeros = data.count(0)
    return int(frame["gasUsed"], 16) + TRANSACTION_GAS + ZERO_BYTE_GAS * zeros + BYTE_GAS * (len(data) - zeros)


def frames(frame: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A traced call and all calls inside it, without those that failed."""
    if "error" in frame:
        return
    yield frame
    for inner in frame.get("calls", []):
        yield from frames(inner)


@dataclass
class Samples:
    """Gas seen, by kind of step."""

    place: list[int] = field(default_factory=list)
    execute_open: list[int] = field(default_factory=list)
    execute_close: list[int] = field(default_factory=list)
    price_update: list[int] = field(default_factory=list)
    cranks: list[tuple[int, int]] = field(default_factory=list)
    """Gas and buckets of each crank that did work."""

    def summary(self) -> dict[str, int]:
        """The median of each kind, 0 where there was none; for a bucket, what each further one adds to a crank."""
        return {
            "place": _median(self.place),
            "execute_open": _median(self.execute_open),
            "execute_close": _median(self.execute_close),
            "price_update": _median(self.price_update),
            "crank_per_bucket": slope(self.cranks),
        }


def slope(points: Sequence[tuple[int, int]]) -> int:
    """Gas by bucket of (gas, buckets) samples: the line of least squares; 0 where all samples have one size."""
    count, sum_x, sum_y = len(points), sum(x for _, x in points), sum(y for y, _ in points)
    spread = count * sum(x * x for _, x in points) - sum_x * sum_x
    return (count * sum(x * y for y, x in points) - sum_x * sum_y) // spread if spread else 0


def _median(values: Iterable[int]) -> int:
    values = list(values)
    return median_low(values) if values else 0
