"""A local chain: Anvil on 127.0.0.1, mining at once while contracts are deployed, then one block a second."""

import asyncio
import os
import shutil
import socket

import aiohttp

from plimsoll.artifacts import ROOT
from plimsoll.errors import PlimsollError
from plimsoll.processes import Child, Children

BLOCK_GAS_LIMIT = 30_000_000
CHAIN_ID = 31337
START_SECONDS = 20.0


def check_port(port: int, what: str) -> None:
    """PlimsollError if something already listens on 127.0.0.1:`port`, or if nothing may."""
    if not 0 < port < 65536:
        raise PlimsollError(f"{what}: {port} is not a port")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise PlimsollError(f"{what}: port {port} may not be used by this user") from None
        except OSError:
            raise PlimsollError(f"{what}: port {port} of 127.0.0.1 is already in use") from None


def anvil_program() -> str:
    """The project's own anvil, else one on PATH."""
    own = ROOT / "frontend" / "node_modules" / ".bin" / "anvil"
    found = os.environ.get("PLIMSOLL_ANVIL") or (str(own) if own.exists() else shutil.which("anvil"))
    if not found:
        raise PlimsollError("anvil: no such program; run `make setup`")
    return found


async def start_anvil(children: Children, port: int, accounts: int = 10) -> Child:
    """Starts a chain and waits until it answers. Until `mine_each_second` every transaction gets a block at once.

    The first `accounts` of the development mnemonic have ether, and the chain signs for them.
    """
    check_port(port, "chain")
    command = [
        *(anvil_program(), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)),
        *("--hardfork", "cancun", "--gas-limit", str(BLOCK_GAS_LIMIT), "--silent"),
        *("--accounts", str(accounts)),
    ]
    child = children.start("anvil", command)
    url = f"http://127.0.0.1:{port}"
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            if not child.is_running:
                raise PlimsollError(f"anvil did not start: {child.tail()}")
            try:
                await rpc(session, url, "eth_chainId")
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                return child
    raise PlimsollError(f"anvil did not answer within {START_SECONDS:.0f} s: {child.tail()}")


async def mine_each_second(url: str) -> None:
    """From now on a block a second holds what came in since the last, as on a real chain.

    Not from the start: to Ape a chain with a block time looks like one that must be mined by hand, and its
    deployments fail.
    """
    async with aiohttp.ClientSession() as session:
        await rpc(session, url, "evm_setIntervalMining", 1)


async def rpc(session: aiohttp.ClientSession, url: str, method: str, *params: object) -> object:
    """One JSON-RPC call for what the usual client does not know. PlimsollError if the node answers with an error."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    async with session.post(url, json=request, timeout=aiohttp.ClientTimeout(total=10)) as response:
        answer = await response.json(content_type=None)
    if "error" in answer:
        raise PlimsollError(f"{method}: {answer['error'].get('message', 'failed')}")
    return answer.get("result")
