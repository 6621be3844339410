"""`ape run propose_market`: one more market for a deployment, as a proposal to the timelock that owns it.

Run it once to create the market and propose its listing, and again with `--execute` when the delay is over.
"""

import os
from pathlib import Path
from typing import Any

import click
from eth_utils import to_checksum_address

from plimsoll import accounts, deployments, governance
from plimsoll.deploy import WAD, Listing, Plan
from plimsoll.errors import PlimsollError
from plimsoll.local_chain import NETWORK, check_chain

SOURCES = {"router": "SourceRouter", "feed": "PriceFeed"}
FROM_THE_DEPLOYMENT = ("loss_budget_bps", "mandate_bps", "recovery_cap_bps", "adl_step_bps", "max_age")


def plan_of(deployment: deployments.Deployment) -> Plan:
    """What a market takes from the plan that `deployment` was made with."""
    decimals = deployment.collateral.decimals
    sizes = {name: deployment.parameters[name] for name in FROM_THE_DEPLOYMENT}
    return Plan(vault_capital=deployment.parameters["vault_capital"] // 10**decimals, decimals=decimals, **sizes)


def first_source(contracts: dict[str, Any], listing: Listing, source: str) -> governance.Call | None:
    """What a market that reads `source` needs announced: for the router the source of a feed that it does not know."""
    router = contracts.get("SourceRouter")
    if router is None or source != router.address or int(router.source(listing.feed), 16) != 0:
        return None
    return governance.source_announcement(contracts, listing.feed, contracts["PriceFeed"].address)


def on_chain(deployment: deployments.Deployment, listing: Listing, market: str | None, source: str) -> str:
    """Creates a market and proposes its listing, or executes the proposal for `market`. Returns the address."""
    # Ape reads this when it connects; its configuration file would have it start a chain.
    os.environ["APE_FOUNDRY_HOST"] = deployment.rpc_url
    from ape import networks

    from plimsoll.ape_chain import ApeChain

    with networks.parse_network_choice(NETWORK):
        chain, plan = ApeChain(), plan_of(deployment)
        contracts: dict[str, Any] = {name: chain.at(name, at) for name, at in deployment.contracts.items()}
        timelock, proposer = contracts["TimelockController"], chain.account(accounts.DEPLOYER)
        created: Any
        if market is None:
            reads = contracts[SOURCES[source]].address
            created = governance.create_market(chain, plan, contracts, listing, reads)
            delay = int(timelock.get_minimum_delay())
            announced = first_source(contracts, listing, reads)
            proposal = governance.listing_proposal(plan, contracts, created.address, announced)
            proposal.schedule(timelock, delay, sender=proposer)
            click.echo(f"proposed: in {delay} s run this again with --execute {created.address}")
            return str(created.address)
        address = to_checksum_address(market)
        created = chain.at("Market", address)
        wanted = plan.market_params(listing)
        if bytes(created.feed()) != listing.feed or created.params().skew_scale != wanted.skew_scale:
            raise PlimsollError(f"the market at {market} was created with another symbol or price")
        announced = first_source(contracts, listing, created.price_source())
        proposal = governance.listing_proposal(plan, contracts, address, announced)
        if not timelock.is_operation_ready(proposal.id(timelock)):
            raise PlimsollError(f"no proposal to list {market} is ready")
        proposal.execute(timelock, sender=proposer)
        return market


def with_market(deployment: deployments.Deployment, listing: Listing, market: str) -> deployments.Deployment:
    """`deployment` with one more market."""
    entry = deployments.MarketEntry(
        address=to_checksum_address(market),
        feed="0x" + listing.feed.hex(),
        feed_name=listing.feed_name,
        params=vars(plan_of(deployment).market_params(listing)),
    )
    return deployment.model_copy(update={"markets": {**deployment.markets, listing.symbol: entry}})


@click.command(context_settings={"show_default": True})
@click.option("--symbol", required=True, help="For example DOGE.")
@click.option("--price", type=click.IntRange(min=1), required=True, help="At listing, in millionths of a USD per unit.")
@click.option(
    "--source",
    type=click.Choice(list(SOURCES)),
    default="router",
    help="Where it reads its prices for good: the router, whose source can be replaced, or the feed (6,000 gas less).",
)
@click.option("--execute", "market", help="Address of the market whose proposal is to be executed.")
@click.option("--deployment", "path", type=click.Path(path_type=Path), help="Deployments file.")
def cli(symbol: str, price: int, source: str, market: str | None, path: Path | None) -> None:
    """Propose one more market, or execute such a proposal."""
    listing = Listing(symbol, f"{symbol}-USD", price * WAD // 10**6)
    try:
        deployment = deployments.load(path)
        check_chain(NETWORK, deployment.rpc_url)
        if SOURCES[source] not in deployment.contracts:
            raise PlimsollError(f"this deployment has no {SOURCES[source]}: deploy again, or choose another --source")
        if symbol in deployment.markets:
            raise PlimsollError(f"there is a market {symbol} already")
        listed = on_chain(deployment, listing, market, source)
        if market is not None:
            written = deployments.save(with_market(deployment, listing, listed), path)
            click.echo(f"wrote {os.path.relpath(written)}")
    except PlimsollError as error:
        raise click.ClickException(str(error)) from None
