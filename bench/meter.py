"""Gas of whole transactions, exactly: Cancun rules, cold storage, calldata and refunds included.

State lives in `plimsoll.revm`, which is fast but keeps everything warm. A measured call first runs on py-evm, over a
cold view of that state, then on revm, so that the state goes on; both must return and log the same.
"""

from dataclasses import dataclass
from typing import Any

import boa
import rlp
from eth.abc import ComputationAPI
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth.db.journal import JournalDB
from eth.db.storage import AccountStorageDB
from eth.rlp.accounts import Account
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext
from eth_utils import big_endian_to_int, keccak, to_canonical_address, to_checksum_address

TRANSACTION = 21_000
ZERO_BYTE, OTHER_BYTE = 4, 16
REFUND_QUOTIENT = 5
GAS_LIMIT = 2**40
ZERO = b"\0" * 32


@dataclass(frozen=True)
class Sent:
    """A transaction that succeeded. `logs` are (address, topics, data)."""

    gas: int
    """What it pays for: 21,000, calldata and execution, less refunds."""
    output: bytes
    logs: list[tuple[bytes, tuple[int, ...], bytes]]


class SendError(Exception):
    """A transaction reverted or ran out of gas."""


def send(function: Any, *args: Any, sender: str, gas_limit: int = GAS_LIMIT) -> Sent:
    """Sends a call of `function`, a method of a contract on `RevmEnv`, as a transaction of its own.

    :raises SendError: if it reverts; nothing is changed then.
    """
    function = taking(function, args)
    sent = simulate(function, *args, sender=sender, gas_limit=gas_limit)
    function(*args, sender=sender)
    warm = function.contract._computation
    logs = [(address, tuple(topics), content) for _, address, topics, content in warm.get_raw_log_entries()]
    assert (sent.output, sent.logs) == (warm.output, logs), "py-evm and revm disagree"
    return sent


def simulate(function: Any, *args: Any, sender: str, gas_limit: int = GAS_LIMIT) -> Sent:
    """What `send` would return; the state stays as it is.

    :raises SendError: if it reverts.
    """
    function = taking(function, args)
    data = function.prepare_calldata(*args)
    computation = apply_cold(
        CancunComputation, data, to=function.contract.address, sender=sender, gas=gas_limit - intrinsic_gas(data)
    )
    if computation.is_error:
        raise SendError(computation.error)
    logs = [(address, tuple(topics), content) for address, topics, content in computation.get_log_entries()]
    return Sent(gas_of(data, computation), computation.output, logs)


def taking(function: Any, args: tuple[Any, ...]) -> Any:
    """Of several functions of one name the one that takes `args`."""
    return next(each for each in getattr(function, "functions", [function]) if each.is_encodable(*args))


def gas_of(data: bytes, computation: ComputationAPI) -> int:
    """Gas that a transaction with this calldata and computation pays for."""
    used = intrinsic_gas(data) + computation.get_gas_used()
    return used - min(computation.get_gas_refund(), used // REFUND_QUOTIENT)


def intrinsic_gas(data: bytes) -> int:
    """What a transaction with this calldata costs before it runs."""
    return TRANSACTION + sum(OTHER_BYTE if byte else ZERO_BYTE for byte in data)


def apply_cold(
    kind: type[ComputationAPI], data: bytes, *, to: str, sender: str, gas: int = GAS_LIMIT
) -> ComputationAPI:
    """Runs a call on py-evm, over the state of `boa.env` as a new transaction finds it; that state stays as it is.

    Only sender, receiver, precompiles and the block's beneficiary are warm.
    """
    patch = boa.env.evm.patch
    context = ExecutionContext(
        coinbase=b"\0" * 20,
        timestamp=patch.timestamp,
        block_number=patch.block_number,
        difficulty=0,
        mix_hash=ZERO,
        gas_limit=GAS_LIMIT,
        prev_hashes=(),
        chain_id=patch.chain_id,
        base_fee_per_gas=0,
        excess_blob_gas=0,
    )
    state = type("State", (ColdState,), {"computation_class": kind})(
        AtomicDB(), context, AccountDB(AtomicDB()).state_root
    )
    origin, receiver = to_canonical_address(sender), to_canonical_address(to)
    for address in (origin, receiver):
        state.mark_address_warm(address)
    message = Message(gas=gas, to=receiver, sender=origin, value=0, data=data, code=state.get_code(receiver))
    return kind.apply_message(state, message, BaseTransactionContext(gas_price=0, origin=origin))


class Slots(BaseDB):
    """The storage of one account, read from the running environment when asked for."""

    def __init__(self, address: bytes) -> None:
        self._address = to_checksum_address(address)

    def __getitem__(self, key: bytes) -> bytes:
        value = boa.env.evm.get_storage(self._address, big_endian_to_int(key))
        if value == 0:
            raise KeyError(key)
        return rlp.encode(value)

    def _exists(self, key: bytes) -> bool:
        return bool(boa.env.evm.get_storage(self._address, big_endian_to_int(key)))

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise NotImplementedError("nothing is persisted")

    def __delitem__(self, key: bytes) -> None:
        raise NotImplementedError("nothing is persisted")


class ColdStorage(AccountStorageDB):
    def __init__(self, address: bytes) -> None:
        super().__init__(AtomicDB(), ZERO, address)
        self._locked_changes = JournalDB(Slots(address))
        self._journal_storage = JournalDB(self._locked_changes)


class ColdAccounts(AccountDB):
    """The accounts of the running environment. Balances and nonces count for no benchmark."""

    def _get_address_store(self, address: bytes) -> AccountStorageDB:
        if address not in self._account_stores:
            self._account_stores[address] = ColdStorage(address)
        return self._account_stores[address]

    def _get_account(self, address: bytes, from_journal: bool = True) -> Account:
        if address not in self._account_cache:
            code = boa.env.evm.get_code(to_checksum_address(address))
            code_hash = keccak(code)
            self._journaldb[code_hash] = code
            self._account_cache[address] = Account(code_hash=code_hash)
        return self._account_cache[address]


class ColdState(CancunState):
    account_db_class = ColdAccounts
