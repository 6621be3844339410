"""The report of a run, read from the chain: balances, events, receipts and call traces, never this program's memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from eth_typing import ChecksumAddress
from eth_utils.abi import function_abi_to_4byte_selector
from hexbytes import HexBytes
from rich.table import Table

from plimsoll.anvil import rpc
from plimsoll.artifacts import abi
from plimsoll.capital_report import capital_section, money
from plimsoll.chain import Chain, Event, gather_limited
from plimsoll.gas import Samples, as_transaction, frames
from plimsoll.history import LAYERS, History, blocks_p50_p99, keeper_blocks, lowest_insurance

DUST_PER_EVENT = 2
"""Base units: rounding in favour of the pool, at most this much for each thing that happened in a market."""
TRACES = 40
"""Keeper transactions whose calls are traced for gas, at most, of each kind."""
LAYER_NAMES = {
    "skin_in_the_game": "skin in the game",
    "insurance": "insurance fund",
    "adl": "profit of deleveraged winners",
    "vault": "vault, last resort",
}


@dataclass(frozen=True)
class Run:
    """What the chain cannot know about a run."""

    data: str
    note: str
    bars: int
    seed: int
    traders: int
    first_block: int
    """The last block before the crowd came: what was there then is the start."""
    keeper: ChecksumAddress
    seconds: int


@dataclass(frozen=True)
class Blocks:
    """Times of blocks, and the receipts in them by transaction."""

    times: dict[int, int]
    receipts: dict[HexBytes, dict[str, Any]]


async def build_report(chain: Chain, run: Run) -> dict[str, Any]:
    """Everything in build/demo/report.json. Money in base units of the collateral."""
    last = await chain.passed_block()
    events = await chain.events(chain.deployment.start_block, last)
    history = History(events)
    blocks = await _blocks(chain, run.first_block, last)
    paid_by = history.paid_by()
    market_of = {bytes.fromhex(item.feed[2:]): item.address for item in chain.deployment.markets.values()}
    recent = [event for event in events if event.block > run.first_block]
    p50, p99 = blocks_p50_p99(keeper_blocks(recent, blocks.times, market_of))
    failed = sum(item["from"] == run.keeper and item["status"] == 0 for item in blocks.receipts.values())
    start, end = await asyncio.gather(_capital(chain, run.first_block), _capital(chain, last))
    senders = {item["from"] for item in blocks.receipts.values()}
    books = await _books(chain, events, last)
    capital = await capital_section(chain, events, blocks.times, last)
    conservation = await _conservation(chain, history, senders, last)
    gas = await _gas(chain, recent, blocks)
    return {
        "data": run.data,
        "note": run.note,
        "bars": run.bars,
        "seed": run.seed,
        "traders": run.traders,
        "positions_opened": history.total("opened"),
        "liquidated_positions": history.total("liquidated"),
        "liquidated_buckets": history.total("liquidated_buckets"),
        "adl_positions": history.total("deleveraged"),
        "adl_buckets": history.total("deleveraged_buckets"),
        "adl_units": history.total("adl_units"),
        "loss_beyond_margin": history.total("loss"),
        "loss_paid_by": paid_by,
        "recovery_issued": history.recovery_issued,
        "vault": {"start": start["vault"], "end": end["vault"]},
        "insurance": {
            "start": start["insurance"],
            "lowest": lowest_insurance(recent, start["insurance"]),
            "end": end["insurance"],
        },
        "skin_in_the_game": {"start": start["skin_in_the_game"], "end": end["skin_in_the_game"]},
        "capital": capital,
        "conservation_error": conservation,
        "books_error": max(abs(item["error"]) for item in books.values()),
        "gas": gas.summary(),
        "keeper": {"blocks_p50": p50, "blocks_p99": p99, "failed_transactions": failed},
        "seconds": run.seconds,
        "orders": {**history.orders, "failures": history.failures},
        "markets": {
            symbol: _market(history, item.address, chain.deployment.collateral.decimals) | {"books": books[symbol]}
            for symbol, item in chain.deployment.markets.items()
        },
        "blocks": {"first": run.first_block, "last": last},
    }


def _market(history: History, address: ChecksumAddress, decimals: int) -> dict[str, Any]:
    market = history.market(address)
    return {
        "positions_opened": market.opened,
        "liquidated_positions": len(market.liquidated),
        "liquidated_buckets": len(market.liquidated_buckets),
        "liquidated_units": market.liquidated_units,
        "adl_positions": len(market.deleveraged),
        "adl_buckets": len(market.deleveraged_buckets),
        "adl_units_at_fair_price": market.fair_adl_units,
        "adl_units_at_a_loss": market.loss_adl_units,
        "adl_notional_fair": market.fair_adl_notional // 10 ** (18 - decimals),
        "adl_notional_loss": market.loss_adl_notional // 10 ** (18 - decimals),
        "loss_beyond_margin": market.loss,
        "loss_paid_by": market.paid_by,
        "recovery_claims": market.claims,
    }


async def _blocks(chain: Chain, first: int, last: int) -> Blocks:
    numbers = range(first, last + 1)
    headers = await gather_limited(chain.w3.eth.get_block(number) for number in numbers)
    busy = [header["number"] for header in headers if header["transactions"]]
    receipts = await gather_limited(chain.w3.eth.get_block_receipts(number) for number in busy)
    times = {header["number"]: header["timestamp"] for header in headers}
    return Blocks(times, {item["transactionHash"]: item for block in receipts for item in block})


async def _capital(chain: Chain, block: int) -> dict[str, int]:
    contracts = chain.deployment.contracts
    pool, fund = chain.contract("MarginPool").functions, chain.contract("InsuranceFund").functions
    vault, insurance, skin = await asyncio.gather(
        pool.balance_of(contracts["Vault"]).call(block_identifier=block),
        fund.insurance().call(block_identifier=block),
        fund.skin_in_the_game().call(block_identifier=block),
    )
    return {"vault": vault, "insurance": insurance, "skin_in_the_game": skin}


async def _books(chain: Chain, events: list[Event], block: int) -> dict[str, dict[str, int]]:
    """C - U - E of each market as of its last interaction. The error is what exceeds dust, or lies below zero."""
    books = {}
    for symbol, item in chain.deployment.markets.items():
        state = await chain.at("Market", item.address).functions.state().call(block_identifier=block)
        difference = state.cash - state.claimable - state.trader_equity
        most_dust = DUST_PER_EVENT * sum(event.address == item.address for event in events)
        books[symbol] = {
            "cash": state.cash,
            "claimable": state.claimable,
            "trader_equity": state.trader_equity,
            "dust": difference,
            "error": difference if difference < 0 else max(0, difference - most_dust),
        }
    return books


async def _conservation(chain: Chain, history: History, senders: set[ChecksumAddress], block: int) -> int:
    """Zero, or cash came or went: what was paid in less what was paid out, and the tokens that the pool holds, must
    both be what the ledger says everybody has together."""
    pool, token = chain.contract("MarginPool"), chain.contract("CollateralToken")
    known = history.accounts | senders | set(chain.names) | {chain.deployment.treasury}
    balances = await gather_limited(
        pool.functions.balance_of(account).call(block_identifier=block) for account in sorted(known)
    )
    held = await token.functions.balanceOf(pool.address).call(block_identifier=block)
    ledger = sum(balances)
    return abs(history.deposited - history.withdrawn - ledger) + abs(held - ledger)


async def _gas(chain: Chain, events: list[Event], blocks: Blocks) -> Samples:
    """Whole transactions for placing; for the steps of a keeper's batch, calls out of its trace."""
    samples = Samples()
    placed = {event.transaction for event in events if event.name == "OrderPlaced"}
    samples.place = [blocks.receipts[item]["gasUsed"] for item in placed if item in blocks.receipts]
    kinds = ("OrderExecuted", "PriceUpdated", "Liquidated", "Deleveraged")
    by_kind = {kind: list(dict.fromkeys(e.transaction for e in events if e.name == kind)) for kind in kinds}
    chosen = list(dict.fromkeys(item for items in by_kind.values() for item in items[:TRACES]))
    closed = _closed_orders(events)
    async with aiohttp.ClientSession() as session:
        for transaction in chosen:
            trace = await rpc(
                session,
                chain.deployment.rpc_url,
                "debug_traceTransaction",
                "0x" + bytes(transaction).hex(),
                {"tracer": "callTracer"},
            )
            assert isinstance(trace, dict)
            for frame in frames(trace):
                _sample(samples, frame, chain.deployment.contracts, closed)
    return samples


