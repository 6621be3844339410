"""One owner of the nonce for each key: sends EIP-1559 transactions, replaces the stuck, cancels what is left."""

import asyncio
import contextlib
from collections.abc import Sequence

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
        self.failed = 0
        self.replaced = 0
        self.cancelled = 0
        self._nonce: int | None = None
        self._lock = asyncio.Lock()

    @property
    def address(self) -> ChecksumAddress:
        return self.signer.address

    def forget_nonce(self) -> None:
        """Asks the chain for the nonce before the next transaction: after an error, a reorg or another chain."""
        self._nonce = None

    async def can_pay(self, gas: int) -> bool:
        """Whether the balance covers `gas` at what a new transaction would offer."""
        fees = first_fees(await self.chain.base_fee(), self.policy)
        return fees is not None and await self.chain.w3.eth.get_balance(self.address) >= gas * fees.most

    async def send(self, call: Call) -> HexBytes:
        """Signs and sends; returns the hash. PlimsollError if the node refuses."""
        sent, _, _ = await self._send_next(call)
        return sent

    async def _send_next(self, call: Call) -> tuple[HexBytes, int, Fees]:
        async with self._lock:
            fees = first_fees(await self.chain.base_fee(), self.policy)
            if fees is None:
                raise FeeAboveCapError(f"the base fee is above the cap of {self.policy.cap} wei per gas")
            if self._nonce is None:
                self._nonce = await self.chain.w3.eth.get_transaction_count(self.address, "pending")
            nonce = self._nonce
            signed = await self._sign(call, nonce, fees)
            try:
                sent = await self.submit_to.eth.send_raw_transaction(signed)
            except Web3Exception as error:
                self.forget_nonce()
                raise PlimsollError(f"the node refused a transaction of {self.address}: {error}") from None
            except CONNECTION_ERRORS:
                self.forget_nonce()
                raise
            self._nonce = nonce + 1
            return sent, nonce, fees

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
        first, nonce, fees = await self._send_next(call)
        sent = [first]
        for attempt in range(REPLACEMENTS + 1):
            receipt = await self._first_receipt(sent, nonce, REPLACE_AFTER_SECONDS)
            if receipt is not None:
                self.failed += receipt["status"] == 0
                return receipt
            replacement = call if attempt < REPLACEMENTS else self._nothing()
            new = await self._replace(replacement, nonce, fees)
            if new is not None:
                fees = new[1]
                sent.append(new[0])
                self.replaced += 1
        receipt = await self._first_receipt(sent, nonce, LAST_SECONDS)
        self.forget_nonce()
        if receipt is None:
            raise PlimsollError(f"nonce {nonce} of {self.address} is stuck: nothing mined at {fees.most} wei per gas")
        if receipt["to"] == self.address:
            self.cancelled += 1
            raise PlimsollError(f"nonce {nonce} of {self.address} was stuck and is cancelled")
        return receipt

    def _nothing(self) -> Call:
        return Call(self.address, "0x", CANCEL_GAS)

    async def _replace(self, call: Call, nonce: int, fees: Fees) -> tuple[HexBytes, Fees] | None:
        """The hash and fees of a replacement; None if the cap forbids it or the node refuses it."""
        new = bumped(fees, await self.chain.base_fee(), self.policy)
        if new is None:
            log.warning("stuck at the cap", nonce=nonce, most=fees.most, address=self.address)
            return None
        log.info("replacing a stuck transaction", nonce=nonce, most=new.most, tip=new.tip, address=self.address)
        try:
            return await self.submit_to.eth.send_raw_transaction(await self._sign(call, nonce, new)), new
        except Web3Exception as error:
            log.debug("not replaced", error=str(error))  # most likely mined in between
            return None

    async def clear(self) -> int:
        """Cancels what an earlier life of this key left in the mempool and nobody mines. Returns how many there were.

        A fresh keeper would otherwise wait behind them: a nonce is mined only after the one before.
        """
        eth = self.chain.w3.eth
        pending = await eth.get_transaction_count(self.address, "pending")
        deadline = asyncio.get_running_loop().time() + REPLACE_AFTER_SECONDS
        while (mined := await eth.get_transaction_count(self.address, "latest")) < pending:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        for nonce in range(mined, pending):
            # What they offered is unknown: this is surely more, as far as the cap allows.
            await self._replace(self._nothing(), nonce, Fees(self.policy.cap * 2 // 3, self.policy.tip * 2))
        self.cancelled += max(0, pending - mined)
        self.forget_nonce()
        return max(0, pending - mined)

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
        known = await self.chain.w3.eth.get_transaction_count(self.address, "pending")
        if known < nonce:
            self.forget_nonce()
            raise NonceGapError(f"nonce {nonce} of {self.address} came too early: the chain knows {known} transactions")
