# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A Chainlink feed, or an uptime feed, that says what it is told
@license AGPL-3.0-only
"""
from contracts.interfaces import IAggregatorV3

implements: IAggregatorV3

decimals: public(uint8)
round_id: uint80
answer: int256
started_at: uint256
updated_at: uint256
answered_in: uint80
is_silent: bool


@deploy
def __init__(decimals: uint8):
    self.decimals = decimals


@external
def set_round(round_id: uint80, answer: int256, started_at: uint256, updated_at: uint256, answered_in: uint80):
    self.round_id = round_id
    self.answer = answer
    self.started_at = started_at
    self.updated_at = updated_at
    self.answered_in = answered_in


@external
def set_decimals(decimals: uint8):
    self.decimals = decimals


@external
def set_silent(is_silent: bool):
    self.is_silent = is_silent


@view
@external
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    # what feeds without a round revert with
    assert not self.is_silent, "No data present"
    return self.round_id, self.answer, self.started_at, self.updated_at, self.answered_in
