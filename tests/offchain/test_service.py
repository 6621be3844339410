"""What every service does alike."""

import asyncio
import os
import signal
import subprocess
import sys

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, Counter

from plimsoll.cli import COMMANDS, main
from plimsoll.errors import PlimsollError
from plimsoll.service import Backoff, add_operation, serve


def test_backoff__doubles_to_the_longest_until_reset() -> None:
    backoff = Backoff(1.0, 3.0)
    assert [backoff.next() for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_add_operation__health_and_metrics_over_http() -> None:
    async def scenario() -> None:
        registry = CollectorRegistry()
        Counter("things", "Things", registry=registry).inc(3)
        states = [(True, {"block": 5}), (False, {"reason": "behind"})]
        runner = await serve(add_operation(web.Application(), lambda: states.pop(0), registry), 0)
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with session.get("/health") as response:
                assert response.status == 200 and await response.json() == {"ok": True, "block": 5}
            async with session.get("/health") as response:
                assert response.status == 503 and await response.json() == {"ok": False, "reason": "behind"}
            async with session.get("/metrics") as response:
                assert "things_total 3.0" in await response.text()
        with pytest.raises(PlimsollError, match=f"port {port} of 127.0.0.1 is already in use"):
            await serve(web.Application(), port)
        await runner.cleanup()

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_until_stopped__a_signal__is_a_clean_end(number: signal.Signals) -> None:
    program = (
        "import asyncio\n"
        "from plimsoll.service import run_until_stopped\n"
        "async def start():\n"
        "    print('ready', flush=True)\n"
        "    try:\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned', flush=True)\n"
        "run_until_stopped(start)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    os.kill(process.pid, number)
    rest, _ = process.communicate(timeout=10)
    assert (rest, process.returncode) == ("cleaned\n", 0)


def test_main__help_names_every_command_and_each_has_help() -> None:
    runner = CliRunner()
    result = runner.invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.output
        assert runner.invoke(main, [name, "--help"]).exit_code == 0
    assert runner.invoke(main, ["nothing"]).exit_code == 2


def test_main__a_mistake__is_one_line_and_exit_code_1(tmp_path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[keeper]\nheartbeets = 5\n")
    result = CliRunner().invoke(main, ["keeper", "--config", str(path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and "unknown key keeper.heartbeets" in result.output
    assert result.output.count("\n") == 1


def test_main__help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from plimsoll.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(sorted({'web3', 'ape', 'sqlalchemy', 'matplotlib'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
