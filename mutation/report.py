"""The score by file and the survivors, each with its verdict from `verdicts.toml`."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

VERDICTS = Path(__file__).with_name("verdicts.toml")


def verdicts() -> dict[tuple[str, str, str], str]:
    """By file, line before and line after, both without indentation."""
    judged = tomllib.loads(VERDICTS.read_text(encoding="utf-8"))["survivor"]
    return {(each["file"], each["before"], each["after"]): each["verdict"] for each in judged}


def killed_since() -> list[str]:
    """Lines about survivors of earlier runs that got a test."""
    lines = ["", "## Survivors of earlier runs, and what kills them now"]
    for each in tomllib.loads(VERDICTS.read_text(encoding="utf-8"))["killed"]:
        file, _, test = each["test"].partition("::")
        lines += ["", f"`{each['file']}`, by [{test}](../{file})", "", "```diff", f"-{each['before']}"]
        lines += [f"+{each['after']}", "```"]
    return lines


def write(entries: list[dict[str, Any]], made: int, seed: int) -> tuple[str, int]:
    """The report, and how many survivors nobody has judged."""
    judged = verdicts()
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    survivors: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        path = entry["mutant"]["path"]
        by_file[path][entry["outcome"]] += 1
        if entry["outcome"] == "survived":
            survivors[path].append(entry["mutant"])
            by_file[path]["equivalent"] += _key(entry["mutant"]) in judged

    lines = [
        "# Mutation check",
        "",
        f"{made:,} mutants by the rules of universalmutator, in an order drawn with seed {seed};",
        f"{len(entries):,} of them looked at. The score is killed / (killed + survived, not equivalent).",
        "*Same code* compiles to what the original or an earlier mutant compiles to, and counts for nothing.",
        "Survivors get a test or a verdict, so a seed that has been worked on scores high: another one says more",
        "about the tests (`make mutate SEED=n`).",
        "",
        "| file | don't compile | same code | killed | survived | of these equivalent | score |",
        "|---|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    for path in sorted(by_file):
        total += by_file[path]
        lines.append(_row(f"`{path}`", by_file[path]))
    lines.append(_row("**all**", total))
    unjudged = 0
    for path in sorted(survivors):
        lines += ["", f"## `{path}`: survivors"]
        for mutant in sorted(survivors[path], key=lambda each: each["line"]):
            verdict = judged.get(_key(mutant), "")
            unjudged += not verdict
            lines += ["", f"Line {mutant['line']}: {verdict or '**not judged yet**'}", "", "```diff"]
            lines += [f"-{mutant['before'].strip()}", f"+{mutant['after'].strip()}", "```"]
    return "\n".join([*lines, *killed_since()]) + "\n", unjudged


def _key(mutant: dict[str, Any]) -> tuple[str, str, str]:
    return mutant["path"], mutant["before"].strip(), mutant["after"].strip()


def _row(name: str, count: Counter[str]) -> str:
    killed, open_ = count["killed"], count["survived"] - count["equivalent"]
    score = f"{killed * 100 / (killed + open_):.1f} %" if killed + open_ else "-"
    same = count["same"] + count["duplicate"]
    cells = [name, count["invalid"], same, killed, count["survived"], count["equivalent"], score]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
