"""Compares the index with the chain at one block: what was added up from events beside what the contracts say."""

import asyncio
from dataclasses import dataclass
from random import Random

from plimsoll.chain import Chain, gather_limited
from plimsoll.indexer import queries
from plimsoll.indexer.schema import seq_of
from plimsoll.indexer.store import Read

SAMPLE = 20
"""Positions compared each time, drawn by the block's number."""


@dataclass(frozen=True)
class Comparison:
    """`mismatches` has a line for each figure that differs."""

    block: int
    figures: int
    mismatches: tuple[str, ...]


async def reconcile(chain: Chain, read: Read, block: int, sample: int = SAMPLE) -> Comparison:
    """Open interest of every market, cash of vault and insurance fund, and `sample` positions, as of `block`, which the
    index must have. Raises what web3 raises, also where the node does not keep that block's state any more."""
    pairs = await asyncio.gather(
        _interest(chain, read, block), _capital(chain, read, block), _positions(chain, read, block, sample)
    )
    figures = [figure for group in pairs for figure in group]
    wrong = [f"{name}: index {mine}, chain {theirs}" for name, mine, theirs in figures if mine != theirs]
    return Comparison(block, len(figures), tuple(wrong))


async def _interest(chain: Chain, read: Read, block: int) -> list[tuple[str, object, object]]:
    lens = chain.contract("Lens").functions
    figures: list[tuple[str, object, object]] = []
    for symbol, market in chain.deployment.markets.items():
        if not await asyncio.to_thread(read, lambda session, at=market.address: queries.has_price(session, at)):
            continue  # the lens has no view of a market before its first price
        view = await lens.market(market.address).call(block_identifier=block)
        long, short = await asyncio.to_thread(
            read, lambda session, at=market.address: queries.interest(session, at, seq_of(block + 1))
        )
        figures.append((f"{symbol} units long", long, view.units_long))
        figures.append((f"{symbol} units short", short, view.units_short))
    return figures


async def _capital(chain: Chain, read: Read, block: int) -> list[tuple[str, object, object]]:
    pool, address_of = chain.contract("MarginPool").functions, chain.deployment.address
    vault, fund = await asyncio.gather(
        *(pool.balance_of(address_of(name)).call(block_identifier=block) for name in ("Vault", "InsuranceFund"))
    )
    mine = await asyncio.to_thread(read, lambda session: queries.cash(session, seq_of(block + 1)))
    return [("vault cash", mine[0], vault), ("insurance fund cash", mine[1], fund)]


async def _positions(chain: Chain, read: Read, block: int, sample: int) -> list[tuple[str, object, object]]:
    chosen = await asyncio.to_thread(read, lambda s: queries.sample(s, sample, seq_of(block + 1), Random(block)))

    async def compare(item: queries.Held) -> tuple[str, object, object]:
        functions = chain.at("Market", item.market).functions
        found = await functions.position(item.account).call(block_identifier=block)
        name = f"position of {item.account} in {item.market}"
        mine = (item.bucket, item.units, item.entry_price)
        return name, mine, (found.bucket, found.units, found.entry_price)

    return await gather_limited(compare(item) for item in chosen)
