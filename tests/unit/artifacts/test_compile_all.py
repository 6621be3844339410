"""Artifacts are made when a source changed, and only then."""

from pathlib import Path

import pytest

from plimsoll import artifacts
from plimsoll.errors import PlimsollError

MODULE = "ANSWER: constant(uint256) = 42\n"
CONTRACT = """# pragma version ==0.4.3
from .modules import answer

LIMIT: immutable(uint256)


@deploy
def __init__(limit: uint256):
    LIMIT = limit


@view
@external
def ask() -> uint256:
    return min(answer.ANSWER, LIMIT)
"""


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    folder = tmp_path / "contracts"
    (folder / "modules").mkdir(parents=True)
    (folder / "modules" / "answer.vy").write_text(MODULE)
    (folder / "Oracle.vy").write_text(CONTRACT)
    (folder / "Other.vy").write_text("x: public(uint256)\n")
    return folder


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tmp_path / "build"


def written(build: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in build.iterdir()}


def test_compile_all__writes_what_readers_need(contracts: Path, build: Path) -> None:
    made = artifacts.compile_all(contracts=contracts, build=build)
    assert sorted(made) == ["Oracle", "Other"]
    assert sorted(written(build)) == ["Oracle.json", "Other.json"]
    oracle = made["Oracle"]
    assert [entry["name"] for entry in oracle.abi if entry["type"] == "function"] == ["ask"]
    assert oracle.bytecode.startswith("0x")
    assert oracle.blueprint is None


def test_compile_all__counts_immutables(contracts: Path, build: Path) -> None:
    import boa

    made = artifacts.compile_all(["Oracle"], contracts, build)["Oracle"]
    deployed = boa.load(str(contracts / "Oracle.vy"), 7)
    assert made.runtime_size == len(boa.env.get_code(deployed.address))


def test_compile_all__nothing_changed__writes_nothing(contracts: Path, build: Path) -> None:
    artifacts.compile_all(contracts=contracts, build=build)
    before = written(build)
    artifacts.compile_all(contracts=contracts, build=build)
    assert written(build) == before


def test_compile_all__module_changed__compiles_its_users_alone(contracts: Path, build: Path) -> None:
    artifacts.compile_all(contracts=contracts, build=build)
    before = written(build)
    (contracts / "modules" / "answer.vy").write_text(MODULE.replace("42", "43"))
    artifacts.compile_all(contracts=contracts, build=build)
    changed = {name for name, time in written(build).items() if time != before[name]}
    assert changed == {"Oracle.json"}


def test_compile_all__contract_gone__removes_its_artifact(contracts: Path, build: Path) -> None:
    artifacts.compile_all(contracts=contracts, build=build)
    (contracts / "Other.vy").unlink()
    artifacts.compile_all(contracts=contracts, build=build)
    assert sorted(written(build)) == ["Oracle.json"]


def test_compile_all__broken_contract__names_it_and_makes_the_others(contracts: Path, build: Path) -> None:
    (contracts / "Other.vy").write_text("x: public(uint257)\n")
    with pytest.raises(PlimsollError, match=r"Other\.vy does not compile"):
        artifacts.compile_all(contracts=contracts, build=build)
    assert sorted(written(build)) == ["Oracle.json"]


def test_contracts__stay_under_the_size_limit() -> None:
    made = artifacts.compile_all()
    too_big = {name: artifact.runtime_size for name, artifact in made.items() if artifact.runtime_size > 22_000}
    assert made
    assert not too_big
