"""The one chain that scripts deploy to: a local Anvil."""

import json
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

from plimsoll.errors import PlimsollError

NETWORK = "ethereum:local:foundry"
"""As Ape names it."""
LOCAL_CHAIN_ID = 31337
TIMEOUT_SECONDS = 5


def ask(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC call before Ape is let near the node: where Ape finds none, it starts one of its own.

    :raises PlimsollError: if nothing answers, or something else than a node.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)["result"]
    except (HTTPError, HTTPException, ValueError, KeyError, TypeError):
        raise PlimsollError(f"what answers at {url} is not an Ethereum node") from None
    except OSError:
        raise PlimsollError(f"no chain answers at {url}") from None


def check_chain(network: str, url: str) -> None:
    """Nothing but a local Anvil will do: the keys of a deployment are public.

    :raises PlimsollError: if `network` or what answers at `url` is something else.
    """
    if network != NETWORK:
        raise PlimsollError(f"wrong network: {network} is not {NETWORK}, and the keys used here are public")
    chain_id = int(ask(url, "eth_chainId"), 16)
    if chain_id != LOCAL_CHAIN_ID:
        raise PlimsollError(f"wrong network: {url} runs chain {chain_id}, a local chain has id {LOCAL_CHAIN_ID}")
    client = ask(url, "web3_clientVersion")
    if "anvil" not in str(client).lower():
        raise PlimsollError(f"wrong network: {url} is {client}, not Anvil")
