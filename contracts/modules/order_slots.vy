# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Order slots: how orders lie in storage, and how they hang together
@license AGPL-3.0-only
"""
from ..interfaces import IOrderBook

MARKET: constant(uint256) = 0
STOP: constant(uint256) = 2

# An order takes two slots, and a third only for what does not fit: a trigger, or the high bits of unusually large
# numbers. Most market orders save a slot, and no number is rounded.
#   head  flags 7 | keeper fee 15 | market index 10 | expires_at 32 | placed_at 32 | owner 160
#   body  acceptable_price, low 80 | margin, low 80 | size, low 96, 0 for a full close
#   tail  link 64 | acceptable_price, high 16 | margin, high 48 | size, high 32 | trigger_price 96
KIND_MASK: constant(uint256) = 3
REDUCE_ONLY: constant(uint256) = 4
IS_BUY: constant(uint256) = 8
HAS_TAIL: constant(uint256) = 16
HAS_EXITS: constant(uint256) = 32
HAS_TOP_UP: constant(uint256) = 64
FLAGS_AT: constant(uint256) = 249
TAIL_IN_HEAD: constant(uint256) = HAS_TAIL << FLAGS_AT
TOP_UP_IN_HEAD: constant(uint256) = HAS_TOP_UP << FLAGS_AT
EXITS_IN_HEAD: constant(uint256) = HAS_EXITS << FLAGS_AT

# Orders that hang together are placed at once and have ids in a row: an order, its take-profit, its stop-loss. So a link
# need not name ids: an exit says how far behind its order it stands (2 bits, 0: none) and where its twin is (0: none).
ORDER_MASK: constant(uint256) = 3
TWIN_IS_NEXT: constant(uint256) = 4
TWIN_IS_PREVIOUS: constant(uint256) = 8
IS_EXIT: constant(uint256) = 16
MAX_EXITS: constant(uint256) = 2

# Sizes of a full close: all that is there when it executes.
CLOSE_SHORT: constant(int256) = max_value(int256)
CLOSE_LONG: constant(int256) = min_value(int256)

SIZE_LOW: constant(uint256) = 96
MARGIN_LOW: constant(uint256) = 80
PRICE_LOW: constant(uint256) = 80
MAX_SIZE: constant(int256) = 2**127 - 1
MAX_MARGIN: constant(uint256) = 2**128 - 1
MAX_PRICE: constant(uint256) = 2**96 - 1
MAX_TIME: constant(uint256) = 2**32 - 1
MAX_INDEX: constant(uint256) = 2**10 - 1
MAX_FEE_CODE: constant(uint256) = 2**15 - 1
MAX_DIGITS: constant(uint256) = 2**10 - 1
MAX_ADDRESS: constant(uint256) = 2**160 - 1

heads: HashMap[uint256, uint256]
bodies: HashMap[uint256, uint256]
tails: HashMap[uint256, uint256]
# escrowed beside the keeper fee, for when gas is dear
top_ups: HashMap[uint256, uint256]

# by index, from 1; an index is for good: what was opened can be closed
market_at: public(HashMap[uint256, address])


@view
@internal
def _check(order: IOrderBook.Order):
    assert order.kind <= STOP, "unknown kind"
    assert order.size_delta != 0, "size is zero"
    if not (order.reduce_only and (order.size_delta == CLOSE_LONG or order.size_delta == CLOSE_SHORT)):
        assert order.size_delta <= MAX_SIZE and order.size_delta >= -MAX_SIZE, "size too big"
    assert order.margin <= MAX_MARGIN, "margin too big"
    assert order.trigger_price <= MAX_PRICE and order.acceptable_price <= MAX_PRICE, "price too big"
    assert (order.trigger_price == 0) == (order.kind == MARKET), "trigger does not fit the kind"
    assert order.expires_at > block.timestamp, "already expired"
    assert order.expires_at <= MAX_TIME, "expires too late"


@view
@internal
def _head(id: uint256) -> uint256:
    head: uint256 = self.heads[id]
    assert head != 0, "no such order"
    return head


@pure
@internal
def _owner_of(head: uint256) -> address:
    return convert(head & MAX_ADDRESS, address)


@pure
@internal
def _index_of(head: uint256) -> uint256:
    return (head >> 224) & MAX_INDEX


@view
@internal
def _is_expired(head: uint256) -> bool:
    return (head >> 192) & MAX_TIME < block.timestamp


@pure
@internal
def _fee_of(head: uint256) -> uint256:
    code: uint256 = (head >> 234) & MAX_FEE_CODE
    return (code & MAX_DIGITS) * 10 ** (code >> 10)


@pure
@internal
def _fee_code(fee: uint256) -> uint256:
    """
    @dev exponent 5 | digits 10, rounded up. fee < 2^64, which has 20 digits.
    """
    digits: uint256 = fee
    exponent: uint256 = 0
    for _: uint256 in range(20):
        if digits <= MAX_DIGITS:
            break
        digits = (digits + 9) // 10
        exponent += 1
    return (exponent << 10) | digits


@pure
@internal
def _fee_of_code(code: uint256) -> uint256:
    return (code & MAX_DIGITS) * 10 ** (code >> 10)


@view
@internal
def _link(id: uint256, head: uint256) -> uint256:
    if head & TAIL_IN_HEAD == 0:
        return 0
    return self.tails[id] >> 192


@pure
@internal
def _linked_order(id: uint256, link: uint256) -> uint256:
    """
    @notice id of the order that an exit is attached to, 0 for none.
    """
    distance: uint256 = link & ORDER_MASK
    if distance == 0:
        return 0
    return id - distance


@pure
@internal
def _twin(id: uint256, link: uint256) -> uint256:
    """
    @notice id of the other exit of a pair, 0 for none.
    """
    if link & TWIN_IS_NEXT != 0:
        return id + 1
    if link & TWIN_IS_PREVIOUS != 0:
        return id - 1
    return 0


@internal
def _store(
    id: uint256,
    owner: address,
    order: IOrderBook.Order,
    market_index: uint256,
    fee_code: uint256,
    link: uint256,
    more_flags: uint256,
):
    """
    @dev `order` has passed `_check`: every field fits its place.
    """
    is_buy: bool = order.size_delta > 0
    size: uint256 = 0
    if order.size_delta != CLOSE_LONG and order.size_delta != CLOSE_SHORT:
        size = convert(abs(order.size_delta), uint256)
    tail: uint256 = (
        order.trigger_price
        | ((size >> SIZE_LOW) << 96)
        | ((order.margin >> MARGIN_LOW) << 128)
        | ((order.acceptable_price >> PRICE_LOW) << 176)
        | (link << 192)
    )
    flags: uint256 = order.kind | more_flags
    if order.reduce_only:
        flags |= REDUCE_ONLY
    if is_buy:
        flags |= IS_BUY
    if tail != 0:
        flags |= HAS_TAIL
        self.tails[id] = tail
    # what is shifted out on the left stands in the tail
    self.bodies[id] = (
        (size & (2**SIZE_LOW - 1)) | ((order.margin & (2**MARGIN_LOW - 1)) << 96) | (order.acceptable_price << 176)
    )
    self.heads[id] = (
        convert(owner, uint256)
        | (block.timestamp << 160)
        | (order.expires_at << 192)
        | (market_index << 224)
        | (fee_code << 234)
        | (flags << FLAGS_AT)
    )


@view
@internal
def _order(id: uint256, head: uint256) -> IOrderBook.Order:
    if head == 0:
        return empty(IOrderBook.Order)
    flags: uint256 = head >> FLAGS_AT
    body: uint256 = self.bodies[id]
    tail: uint256 = 0
    if flags & HAS_TAIL != 0:
        tail = self.tails[id]
    size: int256 = convert((body & (2**SIZE_LOW - 1)) | (((tail >> 96) & (2**32 - 1)) << SIZE_LOW), int256)
    if size == 0:
        size = CLOSE_SHORT
        if flags & IS_BUY == 0:
            size = CLOSE_LONG
    elif flags & IS_BUY == 0:
        size = -size
    return IOrderBook.Order(
        market=self.market_at[(head >> 224) & MAX_INDEX],
        kind=flags & KIND_MASK,
        size_delta=size,
        margin=((body >> 96) & (2**MARGIN_LOW - 1)) | (((tail >> 128) & (2**48 - 1)) << MARGIN_LOW),
        trigger_price=tail & MAX_PRICE,
        acceptable_price=(body >> 176) | (((tail >> 176) & (2**16 - 1)) << PRICE_LOW),
        reduce_only=flags & REDUCE_ONLY != 0,
        expires_at=(head >> 192) & MAX_TIME,
    )


@internal
def _delete(id: uint256, head: uint256):
    self.heads[id] = 0
    self.bodies[id] = 0
    if head & TOP_UP_IN_HEAD != 0:
        self.top_ups[id] = 0
    if head & TAIL_IN_HEAD != 0:
        self.tails[id] = 0
