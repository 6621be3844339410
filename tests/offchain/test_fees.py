"""What transactions offer for gas."""

from plimsoll.fees import GWEI, FeePolicy, Fees, bumped, first_fees

POLICY = FeePolicy(tip=GWEI, cap=100 * GWEI, bump_percent=25)


def test_first_fees__lasts_while_the_base_fee_triples_and_stays_below_the_cap() -> None:
    assert first_fees(10 * GWEI, POLICY) == Fees(31 * GWEI, GWEI)
    assert first_fees(40 * GWEI, POLICY) == Fees(100 * GWEI, GWEI)


def test_first_fees__base_fee_above_the_cap__none() -> None:
    assert first_fees(99 * GWEI, POLICY) == Fees(100 * GWEI, GWEI)
    assert first_fees(99 * GWEI + 1, POLICY) is None


def test_bumped__both_parts_rise_and_follow_the_base_fee() -> None:
    old = Fees(31 * GWEI, GWEI)
    assert bumped(old, 10 * GWEI, POLICY) == Fees(38_750_000_000, 1_250_000_000)
    assert bumped(old, 30 * GWEI, POLICY) == Fees(91_250_000_000, 1_250_000_000)


def test_bumped__is_never_less_than_nodes_ask_for() -> None:
    policy = FeePolicy(tip=3, cap=1_000, bump_percent=10)
    new = bumped(Fees(7, 3), 0, policy)
    assert new is not None and new.most * 10 >= 7 * 11 and new.tip * 10 >= 3 * 11


def test_bumped__cap_reached__none() -> None:
    assert bumped(Fees(90 * GWEI, GWEI), 10 * GWEI, POLICY) == Fees(100 * GWEI, 1_250_000_000)
    assert bumped(Fees(95 * GWEI, GWEI), 10 * GWEI, POLICY) is None
