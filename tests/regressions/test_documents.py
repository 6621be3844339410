"""Links in README.md and docs/*.md lead to files and headings that there are, and names of code to code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
INVARIANTS = (
    "solvent",
    "books",
    "zero_sum",
    "lazy_is_eager",
    "order",
    "exact",
    "principal",
    "split_proof",
    "no_trade_while_insolvent",
    "always_out",
    "compartments",
    "resumable",
    "grid",
    "reward",
)

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"`(?:([A-Za-z_]+)\.)?(_?[a-z][a-z0-9_]*_[a-z0-9_]+)`")
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])


def anchors(path: Path) -> set[str]:
    """As GitHub names headings."""
    found = set()
    for heading in _HEADING.findall(path.read_text(encoding="utf-8")):
        kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
        found.add(kept.replace(" ", "-"))
    return found


def broken(path: Path, text: str) -> list[str]:
    wrong = []
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        is_there = target.exists() and (not anchor or anchor in anchors(target))
        if not is_there:
            wrong.append(link)
    return wrong


@every_document
def test_links__each__leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not broken(path, text)
    # the check itself can fail
    assert broken(path, text + "[a](nowhere.md) [b](#no-such-heading)") == ["nowhere.md", "#no-such-heading"]


@every_document
def test_names__in_code_quotes__are_in_the_code(path: Path) -> None:
    sources = [
        *(ROOT / "contracts").rglob("*.vy*"),
        *(ROOT / "plimsoll").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    words = set(re.findall(r"\w+", " ".join(source.read_text(encoding="utf-8") for source in sources)))
    missing = {
        f"{owner}.{name}" if owner else name
        for owner, name in _CODE.findall(path.read_text(encoding="utf-8"))
        if name not in words
    }
    assert not missing


def test_names__module_and_function__belong_together() -> None:
    modules = {each.stem: each.read_text(encoding="utf-8") for each in (ROOT / "contracts").rglob("*.vy")}
    for path in DOCUMENTS:
        for owner, name in _CODE.findall(path.read_text(encoding="utf-8")):
            if owner in modules:
                assert re.search(rf"\b{name}\b", modules[owner]), f"{path.name}: {owner}.{name}"


def test_invariants__all_fourteen__have_a_heading_and_a_check() -> None:
    text = (ROOT / "docs/invariants.md").read_text(encoding="utf-8")
    checks = (ROOT / "tests/invariants/checks.py").read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d+\. ", text, re.MULTILINE)) == len(INVARIANTS) == 14
    for name in INVARIANTS:
        assert f"[`{name}`](../tests/invariants/checks.py)" in text, name
        assert f"def {name}(step: Step)" in checks, name