def _closed_orders(events: list[Event]) -> dict[int, bool]:
    """Which executed orders closed a position (True) or opened one (False); those that did neither are left out."""
    closed: dict[int, bool] = {}
    trades: dict[ChecksumAddress, Event] = {}
    for event in events:
        if event.name == "Traded":
            trades[event.args["account"]] = event
        elif event.name == "OrderExecuted" and event.args["owner"] in trades:
            trade = trades[event.args["owner"]].args
            if trade["units_after"] == 0:
                closed[event.args["id"]] = True
            elif trade["units_after"] == trade["units_delta"]:
                closed[event.args["id"]] = False
    return closed


def _sample(
    samples: Samples, frame: dict[str, Any], contracts: Mapping[str, ChecksumAddress], closed: Mapping[int, bool]
) -> None:
    target, data = str(frame.get("to", "")).lower(), bytes(HexBytes(frame["input"]))
    if target == contracts["OrderBook"].lower() and data[:4] == _selector("OrderBook", "execute"):
        is_close = closed.get(int.from_bytes(data[4:36]))
        if is_close is not None:
            (samples.execute_close if is_close else samples.execute_open).append(as_transaction(frame))
    elif target == contracts["PriceFeed"].lower() and data[:4] == _selector("PriceFeed", "update"):
        samples.price_update.append(as_transaction(frame))
    elif data[:4] == _selector("Market", "crank") and frame["type"] == "CALL":
        done = int.from_bytes(bytes(HexBytes(frame.get("output") or "0x00")))
        if done:
            samples.cranks.append((int(frame["gasUsed"], 16), done))


