# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Buckets, opened up
@license AGPL-3.0-only
"""
from contracts.modules import buckets
from contracts.modules import grid

initializes: grid
initializes: buckets[grid := grid]


@deploy
def __init__(cash_scale: uint256):
    grid.__init__()
    buckets.__init__(cash_scale)


@external
def join(id: uint256, units: uint256, price_round: uint256) -> (uint256, uint256):
    return buckets.join(id, units, price_round)


@external
def leave(id: uint256, units: uint256, owned: uint256, price_round: uint256) -> uint256:
    return buckets.leave(id, units, owned, price_round)


@external
def close(id: uint256, units: uint256, paid: uint256):
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = buckets.units_shares_epoch(id)
    buckets.close(id, units, buckets.cash_per_share(id, shares, paid))


@external
def give(id: uint256, units: uint256, paid: uint256, claim: uint256, price_round: uint256):
    b: buckets.Words = buckets.load(id)
    buckets.give(id, b, units, paid, claim, buckets.packed_base(b, price_round), price_round)


@view
@external
def base_at(id: uint256, price_round: uint256) -> uint256:
    return buckets.unpacked(buckets.packed_base(buckets.load(id), price_round))


@view
@external
def owed(id: uint256, epoch: uint256, owned: uint256, snapshot: uint256) -> (uint256, uint256, uint256):
    now: uint256 = buckets.snapshot(id, epoch)
    paid: uint256 = 0
    claim: uint256 = 0
    paid, claim = buckets.owed(id, owned, snapshot, now)
    return paid, claim, now


@view
@external
def units_shares_epoch(id: uint256) -> (uint256, uint256, uint256):
    return buckets.units_shares_epoch(id)


@pure
@external
def share_units(units: uint256, shares: uint256, owned: uint256) -> uint256:
    return buckets.share_units(units, shares, owned)
