"""One owner of the nonce for each key: sends EIP-1559 transactions, replaces the stuck, cancels what is left."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import rlp
import structlog
from eth_typing import ChecksumAddress
from eth_utils import keccak, to_bytes
from hexbytes import HexBytes
from web3 import AsyncWeb3
from web3.exceptions import TransactionNotFound, Web3Exception
from web3.types import TxReceipt

from plimsoll.chain import CONNECTION_ERRORS, POLL_SECONDS, Call, Chain
from plimsoll.errors import PlimsollError
from plimsoll.fees import FeePolicy, Fees, bumped, first_fees
from plimsoll.keys import Signer

log = structlog.get_logger(__name__)
REPLACE_AFTER_SECONDS = 8.0
REPLACEMENTS = 3
"""After so many the transaction is cancelled: what it was to do has most likely changed."""
LAST_SECONDS = 20.0
GAP_SECONDS = 1.5
CANCEL_GAS = 21_000
DYNAMIC_FEE_TYPE = b"\x02"


class FeeAboveCapError(PlimsollError):
    """The base fee is above what this key may offer."""


class NonceGapError(PlimsollError):
    """Transactions before this one are gone."""


@dataclass
class Flight:
    """A nonce that is sent and not mined: what it last offered, when (of the loop), and all that was sent for it."""

    fees: Fees
    offered_at: float
    hashes: list[HexBytes]


class Sender:
    """The only user of one key's nonce. Sends in order, without waiting for the transaction before."""

    def __init__(
        self, chain: Chain, signer: Signer, policy: FeePolicy | None = None, submit_to: AsyncWeb3 | None = None
    ) -> None:
        """`submit_to`: a private endpoint that transactions are sent to; all else is asked of the chain's node."""
        self.chain = chain
        self.signer = signer
        self.policy = policy or FeePolicy()
        self.submit_to = submit_to or chain.w3
        self.is_private = submit_to is not None
        self.failed = 0
        self.replaced = 0
        self.cancelled = 0
        self._nonce: int | None = None
        self._waited: set[int] = set()
        """Nonces that somebody sends or waits for just now."""
        self._left: dict[int, Flight] = {}
        """Those given up that may still lie in the mempool, where every later one would wait behind them."""
        self._lock = asyncio.Lock()

    @property
    def address(self) -> ChecksumAddress:
        return self.signer.address

    def forget_nonce(self) -> None:
        """Asks the chain for the nonce before the next transaction: after an error, a reorg or another chain."""
        self._nonce = None

    @property
    def is_stuck(self) -> bool:
        """Whether a transaction that was given up is in the way: `clear` first."""
        return bool(self._left)

    async def can_pay(self, gas: int) -> bool:
        """Whether the balance covers `gas` at what a new transaction would offer."""
        fees = first_fees(await self.chain.base_fee(), self.policy)
        return fees is not None and await self.chain.w3.eth.get_balance(self.address) >= gas * fees.most

    async def send(self, call: Call) -> HexBytes:
        """Signs and sends; returns the hash. PlimsollError if the node refuses."""
        nonce, flight = await self._send_next(call)
        self._waited.discard(nonce)
        return flight.hashes[0]

    async def _send_next(self, call: Call) -> tuple[int, Flight]:
        """Its nonce counts as waited for until the caller says otherwise."""
        async with self._lock:
            fees = first_fees(await self.chain.base_fee(), self.policy)
            if fees is None:
                raise FeeAboveCapError(f"the base fee is above the cap of {self.policy.cap} wei per gas")
            if self._nonce is None:
                self._nonce = await self._count_sent()
            nonce = self._nonce
            signed = await self._sign(call, nonce, fees)
            flight = self._flight(fees, [HexBytes(keccak(signed))])
            self._waited.add(nonce)
            try:
                await self.submit_to.eth.send_raw_transaction(signed)
            except Web3Exception as error:
                self._waited.discard(nonce)
                self.forget_nonce()
                raise PlimsollError(f"the node refused a transaction of {self.address}: {error}") from None
            except BaseException:
                self._give_up(nonce, flight)  # it may have arrived all the same
                raise
            self._nonce = nonce + 1
            return nonce, flight

    async def _count_sent(self) -> int:
        """How many transactions of this key are mined or on their way."""
        count = await self.chain.w3.eth.get_transaction_count(self.address, "pending")
        # The chain's node does not see what went to a private endpoint before it is mined: of that we know ourselves.
        while self.is_private and (count in self._waited or count in self._left):
            count += 1
        return count

    def _flight(self, fees: Fees, hashes: list[HexBytes]) -> Flight:
        return Flight(fees, asyncio.get_running_loop().time(), hashes)

    def _give_up(self, nonce: int, flight: Flight) -> None:
        self._waited.discard(nonce)
        self._left[nonce] = flight
        self.forget_nonce()

    async def _sign(self, call: Call, nonce: int, fees: Fees) -> bytes:
        fields = [
            *(self.chain.deployment.chain_id, nonce, fees.tip, fees.most, call.gas),
            *(to_bytes(hexstr=call.to), call.value, to_bytes(hexstr=call.data), []),
        ]
        v, r, s = await self.signer.sign_hash(keccak(DYNAMIC_FEE_TYPE + rlp.encode(fields)))
        return DYNAMIC_FEE_TYPE + rlp.encode([*fields, v - 27, r, s])

    async def send_and_wait(self, call: Call) -> TxReceipt:
        """Sends and returns the receipt, whatever its status; a stuck transaction is replaced, in the end cancelled.

        :raises PlimsollError: if it was cancelled, or if nothing of that nonce was mined in time.
        """
        nonce, flight = await self._send_next(call)
        try:
            receipt = await self._until_mined(call, nonce, flight)
        except NonceGapError:
            self._waited.discard(nonce)
            raise
        except BaseException:
            self._give_up(nonce, flight)
            raise
        if receipt is None:
            self._give_up(nonce, flight)
            most = flight.fees.most
            raise PlimsollError(f"nonce {nonce} of {self.address} is stuck: nothing mined at {most} wei per gas")
        self._waited.discard(nonce)
        if receipt["to"] == self.address != call.to:
            self.cancelled += 1
            raise PlimsollError(f"nonce {nonce} of {self.address} was stuck and is cancelled")
        self.failed += receipt["status"] == 0
        return receipt

    async def _until_mined(self, call: Call, nonce: int, flight: Flight) -> TxReceipt | None:
        for attempt in range(REPLACEMENTS + 1):
            receipt = await self._first_receipt(flight.hashes, nonce, REPLACE_AFTER_SECONDS)
            if receipt is not None:
                return receipt
            replacement = call if attempt < REPLACEMENTS else self._nothing()
            self.replaced += await self._replace(replacement, nonce, flight)
        return await self._first_receipt(flight.hashes, nonce, LAST_SECONDS)

    def _nothing(self) -> Call:
        return Call(self.address, "0x", CANCEL_GAS)

    async def _replace(self, call: Call, nonce: int, flight: Flight) -> bool:
        """Offers more for a nonce. False if the cap forbids it, the node refuses it or cannot be asked."""
        try:
            new = bumped(flight.fees, await self.chain.base_fee(), self.policy)
        except (Web3Exception, *CONNECTION_ERRORS) as error:
            log.debug("not replaced", error=str(error) or type(error).__name__)
            return False
        if new is None:
            log.warning("stuck at the cap", nonce=nonce, most=flight.fees.most, address=self.address)
            return False
        log.info("replacing a stuck transaction", nonce=nonce, most=new.most, tip=new.tip, address=self.address)
        signed = await self._sign(call, nonce, new)
        try:
            await self.submit_to.eth.send_raw_transaction(signed)
        except Web3Exception as error:
            log.debug("not replaced", error=str(error))  # most likely mined in between
            return False
        except CONNECTION_ERRORS as error:
            log.debug("perhaps replaced", error=str(error) or type(error).__name__)
        flight.fees, flight.offered_at = new, asyncio.get_running_loop().time()
        flight.hashes.append(HexBytes(keccak(signed)))
        return True

    async def clear(self) -> int:
        """Cancels what lies in the mempool, is not mined and is waited for by nobody: what an earlier life of this key
        left, or what was given up. Returns how many cancellations it sent; `is_stuck` until they are mined.

        Everything later would wait behind it: a nonce is mined only after the one before. What still has a chance of
        being mined at what it offers is left for REPLACE_AFTER_SECONDS.
        """
        eth, loop = self.chain.w3.eth, asyncio.get_running_loop()
        pending = await self._count_sent()
        deadline = loop.time() + (0 if self.is_stuck else REPLACE_AFTER_SECONDS)
        while (mined := await eth.get_transaction_count(self.address, "latest")) < pending:
            if loop.time() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        stuck = [nonce for nonce in range(mined, pending) if nonce not in self._waited]
        # What an earlier life offered is unknown: this is most likely more, as far as the cap allows.
        guess = Fees(self.policy.cap * 2 // 3, self.policy.tip * 2)
        self._left = {nonce: self._left.get(nonce) or Flight(guess, -math.inf, []) for nonce in stuck}
        sent = 0
        for nonce, flight in list(self._left.items()):
            if loop.time() - flight.offered_at >= REPLACE_AFTER_SECONDS:
                sent += await self._cancel(nonce, flight)
        self.cancelled += sent
        self.forget_nonce()
        return sent

    async def _cancel(self, nonce: int, flight: Flight) -> bool:
        """Offers more until the node takes it: what it holds may offer more than what is known here."""
        for _ in range(REPLACEMENTS + 1):
            if await self._replace(self._nothing(), nonce, flight):
                return True
            new = bumped(flight.fees, await self.chain.base_fee(), self.policy)
            if new is None:
                return False
            flight.fees = new
        return False

    async def _first_receipt(self, hashes: Sequence[HexBytes], nonce: int, seconds: float) -> TxReceipt | None:
        loop = asyncio.get_running_loop()
        deadline, next_check = loop.time() + seconds, loop.time() + GAP_SECONDS
        while loop.time() < deadline:
            try:
                for item in hashes:
                    with contextlib.suppress(TransactionNotFound):
                        return await self.chain.w3.eth.get_transaction_receipt(item)
                if loop.time() > next_check:
                    next_check = loop.time() + GAP_SECONDS
                    await self._check_gap(nonce)
            except (Web3Exception, *CONNECTION_ERRORS) as error:
                log.debug("no answer about a receipt", error=str(error))
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _check_gap(self, nonce: int) -> None:
        """A reorg undid transactions before this one: it can't be mined before their nonces are used again."""
        known = await self._count_sent()
        if known < nonce:
            self.forget_nonce()
            raise NonceGapError(f"nonce {nonce} of {self.address} came too early: the chain knows {known} transactions")
