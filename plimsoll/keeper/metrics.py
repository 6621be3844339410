"""What Prometheus reads at a keeper's /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BLOCK_STEPS = (1, 2, 3, 5, 10, 30)
SECOND_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """All of a keeper."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry}
        self.sent = Counter(
            "plimsoll_keeper_transactions", "Mined: ok, wasted (did nothing), failed", ["status"], **kept
        )
        self.gas = Counter("plimsoll_keeper_gas", "Gas used", **kept)
        self.buckets = Counter("plimsoll_keeper_buckets", "Buckets liquidated or deleveraged", **kept)
        self.orders = Counter("plimsoll_keeper_orders", "Orders finished", ["result"], **kept)
        self.errors = Counter("plimsoll_keeper_errors", "Rounds that failed", ["kind"], **kept)
        self.reorgs = Counter("plimsoll_keeper_reorgs", "Times that blocks were rolled back", **kept)
        self.declined = Counter("plimsoll_keeper_declined", "Work left undone because it does not pay", **kept)
        self.replaced = Gauge("plimsoll_keeper_replaced", "Stuck transactions replaced or cancelled", **kept)
        self.waiting = Gauge("plimsoll_keeper_orders_waiting", "Orders in the book", **kept)
        self.block = Gauge("plimsoll_keeper_block", "Newest block seen", **kept)
        self.balance = Gauge("plimsoll_keeper_balance_wei", "Balance of a key", ["address"], **kept)
        self.blocks = Histogram("plimsoll_keeper_blocks", "Blocks from price to work done", buckets=BLOCK_STEPS, **kept)
        self.round_seconds = Histogram("plimsoll_keeper_round_seconds", "Time of a round", buckets=SECOND_STEPS, **kept)
