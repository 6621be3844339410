"""Sources of prices; exchanges are local servers that speak the real message formats."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from plimsoll.config import ExchangeFeed
from plimsoll.config import Publisher as Settings
from plimsoll.deployments import Deployment, MarketEntry
from plimsoll.service import serve
from plimsoll.sources import exchange
from plimsoll.sources.base import Combined, Computed, Guard, NoPriceError, agreeing, median
from plimsoll.sources.build import feeds_of, source_of
from plimsoll.sources.exchange import HttpExchange, WebSocketExchange
from plimsoll.sources.simulated import SimulatedPath

WAD = 10**18
FIRST = {"BTC-USD": 100_000 * WAD, "ETH-USD": 4_000 * WAD}
COINBASE = (
    '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"]}]}',
    '{"type":"ticker","sequence":37475248783,"product_id":"BTC-USD","price":"1285.22","open_24h":"1310.79",'
    '"volume_24h":"245532.79269678","best_bid":"1285.04","best_bid_size":"0.46688654","side":"buy",'
    '"time":"2022-10-19T23:28:22.061769Z","trade_id":370843401,"last_size":"11.4396987"}',
)
KRAKEN = (
    '{"channel":"heartbeat"}',
    '{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}',
    '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1285.1,"bid_qty":740.0,"ask":1285.3,'
    '"ask_qty":740.0,"last":1285.22,"volume":997038.98,"vwap":1290.1,"low":1280.0,"high":1310.0,"change_pct":-1.2}]}',
)
BINANCE = (
    '{"result":null,"id":1}',
    '{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"-10.5","c":"1285.22","Q":"10","b":"1285.1","B":"10"}',
)


def test_computed_and_simulated__the_same_seed_is_the_same_path() -> None:
    path, again, other = SimulatedPath(1, FIRST), SimulatedPath(1, FIRST), SimulatedPath(2, FIRST)
    seconds = range(1_800_000_000, 1_800_000_400)
    prices = [path.price("BTC-USD", second) for second in seconds]
    assert prices == [again.price("BTC-USD", second) for second in seconds]
    assert prices != [other.price("BTC-USD", second) for second in seconds]
    assert len(set(prices)) > 300
    for old, new in itertools.pairwise(prices):
        assert abs(new - old) * 1_000 < old, "no second moves the price by a thousandth"
    assert all(abs(price - FIRST["BTC-USD"]) * 20 < FIRST["BTC-USD"] for price in prices)
    with pytest.raises(NoPriceError):
        path.price("DOGE-USD", 5)


def test_guard__a_jump__is_refused_until_it_has_stayed() -> None:
    guard = Guard(max_jump_bps=1_000, way_back=10)
    assert all(guard.accepts("BTC-USD", second, 100) for second in range(5))
    assert guard.accepts("BTC-USD", 5, 110) and not guard.accepts("BTC-USD", 6, 111)
    assert guard.accepts("BTC-USD", 7, 100), "the spike is over"
    verdicts = [guard.accepts("BTC-USD", second, 80) for second in range(8, 20)]
    assert verdicts == [False] * 10 + [True] * 2
    assert not guard.accepts("BTC-USD", 20, 100), "from now on the new level counts"


def test_guard__prices_that_jump_about__never_become_the_truth() -> None:
    guard = Guard(max_jump_bps=1_000, way_back=10)
    guard.accepts("BTC-USD", 0, 100)
    assert not any(guard.accepts("BTC-USD", second, 200 if second % 4 < 2 else 300) for second in range(1, 60))


def test_guard__feeds_are_apart() -> None:
    guard = Guard(max_jump_bps=1_000)
    assert guard.accepts("BTC-USD", 0, 100) and guard.accepts("ETH-USD", 0, 5)


@pytest.mark.parametrize(
    ("quotes", "near"),
    [
        ([], []),
        ([100], [100]),
        ([100, 101], [100, 101]),
        ([100, 110], []),
        ([100, 101, 150], [100, 101]),
        ([100, 101, 150, 151], []),
    ],
)
def test_agreeing__more_than_half_near_the_median(quotes: list[int], near: list[int]) -> None:
    assert agreeing(quotes, 200) == near


def test_median__of_an_even_number_the_mean_of_the_middle_two() -> None:
    assert (median([3, 1, 2]), median([1, 2]), median([4, 1, 2, 9])) == (2, 1, 3)


def test_combined__one_exchange_that_lies__does_not_count_and_silence_is_told() -> None:
    quotes: dict[str, int | None] = {"a": 100_000, "b": 100_100, "c": 150_000}

    def source(name: str) -> Computed:
        def price(feed: str, second: int) -> int:
            if (found := quotes[name]) is None:
                raise NoPriceError("silent")
            return found

        return Computed(price)

    combined = Combined({name: source(name) for name in quotes}, Guard())
    assert combined.price("BTC-USD", 1) == 100_050
    quotes["a"] = None
    with pytest.raises(NoPriceError, match="BTC-USD: 2 of 3 exchanges quote, and do not agree"):
        combined.price("BTC-USD", 2)
    quotes["c"] = 100_200
    assert combined.price("BTC-USD", 3) == 100_150 and not combined.refused
    quotes.update(a=10_000, b=10_000, c=10_000)
    with pytest.raises(NoPriceError, match="it jumped"):
        combined.price("BTC-USD", 4)


def on_exchange(
    messages: tuple[str, ...], scenario: Callable[[str, list[Any]], Coroutine[Any, Any, None]], drop: bool = False
) -> None:
    """Runs `scenario(url, subscriptions)` with an exchange that sends `messages` to whoever subscribes."""

    async def main() -> None:
        subscriptions: list[Any] = []

        async def socket(request: web.Request) -> web.WebSocketResponse:
            response = web.WebSocketResponse()
            await response.prepare(request)
            subscriptions.append(json.loads((await response.receive()).data))
            for message in messages:
                await response.send_str(message)
            if not drop:
                await response.receive()
            return response

        async def ticker(request: web.Request) -> web.Response:
            if request.match_info["symbol"] != "BTC-USD":
                return web.json_response({"message": "NotFound"}, status=404)
            return web.json_response({"trade_id": 86326522, "price": "1285.22", "size": "0.00698254", "bid": "1285.1"})

        app = web.Application()
        app.add_routes([web.get("/ws", socket), web.get("/products/{symbol}/ticker", ticker)])
        runner = await serve(app, 0)
        try:
            await scenario(f"127.0.0.1:{runner.addresses[0][1]}", subscriptions)
        finally:
            await runner.cleanup()

    asyncio.run(main())


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def has_price(source: Any) -> bool:
    try:
        return source.price("BTC-USD", 0) > 0
    except NoPriceError:
        return False


@pytest.mark.parametrize(
    ("name", "messages", "symbol", "subscription"),
    [
        ("coinbase", COINBASE, "BTC-USD", {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["ticker"]}),
        ("kraken", KRAKEN, "BTC/USD", {"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"]}}),
        ("binance", BINANCE, "BTCUSDT", {"method": "SUBSCRIBE", "params": ["btcusdt@ticker"], "id": 1}),
    ],
)
def test_web_socket_exchange__subscribes_and_reads_the_ticker(
    name: str, messages: tuple[str, ...], symbol: str, subscription: dict[str, Any]
) -> None:
    async def scenario(address: str, subscriptions: list[Any]) -> None:
        source = WebSocketExchange(name, f"ws://{address}/ws", {"BTC-USD": symbol})
        task = asyncio.create_task(source.run())
        await until(lambda: has_price(source))
        assert source.price("BTC-USD", 0) == 128_522 * WAD // 100
        assert subscriptions == [subscription]
        task.cancel()

    on_exchange(messages, scenario)


def test_web_socket_exchange__dropped__connects_again() -> None:
    async def scenario(address: str, subscriptions: list[Any]) -> None:
        source = WebSocketExchange("coinbase", f"ws://{address}/ws", {"BTC-USD": "BTC-USD"})
        task = asyncio.create_task(source.run())
        await until(lambda: len(subscriptions) >= 2)
        task.cancel()

    on_exchange(COINBASE, scenario, drop=True)


def test_http_exchange__polls_the_ticker() -> None:
    async def scenario(address: str, _: list[Any]) -> None:
        source = HttpExchange("coinbase", f"http://{address}", {"BTC-USD": "BTC-USD"})
        task = asyncio.create_task(source.run())
        await until(lambda: has_price(source))
        assert source.price("BTC-USD", 0) == 128_522 * WAD // 100
        task.cancel()

    on_exchange((), scenario)


@pytest.fixture
def shallow() -> Iterator[None]:
    """The stack of a service: some packages of the tests raise the limit so far that C code runs out of stack first."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("coinbase", "nonsense"),
        ("coinbase", '{"type":"ticker"}'),
        ("coinbase", '{"type":"ticker","product_id":"BTC-USD","price":"x"}'),
        ("coinbase", '{"type":"ticker","product_id":"BTC-USD","price":"1e999999"}'),
        ("coinbase", '{"type":"ticker","product_id":"BTC-USD","price":"1e40"}'),
        ("coinbase", "[]"),
        ("coinbase", "[" * 10_000),
        ("kraken", '{"channel":"ticker","data":5}'),
        ("binance", '{"data":[1]}'),
    ],
)
def test_web_socket_exchange__nonsense__is_no_price_and_no_crash(name: str, message: str, shallow: None) -> None:
    async def scenario(address: str, subscriptions: list[Any]) -> None:
        source = WebSocketExchange(name, f"ws://{address}/ws", {"BTC-USD": "BTC-USD"})
        task = asyncio.create_task(source.run())
        await until(lambda: bool(subscriptions))
        await asyncio.sleep(0.1)
        assert not has_price(source) and not task.done()
        task.cancel()

    on_exchange((message,), scenario)


