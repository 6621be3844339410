"""`ape run propose_source`: another price source for the markets that read a feed through the router.

Run it once to propose the announcement, again with `--execute` when the timelock's delay is over. Then the router's own
delay begins, in which everybody can see what is coming. The first source of a feed takes effect at once.
"""

import os
from pathlib import Path
from typing import Any

import click
from eth_utils import is_address, keccak, to_checksum_address

from plimsoll import accounts, deployments, governance
from plimsoll.errors import PlimsollError
from plimsoll.local_chain import NETWORK, ask, check_chain


def on_chain(deployment: deployments.Deployment, feed: bytes, source: str, is_ready: bool) -> str:
    """Proposes `source` for `feed`, or executes the proposal. Returns what to say."""
    # Ape reads this when it connects; its configuration file would have it start a chain.
    os.environ["APE_FOUNDRY_HOST"] = deployment.rpc_url
    from ape import networks

    from plimsoll.ape_chain import ApeChain

    with networks.parse_network_choice(NETWORK):
        chain = ApeChain()
        contracts: dict[str, Any] = {
            name: chain.at(name, deployment.contracts[name]) for name in ("SourceRouter", "TimelockController")
        }
        timelock, proposer = contracts["TimelockController"], chain.account(accounts.DEPLOYER)
        proposal = governance.source_proposal(contracts, feed, to_checksum_address(source))
        if not is_ready:
            if timelock.is_operation(proposal.id(timelock)):
                raise PlimsollError("this source has been proposed for this feed already")
            delay = int(timelock.get_minimum_delay())
            proposal.schedule(timelock, delay, sender=proposer)
            return f"proposed: in {delay} s run this again with --execute"
        if not timelock.is_operation_ready(proposal.id(timelock)):
            raise PlimsollError("no proposal of this source for this feed is ready")
        proposal.execute(timelock, sender=proposer)
        _, effective_at = contracts["SourceRouter"].announced(feed)
        return f"announced: takes effect at {effective_at}" if effective_at else "announced: in effect, as the first"


@click.command()
@click.option("--feed", required=True, help="For example DOGE-USD.")
@click.option("--source", required=True, help="Address of a contract that answers `price(feed)`.")
@click.option("--execute", "is_ready", is_flag=True, help="The timelock's delay is over: announce it.")
@click.option("--deployment", "path", type=click.Path(path_type=Path), help="Deployments file.")
def cli(feed: str, source: str, is_ready: bool, path: Path | None) -> None:
    """Propose another price source for a feed of the router, or execute such a proposal."""
    try:
        deployment = deployments.load(path)
        check_chain(NETWORK, deployment.rpc_url)
        if not is_address(source):
            raise PlimsollError(f"{source} is not an address")
        if ask(deployment.rpc_url, "eth_getCode", source, "latest") == "0x":
            raise PlimsollError(f"no contract at {source}")
        if "SourceRouter" not in deployment.contracts:
            raise PlimsollError("this deployment has no SourceRouter: deploy again")
        click.echo(on_chain(deployment, keccak(text=feed), source, is_ready))
    except PlimsollError as error:
        raise click.ClickException(str(error)) from None
