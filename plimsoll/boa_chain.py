"""A `deploy.Chain` on titanoboa, for tests and benchmarks that want the whole exchange in this process."""

from typing import Any

import boa
from eth_typing import ChecksumAddress

from plimsoll import accounts, artifacts
from plimsoll.deploy import Contract


class BoaChain:
    """The titanoboa environment of this process."""

    def deploy(self, name: str, *args: Any) -> Contract:
        with boa.env.prank(self.account(accounts.DEPLOYER)):
            return boa.load(str(artifacts.CONTRACTS / f"{name}.vy"), *args)

    def declare(self, name: str) -> ChecksumAddress:
        with boa.env.prank(self.account(accounts.DEPLOYER)):
            return boa.load_partial(str(artifacts.CONTRACTS / f"{name}.vy")).deploy_as_blueprint().address

    def at(self, name: str, address: ChecksumAddress) -> Contract:
        return boa.load_partial(str(artifacts.CONTRACTS / f"{name}.vy")).at(address)

    def account(self, index: int) -> ChecksumAddress:
        return accounts.dev_account(index).address

    def returned(self, function: Any, *args: Any) -> Any:
        return function(*args, sender=self.account(accounts.DEPLOYER))
