"""The source that a `[publisher]` section describes."""

from plimsoll.config import Publisher as Settings
from plimsoll.deploy import LISTINGS
from plimsoll.deployments import Deployment
from plimsoll.publisher import replay_prices
from plimsoll.replay import Replay
from plimsoll.sources.base import Combined, Computed, Guard, Source
from plimsoll.sources.exchange import Exchange, HttpExchange, WebSocketExchange
from plimsoll.sources.simulated import SimulatedPath


def source_of(settings: Settings) -> Source:
    """PlimsollError if a replay is asked for and there is none."""
    if settings.source == "simulated":
        return SimulatedPath(settings.seed, {listing.feed_name: listing.price_wad for listing in LISTINGS})
    if settings.source == "exchange":
        guard = Guard(settings.max_jump_bps, way_back=settings.way_back_seconds)
        exchanges: dict[str, Source] = {}
        for item in settings.exchange:
            kind: type[Exchange] = WebSocketExchange if item.url.startswith("ws") else HttpExchange
            exchanges[item.url] = kind(item.protocol, item.url, item.symbols)
        return Combined(exchanges, guard, settings.max_spread_bps)
    Replay.load(settings.replay)
    return Computed(replay_prices(settings.replay, settings.clock))


def feeds_of(settings: Settings, deployment: Deployment) -> list[str]:
    """The feeds to sign: those of the deployment's markets that the source knows."""
    feeds = [entry.feed_name for entry in deployment.markets.values()]
    if settings.source != "exchange":
        return feeds
    known = {feed for item in settings.exchange for feed in item.symbols}
    return [feed for feed in feeds if feed in known]
