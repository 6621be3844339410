"""Gas of whole transactions on titanoboa: Cancun rules, cold storage, calldata and refunds included."""

from typing import Any

import boa
from eth_utils import to_canonical_address

TRANSACTION = 21_000
ZERO_BYTE, OTHER_BYTE = 4, 16
REFUND_QUOTIENT = 5


def send(function: Any, *args: Any, sender: str) -> int:
    """Calls `function` as a transaction of its own and gives the gas it would pay for."""
    contract = function.contract
    state = boa.env.evm.vm.state
    # titanoboa runs everything in one long transaction: this makes what was written so far the state before this one,
    # and all of it cold but what a transaction warms up by itself.
    state.lock_changes()
    state.clear_transient_storage()
    for address in (sender, contract.address):
        state.mark_address_warm(to_canonical_address(address))

    function(*args, sender=sender)
    computation = contract._computation
    data = computation.msg.data_as_bytes
    calldata = sum(OTHER_BYTE if byte else ZERO_BYTE for byte in data)
    used = TRANSACTION + calldata + computation.get_gas_used()
    return used - min(computation.get_gas_refund(), used // REFUND_QUOTIENT)
