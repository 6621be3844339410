# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title OrderBook
@license AGPL-3.0-only
@notice See IOrderBook.
"""
from ethereum.ercs import IERC20Detailed
from snekmate.auth import ownable
from snekmate.utils import eip712_domain_separator

from .interfaces import IMarginPool
from .interfaces import IMarket
from .interfaces import IOrderBook
from .interfaces import IPriceSource
from .modules import delegates
from .modules import fixed_point
from .modules import order_slots
from .modules import signatures

implements: IOrderBook
initializes: ownable
initializes: delegates
initializes: order_slots
initializes: eip712_domain_separator
initializes: signatures[eip712_domain_separator := eip712_domain_separator]
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    eip712_domain_separator.eip712Domain,
    signatures.invalidate_nonces,
    signatures.nonces_used,
    order_slots.market_at,
)

MARKET: constant(uint256) = 0
LIMIT: constant(uint256) = 1

# the largest that a market takes
MARKET_MAX_SIZE: constant(int256) = 2**112 - 1

MAX_ID: constant(uint256) = 2**64 - 1
IS_LISTED: constant(uint256) = 1 << 255

# A keeper is paid for this much gas at the block's base fee.
GAS_PAID_FOR: constant(uint256) = 300_000

# A fill is six words; a reason (selector, offset, length, 64 characters) is shorter.
FILL_BYTES: constant(uint256) = 6 * 32
ERROR_SELECTOR: constant(Bytes[4]) = x"08c379a0"
WAIT: constant(Bytes[6]) = b"wait: "

# EIP-712 types, each with those it refers to
ORDER_TYPE_HASH: constant(bytes32) = keccak256(
    "Order(address market,uint256 kind,int256 size_delta,uint256 margin,uint256 trigger_price,uint256 acceptable_price,bool reduce_only,uint256 expires_at)"
)
PLACEMENT_TYPE_HASH: constant(bytes32) = keccak256(
    "Placement(Order order,address owner,uint256 nonce,uint256 deadline,uint256 relayer_fee)Order(address market,uint256 kind,int256 size_delta,uint256 margin,uint256 trigger_price,uint256 acceptable_price,bool reduce_only,uint256 expires_at)"
)
CANCELLATION_TYPE_HASH: constant(bytes32) = keccak256(
    "Cancellation(uint256 id,address owner,uint256 nonce,uint256 deadline,uint256 relayer_fee)"
)

POOL: immutable(IMarginPool)
MAX_KEEPER_FEE: immutable(uint256)
# units * price / this is cash
CASH_SCALE: immutable(uint256)

# gas price 128 | next id 64 | least keeper fee 64: one read and one write at placing
counters: uint256

# is listed 1 << 255: positions may still grow | index
listings: HashMap[address, uint256]
source_at: HashMap[uint256, IPriceSource]
feed_at: HashMap[uint256, bytes32]
market_count: public(uint256)

# where the price of the chain's own currency is found
gas_price_source: IPriceSource
gas_price_feed: bytes32


@deploy
def __init__(pool: address, keeper_fee: uint256):
    ownable.__init__()
    eip712_domain_separator.__init__("Plimsoll OrderBook", "1")
    POOL = IMarginPool(pool)
    token: address = staticcall POOL.token()
    decimals: uint8 = staticcall IERC20Detailed(token).decimals()
    # ten units of the currency, for tokens of up to 18 decimals below 2^64
    assert decimals <= 18, "too many decimals"
    MAX_KEEPER_FEE = 10 * 10 ** convert(decimals, uint256)
    CASH_SCALE = 10 ** (36 - convert(decimals, uint256))
    # ids start at 1
    self.counters = 1 << 64
    self._set_keeper_fee(keeper_fee)


# A trader, for their own account


@external
def place(order: IOrderBook.Order) -> uint256:
    return self._place(msg.sender, order, 0, 0)


@external
def add_margin(market: address, amount: uint256):
    self._add_margin(msg.sender, market, amount)


@external
def remove_margin(market: address, amount: uint256):
    assert self._index_at(market) != 0
    self._check_amount(amount)
    extcall IMarket(market).change_margin(msg.sender, -convert(amount, int256))


@external
def set_delegate(delegate: address, market: address, expires_at: uint256, orders: uint256, notional: uint256):
    assert delegate not in [empty(address), msg.sender], "bad delegate"
    market_index: uint256 = delegates.ALL_MARKETS
    if market != empty(address):
        market_index = self._index_at(market)
    delegates.set(msg.sender, delegate, market_index, expires_at, orders, notional)
    log IOrderBook.DelegateSet(
        owner=msg.sender, delegate=delegate, market=market, expires_at=expires_at, orders=orders, notional=notional
    )


# The owner, or a delegate within its grant


@external
def place_linked(owner: address, orders: DynArray[IOrderBook.Order, 1 + order_slots.MAX_EXITS]) -> uint256:
    assert len(orders) > 0, "no exits"
    lead: IOrderBook.Order = orders[0]
    is_attached: bool = not lead.reduce_only
    first: uint256 = convert(is_attached, uint256)
    exits: uint256 = len(orders) - first
    assert exits > 0, "no exits"
    assert exits <= order_slots.MAX_EXITS, "too many exits"
    is_buy: bool = (lead.size_delta > 0) != is_attached

    id: uint256 = self._next_id()
    profit: uint256 = 0
    for i: uint256 in range(len(orders), bound=1 + order_slots.MAX_EXITS):
        order: IOrderBook.Order = orders[i]
        if msg.sender != owner:
            self._count_order(owner, order)
        if i < first:
            self._place(owner, order, 0, order_slots.HAS_EXITS)
            continue
        assert order.reduce_only and order.kind != MARKET, "exits: only reduce, at a trigger"
        assert order.market == lead.market, "exits: other market"
        assert (order.size_delta > 0) == is_buy, "exits: wrong side"
        # one that waits for the fall of the price below where it fills, or for the rise above it, would fill along with it
        if is_attached and lead.kind != MARKET:
            is_above: bool = order.trigger_price > lead.trigger_price
            is_right: bool = is_above == ((order.kind == LIMIT) != is_buy)
            assert is_right and order.trigger_price != lead.trigger_price, "exits: trigger on the wrong side of the order"
        # the distance from the order is the position here
        link: uint256 = order_slots.IS_EXIT | i * first
        if exits == 2:
            assert order.kind == LIMIT + i - first, "exits: take-profit, then stop-loss"
            trigger: uint256 = order.trigger_price
            if i == first:
                profit = trigger
            else:
                assert profit != trigger and (profit < trigger) == is_buy, "exits: triggers on the wrong sides"
            link |= (1 + i - first) * order_slots.TWIN_IS_NEXT
        self._place(owner, order, link, 0)
        order_id: uint256 = order_slots._linked_order(id + i, link)
        twin_id: uint256 = order_slots._twin(id + i, link)
        log IOrderBook.OrderLinked(id=id + i, order_id=order_id, twin_id=twin_id)
    return id


# A delegate. None of this sends money anywhere but into the owner's orders and positions.


@external
def place_for(owner: address, order: IOrderBook.Order) -> uint256:
    self._count_order(owner, order)
    return self._place(owner, order, 0, 0)


@external
def add_margin_for(owner: address, market: address, amount: uint256):
    assert delegates.is_allowed(owner, msg.sender, self._index_at(market)), "not a delegate"
    self._add_margin(owner, market, amount)


# Whoever brings the owner's signature


@external
def place_signed(
    order: IOrderBook.Order,
    owner: address,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[signatures.MAX_SIGNATURE],
    relayer_fee: uint256 = 0,
) -> uint256:
    order_hash: bytes32 = keccak256(abi_encode(ORDER_TYPE_HASH, order))
    struct_hash: bytes32 = keccak256(
        abi_encode(PLACEMENT_TYPE_HASH, order_hash, owner, nonce, deadline, relayer_fee)
    )
    signatures.use(owner, nonce, deadline, struct_hash, signature)
    id: uint256 = self._place(owner, order, 0, 0)
    self._pay_relayer(owner, relayer_fee)
    return id


@external
def cancel_signed(
    id: uint256,
    owner: address,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[signatures.MAX_SIGNATURE],
    relayer_fee: uint256 = 0,
):
    struct_hash: bytes32 = keccak256(abi_encode(CANCELLATION_TYPE_HASH, id, owner, nonce, deadline, relayer_fee))
    signatures.use(owner, nonce, deadline, struct_hash, signature)
    # With id 0 only the nonce is used up, that of an order signed and not yet placed.
    if id != 0:
        head: uint256 = order_slots._head(id)
        assert owner == order_slots._owner_of(head), "not your order"
        self._cancel(id, head)
    self._pay_relayer(owner, relayer_fee)


@internal
def _pay_relayer(owner: address, relayer_fee: uint256):
    if relayer_fee == 0:
        return
    assert relayer_fee <= MAX_KEEPER_FEE, "relayer fee too big"
    extcall POOL.collect(owner, relayer_fee)
    extcall POOL.release(msg.sender, relayer_fee)


# The owner of the order and their delegate at any time, anyone once there is nothing left for it to do


@external
def cancel(id: uint256):
    head: uint256 = order_slots._head(id)
    owner: address = order_slots._owner_of(head)
    assert (
        msg.sender == owner
        or order_slots._is_expired(head)
        or delegates.is_allowed(owner, msg.sender, order_slots._index_of(head))
        or self._is_left_behind(id, head)
    ), "not your order"
    self._cancel(id, head)


# Anyone


@external
def execute(id: uint256) -> bool:
    head: uint256 = order_slots._head(id)
    owner: address = order_slots._owner_of(head)
    order: IOrderBook.Order = order_slots._order(id, head)
    keeper_fee: uint256 = order_slots._fee_of(head)
    top_up: uint256 = 0
    if head & order_slots.TOP_UP_IN_HEAD != 0:
        top_up = order_slots.top_ups[id]
    link: uint256 = 0
    if head & order_slots.TAIL_IN_HEAD != 0:
        link = order_slots.tails[id] >> 192
    order_slots._delete(id, head)
    if (head >> 192) & order_slots.MAX_TIME < block.timestamp:
        return self._fail(id, head, order.margin + keeper_fee + top_up, "expired")

    if link & order_slots.ORDER_MASK != 0:
        # An order that ends without a fill takes its exits along: what is gone has filled.
        assert order_slots.heads[order_slots._linked_order(id, link)] == 0, "wait: attached to an order not filled"
    placed_at: uint256 = (head >> 160) & order_slots.MAX_TIME
    # the market itself checks the price of a market order
    if order.kind != MARKET:
        self._check_trigger(order, order_slots._index_of(head), placed_at)

    # a full close: more than there can be
    size_delta: int256 = max(min(order.size_delta, MARKET_MAX_SIZE), -MARKET_MAX_SIZE)
    if order.margin != 0:
        before: uint256 = extcall POOL.allow_pull(order.market, order.margin)
    success: bool = False
    response: Bytes[FILL_BYTES] = b""
    success, response = raw_call(
        order.market,
        abi_encode(
            owner, size_delta, order.margin, order.acceptable_price, order.reduce_only, placed_at,
            method_id=method_id("trade(address,int256,uint256,uint256,bool,uint256)"),
        ),
        max_outsize=FILL_BYTES,
        revert_on_failure=False,
    )
    left: uint256 = 0
    if order.margin != 0:
        left = extcall POOL.allow_pull(order.market, 0)
    if not success:
        reason: String[64] = self._final_reason(response)
        return self._fail(id, head, order.margin + keeper_fee + top_up, reason)

    fill: IMarket.Fill = abi_decode(response, IMarket.Fill)
    # Escrow that the market had no use for is still the owner's.
    if left > 0:
        extcall POOL.release(owner, left)
    if top_up != 0:
        earned: uint256 = self._earned(keeper_fee, top_up)
        extcall POOL.release(owner, keeper_fee + top_up - earned)
        keeper_fee = earned
    extcall POOL.release(msg.sender, keeper_fee)
    log IOrderBook.OrderExecuted(
        id=id,
        owner=owner,
        market=order.market,
        executor=msg.sender,
        fill_price=fill.fill_price,
        units_delta=fill.units_delta,
        fee=fill.fee,
        paid_out=fill.paid_out,
    )
    # one cancels the other
    if link != 0:
        twin: uint256 = order_slots._twin(id, link)
        twin_head: uint256 = order_slots.heads[twin]
        if twin_head != 0:
            self._refund(twin, twin_head)
    return True


@external
def top_up(id: uint256, amount: uint256):
    head: uint256 = order_slots._head(id)
    self._check_amount(amount)
    order_slots.heads[id] = head | order_slots.TOP_UP_IN_HEAD
    order_slots.top_ups[id] += amount
    extcall POOL.collect(msg.sender, amount)
    log IOrderBook.OrderToppedUp(id=id, payer=msg.sender, amount=amount)


@external
def refresh_gas_price():
    source: IPriceSource = self.gas_price_source
    assert source.address != empty(address), "no source for the price of gas"
    price: uint256 = 0
    published_at: uint256 = 0
    price, published_at = staticcall source.price(self.gas_price_feed)
    assert price <= order_slots.MAX_PRICE, "price too big"
    self._write_gas_price(price)
    log IOrderBook.GasPriceRefreshed(price=price)


# The owner of the contract


@external
def set_gas_price(source: address, feed: bytes32):
    ownable._check_owner()
    self.gas_price_source = IPriceSource(source)
    self.gas_price_feed = feed
    self._write_gas_price(0)
    log IOrderBook.GasPriceSet(source=source, feed=feed)


@external
def set_market(market: address, is_market: bool):
    ownable._check_owner()
    index: uint256 = self.listings[market] & order_slots.MAX_INDEX
    if index == 0:
        assert is_market and market.is_contract, "unknown market"
        index = self.market_count + 1
        assert index <= order_slots.MAX_INDEX, "too many markets"
        self.market_count = index
        order_slots.market_at[index] = market
        # Neither can change in a market, so orders need not ask for them.
        self.source_at[index] = IPriceSource(staticcall IMarket(market).price_source())
        self.feed_at[index] = staticcall IMarket(market).feed()
    self.listings[market] = index | (convert(is_market, uint256) << 255)
    log IOrderBook.MarketSet(market=market, is_market=is_market)


@external
def set_keeper_fee(keeper_fee: uint256):
    ownable._check_owner()
    self._set_keeper_fee(keeper_fee)


@internal
def _set_keeper_fee(keeper_fee: uint256):
    assert keeper_fee <= MAX_KEEPER_FEE, "keeper fee too big"
    self.counters = ((self.counters >> 64) << 64) | keeper_fee
    log IOrderBook.KeeperFeeSet(keeper_fee=keeper_fee)


@internal
def _write_gas_price(price: uint256):
    self.counters = (price << 128) | (self.counters & (2**128 - 1))


# Views


@view
@external
def order(id: uint256) -> IOrderBook.Order:
    return order_slots._order(id, order_slots.heads[id])


@view
@external
def order_state(id: uint256) -> IOrderBook.OrderState:
    head: uint256 = order_slots.heads[id]
    link: uint256 = order_slots._link(id, head)
    return IOrderBook.OrderState(
        owner=order_slots._owner_of(head),
        placed_at=(head >> 160) & order_slots.MAX_TIME,
        keeper_fee=order_slots._fee_of(head),
        top_up=order_slots.top_ups[id],
        order_id=order_slots._linked_order(id, link),
        twin_id=order_slots._twin(id, link),
    )


@view
@external
def next_id() -> uint256:
    return self._next_id()


@view
@external
def keeper_fee(base_fee: uint256 = block.basefee) -> uint256:
    return order_slots._fee_of_code(self._fee_code(self.counters, base_fee))


@view
@external
def gas_price() -> (uint256, address, bytes32):
    return self.counters >> 128, self.gas_price_source.address, self.gas_price_feed


@view
@external
def delegate_terms(owner: address, delegate: address) -> IOrderBook.DelegateTerms:
    market_index: uint256 = 0
    terms: IOrderBook.DelegateTerms = empty(IOrderBook.DelegateTerms)
    market_index, terms.expires_at, terms.orders, terms.notional = delegates.terms(owner, delegate)
    terms.market = order_slots.market_at[market_index]
    return terms


@view
@external
def is_listed(market: address) -> bool:
    return self.listings[market] >= IS_LISTED


@view
@external
def pool() -> address:
    return POOL.address


# Inside: what several doors lead to


@internal
def _place(owner: address, order: IOrderBook.Order, link: uint256, flags: uint256) -> uint256:
    """
    @dev The caller shows that `owner` wants it.
    """
    market_index: uint256 = self._index_at(order.market)
    assert order.reduce_only or self.listings[order.market] >= IS_LISTED, "market only reduces"
    order_slots._check(order)

    counters: uint256 = self.counters
    self.counters = counters + (1 << 64)
    id: uint256 = (counters >> 64) & MAX_ID
    fee_code: uint256 = self._fee_code(counters, block.basefee)
    keeper_fee: uint256 = order_slots._fee_of_code(fee_code)
    order_slots._store(id, owner, order, market_index, fee_code, link, flags)

    extcall POOL.collect(owner, order.margin + keeper_fee)
    log IOrderBook.OrderPlaced(id=id, owner=owner, market=order.market, order=order, keeper_fee=keeper_fee)
    return id


@internal
def _count_order(owner: address, order: IOrderBook.Order):
    """
    @notice Takes an order off the caller's grant. Its notional counts at the highest price it names, at least at the index
            price, rounded up. What only reduces takes risk away and counts as an order alone.
    """
    market_index: uint256 = self._index_at(order.market)
    notional: uint256 = 0
    if not order.reduce_only:
        order_slots._check(order)
        price: uint256 = 0
        published_at: uint256 = 0
        price, published_at = staticcall self.source_at[market_index].price(self.feed_at[market_index])
        price = max(price, max(order.acceptable_price, order.trigger_price))
        notional = fixed_point.mul_div_up(convert(abs(order.size_delta), uint256), price, CASH_SCALE)
    delegates.count_order(owner, msg.sender, market_index, notional)


@internal
def _add_margin(owner: address, market: address, amount: uint256):
    assert self._index_at(market) != 0
    self._check_amount(amount)
    extcall POOL.collect(owner, amount)
    before: uint256 = extcall POOL.allow_pull(market, amount)
    extcall IMarket(market).change_margin(owner, convert(amount, int256))
    left: uint256 = extcall POOL.allow_pull(market, 0)
    # The market takes all of it or fails.
    assert left == 0


@internal
def _cancel(id: uint256, head: uint256):
    self._refund(id, head)
    if head & order_slots.EXITS_IN_HEAD != 0:
        self._cancel_exits(id)


@internal
def _refund(id: uint256, head: uint256):
    owner: address = order_slots._owner_of(head)
    escrow: uint256 = order_slots._order(id, head).margin + order_slots._fee_of(head)
    if head & order_slots.TOP_UP_IN_HEAD != 0:
        escrow += order_slots.top_ups[id]
    order_slots._delete(id, head)
    extcall POOL.release(owner, escrow)
    log IOrderBook.OrderCancelled(id=id, owner=owner)


@internal
def _cancel_exits(id: uint256):
    """
    @notice The exits of an order that ended without a fill, as far as they are still there.
    """
    for distance: uint256 in range(1, 1 + order_slots.MAX_EXITS):
        exit: uint256 = id + distance
        head: uint256 = order_slots.heads[exit]
        if head != 0 and order_slots._link(exit, head) & order_slots.ORDER_MASK == distance:
            self._refund(exit, head)


# Inside: rules


@view
@internal
def _index_at(market: address) -> uint256:
    index: uint256 = self.listings[market] & order_slots.MAX_INDEX
    assert index != 0, "unknown market"
    return index


@pure
@internal
def _check_amount(amount: uint256):
    assert amount > 0, "amount is zero"


@view
@internal
def _check_trigger(order: IOrderBook.Order, market_index: uint256, placed_at: uint256):
    """
    @dev A limit buy and a stop sell wait for a price at or below the trigger, the other two for one at or above it. The market
         fills at its own price where that is newer: a source that went back in time triggers nothing.
    """
    price: uint256 = 0
    published_at: uint256 = 0
    price, published_at = staticcall self.source_at[market_index].price(self.feed_at[market_index])
    assert published_at > placed_at, "wait: price not newer than the order"
    assert published_at >= staticcall IMarket(order.market).published_at(), "wait: price older than the market's"
    waits_for_fall: bool = (order.kind == LIMIT) == (order.size_delta > 0)
    if waits_for_fall:
        assert price <= order.trigger_price, "wait: trigger not reached"
    else:
        assert price >= order.trigger_price, "wait: trigger not reached"


@view
@internal
def _is_left_behind(id: uint256, head: uint256) -> bool:
    """
    @notice If this is an exit of a position that is gone: it must not wait for the owner's next one.
    """
    link: uint256 = order_slots._link(id, head)
    if link & order_slots.IS_EXIT == 0:
        return False
    linked_order: uint256 = order_slots._linked_order(id, link)
    if linked_order != 0 and order_slots.heads[linked_order] != 0:
        return False
    market: IMarket = IMarket(order_slots.market_at[order_slots._index_of(head)])
    return (staticcall market.position(order_slots._owner_of(head))).units == 0


@view
@internal
def _next_id() -> uint256:
    return (self.counters >> 64) & MAX_ID


@view
@internal
def _cost_of_gas(price: uint256, base_fee: uint256) -> uint256:
    """
    @dev gas * base fee * price, rounded up, in favour of whoever pays for the gas.
    """
    return fixed_point.mul_div_up(GAS_PAID_FOR * base_fee, price, CASH_SCALE)


@view
@internal
def _earned(keeper_fee: uint256, top_up: uint256) -> uint256:
    """
    @notice What a keeper gets of a topped-up order: max(keeper fee, cost of gas), as far as there is escrow.
    """
    price: uint256 = self.counters >> 128
    if price == 0:
        return keeper_fee + top_up
    return max(keeper_fee, min(self._cost_of_gas(price, block.basefee), keeper_fee + top_up))


@view
@internal
def _fee_code(counters: uint256, base_fee: uint256) -> uint256:
    """
    @notice The keeper fee of an order placed now, as its head keeps it: the cost of gas, at least the least fee and at most
            MAX_KEEPER_FEE, rounded up.
    """
    cost: uint256 = self._cost_of_gas(counters >> 128, base_fee)
    return order_slots._fee_code(max(counters & MAX_ID, min(cost, MAX_KEEPER_FEE)))


@internal
def _fail(id: uint256, head: uint256, escrow: uint256, reason: String[64]) -> bool:
    owner: address = order_slots._owner_of(head)
    extcall POOL.release(owner, escrow)
    log IOrderBook.OrderFailed(id=id, owner=owner, reason=reason)
    if head & order_slots.EXITS_IN_HEAD != 0:
        self._cancel_exits(id)
    return False


@pure
@internal
def _final_reason(response: Bytes[FILL_BYTES]) -> String[64]:
    """
    @dev Why the market will never fill the order. Reverts where it may still do so.
    """
    size: uint256 = len(response)
    # A call that ran out of gas says nothing, and whoever executes chooses the gas: that must not end an order.
    assert size > 0, "not enough gas"
    if size < 68 or slice(response, 0, 4) != ERROR_SELECTOR:
        return "trade failed"
    # Never trust the length that the data claims.
    length: uint256 = min(min(extract32(response, 36, output_type=uint256), 64), size - 68)
    if length >= 6:
        reason_start: Bytes[6] = slice(response, 68, 6)
        if reason_start == WAIT:
            raw_revert(response)
    return convert(slice(response, 68, length), String[64])
