"""titanoboa on revm: the same Python objects for contracts, a hundred times faster than on py-evm.

`boa.set_env(RevmEnv())` before anything is deployed, and deploy artifacts, as `plimsoll.boa_chain` does. For what runs
very many transactions: tests, state machine, benchmarks. No source traces: a revert tells its reason, no more.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boa
import pyrevm
from boa.util.abi import Address
from boa.vm.gas_meters import NoGasMeter
from eth.exceptions import Revert
from eth_abi import decode as abi_decode
from eth_utils import to_checksum_address

CHAIN_ID = 1
GAS_LIMIT = 2**40
ERROR_STRING = bytes.fromhex("08c379a0")

_ACCOUNT = re.compile(r"0x([0-9a-f]{40}): Account \{")
_SLOT = re.compile(r"(\d+): StorageSlot \{ previous_or_original_value: \d+, present_value: (\d+) \}")
_OUTPUT = re.compile(r"^Revert .*output: 0x([0-9a-f]*) \}$", re.DOTALL)

Log = tuple[int, bytes, list[int], bytes]


@dataclass
class Patch:
    """What titanoboa lets a test set of the block."""

    timestamp: int = 1_700_000_000
    block_number: int = 1
    chain_id: int = CHAIN_ID

    @contextlib.contextmanager
    def anchor(self) -> Iterator[None]:
        kept = dict(self.__dict__)
        try:
            yield
        finally:
            self.__dict__.update(kept)


@dataclass
class Message:
    data: bytes
    code_address: bytes


@dataclass
class Computation:
    """What titanoboa's contracts read of a call. `gas_used` is not a transaction's: what was touched before is warm."""

    msg: Message
    output: bytes
    error: Revert | None
    gas_used: int
    logs: list[Log]
    children: list[Any] = field(default_factory=list)
    beneficiaries: tuple[()] = ()
    _gas_meter_class: type = NoGasMeter

    @property
    def is_error(self) -> bool:
        return self.error is not None

    @property
    def call_trace(self) -> str:
        return f"call of {to_checksum_address(self.msg.code_address)}, {self.gas_used} gas"

    def get_gas_used(self) -> int:
        return self.gas_used

    def get_raw_log_entries(self) -> list[Log]:
        return self.logs


class RevmBackend:
    """What titanoboa asks of its EVM."""

    def __init__(self) -> None:
        self.patch = Patch()
        self.vm = _new_vm()
        self._block: tuple[int, int] | None = None

    def set_block(self) -> None:
        block = (self.patch.timestamp, self.patch.block_number)
        if self._block != block:
            self._block = block
            self.vm.set_block_env(
                pyrevm.BlockEnv(
                    number=self.patch.block_number,
                    timestamp=self.patch.timestamp,
                    gas_limit=GAS_LIMIT,
                    prevrandao=b"\0" * 32,
                    basefee=0,
                )
            )

    def storage(self) -> dict[str, dict[int, int]]:
        """Of every account that there is, each slot that was ever used. About 0.2 s for an exchange."""
        text = self.vm.journal_str
        found = {}
        for match in _ACCOUNT.finditer(text):
            start = text.index("storage: {", match.end())
            slots = _SLOT.findall(text, start, text.index("}, status: ", start))
            found[to_checksum_address("0x" + match.group(1))] = {int(slot): int(value) for slot, value in slots}
        return found

    @contextlib.contextmanager
    def without_code(self, address: str) -> Iterator[None]:
        """Lets a test send as a contract, which the rules of transactions forbid. It can't be called back meanwhile."""
        account = self.vm.basic(address)
        if not account.code or not account.code.rstrip(b"\0"):
            yield
            return
        self.vm.insert_account_info(address, pyrevm.AccountInfo(nonce=account.nonce))
        try:
            yield
        finally:
            self.vm.insert_account_info(address, account)

    def get_code(self, address: Address) -> bytes:
        # revm analyses code with a stop and 32 zeros behind it
        return bytes(self.vm.get_code(str(address)) or b"")[:-33]

    def get_storage(self, address: Address, slot: int) -> int:
        return int(self.vm.storage(str(address), slot))

    def get_balance(self, address: Address) -> int:
        return int(self.vm.get_balance(str(address)))

    def set_balance(self, address: Address, value: int) -> None:
        self.vm.set_balance(str(address), value)

    def get_gas_meter_class(self) -> type:
        return NoGasMeter

    def get_gas_limit(self) -> int:
        return GAS_LIMIT

    def snapshot(self) -> Any:
        return self.vm.snapshot()

    def revert(self, snapshot: Any) -> None:
        self.vm.revert(snapshot)


