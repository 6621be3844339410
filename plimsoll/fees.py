"""What a transaction offers for its gas: EIP-1559 with a cap, and more when it gets stuck. Pure."""

from dataclasses import dataclass

GWEI = 10**9
PERCENT = 100
BASE_FEE_FACTOR = 3
"""Offered times the base fee of now: it lasts while the base fee triples, at least nine full blocks."""
LEAST_BUMP_PERCENT = 10
"""Nodes take no replacement for less."""


@dataclass(frozen=True)
class FeePolicy:
    """All in wei per gas, but `bump_percent`: how much more a replacement offers."""

    tip: int = GWEI
    cap: int = 500 * GWEI
    bump_percent: int = 25


@dataclass(frozen=True)
class Fees:
    """`maxFeePerGas` and `maxPriorityFeePerGas`, wei."""

    most: int
    tip: int


def first_fees(base_fee: int, policy: FeePolicy) -> Fees | None:
    """What a new transaction offers; None if the cap lies below the base fee and a tip: it would only get stuck."""
    if policy.cap < base_fee + policy.tip:
        return None
    return Fees(min(policy.cap, BASE_FEE_FACTOR * base_fee + policy.tip), policy.tip)


def bumped(old: Fees, base_fee: int, policy: FeePolicy) -> Fees | None:
    """What replaces a transaction that offered `old`; None if the cap leaves too little for a replacement."""
    tip = _raised(old.tip, policy.bump_percent)
    most = min(policy.cap, max(_raised(old.most, policy.bump_percent), BASE_FEE_FACTOR * base_fee + tip))
    tip = min(tip, most)
    is_enough = most >= _raised(old.most, LEAST_BUMP_PERCENT) and tip >= _raised(old.tip, LEAST_BUMP_PERCENT)
    return Fees(most, tip) if is_enough else None


def _raised(value: int, percent: int) -> int:
    return -(-value * (PERCENT + percent) // PERCENT)