@cache
def _selector(name: str, function: str) -> bytes:
    return function_abi_to_4byte_selector(next(item for item in abi(name) if item.get("name") == function))


async def draw_run(chain: Chain, run: Run, path: Path) -> None:
    """Writes the picture of a run."""
    from plimsoll.chart import draw  # matplotlib takes a second to import

    last = await chain.w3.eth.block_number
    events = await chain.events(run.first_block + 1, last)
    blocks = await _blocks(chain, run.first_block, last)
    markets = chain.deployment.markets
    feeds = {bytes.fromhex(item.feed[2:]): symbol for symbol, item in markets.items()}
    names = {item.address: symbol for symbol, item in markets.items()}
    title = f"Plimsoll: {run.data}, {run.traders} traders"
    unit = 10**chain.deployment.collateral.decimals
    await asyncio.to_thread(draw, path, title, events, blocks.times, feeds, names, unit)


def waterfall_table(report: dict[str, Any], symbol: str, decimals: int) -> Table:
    """Who paid for the losses beyond margin, layer by layer."""
    table = Table(title=f"The waterfall: where every {symbol} of loss beyond margin went", title_justify="left")
    table.add_column("layer")
    markets = list(report["markets"])
    for name in (*markets, "all"):
        table.add_column(name, justify="right")

    def row(label: str, values: list[int], style: str = "") -> None:
        table.add_row(label, *(money(value, decimals) for value in (*values, sum(values))), style=style)

    row("loss beyond margin", [item["loss_beyond_margin"] for item in report["markets"].values()], "bold")
    for layer in LAYERS:
        row(f"  paid by {LAYER_NAMES[layer]}", [item["loss_paid_by"][layer] for item in report["markets"].values()])
    row("recovery claims recorded", [item["recovery_claims"] for item in report["markets"].values()])
    return table


def summary_table(report: dict[str, Any], symbol: str, decimals: int) -> Table:
    """What happened to traders and capital."""
    table = Table(title=f"{report['data']}: {report['bars']} bars, seed {report['seed']}", title_justify="left")
    table.add_column("")
    markets = report["markets"]
    for name in (*markets, "all"):
        table.add_column(name, justify="right")
    for label, field in (
        ("positions opened", "positions_opened"),
        ("liquidated positions", "liquidated_positions"),
        ("liquidated buckets", "liquidated_buckets"),
        ("deleveraged positions", "adl_positions"),
        ("deleveraged buckets", "adl_buckets"),
    ):
        table.add_row(label, *(str(item[field]) for item in markets.values()), str(report[field]))
    for label, field in (("deleveraged at fair price", "fair"), ("deleveraged at a loss", "loss")):
        values = [item[f"adl_notional_{field}"] for item in markets.values()]
        table.add_row(f"{label}, {symbol}", *(money(value, decimals) for value in (*values, sum(values))))
    for label, field in (("vault", "vault"), ("insurance", "insurance"), ("skin in the game", "skin_in_the_game")):
        start, end = report[field]["start"], report[field]["end"]
        table.add_row(f"{label}, {symbol}", *[""] * len(markets), f"{money(start, decimals)} → {money(end, decimals)}")
    return table
