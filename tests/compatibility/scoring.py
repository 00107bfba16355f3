"""Counts of tests that pass, of those that Keras itself passes: the ceiling."""

import ast
import collections
import fnmatch
import functools
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import selection, settings
from .running import Results

AGAINST_RULES: dict[str, str] = json.loads(
    (settings.HERE / "against_rules.json").read_text()
)
REASONS: dict[str, dict[str, str]] = json.loads(
    (settings.HERE / "reasons.json").read_text()
)


QUANTIZED_FILES = re.compile("(dtype_policies|layers|models|quantizers)/")
QUANTIZED = re.compile(
    QUANTIZED_FILES.pattern + r".*(quant|gptq|awq|(?<!u)int[48]|float8)",
    re.IGNORECASE,
)
"""Tests of quantization, which is an area of its own wherever they stand."""

_QUANTIZES = re.compile(r"Quantized\w*Policy|quantize")
"""What the code of such a test names, where its own name does not tell."""


@functools.cache
def quantizing(file: str) -> dict[str, list[tuple[str, bool]]]:
    """Return the tests of a file by class: their names, and whether they quantize."""
    path = selection.source() / file
    if not path.exists():
        return {}
    classes = [
        x for x in ast.parse(path.read_text()).body if isinstance(x, ast.ClassDef)
    ]
    return {
        cls.name: [
            (part.name, any(map(_quantizes, ast.walk(part))))
            for part in cls.body
            if isinstance(part, ast.FunctionDef) and part.name.startswith("test")
        ]
        for cls in classes
    }


def _quantizes(node: ast.AST) -> bool:
    name = getattr(node, "attr", None) or getattr(node, "id", None)
    return isinstance(name, str) and _QUANTIZES.fullmatch(name) is not None


def is_quantization(file: str, name: str) -> bool:
    """Return whether a test is of quantization, by its name or by what it calls."""
    if QUANTIZED.match(f"{file}::{name}"):
        return True
    if not QUANTIZED_FILES.match(file):
        return False
    cls, _, test = name.rpartition("::")
    mine = [item for item in quantizing(file).get(cls, ()) if test.startswith(item[0])]
    return bool(mine) and max(mine, key=lambda item: len(item[0]))[1]


class Ended(NamedTuple):
    """How a test of the ceiling ended: "" for one that passed, else why it did not."""

    file: str
    name: str
    private: bool
    why: str
    other_words: bool = False

    @property
    def address(self) -> str:
        """The file and the test."""
        return f"{self.file}::{self.name}"

    @property
    def area(self) -> str:
        """The folder of the file, or "quantization"."""
        found = is_quantization(self.file, self.name)
        return "quantization" if found else selection.area(self.file)

    @property
    def against_a_rule(self) -> str | None:
        """The rule of Multinet's that the test contradicts."""
        return AGAINST_RULES.get(self.address)

    def reason(self) -> str | None:
        """Return why it fails as `reasons.json` tells it, None if it tells nothing."""
        for pattern, reason in REASONS["tests"].items():
            if fnmatch.fnmatchcase(self.address, pattern):
                return reason
        for pattern, reason in REASONS["errors"].items():
            found = re.search(pattern, self.why)
            if found:
                return found.expand(reason)
        return None


class Count(NamedTuple):
    """How many tests pass, of how many."""

    passed: int
    all: int

    def __str__(self) -> str:
        share = 100 * self.passed / self.all if self.all else 100.0
        return f"{self.passed}/{self.all} {share:.1f}%"


def ceiling(backend: str) -> dict[str, Any]:
    """Return the tests that Keras passes on a backend, by file."""
    path = settings.HERE / "ceilings" / f"{backend}.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))["files"]


def ended(results: Results, backend: str) -> Iterator[Ended]:
    """Yield how each test of a backend's ceiling ended, of the files that were run."""
    for file, info in sorted(ceiling(backend).items()):
        ran = results["files"].get(file)
        if ran is None:
            continue
        ran = {**ran, "tests": {_steady(n): t for n, t in ran["tests"].items()}}
        for key, private in (("passed", False), ("passed_private", True)):
            for name in info[key]:
                yield _ended(file, name, private, ran)


def _ended(file: str, name: str, private: bool, ran: dict[str, Any]) -> Ended:
    test = ran["tests"].get(_steady(name))
    if test is None:
        why = ran["error"] or f"not run ({ran['status']})"
        return Ended(file, name, private, why)
    if test["o"] == "passed":
        return Ended(file, name, private, "", bool(test.get("msgs")))
    said = test.get("why") or test["o"]
    return Ended(
        file, name, private, f"skipped: {said}" if test["o"] == "skipped" else said
    )


def _steady(name: str) -> str:
    """Return the name of a test without the addresses of the process that it ran in."""
    return re.sub(r"0x[0-9a-f]+", "0x", name)


def counts(tests: list[Ended]) -> Count:
    """Return how many pass; those against a rule that fail are not counted."""
    counted = [t for t in tests if not t.why or not t.against_a_rule]
    return Count(sum(not t.why for t in counted), len(counted))


def by_area(tests: list[Ended]) -> dict[str, list[Ended]]:
    """Return the tests by area."""
    found = collections.defaultdict(list)
    for test in tests:
        found[test.area].append(test)
    return dict(sorted(found.items()))


def commonest(tests: list[Ended], top: int) -> list[tuple[str, int]]:
    """Return the commonest errors of tests that fail, without their numbers."""
    texts = (
        re.sub(r"0x[0-9a-f]+|\d+\.\d+(e-?\d+)?", "#", t.why) for t in tests if t.why
    )
    return collections.Counter(text[:150] for text in texts).most_common(top)


def make_ceiling(results: Results, path: Path) -> None:
    """Store which tests pass as the ceiling; files not run stay as they were."""
    before = json.loads(gzip.decompress(path.read_bytes())) if path.exists() else {}
    files = before.get("files", {})
    for file, info in results["files"].items():
        passed = sorted(name for name, t in info["tests"].items() if t["o"] == "passed")
        private = set(info["private"])
        skipped = sum(test["o"] == "skipped" for test in info["tests"].values())
        files[file] = {
            "collected": len(info["collected"]),
            "skipped": skipped,
            "status": info["status"],
            "secs": info["secs"],
            "passed": [name for name in passed if name not in private],
            "passed_private": [name for name in passed if name in private],
        }
    text = json.dumps({"meta": results["meta"], "files": files}, sort_keys=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
