"""Mutants of a source by the rules of universalmutator, which lives in a virtual environment of its own."""

from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TARGETS = (
    *(
        f"contracts/modules/{name}.vy"
        for name in ("grid", "buckets", "book", "liquidation", "adl", "trading", "positions", "fixed_point")
    ),
    "contracts/MarginPool.vy",
)
RULES = ("universal.rules", "python.rules", "vyper.rules")
# changes of error texts and lists of names alone say nothing about money
IGNORED = (r"^# ", r"^from ", r"^import ", r"^uses: ", r"^initializes: ", r"^exports: ", r"^implements: ", r"^@")

_SCRIPT = """
import contextlib, io, json, sys
from universalmutator import mutator
rules, ignored, *paths = json.loads(sys.argv[1])
found = {}
for path in paths:
    with open(path, encoding="utf-8") as file:
        source = file.readlines()
    with contextlib.redirect_stdout(io.StringIO()):
        made = mutator.mutants_regexp(source, rules, ignorePatterns=ignored, ignoreStringOnly=True)
    found[path] = [(mutant[0], mutant[1]) for mutant in made]
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True)
class Mutant:
    """One changed line. `line` counts from 1."""

    path: str
    line: int
    before: str
    after: str

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.path}\0{self.line}\0{self.before}\0{self.after}".encode()).hexdigest()[:16]

    def apply(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        assert lines[self.line - 1].rstrip("\n") == self.before
        lines[self.line - 1] = self.after + "\n"
        return "".join(lines)


def mutants(root: Path, python: Path, seed: int) -> list[Mutant]:
    """All mutants of the targets in an order that depends on `seed` alone: a longer run continues a shorter one."""
    arguments = json.dumps([RULES, IGNORED, *TARGETS])
    output = subprocess.run([python, "-c", _SCRIPT, arguments], cwd=root, check=True, capture_output=True, text=True)
    made = []
    for path, changes in json.loads(output.stdout).items():
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        silent = _silent_lines(lines)
        seen = set()
        for line, after in changes:
            mutant = Mutant(path, line, lines[line - 1], after.rstrip("\n"))
            if line not in silent and (line, _code(mutant.after)) not in seen and "\n" not in mutant.after:
                seen.add((line, _code(mutant.after)))
                if _code(mutant.after) != _code(mutant.before):
                    made.append(mutant)
    made.sort(key=lambda mutant: mutant.id)
    random.Random(seed).shuffle(made)
    return made


def _code(line: str) -> str:
    return " ".join(line.split("#")[0].split())


def _silent_lines(lines: list[str]) -> set[int]:
    """Lines of comments, docstrings and error texts."""
    silent = set()
    is_inside = False
    for number, line in enumerate(lines, 1):
        quotes = line.count('"""')
        if is_inside or quotes or not _code(line):
            silent.add(number)
        if quotes == 1:
            is_inside = not is_inside
    return silent


_NAME = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS = frozenset(
    ["and", "or", "not", "if", "elif", "else", "pass", "break", "continue", "return", "True", "False", "min", "max"]
)


def names_of(source: str) -> frozenset[str]:
    return frozenset(_NAME.findall(source)) | _KEYWORDS


def is_hopeless(mutant: Mutant, names: frozenset[str]) -> bool:
    """Whether the mutant can't compile because it says a name that there is not, such as `uint1`."""
    return not names.issuperset(_NAME.findall(_code(mutant.after)))
