# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title MarketFactory
@license AGPL-3.0-only
@notice See IMarketFactory.
"""
from .interfaces import IMarket
from .interfaces import IMarketFactory

implements: IMarketFactory

blueprint: public(immutable(address))


@deploy
def __init__(blueprint_: address):
    assert blueprint_.is_contract, "blueprint is not a contract"
    blueprint = blueprint_


@external
def create_market(
    pool: address,
    vault: address,
    insurance: address,
    order_book: address,
    treasury: address,
    price_source: address,
    feed: bytes32,
    owner: address,
    params: IMarket.Params,
) -> address:
    market: address = create_from_blueprint(
        blueprint, pool, vault, insurance, order_book, treasury, price_source, feed, owner, params
    )
    log IMarketFactory.MarketCreated(market=market, feed=feed, creator=msg.sender)
    return market
