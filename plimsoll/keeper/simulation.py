"""What `Relay.act` would do in the next block, and the largest part of a plan that is worth trying for real."""

import structlog
from eth_typing import ChecksumAddress
from web3.exceptions import ContractLogicError, Web3Exception

from plimsoll.chain import Chain
from plimsoll.errors import PlimsollError
from plimsoll.keeper import core

log = structlog.get_logger(__name__)
SEARCHES = 12
"""Simulations at most to find the orders that would only wait."""


class Simulation:
    """Simulates for one sender at a time."""

    def __init__(self, chain: Chain) -> None:
        self.relay = chain.contract("Relay")

    async def of(self, plan: core.Plan, sender: ChecksumAddress) -> core.Outcome:
        """The outcome, on top of what waits in the node's mempool. Web3Exception if the call fails as a whole."""
        options = {"from": sender, "gas": core.BLOCK_GAS}
        result = await self.relay.functions.act(*plan.arguments()).call(options, "pending")
        return core.Outcome(
            result.prices_updated,
            tuple(result.buckets),
            result.orders_filled,
            result.orders_failed,
            result.orders_waiting,
            result.reward,
        )

    async def fitting(
        self, plan: core.Plan, sender: ChecksumAddress, gas_cap: int = core.GAS_CAP
    ) -> tuple[core.Plan, core.Outcome]:
        """`plan`, or the largest of its halves that needs less than `gas_cap`, and its outcome."""
        while True:
            is_smallest = plan.max_buckets == 1 and not plan.order_ids
            try:
                outcome = await self.of(plan, sender)
            except (ContractLogicError, Web3Exception) as error:
                if is_smallest:
                    raise PlimsollError(f"Relay.act fails in simulation: {error}") from None
                plan = core.smaller(plan)
                continue
            if core.gas_limit(plan, sum(outcome.buckets)) < gas_cap or is_smallest:
                return plan, outcome
            plan = core.smaller(plan)

    async def without_waiting(
        self, plan: core.Plan, outcome: core.Outcome, sender: ChecksumAddress
    ) -> tuple[core.Plan, core.Outcome, list[int]]:
        """`plan` less the orders that would only wait, its outcome, and those orders.

        Found by halving. Where that takes too many simulations the undecided are left for the next round.
        """
        if not outcome.orders_waiting:
            return plan, outcome, []
        good: list[int] = []
        waiting: list[int] = []
        undecided = [(plan.order_ids, outcome.orders_waiting)]
        for _ in range(SEARCHES):
            if not undecided:
                break
            ids, count = undecided.pop()
            if count in (0, len(ids)):
                (waiting if count else good).extend(ids)
                continue
            half = ids[: len(ids) // 2]
            found = await self.of(core.with_orders(plan, half), sender)
            undecided += [(ids[len(half) :], count - found.orders_waiting), (half, found.orders_waiting)]
        for ids, count in undecided:
            if count in (0, len(ids)):
                (waiting if count else good).extend(ids)
        plan = core.with_orders(plan, [id_ for id_ in plan.order_ids if id_ in set(good)])
        return plan, await self.of(plan, sender), waiting
