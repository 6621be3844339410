# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Relay
@license AGPL-3.0-only
@notice See IRelay. It is an engine of the pool only to pass on what markets and orders pay it: nothing stays here.
"""
from .interfaces import IMarginPool
from .interfaces import IPriceFeed
from .interfaces import IRelay

implements: IRelay

MAX_PUBLISHERS: constant(uint256) = 16
# Gas that no step may touch: enough to end the call and pay the reward, so one step that burns all it gets undoes nothing.
END_GAS: constant(uint256) = 100_000
# A step is not begun with less.
STEP_GAS: constant(uint256) = 150_000

PRICE_FEED: immutable(address)
ORDER_BOOK: immutable(address)
POOL: immutable(IMarginPool)


@deploy
def __init__(price_feed: address, order_book: address, pool: address):
    PRICE_FEED = price_feed
    ORDER_BOOK = order_book
    POOL = IMarginPool(pool)


@external
def act(
    observations: DynArray[IPriceFeed.SignedObservation, 128],
    markets: DynArray[address, 16],
    max_buckets: uint256,
    order_ids: DynArray[uint256, 64],
) -> IRelay.Results:
    results: IRelay.Results = empty(IRelay.Results)
    done: bool = False
    value: uint256 = 0

    group: DynArray[IPriceFeed.SignedObservation, MAX_PUBLISHERS] = []
    for observation: IPriceFeed.SignedObservation in observations:
        size: uint256 = len(group)
        if size > 0 and (size == MAX_PUBLISHERS or group[0].feed != observation.feed):
            value = self._update(group)
            results.prices_updated += value
            group = []
        group.append(observation)
    if len(group) > 0:
        value = self._update(group)
        results.prices_updated += value

    for market: address in markets:
        done, value = self._try(market, abi_encode(max_buckets, method_id=method_id("crank(uint256)")))
        results.buckets.append(value)

    for id: uint256 in order_ids:
        done, value = self._try(ORDER_BOOK, abi_encode(id, method_id=method_id("execute(uint256)")))
        if not done:
            results.orders_waiting += 1
        elif value == 1:
            results.orders_filled += 1
        else:
            results.orders_failed += 1

    # Only engines can pay the relay, and it keeps nothing between calls: all of this was earned just now.
    results.reward = staticcall POOL.balance_of(self)
    if results.reward > 0:
        extcall POOL.pay(msg.sender, results.reward)
    return results


@internal
def _update(group: DynArray[IPriceFeed.SignedObservation, MAX_PUBLISHERS]) -> uint256:
    """
    @return 1 if the price moved on, else 0.
    """
    if msg.gas < STEP_GAS:
        return 0
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        PRICE_FEED,
        abi_encode(group, method_id=method_id("update((bytes32,uint256,uint256,uint256,bytes32,bytes32)[])")),
        max_outsize=32,
        gas=msg.gas - END_GAS,
        revert_on_failure=False,
    )
    if not success or len(response) < 32:
        return 0
    return extract32(response, 0, output_type=uint256)


@internal
def _try(target: address, data: Bytes[36]) -> (bool, uint256):
    """
    @dev `target` may be any address that the caller named: a revert, no code or an odd answer ends this step, not the others.
    @return Whether it succeeded, and the word it returned.
    """
    if msg.gas < STEP_GAS:
        return False, 0
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        target, data, max_outsize=32, gas=msg.gas - END_GAS, revert_on_failure=False
    )
    if not success or len(response) < 32:
        return False, 0
    return True, extract32(response, 0, output_type=uint256)
