"""What the rules of the state machine draw from."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.invariants.world import KEEPERS, LPS, STAKERS, TRADERS

traders, lps, stakers = st.sampled_from(TRADERS), st.sampled_from(LPS), st.sampled_from(STAKERS)
keepers = st.sampled_from(KEEPERS)
anyone = st.sampled_from((*TRADERS, *LPS, *STAKERS, *KEEPERS))
# most of what happens happens in one market: there it is crowded
markets = st.sampled_from([0, 0, 0, 1])
parts = st.sampled_from([10_000, 5_000, 10_000, 3_333, 1, 0])
orders = st.integers(0, 7)
# the same few leverages again and again, so that many share a bucket
margin_bps = st.one_of(st.sampled_from([250, 400]), st.sampled_from([250, 400, 1_000]), st.integers(150, 5_000))
lots = st.integers(-600, 600)
usd = st.sampled_from([1, 50, 1_000, 20_000])
most = st.sampled_from([1, 1, 2, 3, 7, 1_000])
nonces = st.one_of(st.integers(0, 600), st.integers(0, 3))
# of take-profit and stop-loss from the price, bps; 0 for none
widths = st.sampled_from([(50, 50), (10, 300), (300, 10), (0, 50), (50, 0), (0, 0)])
fees = st.sampled_from([0, 0, 1, 50_000, 10**30])
