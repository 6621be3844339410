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

market_blueprint: public(immutable(address))
trading_engine_blueprint: public(immutable(address))
risk_engine_blueprint: public(immutable(address))


@deploy
def __init__(market: address, trading_engine: address, risk_engine: address):
    assert market.is_contract and trading_engine.is_contract and risk_engine.is_contract, "blueprint is not a contract"
    market_blueprint = market
    trading_engine_blueprint = trading_engine
    risk_engine_blueprint = risk_engine


@external
def create_market(wiring: IMarket.Wiring, owner: address, params: IMarket.Params) -> address:
    trading_engine: address = create_from_blueprint(trading_engine_blueprint, wiring)
    risk_engine: address = create_from_blueprint(risk_engine_blueprint, wiring)
    market: address = create_from_blueprint(market_blueprint, wiring, trading_engine, risk_engine, owner, params)
    log IMarketFactory.MarketCreated(
        market=market, feed=wiring.feed, creator=msg.sender, trading_engine=trading_engine, risk_engine=risk_engine
    )
    return market