def test_exchange__an_old_quote__does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    source = WebSocketExchange("coinbase", "ws://127.0.0.1:9", {"BTC-USD": "BTC-USD"})
    source.take(exchange.PROTOCOLS["coinbase"].quotes(json.loads(COINBASE[1])))
    assert has_price(source)
    later = time.monotonic() + exchange.QUOTE_SECONDS + 1
    monkeypatch.setattr(exchange.time, "monotonic", lambda: later)
    assert not has_price(source)


def test_feeds_of__those_of_the_markets_that_the_source_knows() -> None:
    markets = {name: MarketEntry.model_construct(feed_name=f"{name}-USD") for name in ("BTC", "ETH")}
    deployment = Deployment.model_construct(markets=markets)
    feed = {"protocol": "kraken", "url": "ws://127.0.0.1:9/ws", "symbols": {"BTC-USD": "BTC/USD", "X-USD": "X"}}
    assert feeds_of(Settings(source="exchange", exchange=[feed]), deployment) == ["BTC-USD"]
    assert feeds_of(Settings(source="simulated"), deployment) == ["BTC-USD", "ETH-USD"]


def test_source_of__exchanges_of_the_configuration() -> None:
    feed = {"protocol": "kraken", "url": "ws://127.0.0.1:9/ws", "symbols": {"BTC-USD": "BTC/USD"}}
    source = source_of(Settings(source="exchange", exchange=[feed]))
    assert isinstance(source, Combined) and list(source.sources) == ["ws://127.0.0.1:9/ws"]
    assert isinstance(source_of(Settings(source="simulated")), SimulatedPath)
    with pytest.raises(ValidationError, match="go together"):
        Settings(source="exchange")
    with pytest.raises(ValidationError, match="only coinbase is polled over HTTP"):
        ExchangeFeed(**{**feed, "url": "http://127.0.0.1:9"})
