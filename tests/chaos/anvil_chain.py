"""A `deploy.Chain` on an Anvil over plain JSON-RPC: the story of tests/indexer on a real node, in seconds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from typing import Any

from eth_abi import decode, encode
from eth_utils import function_abi_to_4byte_selector, to_checksum_address
from eth_utils.abi import collapse_if_tuple

from plimsoll import accounts, artifacts
from plimsoll.anvil import CHAIN_ID, anvil_program
from plimsoll.local_chain import ask

RICH = hex(10**24)
GAS = hex(16_000_000)
PORTS = range(9_400, 9_480)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


class Anvil:
    """A node of one's own, mining each transaction at once."""

    def __init__(self, port: int | None = None, timestamp: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [anvil_program(), "--port", str(self.port), "--hardfork", "cancun", "--gas-limit", "30000000"]
        # the genesis of a new chain differs by its time
        command += ["--timestamp", str(timestamp)] if timestamp else []
        self.process = subprocess.Popen(
            command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.ask("eth_chainId")
                return
            except Exception:
                time.sleep(0.05)
        self.kill()
        raise AssertionError("anvil did not start")

    def ask(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call; an error of the node is an AssertionError."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    @property
    def genesis(self) -> str:
        return str(ask(self.url, "eth_getBlockByNumber", "0x0", False)["hash"])

    @property
    def head(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def kill(self) -> None:
        """Ends it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # the program is a wrapper of the node
        self.process.wait()


class Contract:
    """Methods by name, as titanoboa has them: views are called, the rest is sent as `sender`, whoever that is."""

    def __init__(self, chain: AnvilChain, name: str, address: str) -> None:
        self.address = to_checksum_address(address)
        self._chain = chain
        self._abi = [item for item in artifacts.abi(name) if item["type"] == "function"]

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, sender: Any = None) -> Any:
            (item,) = (f for f in self._abi if f["name"] == name and len(f["inputs"]) == len(args))
            types = [collapse_if_tuple(entry) for entry in item["inputs"]]
            data = function_abi_to_4byte_selector(item) + encode(types, args)
            request = {"to": self.address, "data": "0x" + data.hex(), "gas": GAS}
            if sender is not None:
                request["from"] = sender
            output = bytes.fromhex(self._chain.node.ask("eth_call", request, "latest")[2:])
            if item["stateMutability"] not in ("view", "pure"):
                self._chain.send(request)
            values = decode([collapse_if_tuple(entry) for entry in item["outputs"]], output)
            return values[0] if len(values) == 1 else values

        return call


class AnvilChain:
    """What `deploy` and the story need of a chain."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self._known: set[str] = set()

    @property
    def chain_id(self) -> int:
        return CHAIN_ID

    def travel(self, seconds: int) -> int:
        """Lets time pass, with a block; the time of the last block."""
        if seconds:
            self.node.ask("evm_increaseTime", seconds)
            self.node.ask("evm_mine")
        return int(self.node.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def send(self, request: dict[str, Any]) -> Any:
        """Sends and waits; a transaction that fails is an AssertionError. The receipt."""
        sender = request["from"]
        if sender not in self._known:
            self.node.ask("anvil_impersonateAccount", sender)
            self.node.ask("anvil_setBalance", sender, RICH)
            self._known.add(sender)
        sent = self.node.ask("eth_sendTransaction", request)
        for _ in range(200):
            receipt = self.node.ask("eth_getTransactionReceipt", sent)
            if receipt is not None:
                assert receipt["status"] == "0x1", receipt
                return receipt
            time.sleep(0.01)
        raise AssertionError("not mined")

    def _create(self, code: str) -> str:
        sender = accounts.dev_account(accounts.DEPLOYER).address
        return str(self.send({"from": sender, "data": code, "gas": GAS})["contractAddress"])

    def deploy(self, name: str, *args: Any) -> Contract:
        artifact = artifacts.load(name)
        constructor = next((item for item in artifact.abi if item["type"] == "constructor"), {"inputs": []})
        encoded = encode([collapse_if_tuple(entry) for entry in constructor["inputs"]], args)
        return Contract(self, name, self._create(artifact.bytecode + encoded.hex()))

    def declare(self, name: str) -> Any:
        blueprint = artifacts.load(name).blueprint
        assert blueprint is not None
        return to_checksum_address(self._create(blueprint))

    def at(self, name: str, address: Any) -> Contract:
        return Contract(self, name, address)

    def account(self, index: int) -> str:
        return accounts.dev_account(index).address

    def returned(self, function: Any, *args: Any) -> Any:
        value = function(*args, sender=self.account(accounts.DEPLOYER))
        return to_checksum_address(value) if isinstance(value, str) else value
