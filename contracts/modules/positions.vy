# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Positions: what an account owns, trades, margin, claims
@license AGPL-3.0-only
@notice One net position per account. A position is (bucket, epoch, shares, ledger snapshot, basis, entry price); its units
        and what it is owed follow from the bucket. When the bucket's epoch has moved on, the position is gone and only
        what it is owed is left.
"""
from ..interfaces import IInsuranceFund
from ..interfaces import IMarket
from . import book
from . import buckets
from . import fixed_point as fp
from . import grid
from . import parameters

uses: book
uses: buckets
uses: parameters

MASK_36: constant(uint256) = 2**36 - 1
MASK_45: constant(uint256) = 2**45 - 1
MASK_112: constant(uint256) = 2**112 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_25: constant(uint256) = 2**25 - 1


struct Held:
    id: uint256  # bucket
    epoch: uint256
    snapshot: uint256  # of the ledger now
    is_live: bool  # the shares belong to a live bucket (they may stand for less than one unit)
    shares: uint256
    units: uint256  # 0: no open position
    basis: uint256
    entry_price: uint256
    cash_owed: uint256
    claim_owed: uint256


# shares 112 | epoch 32 | bucket 25 | basis 36, in 2^-35 of its class floor | entry price 51, a float of 45 significant bits
_places: HashMap[address, uint256]
_snapshots: HashMap[address, uint256]
# fixed for the owner at a moment when neither market nor vault could pay it
_unpaid: HashMap[address, uint256]


@view
@internal
def held(account: address) -> Held:
    """
    @notice The position as it stands after all liquidation and ADL so far.
    """
    place: uint256 = self._places[account]
    h: Held = empty(Held)
    if place == 0:
        return h
    h.id = (place >> 144) & MASK_25
    h.shares = place & MASK_112
    h.epoch = (place >> 112) & MASK_32
    # a ledger only grows: where it is empty, so is the account's snapshot
    h.snapshot = buckets.snapshot(h.id, h.epoch)
    if h.snapshot != 0:
        h.cash_owed, h.claim_owed = buckets.owed(h.id, h.shares, self._snapshots[account], h.snapshot)
    total: uint256 = 0
    shares: uint256 = 0
    present: uint256 = 0
    total, shares, present = buckets.units_shares_epoch(h.id)
    if present == h.epoch:
        h.is_live = True
        h.units = buckets.share_units(total, shares, h.shares)
        h.basis = (((place >> 169) & MASK_36) * grid.floor_of((h.id >> 16) & 255)) >> 35
        h.entry_price = ((place >> 205) & MASK_45) << (place >> 250)
    return h


@view
@internal
def position(account: address) -> IMarket.Position:
    h: Held = self.held(account)
    return IMarket.Position(
        side=grid.side_of(h.id),
        bucket=h.id,
        units=h.units,
        beta=grid.beta_of(h.id),
        basis=h.basis,
        entry_price=h.entry_price,
        cash_owed=h.cash_owed + self._unpaid[account],
        claim_owed=h.claim_owed,
    )


@view
@internal
def units_of(account: address) -> uint256:
    place: uint256 = self._places[account]
    if place == 0:
        return 0
    total: uint256 = 0
    shares: uint256 = 0
    epoch: uint256 = 0
    total, shares, epoch = buckets.units_shares_epoch((place >> 144) & MASK_25)
    if epoch != (place >> 112) & MASK_32:
        return 0
    return buckets.share_units(total, shares, place & MASK_112)


@internal
def take(account: address) -> Held:
    """
    @notice Loads the position and books what it is owed as collected; the caller pays `cash_owed` out. RECOVER is issued.
    """
    h: Held = self.held(account)
    if h.shares == 0:
        return h
    if not h.is_live:
        h.shares = 0
        self._clear(account, h.snapshot)
    elif h.snapshot != 0:
        self._snapshots[account] = h.snapshot
    if h.cash_owed != 0:
        book.collected(h.cash_owed)
    if h.claim_owed != 0:
        extcall IInsuranceFund(book.INSURANCE).issue_recovery(account, h.claim_owed)
    if h.cash_owed + h.claim_owed != 0:
        log IMarket.Collected(account=account, cash=h.cash_owed, claim=h.claim_owed)
    return h


@internal
def collect(account: address) -> (uint256, uint256):
    """
    @notice Pays what the account is owed. What the market and the vault can't pay today stays owed.
    """
    h: Held = self.take(account)
    owed: uint256 = h.cash_owed + self._unpaid[account]
    if owed == 0:
        return 0, h.claim_owed
    paid: uint256 = book.cash_for(owed)
    if paid != owed or h.cash_owed != owed:
        book.owe(owed - paid, 0, 0)
        book.collected(owed - h.cash_owed)
        self._unpaid[account] = owed - paid
    book.pay(account, paid)
    return paid, h.claim_owed


@internal
def _clear(account: address, snapshot: uint256):
    self._places[account] = 0
    if snapshot != 0:
        self._snapshots[account] = 0


@internal
def leave(account: address, h: Held, units: uint256):
    """
    @notice Takes `units` of the position out of its bucket.
    """
    burnt: uint256 = buckets.leave(h.id, units, h.shares, book.price_round())
    book.remove_units(grid.side_of(h.id), units, convert(units, int256) * grid.beta_of(h.id))
    if burnt == h.shares:
        self._clear(account, h.snapshot)
    else:
        self._places[account] -= burnt
    log IMarket.BucketChanged(
        bucket=h.id, epoch=h.epoch, units_delta=-convert(units, int256), shares_delta=-convert(burnt, int256)
    )


@view
@internal
def initial_margin() -> int256:
    """
    @notice imr * P per unit, rounded up
    """
    return convert(fp.mul_div_up(book.index_price(), parameters.bps(parameters.INITIAL_MARGIN), fp.BPS), int256)


@internal
def enter(
    account: address,
    side: uint256,
    units: uint256,
    equity: uint256,
    contributed: uint256,
    entry_price: uint256,
    required: int256,
) -> (uint256, uint256):
    """
    @notice Puts a position of `units` with `equity` (cash) into its bucket; `required` per unit must be there after rounding.
            beta = ceil_tick(x - e / units); c = min(contributed, e / units).
    @return The bucket, and what the rounding left over, for the owner's free balance.
    """
    x: int256 = book.coordinate(side)
    per_unit: uint256 = fp.mul_div_down(equity, book.SCALE, units)
    basis: uint256 = min(contributed, per_unit)
    id: uint256 = grid.bucket_for(side, basis, x - convert(per_unit, int256))
    beta: int256 = grid.beta_of(id)
    margin: int256 = x - beta
    assert margin >= required, "below initial margin"
    locked: uint256 = fp.mul_div_up(units, convert(margin, uint256), book.SCALE)
    shares: uint256 = 0
    epoch: uint256 = 0
    shares, epoch = buckets.join(id, units, book.price_round())
    book.add_units(side, units, beta)
    if margin > convert(grid.ceil_of(id), int256):
        book.count_join()
    snapshot: uint256 = buckets.snapshot(id, epoch)
    # whoever enters has no place, and so no snapshot
    if snapshot != 0:
        self._snapshots[account] = snapshot
    self._places[account] = shares | (epoch << 112) | (id << 144) | self._packed_terms(
        id, min(basis, convert(margin, uint256)), entry_price
    )
    log IMarket.BucketChanged(
        bucket=id, epoch=epoch, units_delta=convert(units, int256), shares_delta=convert(shares, int256)
    )
    # locked <= equity: margin <= per_unit
    return id, equity - locked


@pure
@internal
def _packed_terms(id: uint256, basis: uint256, entry_price: uint256) -> uint256:
    """
    @dev Both rounded down. basis < class ceiling < 2 * class floor, so it fits 36 bits; a price < 2^96 an exponent of 6.
    """
    exponent: uint256 = fp.positive(convert(fp.msb(entry_price), int256) - 44)
    return (((basis << 35) // grid.floor_of((id >> 16) & 255)) << 169) | (
        ((entry_price >> exponent) | (exponent << 45)) << 205
    )
