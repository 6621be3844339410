"""Mutants of a source by the rules of universalmutator, which lives in a virtual environment of its own."""

from __future__ import annotations

import hashlib
import json
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
    """One changed line. `line` counts from 1, `nth` the lines above that are the same."""

    path: str
    line: int
    nth: int
    before: str
    after: str

    @property
    def id(self) -> str:
        """Stays what it is when lines around this one change."""
        text = "\0".join((self.path, str(self.nth), self.before, self.after))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def apply(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        assert lines[self.line - 1].rstrip("\n") == self.before
        lines[self.line - 1] = self.after + "\n"
        return "".join(lines)


def mutants(root: Path, python: Path, seed: int) -> list[Mutant]:
    """All mutants of the targets. `seed` decides the place of each by itself: a longer run continues a shorter one."""
    arguments = json.dumps([RULES, IGNORED, *TARGETS])
    output = subprocess.run([python, "-c", _SCRIPT, arguments], cwd=root, check=True, capture_output=True, text=True)
    made = []
    for path, changes in json.loads(output.stdout).items():
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        silent = _silent_lines(lines)
        seen = set()
        for line, after in changes:
            before = lines[line - 1]
            mutant = Mutant(path, line, lines[: line - 1].count(before), before, after.rstrip("\n"))
            code = _code(mutant.after)
            if line in silent or (line, code) in seen or "\n" in mutant.after or code in _same(_code(before)):
                continue
            seen.add((line, code))
            made.append(mutant)
    return sorted(made, key=lambda mutant: hashlib.sha256(f"{seed} {mutant.id}".encode()).digest())


_EITHER = re.compile(r"\b(min|max)\(([^(),]+), ([^(),]+)\)")


def _same(code: str) -> set[str]:
    """The line itself, and with the arguments of a min or max swapped, as the rules write that."""
    found = {code}
    for match in _EITHER.finditer(code):
        name, first, second = match.groups()
        found.add(f"{code[: match.start()]}{name} ( {second},{first}){code[match.end() :]}")
    return found


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
