"""A `deploy.Chain` on the provider that Ape is connected to.

It takes the artifacts of `plimsoll.artifacts`, so what Ape deploys is byte for byte what everybody else reads, and
nothing is compiled twice.
"""

from functools import cache
from typing import Any

from ape import accounts as ape_accounts
from ape.api import AccountAPI
from ape.contracts import ContractContainer
from eth_typing import ChecksumAddress
from eth_utils import to_checksum_address
from ethpm_types import ContractType

from plimsoll import accounts, artifacts
from plimsoll.deploy import Contract


@cache
def container(name: str) -> ContractContainer:
    """Contract `name` as Ape knows contracts."""
    artifact = artifacts.load(name)
    fields = {"contractName": name, "abi": artifact.abi, "deploymentBytecode": {"bytecode": artifact.bytecode}}
    return ContractContainer(ContractType.model_validate(fields))


class ApeChain:
    """The connected chain. Senders are Ape's test accounts, which come from the development mnemonic."""

    def deploy(self, name: str, *args: Any) -> Contract:
        return self.account(accounts.DEPLOYER).deploy(container(name), *args)

    def declare(self, name: str) -> ChecksumAddress:
        deployer = self.account(accounts.DEPLOYER)
        transaction = deployer.provider.network.ecosystem.create_transaction(data=artifacts.load(name).blueprint)
        return to_checksum_address(deployer.call(transaction).contract_address)

    def at(self, name: str, address: ChecksumAddress) -> Contract:
        return container(name).at(address)

    def account(self, index: int) -> AccountAPI:
        return ape_accounts.test_accounts[index]

    def returned(self, function: Any, *args: Any) -> Any:
        deployer = self.account(accounts.DEPLOYER)
        # The call goes first: on a chain where nobody else acts, the transaction then does the very same.
        value = function.call(*args, sender=deployer)
        function(*args, sender=deployer)
        return value
