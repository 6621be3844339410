"""What every run begins from: a deployment and a crowd with open positions, made once, loaded into fresh chains."""

import asyncio
import gzip
import json
import sys
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from eth_utils import to_bytes

from plimsoll import accounts, deployments
from plimsoll.anvil import rpc, start_anvil
from plimsoll.artifacts import ROOT
from plimsoll.chain import Call, Chain
from plimsoll.crowd import Crowd
from plimsoll.crowd_draw import Trader, draw_crowd
from plimsoll.deploy import LISTINGS, MarketParams
from plimsoll.deployments import Deployment
from plimsoll.keys import LocalSigner
from plimsoll.observation import feed_id
from plimsoll.processes import Children
from plimsoll.sender import Sender
from tests.chaos.publishers import Publishers
from tests.integration.test_sender import free_port

SEED = 7
TRADERS = 40
DEPLOY_SECONDS = 180.0
FIRST_PRICES = {listing.feed_name: listing.price_wad for listing in LISTINGS}
CAPITAL = {
    "PLIMSOLL_VAULT_CAPITAL": "50000000",
    "PLIMSOLL_SKIN_IN_THE_GAME": "1500",
    "PLIMSOLL_INSURANCE": "3000",
    "PLIMSOLL_INSURANCE_DAILY_CAP_BPS": "5000",
}
"""The vault's limits depend on the clock and never bind here; insurance is small, so that winners are deleveraged."""


@dataclass(frozen=True)
class Base:
    """A chain's state and who trades there."""

    state: str
    deployment: Deployment
    traders: list[Trader]


def crowd_of() -> list[Trader]:
    """Everybody opens at once and nobody closes: what happens later is the run's."""
    return [replace(trader, joins_bps=0, closes_bps=None) for trader in draw_crowd(SEED, TRADERS)]


async def make_base(folder: Path) -> Base:
    """Deploys, switches what depends on the clock off, and lets the crowd in."""
    children, port = Children(folder / "logs"), free_port()
    url, path = f"http://127.0.0.1:{port}", folder / "local.json"
    publishers = Publishers(FIRST_PRICES)
    try:
        await start_anvil(children, port)
        await publishers.start()
        await deploy(children, url, path)
        found = publishers.into(deployments.load(path))
        deployments.save(found, path)
        publishers.sign_for(found)
        chain = Chain(found)
        try:
            people = Crowd(chain, crowd_of(), SEED)
            await people.prepare()
            keeper = start_keeper(children, "keeper", path)
            await wait_prices(chain, FIRST_PRICES)
            await _independent_of_time(chain)
            await people.open_first()
            await people.wait_executed()
            children.stop(keeper)
            async with aiohttp.ClientSession() as session:
                state = await rpc(session, url, "anvil_dumpState")
        finally:
            await chain.close()
        return Base(accounts_of(str(state)), found, list(people.traders))
    finally:
        await publishers.stop()
        await asyncio.to_thread(children.stop_all)


def accounts_of(state: str) -> str:
    """A dumped state without its blocks: loaded into a fresh chain it leaves that its own genesis."""
    content = json.loads(gzip.decompress(to_bytes(hexstr=state)))
    content |= {"block": None, "best_block_number": None, "blocks": [], "transactions": [], "historical_states": None}
    return "0x" + gzip.compress(json.dumps(content).encode()).hex()


async def deploy(children: Children, url: str, path: Path) -> None:
    """`ape run deploy` on the node at `url`; writes the deployments file to `path`."""
    environment = CAPITAL | {"PLIMSOLL_RPC_URL": url, "PLIMSOLL_DEPLOYMENT": str(path), "PYTHONPATH": str(ROOT)}
    ape = Path(sys.executable).parent / "ape"
    child = children.start("deploy", [str(ape), "run", "deploy"], environment, cwd=ROOT)
    assert await child.finish(DEPLOY_SECONDS), child.tail()
    children.stop(child)


def start_keeper(children: Children, name: str, path: Path, **settings: str) -> Any:
    """`plimsoll keeper` as a process; settings as PLIMSOLL_... variables."""
    environment = {
        "PLIMSOLL_KEEPER__PORT": str(free_port()),
        # Not gas_price: keeper fees that follow gas would depend on how many blocks a run took.
        "PLIMSOLL_KEEPER__POLICIES": '["prices", "cranks", "orders", "funding", "chores"]',
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    command = [sys.executable, "-m", "plimsoll", "keeper", "--deployment", str(path), "--log-level", "debug"]
    return children.start(name, command, environment, cwd=path.parent)


async def wait_prices(chain: Chain, prices: dict[str, int], seconds: float = 60.0) -> None:
    """Until the chain holds exactly these prices."""
    async with asyncio.timeout(seconds):
        for name, price in prices.items():
            while (await chain.price(feed_id(name)))[0] != price:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


async def _independent_of_time(chain: Chain) -> None:
    """Two runs that end in the same state must not depend on how long they took, or on how many cranks found nothing to
    do: funding accrues by the second, and the next crank passes the insurance's part of a fee on."""
    for entry in chain.deployment.markets.values():
        market = chain.at("Market", entry.address)
        owner = await market.functions.owner().call()
        params = MarketParams(
            **{**entry.params, "funding_k_bps": 0, "funding_max_bps": 0, "fee_insurance_share_bps": 0}
        )
        call = chain.call(market, "set_params", [astuple(params)], 1_000_000)
        await _as_owner(chain, owner, call)


async def _as_owner(chain: Chain, owner: Any, call: Call) -> None:
    async with aiohttp.ClientSession() as session:
        url = chain.deployment.rpc_url
        await rpc(session, url, "anvil_setBalance", owner, hex(10**18))
        await rpc(session, url, "anvil_impersonateAccount", owner)
        fields = {"from": owner, "to": call.to, "data": call.data, "gas": hex(call.gas)}
        sent = await rpc(session, url, "eth_sendTransaction", fields)
        receipt = await chain.w3.eth.wait_for_transaction_receipt(sent, 20)
        assert receipt["status"] == 1
        await rpc(session, url, "anvil_stopImpersonatingAccount", owner)


def funder(chain: Chain) -> Sender:
    """An account with ETH that trades nothing."""
    return Sender(chain, LocalSigner(accounts.dev_account(accounts.FUNDER)))
