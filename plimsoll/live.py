"""What a run looks like while it runs: a live table on a terminal, plain lines where there is none."""

import time
from dataclasses import dataclass
from types import TracebackType

from eth_typing import ChecksumAddress
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from plimsoll.chain import Chain
from plimsoll.history import LAYERS, History

WAD = 10**18
BPS = 10_000
LINE_SECONDS = 10.0


@dataclass(frozen=True)
class MarketRow:
    """One market now. Cash in base units, prices and units in WAD."""

    symbol: str
    address: ChecksumAddress
    price: int
    units_long: int
    units_short: int
    skew: int
    budget_left: int
    budget: int
    is_clean: bool
    is_settling: bool


@dataclass(frozen=True)
class Snapshot:
    """All that is shown, read from the chain at one moment."""

    block: int
    rows: tuple[MarketRow, ...]
    vault: int
    insurance: int
    skin_in_the_game: int
    history: History


class Watcher:
    """Reads snapshots; events are read once."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.history = History()
        self.next_block = chain.deployment.start_block

    async def snapshot(self) -> Snapshot:
        """The chain now."""
        chain, contracts = self.chain, self.chain.deployment.contracts
        block = await chain.w3.eth.block_number
        if block >= self.next_block:
            self.history.take(await chain.events(self.next_block, block))
            self.next_block = block + 1
        rows = []
        for symbol, item in chain.deployment.markets.items():
            view = await chain.read(chain.contract("Lens").functions.market(item.address))
            rows.append(
                MarketRow(
                    symbol,
                    item.address,
                    view.index_price,
                    view.units_long,
                    view.units_short,
                    view.skew,
                    view.budget_left,
                    item.params["loss_budget"],
                    view.is_clean,
                    view.is_settling,
                )
            )
        fund = chain.contract("InsuranceFund").functions
        vault = await chain.contract("MarginPool").functions.balance_of(contracts["Vault"]).call()
        insurance, skin = await fund.insurance().call(), await fund.skin_in_the_game().call()
        return Snapshot(block, tuple(rows), vault, insurance, skin, self.history)


def usd(amount: int, decimals: int) -> str:
    """Cash in whole units for the eye."""
    whole = abs(amount) // 10**decimals
    return f"-{whole:,}" if amount < 0 and whole else f"{whole:,}"


def price_text(price: int) -> str:
    """A WAD price to the cent."""
    return f"{price // WAD:,}.{price % WAD * 100 // WAD:02d}"


def notional(units: int, price: int, decimals: int) -> int:
    """Units at a price in base units of cash, towards zero."""
    value = abs(units) * price // 10 ** (36 - decimals)
    return -value if units < 0 else value


class View:
    """Shows snapshots and phases. Use as a context manager."""

    def __init__(self, console: Console, decimals: int) -> None:
        self.console = console
        self.decimals = decimals
        self.first_prices: dict[str, int] = {}
        self.live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None
        self.last_line_at = 0.0

    def __enter__(self) -> "View":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def show(self, snapshot: Snapshot, title: str, progress_bps: int) -> None:
        """The present state; on plain output at most a line every LINE_SECONDS."""
        for row in snapshot.rows:
            self.first_prices.setdefault(row.symbol, row.price)
        if self.live:
            self.live.update(self._screen(snapshot, title, progress_bps))
            return
        now = time.monotonic()
        if now - self.last_line_at >= LINE_SECONDS or progress_bps >= BPS:
            self.last_line_at = now
            self.console.print(self.line(snapshot, progress_bps), highlight=False, soft_wrap=True)

    def _change(self, row: MarketRow) -> str:
        first = self.first_prices.get(row.symbol) or row.price
        bps = (row.price - first) * BPS // first if first else 0
        return f"{'-' if bps < 0 else '+'}{abs(bps) // 100}.{abs(bps) % 100:02d} %"

    def line(self, snapshot: Snapshot, progress_bps: int) -> str:
        """One line for logs."""
        history = snapshot.history
        prices = "  ".join(f"{row.symbol} {price_text(row.price)}" for row in snapshot.rows)
        return (
            f"{progress_bps // 100:3d} %  block {snapshot.block}  {prices}  "
            f"vault {usd(snapshot.vault, self.decimals)}  "
            f"insurance {usd(snapshot.insurance + snapshot.skin_in_the_game, self.decimals)}  "
            f"open {history.total('opened')}  liquidated {history.total('liquidated')}  "
            f"ADL {history.total('deleveraged')}  loss {usd(history.total('loss'), self.decimals)}"
        )

    def _screen(self, snapshot: Snapshot, title: str, progress_bps: int) -> Group:
        markets = Table(expand=True, title=title, title_justify="left", title_style="bold")
        names = ("market", "price", "change", "long", "short", "skew", "budget", "liquidated", "ADL", "state")
        for name in names:
            markets.add_column(name, justify="left" if name in ("market", "state") else "right")
        for row in snapshot.rows:
            history = snapshot.history.market(row.address)
            state = "settling" if row.is_settling else "clean" if row.is_clean else "bankrupt bucket open"
            sizes = (notional(units, row.price, self.decimals) for units in (row.units_long, row.units_short, row.skew))
            markets.add_row(
                row.symbol,
                price_text(row.price),
                self._change(row),
                *(usd(size, self.decimals) for size in sizes),
                f"{row.budget_left * 100 // row.budget if row.budget else 0} %",
                str(len(history.liquidated)),
                str(len(history.deleveraged)),
                Text(state, style="green" if state == "clean" else "red"),
            )
        return Group(markets, self._sums(snapshot), ProgressBar(total=BPS, completed=progress_bps))

    def _sums(self, snapshot: Snapshot) -> Table:
        history, paid_by = snapshot.history, snapshot.history.paid_by()
        table = Table.grid(padding=(0, 3))
        table.add_row(
            f"block {snapshot.block}",
            f"vault {usd(snapshot.vault, self.decimals)}",
            f"skin {usd(snapshot.skin_in_the_game, self.decimals)}",
            f"insurance {usd(snapshot.insurance, self.decimals)}",
            f"positions {history.total('opened')}",
        )
        layers = (f"{layer.replace('_', ' ')} {usd(paid_by[layer], self.decimals)}" for layer in LAYERS)
        table.add_row(f"loss beyond margin {usd(history.total('loss'), self.decimals)}", *layers)
        return table
