"""A node charges for a transaction what the meter says."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boa
import pytest

from bench import cranks, trading
from bench.exchange import PRICE
from bench.meter import simulate
from plimsoll.anvil import anvil_program
from plimsoll.revm import CHAIN_ID, RevmEnv

START_SECONDS = 20.0


class Node:
    """An Anvil with the state of the running environment."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = json.load(response)
        assert "error" not in answer, answer
        return answer["result"]

    def copy_state(self) -> None:
        for address, slots in boa.env.evm.storage().items():
            code = boa.env.evm.get_code(address)
            if code:
                self.ask("anvil_setCode", address, "0x" + code.hex())
            for slot, value in slots.items():
                self.ask("anvil_setStorageAt", address, hex(slot), f"0x{value:064x}")

    def gas_of(self, function: Any, *args: Any, sender: str) -> int:
        """Sends a call in a block of its own at the time of the environment, and gives the gas the node charged."""
        self.ask("anvil_impersonateAccount", sender)
        self.ask("anvil_setBalance", sender, hex(10**20))
        self.ask("evm_setNextBlockTimestamp", hex(boa.env.timestamp))
        data = "0x" + function.prepare_calldata(*args).hex()
        transaction = {"from": sender, "to": str(function.contract.address), "data": data, "gas": hex(15_000_000)}
        sent = self.ask("eth_sendTransaction", transaction)
        while (receipt := self.ask("eth_getTransactionReceipt", sent)) is None:
            time.sleep(0.01)
        assert receipt["status"] == "0x1", receipt
        return int(receipt["gasUsed"], 16)


@pytest.fixture
def node() -> Iterator[Node]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [anvil_program(), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    # before the first block of any test
    command += ["--hardfork", "cancun", "--timestamp", "1600000000", "--silent"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    node = Node(port)
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                node.ask("eth_chainId")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None and time.monotonic() < deadline, "anvil did not start"
                time.sleep(0.05)
        with boa.swap_env(RevmEnv()):
            yield node
    finally:
        process.terminate()
        process.wait()


def test_orders__cost_on_a_node_what_is_measured(node: Node) -> None:
    bench = trading.market_in_use()
    trading.leave_order(bench)
    trader = bench.fund(trading.FIRST, 1)
    order_id = bench.place(trader, trading.LOT, trading.MARGIN)
    bench.publish(PRICE)
    book = bench.contract("OrderBook")
    measured = simulate(book.execute, order_id, sender=bench.keeper).gas
    node.copy_state()
    assert node.gas_of(book.execute, order_id, sender=bench.keeper) == measured


def test_crank__costs_on_a_node_what_is_measured(node: Node) -> None:
    bench, _ = cranks.winners(1)
    measured = simulate(bench.market.crank, cranks.ALL, sender=bench.keeper).gas
    node.copy_state()
    assert node.gas_of(bench.market.crank, cranks.ALL, sender=bench.keeper) == measured


def test_price__costs_on_a_node_what_is_measured(node: Node) -> None:
    bench = trading.market_in_use()
    boa.env.time_travel(seconds=2)
    signed, update = bench.signed(PRICE), bench.contract("PriceFeed").update
    measured = simulate(update, signed, sender=bench.keeper).gas
    node.copy_state()
    assert node.gas_of(update, signed, sender=bench.keeper) == measured
