"""What set-up cannot install is told in one line for each thing missing."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder that stands for the whole PATH, with tools new enough."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    fake(folder, "python3", 'if [[ "$*" == *version_info* || "$*" == *venv* ]]; then exit 0; fi; echo 3.11.4')
    fake(folder, "node", "echo v20.19.0")
    fake(folder, "npm", "echo 10.0.0")
    return folder


def fake(folder: Path, name: str, body: str) -> None:
    script = folder / name
    script.write_text(f"#!/usr/bin/env bash\n{body}\n")
    script.chmod(0o755)


def check(tools: Path, **environment: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [ROOT / "scripts" / "check_tools.sh"], env={"PATH": str(tools), **environment}, capture_output=True, text=True
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_check_tools__all_there__says_nothing(tools: Path) -> None:
    assert check(tools) == (0, [])


@pytest.mark.parametrize(("name", "needed"), [("node", "Node 20"), ("python3", "Python 3.11"), ("npm", "npm")])
def test_check_tools__missing__says_which(tools: Path, name: str, needed: str) -> None:
    (tools / name).unlink()
    code, lines = check(tools)
    assert code == 1
    assert len(lines) == 1
    assert needed in lines[0]


def test_check_tools__python_too_old__says_what_was_found(tools: Path) -> None:
    fake(tools, "python3", 'if [[ "$*" == *version_info* ]]; then exit 1; fi; echo 3.10.2')
    code, lines = check(tools)
    assert code == 1
    assert lines == ["error: Python 3.11 or newer is needed, 'python3' is 3.10.2 (choose another with PYTHON=...)"]


def test_check_tools__other_python__is_the_one_checked(tools: Path) -> None:
    code, lines = check(tools, PYTHON="python3.99")
    assert code == 1
    assert "python3.99" in lines[0]


def test_check_tools__python_without_venv__says_what_to_install(tools: Path) -> None:
    fake(tools, "python3", 'if [[ "$*" == *ensurepip* ]]; then exit 1; fi; exit 0')
    code, lines = check(tools)
    assert code == 1
    assert "python3-venv" in lines[0]


@pytest.mark.parametrize("version", ["v18.20.4", "v9.0.0", "nonsense", ""])
def test_check_tools__node_too_old__says_what_was_found(tools: Path, version: str) -> None:
    fake(tools, "node", f"echo {version}")
    code, lines = check(tools)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("error: Node 20 or newer is needed")


def test_check_tools__two_things_missing__says_both(tools: Path) -> None:
    (tools / "node").unlink()
    (tools / "python3").unlink()
    code, lines = check(tools)
    assert code == 1
    assert len(lines) == 2
