"""The mechanism of one market, position by position and in exact arithmetic.

Written from the mechanism's description, not from the contracts: no bucket state, no accumulators, no rounding except
where the mechanism itself is discrete (ticks, classes). What the contracts do is compared with it in
`tests/invariants`.
"""

from .capital import Capital, Mandate
from .market import Market
from .records import Deleveraging, Liquidation, Params, Position, RejectedError
from .vault import Vault

__all__ = [
    "Capital",
    "Deleveraging",
    "Liquidation",
    "Mandate",
    "Market",
    "Params",
    "Position",
    "RejectedError",
    "Vault",
]
