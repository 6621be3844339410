"""Gas out of traces."""

from plimsoll.gas import Samples, as_transaction, frames, slope


def test_as_transaction__adds_the_fixed_part_and_calldata() -> None:
    assert as_transaction({"gasUsed": "0x64", "input": "0x0000ff"}) == 100 + 21_000 + 4 + 4 + 16


def test_frames__without_those_that_failed() -> None:
    trace = {"id": 1, "calls": [{"id": 2, "error": "reverted", "calls": [{"id": 3}]}, {"id": 4, "calls": [{"id": 5}]}]}
    assert [frame["id"] for frame in frames(trace)] == [1, 4, 5]


def test_summary__medians_and_what_each_further_bucket_adds() -> None:
    samples = Samples(place=[5, 1, 9], cranks=[(150, 2), (300, 8)])
    assert samples.summary() == {
        "place": 5,
        "execute_open": 0,
        "execute_close": 0,
        "price_update": 0,
        "crank_per_bucket": 25,
    }


def test_slope__needs_two_sizes() -> None:
    assert slope([]) == slope([(100, 3)]) == slope([(100, 3), (120, 3)]) == 0
    assert slope([(100 + 30 * n, n) for n in range(1, 9)]) == 30