class RevmEnv(boa.Env):  # type: ignore[misc]
    """A titanoboa environment whose EVM is revm, with the rules of Cancun."""

    def __init__(self) -> None:
        super().__init__()
        self.nickname = "revm"
        self.evm = RevmBackend()
        self.is_one_transaction = False
        """Whether transient storage lives on from call to call."""

    def deploy(
        self,
        sender: Any = None,
        gas: int | None = None,
        value: int = 0,
        bytecode: bytes = b"",
        **_: Any,
    ) -> tuple[Address, Computation]:
        self.evm.set_block()
        address, output, failure = "0x" + "00" * 20, b"", None
        try:
            address = self.evm.vm.deploy(str(self._get_sender(sender)), bytecode, value, gas)
        except RuntimeError as error:
            output, failure = _failure(error)
        return Address(to_checksum_address(address)), self._computation(b"", address, output, failure)

    def execute_code(
        self,
        to_address: Any = "0x" + "00" * 20,
        sender: Any = None,
        gas: int | None = None,
        value: int = 0,
        data: bytes = b"",
        is_modifying: bool = True,
        simulate: bool = False,
        **_: Any,
    ) -> Computation:
        self.evm.set_block()
        output, failure = b"", None
        with self._anchor() if simulate else contextlib.nullcontext():
            vm, caller = self.evm.vm, str(self._get_sender(sender))
            if not self.is_one_transaction:
                vm.reset_transient_storage()
            with self.evm.without_code(caller):
                try:
                    output = vm.message_call(caller, str(to_address), data, value, gas, is_static=not is_modifying)
                except RuntimeError as error:
                    output, failure = _failure(error)
            return self._computation(data, str(to_address), bytes(output), failure)

    def _computation(self, data: bytes, to: str, output: bytes, failure: Revert | None) -> Computation:
        result = self.evm.vm.result
        logs: list[Log] = []
        if failure is None:
            for number, log in enumerate(result.logs):
                topics, content = log.data
                words = [int.from_bytes(topic, "big") for topic in topics]
                logs.append((number, bytes.fromhex(log.address[2:]), words, bytes(content)))
        return Computation(Message(data, bytes.fromhex(to[2:])), output, failure, int(result.gas_used), logs)


class RecordingEnv(RevmEnv):
    """Keeps the logs of every transaction, as if each had a block of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[tuple[int, list[Log]]] = []
        """Time and logs."""

    def deploy(self, *args: Any, **named: Any) -> Any:
        address, computation = super().deploy(*args, **named)
        self._keep(computation)
        return address, computation

    def execute_code(self, *args: Any, **named: Any) -> Any:
        computation = super().execute_code(*args, **named)
        if named.get("is_modifying", True) and not named.get("simulate", False):
            self._keep(computation)
        return computation

    def _keep(self, computation: Any) -> None:
        if not computation.is_error and computation.logs:
            self.blocks.append((self.evm.patch.timestamp, computation.logs))


def _new_vm() -> pyrevm.EVM:
    return pyrevm.EVM(gas_limit=GAS_LIMIT, spec_id="CANCUN", env=pyrevm.Env(pyrevm.CfgEnv(chain_id=CHAIN_ID)))


def _failure(error: RuntimeError) -> tuple[bytes, Revert]:
    """What a failed call returned, and titanoboa's error with the reason in words if there is one."""
    text = str(error)
    found = _OUTPUT.match(text)
    if found is None:
        return b"", Revert(text)
    output = bytes.fromhex(found.group(1))
    if output[:4] == ERROR_STRING:
        return output, Revert(abi_decode(["string"], output[4:])[0])
    return output, Revert("reverted without a reason")
