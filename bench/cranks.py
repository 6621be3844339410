"""Gas of liquidation, ADL and claims: what is fixed, and what a further bucket of few or of many positions costs."""

from itertools import product

from bench.exchange import PRICE, USD, Bench, count
from bench.meter import send, simulate
from bench.trading import LOT
from plimsoll.deploy import WAD

POPULATIONS = (1, 10, 100, 1_000)
"""Positions in a bucket."""
FEW, MANY = 2, 7
"""Buckets done by the two cranks of which the difference is taken."""
BUCKET = 4 * WAD // 10
"""Units in every bucket that is measured, shared by its positions: 40,000 USD."""

LOW = 97_000
"""The price of the liquidations."""
MARGINS = (3_700, 4_400, 5_300, 6_300)
"""USD per BTC of the positions that are liquidated, each of another class."""
BANKRUPTCIES = (96_170, 96_680)
"""Their bankruptcy prices, more than a tick apart and within the maintenance margin of LOW: two buckets a column."""

WINNERS = range(25_000, 25_000 + 9 * 2_500, 2_500)
"""USD per BTC of the nine buckets of shorts that are deleveraged, in four classes."""
CRASHED = 90_000
LOSER = 10_001
ALL = 1_000


def warm_up(bench: Bench) -> Bench:
    """A liquidation, so that keeper, insurance and treasury were all paid before."""
    bench.open([LOSER - 1], LOT, 30 * USD, PRICE)
    bench.publish(98_000)
    assert bench.crank() == 1, "the warm-up liquidation is missing"
    bench.publish(PRICE)
    return bench


def fill_bucket(bench: Bench, bucket: int, positions: int, sign: int, margin: int, price: int) -> str:
    """BUCKET units in `positions` like ones, at `margin` USD per BTC; returns one of their owners."""
    numbers = range(bucket * positions, (bucket + 1) * positions)
    owners = bench.open(numbers, sign * BUCKET // positions, margin * USD * BUCKET // (WAD * positions), price)
    ids = {bench.market.position(owner).bucket for owner in (owners[0], owners[-1])}
    assert len(ids) == 1, "more than one bucket"
    return owners[0]


def per_bucket(bench: Bench, event: str) -> float:
    """What each further bucket adds to a crank. The state stays as it is."""
    few, many = (bench.try_crank(number) for number in (FEW, MANY))
    assert count(many, event) - count(few, event) == MANY - FEW, "other work than expected"
    return (many.gas - few.gas) / (MANY - FEW)


# Liquidation


def losers(positions: int) -> tuple[Bench, list[str]]:
    """Eight buckets of `positions` longs each that the vault can take over, none bankrupt; an owner of each."""
    bench = warm_up(Bench.build())
    owners = [
        fill_bucket(bench, bucket, positions, 1, margin, bankruptcy + margin)
        for bucket, (margin, bankruptcy) in enumerate(product(MARGINS, BANKRUPTCIES))
    ]
    bench.publish(LOW)
    return bench, owners


def liquidation() -> dict[str, float]:
    """Buckets that the vault takes over at the price the crank takes in."""
    gas: dict[str, float] = {}
    for positions in POPULATIONS:
        bench, _ = losers(positions)
        gas[f"crank_liquidate_per_bucket_{positions}"] = per_bucket(bench, "Liquidated")
    bench = warm_up(Bench.build())
    fill_bucket(bench, 0, 1, 1, MARGINS[0], PRICE)
    bench.publish(LOW)
    gas["crank_liquidate_one"] = bench.send_crank().gas
    return gas


# ADL


def winners(positions: int, *, is_warm: bool = True, skin: int = 0, insurance: int = 0) -> tuple[Bench, list[str]]:
    """Nine buckets of `positions` shorts that pay for one bankrupt long, as big as half of them; an owner of each."""
    bench = Bench.build(skin_in_the_game=skin, insurance=insurance)
    if is_warm:
        warm_up(bench)
    owners = [fill_bucket(bench, bucket, positions, -1, margin, PRICE) for bucket, margin in enumerate(WINNERS)]
    size = len(WINNERS) * BUCKET // 2
    bench.open([LOSER], size, 3_000 * USD * size // WAD, PRICE)
    bench.publish(CRASHED)
    return bench, owners


def deleveraging() -> dict[str, float]:
    """Winners that pay for a bankrupt bucket and get a claim. No insurance, unless said."""
    gas: dict[str, float] = {}
    for positions in POPULATIONS:
        bench, _ = winners(positions)
        gas[f"crank_adl_per_bucket_{positions}"] = per_bucket(bench, "Deleveraged")
    each = gas["crank_adl_per_bucket_1"]

    def fixed(bench: Bench) -> float:
        sent = bench.send_crank(ALL)
        return sent.gas - count(sent, "Deleveraged") * each

    gas["crank_adl_fixed"] = fixed(winners(1)[0])
    gas["crank_adl_fixed_first_ever"] = fixed(winners(1, is_warm=False)[0])
    gas["crank_adl_fixed_part_insured"] = fixed(winners(1, skin=1_000, insurance=10_000)[0])
    bench, _ = winners(1)
    bench.crank(FEW)
    gas["crank_adl_fixed_price_known"] = fixed(bench)
    gas["crank_adl_one"] = gas["crank_adl_fixed"] + each
    return gas


def bled_vault() -> tuple[Bench, list[str]]:
    """Eight buckets of longs whose profits used most of the loss budget up: fair ADL closes the best of them."""
    bench = Bench.build(vault_capital=1_000_000)
    warm_up(bench)
    owners = [
        fill_bucket(bench, bucket, 1, 1, margin, PRICE) for bucket, margin in enumerate(range(25_000, 45_000, 2_500))
    ]
    bench.publish(PRICE * 13 // 10)
    return bench, owners


def fair_deleveraging() -> dict[str, float]:
    """Winners closed at the index price because the vault's room is used up."""
    bench, _ = bled_vault()
    each = per_bucket(bench, "Deleveraged")
    sent = bench.send_crank(ALL)
    return {
        "crank_fair_adl_per_bucket": each,
        "crank_fair_adl_fixed": sent.gas - count(sent, "Deleveraged") * each,
    }


# Claims


def claims() -> dict[str, float]:
    """Collecting what liquidation or ADL left, called by a keeper."""
    gas: dict[str, float] = {}

    bench, owners = losers(1)
    bench.crank()
    pool = bench.contract("MarginPool")
    gas["claim"] = send(bench.market.sync, owners[0], sender=bench.keeper).gas
    pool.withdraw(pool.balance_of(owners[2]), owners[2], sender=owners[2])
    gas["claim_into_empty_account"] = send(bench.market.sync, owners[2], sender=bench.keeper).gas

    bench, owners = winners(1)
    bench.crank()
    gas["claim_first_recovery"] = send(bench.market.sync, owners[0], sender=bench.keeper).gas
    gas["claim_recovery"] = send(bench.market.sync, owners[1], sender=bench.keeper).gas

    bench, owners = bled_vault()
    bench.crank()
    gas["claim_after_fair_adl"] = simulate(bench.market.sync, owners[0], sender=bench.keeper).gas
    return gas
