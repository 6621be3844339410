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

# both slots of a bucket's present epoch
struct Words:
    units: uint256
    shares: uint256
    epoch: uint256
    ledger: uint256


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
def bucket(id: uint256) -> IMarket.Bucket:
    b: IMarket.Bucket = empty(IMarket.Bucket)
    words: Words = self.load(id)
    b.units = words.units
    b.shares = words.shares
    b.epoch = words.epoch
    b.paid_per_share = words.ledger & MASK_92
    b.claim_per_share = (words.ledger >> 92) & MASK_76
    b.given_round = (words.ledger >> 168) & MASK_32
    b.given = fp.positive(convert(self.unpacked(self.packed_base(words, b.given_round)), int256) - convert(b.units, int256))
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
        self._scale_base(id, epoch, total, total + units, price_round)
    assert joined != 0, "too small for its bucket"
    assert shares + joined <= MASK_112, "bucket is worn out: change the margin a little"
    self._buckets[id] = (total + units) | ((shares + joined) << 112) | (epoch << EPOCH_SHIFT)
    return joined, epoch


@internal
def leave(id: uint256, units: uint256, owned: uint256, price_round: uint256) -> uint256:
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
        self._scale_base(id, epoch, total, total - units, price_round)
    return burnt


@internal
def close(id: uint256, units: uint256, credited: uint256):
    """
    @notice Takes `units` from all owners of a bucket alike and credits each share `credited` in cash. O(1).
    """
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = self.units_shares_epoch(id)
    if credited != 0:
        key: uint256 = (id << 32) | epoch
        self._ledgers[key] = self._credited(self._ledgers[key], credited, 0)
    self._put(id, total - units, shares, epoch)


@view
@internal
def load(id: uint256) -> Words:
    b: Words = empty(Words)
    b.units, b.shares, b.epoch = self.units_shares_epoch(id)
    b.ledger = self._ledgers[(id << 32) | b.epoch]
    return b


@internal
def give(id: uint256, b: Words, units: uint256, paid: uint256, claim: uint256, packed: uint256, price_round: uint256):
    """
    @notice ADL takes `units` from all owners alike and credits them `paid` and `claim`, in cash, rounded down. O(1). Keeps
            the packed base that the bucket had at this price.
    """
    class_floor: uint256 = grid.floor_of((id >> 16) & 255)
    kept: uint256 = (b.ledger & SNAPSHOT_MASK) | (price_round << 168) | (packed << 200)
    self._ledgers[(id << 32) | b.epoch] = self._credited(
        kept,
        self._per_share(paid, b.shares, class_floor, PAID_FRACTION),
        self._per_share(claim, b.shares, class_floor, CLAIM_FRACTION),
    )
    # units <= what the bucket holds
    self._put(id, b.units - units, b.shares, b.epoch)


@view
@internal
def cash_per_share(id: uint256, shares: uint256, cash: uint256) -> uint256:
    return self._per_share(cash, shares, grid.floor_of((id >> 16) & 255), PAID_FRACTION)


@pure
@internal
def _credited(word: uint256, paid: uint256, claim: uint256) -> uint256:
    # the caps need a payout of 2^28 (2^22) times the margin; beyond them the rest stays with the pool
    paid_sum: uint256 = min((word & MASK_92) + paid, MASK_92)
    claim_sum: uint256 = min(((word >> 92) & MASK_76) + claim, MASK_76)
    return (word & ~SNAPSHOT_MASK) | (claim_sum << 92) | paid_sum


@internal
def _put(id: uint256, units: uint256, shares: uint256, epoch: uint256):
    if units == 0:
        self._empty(id, epoch)
    else:
        self._buckets[id] = units | (shares << 112) | (epoch << EPOCH_SHIFT)


@internal
def _empty(id: uint256, epoch: uint256):
    self._buckets[id] = (epoch + 1) << EPOCH_SHIFT
    grid.set_empty(id)


@view
@internal
def _per_share(cash: uint256, shares: uint256, class_floor: uint256, fraction: uint256) -> uint256:
    if cash == 0:
        return 0
    # cash * CASH_SCALE * 2^fraction / (shares * floor), in two parts so that nothing exceeds 256 bits
    amount: uint256 = cash * CASH_SCALE
    return (((amount // shares) << fraction) + ((amount % shares) << fraction) // shares) // class_floor


@view
@internal
def snapshot(id: uint256, epoch: uint256) -> uint256:
    """
    @notice What each share of the epoch has been paid so far: cash and claim, in ledger units.
    """
    return self._ledgers[(id << 32) | epoch] & SNAPSHOT_MASK


@view
@internal
def owed(id: uint256, owned: uint256, before: uint256, now: uint256) -> (uint256, uint256):
    """
    @notice Cash and claim owed to `owned` shares between two snapshots, rounded down.
    """
    if now == before:
        return 0, 0
    class_floor: uint256 = grid.floor_of((id >> 16) & 255)
    paid: uint256 = (now & MASK_92) - (before & MASK_92)
    claim: uint256 = (now >> 92) - (before >> 92)
    return (
        self._to_cash(owned * paid, class_floor, PAID_FRACTION),
        self._to_cash(owned * claim, class_floor, CLAIM_FRACTION),
    )


@view
@internal
def _to_cash(amount: uint256, class_floor: uint256, fraction: uint256) -> uint256:
    return (((amount >> 20) * class_floor) >> (fraction - 20)) // CASH_SCALE


@pure
@internal
def packed_base(b: Words, price_round: uint256) -> uint256:
    """
    @notice What the bucket held when ADL first reached it at this price, to 50 significant bits, rounded down.
    """
    packed: uint256 = b.ledger >> 200
    if packed == 0 or (b.ledger >> 168) & MASK_32 != price_round:
        return self._pack_base(b.units)
    return packed


@pure
@internal
def unpacked(packed: uint256) -> uint256:
    return (packed & MASK_50) << (packed >> 50)


@internal
def _scale_base(id: uint256, epoch: uint256, before: uint256, after: uint256, price_round: uint256):
    """
    @notice Whoever joins or leaves at the price at which the bucket gave leaves the part that it has given as it is.
    """
    key: uint256 = (id << 32) | epoch
    word: uint256 = self._ledgers[key]
    packed: uint256 = word >> 200
    if packed != 0 and (word >> 168) & MASK_32 == price_round:
        base: uint256 = fp.mul_div_down(self.unpacked(packed), after, before)
        self._ledgers[key] = (word & (2**200 - 1)) | (self._pack_base(base) << 200)


@pure
@internal
def _pack_base(units: uint256) -> uint256:
    # 6 bits of exponent, 50 of mantissa: 63 + 50 bits reach over 2^112
    exponent: uint256 = fp.positive(convert(fp.msb(units), int256) - 49)
    return (exponent << 50) | (units >> exponent)
