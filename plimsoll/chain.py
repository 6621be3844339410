"""Access to a chain through AsyncWeb3: contracts by name, events decoded."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from eth_typing import ChecksumAddress, HexStr
from hexbytes import HexBytes
from web3 import AsyncWeb3
from web3._utils.events import get_event_data
from web3.contract import AsyncContract
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception
from web3.types import FilterParams, TxReceipt

from plimsoll.artifacts import abi
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.provider import HttpProvider, NotANodeError

T = TypeVar("T")
POLL_SECONDS = 0.1
BASE_FEE_SECONDS = 1.0
READ_ATTEMPTS = 4
AT_ONCE = 32
LOG_RANGE = 2_000
PRICED_SECONDS = 60.0
PASSED_SECONDS = 5.0
CONNECTION_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError, OSError)


async def gather_limited(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Awaits all, at most AT_ONCE at a time."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(item: Coroutine[Any, Any, T]) -> T:
        async with limit:
            return await item

    return list(await asyncio.gather(*(one(item) for item in work)))


@dataclass(frozen=True)
class Call:
    """A transaction to be: where, what, and the gas it may use."""

    to: ChecksumAddress
    data: HexStr
    gas: int
    value: int = 0


@dataclass(frozen=True)
class Event:
    """A decoded log."""

    contract: str
    address: ChecksumAddress
    name: str
    args: dict[str, Any]
    block: int
    index: int
    transaction: HexBytes


def client(url: str, timeout: float | None = None) -> AsyncWeb3:
    """Access to the node at `url`; `timeout` as of `Chain`."""
    options: dict[str, Any] = {}
    if timeout is not None:
        limit = aiohttp.ClientTimeout(total=timeout)
        options = {"request_kwargs": {"timeout": limit}, "exception_retry_configuration": None}
    return AsyncWeb3(HttpProvider(url, cache_allowed_requests=False, **options))


class Chain:
    """One deployment on one node."""

    def __init__(self, deployment: Deployment, timeout: float | None = None) -> None:
        """`timeout`: seconds after which a request has failed, without another try. Default: web3's, several tries."""
        self.deployment = deployment
        self.w3 = client(deployment.rpc_url, timeout)
        self.names: dict[ChecksumAddress, str] = {address: name for name, address in deployment.contracts.items()}
        self.names |= {market.address: "Market" for market in deployment.markets.values()}
        self._contracts: dict[ChecksumAddress, AsyncContract] = {}
        self._topics: dict[str, dict[bytes, dict[str, Any]]] = {}
        self._base_fee = 0
        self._base_fee_at = 0.0

    async def connect(self) -> None:
        """PlimsollError, one line, if the node does not answer or runs another chain than the deployment's."""
        try:
            genesis = await self.genesis_hash()
        except NotANodeError as error:
            raise PlimsollError(f"{self.deployment.rpc_url}: {error}") from None
        except (*CONNECTION_ERRORS, Web3Exception):
            raise PlimsollError(f"no chain answers at {self.deployment.rpc_url}; start one with `make demo`") from None
        self.deployment.check_chain(await self.w3.eth.chain_id, genesis)

    async def genesis_hash(self) -> str:
        """What tells one local chain from the next."""
        block = await self.w3.eth.get_block(0)
        return "0x" + bytes(block["hash"]).hex()

    async def close(self) -> None:
        """Closes the connections."""
        await self.w3.provider.disconnect()

    def at(self, name: str, address: ChecksumAddress) -> AsyncContract:
        """The contract at an address under the ABI `name`."""
        if address not in self._contracts:
            self._contracts[address] = self.w3.eth.contract(address=address, abi=abi(name), decode_tuples=True)
        return self._contracts[address]

    def contract(self, name: str) -> AsyncContract:
        """A contract of the deployment by name, for example "OrderBook"."""
        return self.at(name, self.deployment.address(name))

    def plain(self, name: str, address: ChecksumAddress | None = None) -> AsyncContract:
        """A contract for views of several outputs without names, which can't be decoded into named tuples."""
        return self.w3.eth.contract(address=address or self.deployment.address(name), abi=abi(name))

    def market(self, symbol: str) -> AsyncContract:
        """A market of the deployment, for example "BTC"."""
        return self.at("Market", self.deployment.markets[symbol].address)

    def call(self, contract: AsyncContract, function: str, args: Sequence[Any], gas: int) -> Call:
        """`contract.function(*args)` as a Call."""
        return Call(contract.address, contract.encode_abi(function, args=list(args)), gas)

    async def read(self, function: Any) -> Any:
        """Calls a view that cannot fail, again if it does: while Anvil mines, it shows a new state at an old time."""
        for _ in range(READ_ATTEMPTS - 1):
            with contextlib.suppress(ContractLogicError):
                return await function.call()
            await asyncio.sleep(POLL_SECONDS)
        return await function.call()

    async def passed_block(self, seconds: float = PASSED_SECONDS) -> int:
        """The newest block, once another came after it: at the head itself, Anvil may answer with the next one's state.

        On a chain that mines on demand none may come: after `seconds` it is told all the same.
        """
        block = await self.w3.eth.block_number
        deadline = time.monotonic() + seconds
        while await self.w3.eth.block_number == block:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        return block

    async def price(self, feed: bytes, source: ChecksumAddress | None = None) -> tuple[int, int]:
        """The price (WAD) of a feed at a source, by default PriceFeed, and when it was published; both 0 for none."""
        contract = self.plain("PriceFeed", source)
        try:
            price, published_at = await contract.functions.price(feed).call()
        except ContractLogicError:
            return 0, 0
        return price, published_at

    async def wait_priced(self, seconds: float = PRICED_SECONDS) -> None:
        """Until PriceFeed has a price of every market. PlimsollError if it has not within `seconds`."""
        deadline = time.monotonic() + seconds
        for symbol, market in self.deployment.markets.items():
            while (await self.price(bytes.fromhex(market.feed[2:])))[0] == 0:
                if time.monotonic() > deadline:
                    raise PlimsollError(
                        f"no price of {symbol} after {seconds:g} s: are the publishers and a keeper running?"
                    )
                await asyncio.sleep(POLL_SECONDS)

    async def base_fee(self) -> int:
        """Base fee of the newest block in wei, asked for once in BASE_FEE_SECONDS."""
        now = time.monotonic()
        if now - self._base_fee_at > BASE_FEE_SECONDS:
            block = await self.w3.eth.get_block("latest")
            self._base_fee, self._base_fee_at = block["baseFeePerGas"], now
        return self._base_fee

    async def receipts(self, hashes: Sequence[HexBytes], seconds: float) -> list[TxReceipt]:
        """The receipts of transactions already sent, in their order. PlimsollError if one is missing by then."""
        found: dict[HexBytes, TxReceipt] = {}
        deadline = time.monotonic() + seconds
        while len(found) < len(set(hashes)):
            for item in hashes:
                if item not in found:
                    with contextlib.suppress(TransactionNotFound):
                        found[item] = await self.w3.eth.get_transaction_receipt(item)
            if time.monotonic() > deadline:
                raise PlimsollError(f"{len(set(hashes)) - len(found)} transactions not mined within {seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)
        return [found[item] for item in hashes]

    async def events(self, first_block: int, last_block: int) -> list[Event]:
        """Every event of the deployment's contracts in a range of blocks, in the order of the chain."""
        found: list[Event] = []
        for begin in range(first_block, last_block + 1, LOG_RANGE):
            end = min(last_block, begin + LOG_RANGE - 1)
            query: FilterParams = {"fromBlock": begin, "toBlock": end, "address": list(self.names)}
            found += self.decode(await self.w3.eth.get_logs(query))
        return found

    def decode(self, logs: Iterable[Any]) -> list[Event]:
        """Decodes the logs of known contracts; others, and events not in their ABI, are left out."""
        events = []
        for item in logs:
            name = self.names.get(item["address"])
            if name is None or not item["topics"]:
                continue
            event_abi = self._event_abis(name).get(bytes(item["topics"][0]))
            if event_abi is None:
                continue
            data = get_event_data(self.w3.codec, event_abi, item)
            place = data["blockNumber"], data["logIndex"], data["transactionHash"]
            events.append(Event(name, item["address"], data["event"], dict(data["args"]), *place))
        return events

    def _event_abis(self, name: str) -> dict[bytes, dict[str, Any]]:
        if name not in self._topics:
            contract = self.w3.eth.contract(abi=abi(name))
            self._topics[name] = {
                bytes(HexBytes(contract.events[item["name"]]().topic)): item
                for item in abi(name)
                if item["type"] == "event"
            }
        return self._topics[name]
