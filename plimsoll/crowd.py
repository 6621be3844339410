"""The crowd at work: keys, gas money, collateral, deposits, orders. Everybody goes through the same doors as anybody
else.

Traders' keys are derived from the seed. One account pays their gas money by plain transfers; collateral comes from
the token's faucet, and for who needs more than that by transfers of the same account. They deposit into the pool,
place market orders, and wait for a keeper.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3.exceptions import Web3Exception

from plimsoll import accounts
from plimsoll.chain import CONNECTION_ERRORS, Call, Chain, gather_limited
from plimsoll.crowd_draw import BPS, Trader
from plimsoll.errors import PlimsollError
from plimsoll.keys import LocalSigner
from plimsoll.sender import Sender

log = logging.getLogger(__name__)
GAS_MONEY_WEI = 5 * 10**17
TRANSFER_GAS = 21_000
TOKEN_GAS = 90_000
DEPOSIT_GAS = 150_000
PLACE_GAS = 250_000
SHORT = 1
SLIPPAGE_BPS = 500
KEEPER_FEES = 4
"""Keeper fees each trader keeps ready: one opens, one closes, and some to spare."""
ORDER_SECONDS = 600
PHASE_SECONDS = 120.0
EXECUTION_SECONDS = 90.0


@dataclass
class Crowd:
    """Traders with their keys on one chain."""

    chain: Chain
    traders: Sequence[Trader]
    seed: int
    senders: dict[int, Sender] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for trader in self.traders:
            self.senders[trader.index] = Sender(self.chain, LocalSigner(self.account(trader)))

    def account(self, trader: Trader) -> LocalAccount:
        """The key of a trader."""
        return accounts.derived_account(f"crowd {self.seed} trader {trader.index}")

    @property
    def decimals(self) -> int:
        return self.chain.deployment.collateral.decimals

    async def prepare(self) -> None:
        """Gas money, collateral and deposit for everybody, those who join late too."""
        token, pool = self.chain.contract("CollateralToken"), self.chain.contract("MarginPool")
        # Full blocks raise the base fee while the crowd places its orders.
        fee = await self.chain.contract("OrderBook").functions.keeper_fee(2 * await self.chain.base_fee()).call()
        needs = {trader.index: trader.margin(self.decimals) + KEEPER_FEES * fee for trader in self.traders}
        served = await self._served_by_faucet(needs)
        await self._fund({index: need for index, need in needs.items() if index not in served})

        async def deposit(trader: Trader) -> HexBytes:
            sender, need = self.senders[trader.index], needs[trader.index]
            if trader.index in served:
                await sender.send(self.chain.call(token, "faucet", [], TOKEN_GAS))
            await sender.send(self.chain.call(token, "approve", [pool.address, need], TOKEN_GAS))
            return await sender.send(self.chain.call(pool, "deposit", [need, sender.address], DEPOSIT_GAS))

        sent = await gather_limited(deposit(trader) for trader in self.traders)
        await self._all_good(sent, "deposits")

    async def _served_by_faucet(self, needs: dict[int, int]) -> set[int]:
        """Who needs no more than the faucet gives, and did not go there in the last hour."""
        faucet = self.chain.contract("CollateralToken").functions
        most = await faucet.faucet_amount().call()
        modest = [index for index, need in needs.items() if need <= most]
        moments = await gather_limited(faucet.next_faucet_at(self.senders[index].address).call() for index in modest)
        now = int(time.time())
        return {index for index, moment in zip(modest, moments, strict=True) if moment <= now}

    async def _fund(self, large: dict[int, int]) -> None:
        """Gas money for all, collateral for those in `large`."""
        token = self.chain.contract("CollateralToken")
        funder = Sender(self.chain, LocalSigner(accounts.dev_account(accounts.FUNDER)))
        sent = []
        if large:
            minter = Sender(self.chain, LocalSigner(accounts.dev_account(accounts.DEPLOYER)))
            mint = self.chain.call(token, "mint", [funder.address, sum(large.values())], TOKEN_GAS)
            await self._all_good([await minter.send(mint)], "minting")
        for trader in self.traders:
            receiver = self.senders[trader.index].address
            sent.append(await funder.send(Call(receiver, "0x", TRANSFER_GAS, GAS_MONEY_WEI)))
            if trader.index in large:
                amount = large[trader.index]
                sent.append(await funder.send(self.chain.call(token, "transfer", [receiver, amount], TOKEN_GAS)))
        await self._all_good(sent, "transfers")

    async def _all_good(self, sent: Sequence[HexBytes], what: str) -> None:
        receipts = await self.chain.receipts(sent, PHASE_SECONDS)
        failed = sum(receipt["status"] == 0 for receipt in receipts)
        if failed:
            raise PlimsollError(f"crowd: {failed} of {len(receipts)} {what} failed")

    async def place(self, trader: Trader) -> HexBytes:
        """Sends a trader's opening order at the present price."""
        price, _ = await self.chain.price(bytes.fromhex(self.chain.deployment.markets[trader.symbol].feed[2:]))
        limit = price * (BPS + (SLIPPAGE_BPS if trader.is_long else -SLIPPAGE_BPS)) // BPS
        size = trader.units(price, self.decimals)
        return await self._send_order(trader, size, trader.margin(self.decimals), limit, is_reduce_only=False)

    async def close(self, trader: Trader) -> HexBytes | None:
        """Sends an order that closes what a trader holds; None if there is nothing left."""
        market = self.chain.market(trader.symbol)
        position = await market.functions.position(self.senders[trader.index].address).call()
        if not position.units:
            return None
        size = position.units if position.side == SHORT else -position.units
        return await self._send_order(trader, size, 0, 0, is_reduce_only=True)

    async def _send_order(
        self, trader: Trader, size: int, margin: int, limit: int, *, is_reduce_only: bool
    ) -> HexBytes:
        market = self.chain.market(trader.symbol).address
        order = (market, 0, size, margin, 0, limit, is_reduce_only, int(time.time()) + ORDER_SECONDS)
        call = self.chain.call(self.chain.contract("OrderBook"), "place", [order], PLACE_GAS)
        return await self.senders[trader.index].send(call)

    async def open_first(self) -> None:
        """Places the orders of all who do not join late, once there are prices."""
        await self.chain.wait_priced()
        sent = await gather_limited(self.place(trader) for trader in self.traders if not trader.joins_bps)
        await self._all_good(sent, "orders")

    async def wait_executed(self) -> None:
        """Until the order book's escrow is empty. PlimsollError if the keeper does not get there."""
        pool, book = self.chain.contract("MarginPool"), self.chain.contract("OrderBook")
        deadline = time.monotonic() + EXECUTION_SECONDS
        while await pool.functions.balance_of(book.address).call():
            if time.monotonic() > deadline:
                raise PlimsollError(f"orders still wait after {EXECUTION_SECONDS:.0f} s: is the keeper running?")
            await asyncio.sleep(0.5)

    async def follow(self, progress_bps: Callable[[], int]) -> None:
        """Late joiners and those who close, each at its moment of the replay. Ends when their orders are
        mined; what fails is only logged."""
        sent: list[HexBytes] = []
        moments = [(trader.joins_bps, trader, self.place) for trader in self.traders if trader.joins_bps]
        moments += [(trader.closes_bps, trader, self.close) for trader in self.traders if trader.closes_bps]
        moments.sort(key=lambda item: (item[0], item[1].index))
        while moments:
            due = [item for item in moments if item[0] <= progress_bps()]
            for _, trader, act in due:
                try:
                    order = await act(trader)
                except (PlimsollError, Web3Exception, *CONNECTION_ERRORS) as error:
                    log.warning("trader %s: %s", trader.index, error)
                else:
                    sent += [order] if order else []
            moments = moments[len(due) :]
            await asyncio.sleep(0.2)
        try:
            await self._all_good(sent, "late orders")
        except (PlimsollError, Web3Exception, *CONNECTION_ERRORS) as error:
            log.warning("%s", error)
