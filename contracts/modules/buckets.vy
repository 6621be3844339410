# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Buckets: units, shares and what each share has been paid
@license AGPL-3.0-only
@notice One slot holds units (112 bits), shares (112) and epoch (32). One slot for each epoch, the ledger, holds what a share of
        that epoch was paid in cash (92), in recovery claims (76), and the units the bucket held (`base`, a float of 50
        significant bits, 56) when ADL first reached it at the price of `round` (32).
        Ledger amounts are multiples of floor_k / 2^64 (cash) and floor_k / 2^54 (claims) of a coordinate per share.
        units <= shares always, so a share never stands for more than one unit.
"""
from ..interfaces import IMarket
from . import fixed_point as fp
from . import grid

uses: grid

MASK_112: constant(uint256) = 2**112 - 1
MASK_92: constant(uint256) = 2**92 - 1
MASK_76: constant(uint256) = 2**76 - 1
MASK_56: constant(uint256) = 2**56 - 1
MASK_50: constant(uint256) = 2**50 - 1
MASK_32: constant(uint256) = 2**32 - 1
SNAPSHOT_MASK: constant(uint256) = 2**168 - 1
EPOCH_SHIFT: constant(uint256) = 224
PAID_FRACTION: constant(uint256) = 64
CLAIM_FRACTION: constant(uint256) = 54

_buckets: uint256[33_554_432]
_ledgers: HashMap[uint256, uint256]
# 10**(36 - decimals): WAD x WAD to cash
CASH_SCALE: immutable(uint256)


@deploy
def __init__(cash_scale: uint256):
    CASH_SCALE = cash_scale


@view
@internal
def units_shares_epoch(id: uint256) -> (uint256, uint256, uint256):
    word: uint256 = self._buckets[id]
    return word & MASK_112, (word >> 112) & MASK_112, word >> EPOCH_SHIFT


@view
@internal
def units_of(id: uint256) -> uint256:
    return self._buckets[id] & MASK_112


@view
@internal
def epoch_of(id: uint256) -> uint256:
    return self._buckets[id] >> EPOCH_SHIFT


@view
@internal
def ledger(id: uint256, epoch: uint256) -> uint256:
    return self._ledgers[(id << 32) | epoch]


@view
@internal
def bucket(id: uint256) -> IMarket.Bucket:
    b: IMarket.Bucket = empty(IMarket.Bucket)
    b.units, b.shares, b.epoch = self.units_shares_epoch(id)
    word: uint256 = self.ledger(id, b.epoch)
    b.paid_per_share = word & MASK_92
    b.claim_per_share = (word >> 92) & MASK_76
    b.given_round = (word >> 168) & MASK_32
    base: uint256 = self.base_at(id, b.epoch, b.units, b.given_round)
    if word >> 200 != 0 and base > b.units:
        b.given = base - b.units
    return b


@pure
@internal
def share_units(units: uint256, shares: uint256, owned: uint256) -> uint256:
    """
    @notice Units behind `owned` shares, rounded down in favour of the other owners; the last owner gets all.
    """
    return fp.mul_div_down(owned, units, shares)


@internal
def join(id: uint256, units: uint256, price_round: uint256) -> (uint256, uint256):
    """
    @notice Adds `units`; returns the shares they are worth, rounded down in favour of the other owners, and the epoch.
    """
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = self.units_shares_epoch(id)
    joined: uint256 = units
    if total == 0:
        grid.set_live(id)
        grid.raise_bound(id)
        # the first write of the ledger is paid by whoever opens the bucket, not by the crank
        self._ledgers[(id << 32) | epoch] = price_round << 168
    else:
        joined = fp.mul_div_down(units, shares, total)
    assert joined != 0, "too small for its bucket"
    assert shares + joined <= MASK_112, "bucket is worn out: change the margin a little"
    self._buckets[id] = (total + units) | ((shares + joined) << 112) | (epoch << EPOCH_SHIFT)
    return joined, epoch


@internal
def leave(id: uint256, units: uint256, owned: uint256) -> uint256:
    """
    @notice Takes `units` of an owner of `owned` shares out; returns the shares burnt, rounded up against the owner.
    @dev units <= share_units(...). Full exits pass exactly that.
    """
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = self.units_shares_epoch(id)
    burnt: uint256 = owned
    if units < self.share_units(total, shares, owned):
        burnt = min(owned, fp.mul_div_up(units, shares, total))
    # units <= shares, so units == total exactly when burnt == shares
    if units == total:
        self._empty(id, epoch)
    else:
        self._buckets[id] = (total - units) | ((shares - burnt) << 112) | (epoch << EPOCH_SHIFT)
    return burnt


@internal
def close(id: uint256, units: uint256, paid: uint256, claim: uint256):
    """
    @notice Takes `units` from all owners of a bucket alike and credits each share its part of `paid` and `claim`, in
            cash. O(1). Rounds what the shares are credited down.
    """
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = self.units_shares_epoch(id)
    if paid != 0 or claim != 0:
        key: uint256 = (id << 32) | epoch
        word: uint256 = self._ledgers[key]
        class_floor: uint256 = grid.floor_of((id >> 16) & 255)
        # the caps need a payout of 2^28 (2^22) times the margin; beyond them the rest stays with the pool
        paid_sum: uint256 = min((word & MASK_92) + self._per_share(paid, shares, class_floor, PAID_FRACTION), MASK_92)
        claim_sum: uint256 = min(((word >> 92) & MASK_76) + self._per_share(claim, shares, class_floor, CLAIM_FRACTION), MASK_76)
        self._ledgers[key] = (word & ~SNAPSHOT_MASK) | (claim_sum << 92) | paid_sum
    if units == total:
        self._empty(id, epoch)
    else:
        self._buckets[id] = (total - units) | (shares << 112) | (epoch << EPOCH_SHIFT)


@internal
def _empty(id: uint256, epoch: uint256):
    self._buckets[id] = (epoch + 1) << EPOCH_SHIFT
    grid.set_empty(id)


@view
@internal
def _per_share(cash: uint256, shares: uint256, class_floor: uint256, fraction: uint256) -> uint256:
    # cash * CASH_SCALE * 2^fraction / (shares * floor), in two parts so that nothing exceeds 256 bits
    amount: uint256 = cash * CASH_SCALE
    return (((amount // shares) << fraction) + ((amount % shares) << fraction) // shares) // class_floor


@view
@internal
def owed(id: uint256, epoch: uint256, owned: uint256, snapshot: uint256) -> (uint256, uint256, uint256):
    """
    @notice Cash and claim owed to `owned` shares since `snapshot`, rounded down, and the new snapshot.
    """
    now: uint256 = self._ledgers[(id << 32) | epoch] & SNAPSHOT_MASK
    if now == snapshot:
        return 0, 0, now
    class_floor: uint256 = grid.floor_of((id >> 16) & 255)
    paid: uint256 = (now & MASK_92) - (snapshot & MASK_92)
    claim: uint256 = (now >> 92) - (snapshot >> 92)
    return (
        self._to_cash(owned * paid, class_floor, PAID_FRACTION),
        self._to_cash(owned * claim, class_floor, CLAIM_FRACTION),
        now,
    )


@view
@internal
def _to_cash(amount: uint256, class_floor: uint256, fraction: uint256) -> uint256:
    return (((amount >> 20) * class_floor) >> (fraction - 20)) // CASH_SCALE


@view
@internal
def base_at(id: uint256, epoch: uint256, units: uint256, price_round: uint256) -> uint256:
    """
    @notice What the bucket held when ADL first reached it at this price, to 50 significant bits, rounded down.
    """
    word: uint256 = self._ledgers[(id << 32) | epoch]
    packed: uint256 = word >> 200
    if (word >> 168) & MASK_32 != price_round or packed == 0:
        packed = self._pack_base(units)
    return (packed & MASK_50) << (packed >> 50)


@internal
def remember_base(id: uint256, epoch: uint256, units: uint256, price_round: uint256):
    """
    @dev Before the bucket gives; only the first time at a price counts.
    """
    key: uint256 = (id << 32) | epoch
    word: uint256 = self._ledgers[key]
    if (word >> 168) & MASK_32 != price_round or word >> 200 == 0:
        self._ledgers[key] = (word & SNAPSHOT_MASK) | (price_round << 168) | (self._pack_base(units) << 200)


@pure
@internal
def _pack_base(units: uint256) -> uint256:
    # 6 bits of exponent, 50 of mantissa: 63 + 50 bits reach over 2^112
    exponent: uint256 = fp.positive(convert(fp.msb(units), int256) - 49)
    return (exponent << 50) | (units >> exponent)
