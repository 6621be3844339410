"""A `deploy.Chain` on titanoboa, for tests and benchmarks that want the whole exchange in this process.

It deploys the artifacts of `plimsoll.artifacts`, in a second; who wants source traces loads a contract with titanoboa.
"""

from functools import cache
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory, ABIFunction
from eth_typing import ChecksumAddress
from eth_utils import to_bytes, to_checksum_address

from plimsoll import accounts, artifacts
from plimsoll.deploy import Contract


@cache
def factory(name: str) -> ABIContractFactory:
    """Contract `name` as titanoboa knows contracts by ABI."""
    return ABIContractFactory(name, artifacts.abi(name))


class BoaChain:
    """The titanoboa environment of this process."""

    def deploy(self, name: str, *args: Any) -> Contract:
        artifact = artifacts.load(name)
        constructor = next((entry for entry in artifact.abi if entry["type"] == "constructor"), None)
        encoded = ABIFunction(constructor, name).prepare_calldata(*args) if constructor else b""
        return self.at(name, self._create(to_bytes(hexstr=artifact.bytecode) + encoded))

    def declare(self, name: str) -> ChecksumAddress:
        blueprint = artifacts.load(name).blueprint
        assert blueprint is not None, f"{name} has no blueprint"
        return self._create(to_bytes(hexstr=blueprint))

    def at(self, name: str, address: ChecksumAddress) -> Contract:
        return factory(name).at(address)

    def account(self, index: int) -> ChecksumAddress:
        return accounts.dev_account(index).address

    def returned(self, function: Any, *args: Any) -> Any:
        return function(*args, sender=self.account(accounts.DEPLOYER))

    def _create(self, code: bytes) -> ChecksumAddress:
        address, _ = boa.env.deploy_code(bytecode=code, sender=self.account(accounts.DEPLOYER))
        return to_checksum_address(str(address))
