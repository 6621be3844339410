"""`ape run deploy`: puts Plimsoll on a local chain that already runs, and writes its deployments file."""

import os
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from plimsoll import artifacts, deployments
from plimsoll.deploy import LISTINGS, WAD, Exchange, Listing, Plan, deploy, describe
from plimsoll.errors import PlimsollError
from plimsoll.local_chain import LOCAL_CHAIN_ID, NETWORK, ask, check_chain

DEFAULT_URL = "http://127.0.0.1:8645"
DEFAULTS = Plan()


def on_chain(url: str, plan: Plan) -> Exchange:
    """Deploys through Ape to the node at `url`."""
    # Ape reads this when it connects; its configuration file would have it start a chain.
    os.environ["APE_FOUNDRY_HOST"] = url
    from ape import networks

    from plimsoll.ape_chain import ApeChain

    with networks.parse_network_choice(NETWORK):
        return deploy(ApeChain(), plan, report=click.echo)


def listings(prices: str) -> tuple[Listing, ...]:
    """The markets to create; `prices`, for example "BTC=122550,ETH=4393.63", changes what they are listed at.

    :raises PlimsollError: if a price is of no market, or not a positive number.
    """
    chosen = {listing.symbol: listing for listing in LISTINGS}
    for item in filter(None, (part.strip() for part in prices.split(","))):
        symbol, _, price = item.partition("=")
        if symbol not in chosen:
            raise PlimsollError(f"listing price {item}: markets are {', '.join(chosen)}")
        try:
            price_wad = int(Decimal(price) * WAD)
        except (InvalidOperation, ValueError, OverflowError):
            price_wad = 0
        if price_wad <= 0:
            raise PlimsollError(f"listing price {item}: not a positive number")
        chosen[symbol] = replace(chosen[symbol], price_wad=price_wad)
    return tuple(chosen.values())


def amount(name: str, default: int, text: str) -> Any:
    """A size of the plan as an option and an environment variable."""
    flag = f"--{name.replace('_', '-')}"
    variable = f"PLIMSOLL_{name.upper()}"
    return click.option(flag, name, envvar=variable, type=click.IntRange(min=0), default=default, help=text)


@click.command(context_settings={"show_default": True})
@click.option("--network", default=NETWORK, help="Network as Ape names it; only the local one for now.")
@click.option("--url", envvar="PLIMSOLL_RPC_URL", default=DEFAULT_URL, help="Where the chain answers.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The deployments file to write.")
@click.option("--publisher-port", envvar="PLIMSOLL_PUBLISHER_PORT", default=8701, help="Port of the first publisher.")
@click.option(
    "--listing-prices",
    envvar="PLIMSOLL_LISTING_PRICES",
    default="",
    help="Prices that decide the skew scale, for example BTC=122550,ETH=4393.63.",
)
@amount("vault_capital", DEFAULTS.vault_capital, "Capital of the vault, in whole units of the collateral.")
@amount("skin_in_the_game", DEFAULTS.skin_in_the_game, "The protocol's own first-loss stake.")
@amount("insurance", DEFAULTS.insurance, "The stakers' insurance.")
@amount("reward_reserve", DEFAULTS.reward_reserve, "What tops keepers' rewards up to their floor.")
@amount("insurance_daily_cap_bps", DEFAULTS.insurance_daily_cap_bps, "What one market may take of it in a day.")
@amount("loss_budget_bps", DEFAULTS.loss_budget_bps, "Loss budget of each market, of the vault's capital.")
@amount("mandate_bps", DEFAULTS.mandate_bps, "What each market may draw from the vault in a day, of its capital.")
@amount("adl_step_bps", DEFAULTS.adl_step_bps, "What a winner gives up in one step of ADL.")
@amount("timelock_delay", DEFAULTS.timelock_delay, "Seconds between a proposal of the owner and its execution.")
@amount("cooldown", DEFAULTS.cooldown, "Seconds from a redemption's request to its payment.")
@amount("deposit_lock", DEFAULTS.deposit_lock, "Seconds for which fresh vault shares can't move, at least.")
@amount("keeper_fee_cents", DEFAULTS.keeper_fee_cents, "What an order pays whoever executes it.")
def cli(network: str, url: str, output: Path | None, publisher_port: int, listing_prices: str, **sizes: int) -> None:
    """Deploy Plimsoll to a local Anvil that already runs, with BTC, ETH and SOL markets."""
    try:
        plan = Plan(**sizes, listings=listings(listing_prices))
        check_chain(network, url)
        artifacts.compile_all()
        start_block = int(ask(url, "eth_blockNumber"), 16) + 1
        exchange = on_chain(url, plan)
        genesis_hash = ask(url, "eth_getBlockByNumber", "0x0", False)["hash"]
        described = describe(exchange, url, LOCAL_CHAIN_ID, genesis_hash, start_block, publisher_port)
        path = deployments.save(described, output)
    except PlimsollError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"wrote {os.path.relpath(path)}")
