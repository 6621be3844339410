"""Checks a round of ADL from logs alone: that ranking, amounts and prices are what the mechanism prescribes.

A round is everything that a market told at one price. Given the buckets as they stood when the price came (which follow
from `BucketChanged`, `Liquidated` and `Deleveraged` before), each `Deleveraged` is recomputed to the last digit, and
every bucket that could have been taken instead is looked at: nobody with a higher score was passed over. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.adl_rank import BASE_BITS, ceil_div, ceiling_of, equity_of, rounded_base, score_of
from plimsoll.chain import Event

NOTHING = 2**256 - 1
BPS = 10_000
DAY = 86_400


class ViolationError(Exception):
    """What is wrong, in words."""


@dataclass
class Standing:
    """A bucket in this round."""

    units: int
    epoch: int
    base: int | None = None
    """What it held when ADL first reached it at this price; None: ADL has not reached it."""


@dataclass(frozen=True)
class Verdict:
    """`violation` says in words what the first event that breaks a rule breaks; None if all is well."""

    deleveraged: int
    comparisons: int
    """How many other buckets were looked at, to see whether they should have come first."""
    violation: str | None = None
    block: int | None = None
    index: int | None = None


@dataclass
class Round:
    """One market at one price. `take` every event of the market, and the insurance fund's about it, in order."""

    params: Mapping[str, int]
    """`IMarket.Params`."""
    decimals: int
    """Of the collateral."""
    buckets: dict[int, Standing]
    """Those that were live before the price came."""
    start: Event | None = None
    start_time: int = 0
    deleveraged: int = 0
    comparisons: int = 0
    _held: tuple[int, int] = (0, 0)
    """Skin in the game and insurance held for the bucket that is being liquidated."""
    _given: dict[int, list[int]] = field(default_factory=dict)
    """For each liquidated bucket what ADL did since its last `Liquidated`: units, loss, skin, insurance, claim."""
    _funding: tuple[int, int] | None = None
    _is_fair_begun: bool = False

    @property
    def scale(self) -> int:
        """WAD x WAD to cash."""
        return int(10 ** (36 - self.decimals))

    def take(self, event: Event, time: int) -> None:
        """ViolationError if the event breaks a rule."""
        handler = getattr(self, f"_take_{event.name}", None)
        if handler is not None:
            handler(event, time)

    def _take_PriceRound(self, event: Event, time: int) -> None:
        self.start, self.start_time = event, time

    def _take_BucketChanged(self, event: Event, time: int) -> None:
        args = event.args
        bucket = self.buckets.setdefault(args["bucket"], Standing(0, args["epoch"]))
        before, bucket.units = bucket.units, bucket.units + args["units_delta"]
        if before == 0:
            bucket.epoch = args["epoch"]
        self._need(bucket.epoch == args["epoch"], f"bucket {args['bucket']:#x} is not in epoch {args['epoch']}")
        if before == 0 or bucket.units == 0:
            bucket.base = None
        elif bucket.base is not None:
            bucket.base = rounded_base(bucket.base * bucket.units // before)

    def _take_LossCovered(self, event: Event, time: int) -> None:
        self._held = event.args["skin_in_the_game"], event.args["insurance"]

    def _take_CoverReturned(self, event: Event, time: int) -> None:
        self._held = 0, 0

    def _take_Liquidated(self, event: Event, time: int) -> None:
        args = event.args
        bucket = args["bucket"]
        parts = args["skin_in_the_game"] + args["insurance"] + args["adl"] + args["vault"]
        self._need(parts == args["loss"], f"the layers pay {parts} of a loss of {args['loss']}")
        if args["to_vault"]:
            self._need(args["adl"] == 0, "units that the vault took over cost winners nothing")
            if args["vault"]:
                self._check_nobody_left(1 - (bucket >> 24), time)
            self._use_cover(args["skin_in_the_game"], args["insurance"])
        else:
            told = [args[name] for name in ("units", "loss", "skin_in_the_game", "insurance", "adl")]
            given = self._given.pop(bucket, [0] * 5)
            names = ("units", "loss", "skin in the game", "insurance", "winners' profit")
            for name, mine, theirs in zip(names, given, told, strict=True):
                self._need(mine == theirs, f"ADL for bucket {bucket:#x} adds up to {mine} ({name}), told is {theirs}")
        self._close(bucket, args["epoch"], args["units"], args["units_left"])
        if args["units_left"] == 0:
            self._held = 0, 0

    def _take_Deleveraged(self, event: Event, time: int) -> None:
        args = event.args
        bucket, cause = args["bucket"], args["for_bucket"]
        self._check_price(args, time)
        self._check_order(args)
        standing = self.buckets[bucket]
        standing.base = self._base(standing)
        available = self._available(standing, args["step"])
        self._need(
            0 < args["units"] <= available,
            f"bucket {bucket:#x} gave {args['units']} units, step {args['step']} takes {available} of it",
        )
        if cause == NOTHING:
            self._check_fair(bucket, args["units"])
            uncovered = 0
        else:
            uncovered = self._uncovered(bucket, cause, args)
        self._check_money(args, uncovered)
        base = standing.base
        self._close(bucket, args["epoch"], args["units"], args["units_left"])
        if standing.units:
            standing.base = base
        self.deleveraged += 1

    def unsettled(self) -> list[int]:
        """Buckets that ADL gave for without a `Liquidated` that says so."""
        return list(self._given)

    # Rules

    def _need(self, is_true: bool, words: str) -> None:
        if not is_true:
            raise ViolationError(words)

    def _check_price(self, args: Mapping[str, Any], time: int) -> None:
        assert self.start is not None
        first = self.start.args
        for name in ("price_round", "index_price"):
            self._need(
                args[name] == first[name], f"{name} {args[name]} is not that of the price that came, {first[name]}"
            )
        most = self._most_funding(time)
        moved = abs(args["funding_index"] - first["funding_index"])
        self._need(moved <= most, f"funding moved by {moved} since the price came, at most {most} is possible")
        if self._funding is not None and self._funding[0] == time:
            self._need(self._funding[1] == args["funding_index"], "funding differs within one moment")
        self._funding = time, args["funding_index"]

    def _check_order(self, args: Mapping[str, Any]) -> None:
        bucket, step = args["bucket"], args["step"]
        price, funding = args["index_price"], args["funding_index"]
        score = score_of(bucket, price, funding)
        self._need(score > 0, f"bucket {bucket:#x} is not in profit: it may not be deleveraged")
        self._need(args["score"] == score, f"bucket {bucket:#x} has score {score}, told is {args['score']}")
        self._need(bucket in self.buckets, f"bucket {bucket:#x} holds nothing")
        last = ceil_div(BPS, self.params["adl_step_bps"])
        self._need(1 <= step <= last, f"there is no step {step}: {last} steps give everything")
        for other, standing in self.buckets.items():
            if other >> 24 != bucket >> 24 or other == bucket or standing.units == 0:
                continue
            rank = score_of(other, price, funding)
            if rank == 0:
                continue
            self.comparisons += 1
            is_ahead = (rank, -other) > (score, -bucket)
            due = step if is_ahead else step - 1
            # dust: a base is kept to 50 significant bits, and rounded again when somebody joins or leaves
            left = self._available(standing, due) if due else 0
            self._need(
                left <= 2 + (self._base(standing) >> BASE_BITS - 2),
                f"bucket {bucket:#x} (score {score}) gave in step {step} although bucket {other:#x} (score {rank}) "
                f"still had {left} units to give in step {due}",
            )

    def _check_nobody_left(self, side: int, time: int) -> None:
        """`Liquidated` does not tell the funding index: a profit that funding can have made since does not count."""
        assert self.start is not None
        first = self.start.args
        for other, standing in self.buckets.items():
            equity = equity_of(other, first["index_price"], first["funding_index"])
            if other >> 24 == side and standing.units and equity - ceiling_of(other) > self._most_funding(time):
                raise ViolationError(f"the vault paid although bucket {other:#x} is in profit")

    def _most_funding(self, time: int) -> int:
        """How far the funding index can have moved since the price came."""
        assert self.start is not None
        rate = self.params["funding_max_bps"]
        return int(self.start.args["index_price"] * rate * (time - self.start_time) // (BPS * DAY) + 1)

    def _check_fair(self, bucket: int, units: int) -> None:
        """ADL of the vault itself: begun above adl_trigger, never below backstop_capacity, on the heavy side."""
        sides = [sum(b.units for name, b in self.buckets.items() if name >> 24 == side) for side in (0, 1)]
        skew = sides[0] - sides[1]
        self._need(bucket >> 24 == (skew < 0), f"bucket {bucket:#x} is on the side that the vault does not hold")
        if not self._is_fair_begun:
            trigger = self._capacity_units("shock_adl_bps")
            self._need(abs(skew) > trigger, f"the vault holds {abs(skew)} units, its own ADL begins above {trigger}")
            self._is_fair_begun = True
        need = abs(skew) - self._capacity_units("shock_backstop_bps")
        self._need(units <= need, f"{units} units were closed for the vault, it needed {need}")

    def _capacity_units(self, shock: str) -> int:
        assert self.start is not None
        capacity = self.start.args["budget_left"] * BPS // self.params[shock]
        return int(capacity * self.scale // self.start.args["index_price"])

    def _uncovered(self, bucket: int, cause: int, args: Mapping[str, Any]) -> int:
        """What the loser's units cost that skin in the game and insurance do not bear. Cash, rounded up."""
        self._need(cause >> 24 != bucket >> 24, f"bucket {bucket:#x} paid for a bucket of its own side")
        loser = self.buckets.get(cause)
        self._need(loser is not None and loser.units > 0, f"bucket {cause:#x}, which was paid for, holds nothing")
        assert loser is not None
        equity = equity_of(cause, args["index_price"], args["funding_index"])
        maintenance = ceil_div(args["index_price"] * self.params["maintenance_margin_bps"], BPS)
        self._need(equity < maintenance, f"bucket {cause:#x}, which was paid for, was not to be liquidated")
        given = self._given.setdefault(cause, [0] * 5)
        rest = loser.units - given[0]
        self._need(args["units"] <= rest, f"{args['units']} units closed for bucket {cause:#x}, which had {rest} left")
        loss = ceil_div(args["units"] * max(0, -equity), self.scale)
        skin = min(loss, self._held[0] * args["units"] // rest)
        insurance = min(loss - skin, self._held[1] * args["units"] // rest)
        self._use_cover(skin, insurance)
        for i, amount in enumerate((args["units"], loss, skin, insurance, args["claim"])):
            given[i] += amount
        return loss - skin - insurance

    def _use_cover(self, skin: int, insurance: int) -> None:
        self._held = self._held[0] - skin, self._held[1] - insurance
        self._need(min(self._held) >= 0, "more cover was used than the insurance fund paid")

    def _check_money(self, args: Mapping[str, Any], uncovered: int) -> None:
        bucket, units, claim = args["bucket"], args["units"], args["claim"]
        equity = equity_of(bucket, args["index_price"], args["funding_index"])
        profit = units * (equity - ceiling_of(bucket)) // self.scale
        due = min(uncovered, profit)
        self._need(
            claim == due, f"bucket {bucket:#x} gave {claim} up: {uncovered} was uncovered, {profit} of it is profit"
        )
        rate = self.params["adl_fee_bps"]
        fee = min(profit - claim, ceil_div(units * args["index_price"] * rate, self.scale * BPS))
        paid = units * equity // self.scale - claim - fee
        self._need(args["paid"] == paid, f"bucket {bucket:#x} was paid {args['paid']}, due was {paid}")
        for name, amount in (("paid_per_unit", paid), ("loss_per_unit", claim)):
            per_unit = amount * self.scale // units
            self._need(args[name] == per_unit, f"{name} is {args[name]}, it follows {per_unit}")

    # Buckets

    def _base(self, standing: Standing) -> int:
        return rounded_base(standing.units) if standing.base is None else standing.base

    def _available(self, standing: Standing, step: int) -> int:
        """Units that a bucket still gives until the end of a step."""
        base = self._base(standing)
        given = base * min(step * self.params["adl_step_bps"], BPS) // BPS
        return max(0, standing.units + given - base)

    def _close(self, bucket: int, epoch: int, units: int, units_left: int) -> None:
        standing = self.buckets.get(bucket)
        self._need(standing is not None and standing.units > 0, f"bucket {bucket:#x} holds nothing")
        assert standing is not None
        self._need(standing.epoch == epoch, f"bucket {bucket:#x} is in epoch {standing.epoch}, told is {epoch}")
        self._need(
            standing.units - units == units_left,
            f"bucket {bucket:#x} had {standing.units} units: {units_left} are not left after {units}",
        )
        standing.units = units_left
        if units_left == 0:
            standing.epoch += 1
            standing.base = None


def verify(round_: Round, events: Iterable[tuple[Event, int]]) -> Verdict:
    """Takes the events of a round, each with the time of its block, and says what the first wrong one breaks."""
    for event, time in events:
        try:
            round_.take(event, time)
        except ViolationError as error:
            return Verdict(round_.deleveraged, round_.comparisons, str(error), event.block, event.index)
    if owing := round_.unsettled():
        words = f"units were closed for bucket {owing[0]:#x}, and no liquidation of it was told"
        return Verdict(round_.deleveraged, round_.comparisons, words)
    return Verdict(round_.deleveraged, round_.comparisons)
