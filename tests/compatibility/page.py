"""The page docs/compatibility.md: the table by area and backend, and why tests fail."""

import collections
import fnmatch
from collections.abc import Iterator
from pathlib import Path

from . import scoring, selection, settings
from .running import load, results_path

PAGE = settings.HERE.parent.parent / "docs" / "compatibility.md"
_OF_JAX = "numpy, of JAX's"
_HEAD = """\
# Compatibility with Keras

Keras's own unit tests, read from its installed wheel (3.15.1), run against Multinet. A
test counts if Keras passes it through the same stand-in, on the same backend: that is
the ceiling. Where it uses what is internal to Keras, the stand-in leads it to public
names; the words of errors are not compared. Tests of quantization, which is not there
yet, are an area of their own. Each cell is passed / ceiling, of the tests whose code
touches no private attribute; the line "all, private too" has the others as well. The
last column counts what passes on NumPy against the ceiling of JAX, since
Keras trains on JAX and not on NumPy.

```sh
python -m tests.compatibility run     # hours; --backend numpy --areas ops for a part
python -m tests.compatibility page    # writes this page
```
"""


def fits(file: str, pattern: str) -> bool:
    """Return whether a file is meant: its path begins so, or is of the pattern."""
    return file.startswith(pattern) or fnmatch.fnmatch(file, pattern)


def text(folder: Path, day: str) -> str:
    """Return the page for the results in a folder."""
    results = {b: load(results_path(folder, "multinet", b)) for b in settings.BACKENDS}
    tests = {b: list(scoring.ended(results[b], b)) for b in settings.BACKENDS}
    tests[_OF_JAX] = list(scoring.ended(results["numpy"], "jax"))
    said = f"As measured on {day}. A file that was not run is in neither number."
    lines = [_HEAD, said, "", *_table(tests), ""]
    own = {backend: tests[backend] for backend in settings.BACKENDS}
    lines += ["## Against a rule", "", *_against_rules(own), ""]
    lines += ["## Why the others fail", "", *_reasons(own), ""]
    lines += ["## Files that are not run", "", *_left_out()]
    return "\n".join(lines) + "\n"


def _table(tests: dict[str, list[scoring.Ended]]) -> Iterator[str]:
    yield "| area | " + " | ".join(tests) + " |"
    yield "|---|" + "--:|" * len(tests)
    areas = sorted({t.area for inner in tests.values() for t in inner})
    public = {b: [t for t in inner if not t.private] for b, inner in tests.items()}
    for area in areas:
        found = [scoring.by_area(inner).get(area, []) for inner in public.values()]
        yield _row(area, found)
    yield _row("all", list(public.values()))
    yield _row("all, private too", list(tests.values()))
    ran = [len({t.file for t in inner}) for inner in tests.values()]
    whole = [_files("jax" if column == _OF_JAX else column) for column in tests]
    cells = [f"{n} of {m}" for n, m in zip(ran, whole, strict=True)]
    yield "| files that were run | " + " | ".join(cells) + " |"


def _files(backend: str) -> int:
    """Return how many files of a backend have a test that Keras passes."""
    found = scoring.ceiling(backend).values()
    return sum(bool(info["passed"] or info["passed_private"]) for info in found)


def _row(name: str, columns: list[list[scoring.Ended]]) -> str:
    cells = [str(scoring.counts(column)) if column else "" for column in columns]
    return f"| {name} | " + " | ".join(cells) + " |"


def _against_rules(tests: dict[str, list[scoring.Ended]]) -> Iterator[str]:
    failed = {t.address for inner in tests.values() for t in inner if t.why}
    yield (
        "These tests ask for what a rule of Multinet's forbids. "
        "Where they fail they are in neither number of the table."
    )
    yield ""
    for address, reason in scoring.AGAINST_RULES.items():
        if address in failed:
            yield f"- `{address}`: {reason}"


def _reasons(tests: dict[str, list[scoring.Ended]]) -> Iterator[str]:
    found: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for backend, inner in tests.items():
        for test in inner:
            if test.why and not test.against_a_rule:
                found[test.reason() or "no reason yet"][backend] += 1
    yield "| reason | " + " | ".join(tests) + " |"
    yield "|---|" + "--:|" * len(tests)
    for reason in sorted(found, key=lambda r: -found[r].total()):
        numbers = [str(found[reason][backend] or "") for backend in tests]
        yield f"| {reason} | " + " | ".join(numbers) + " |"


def _left_out() -> Iterator[str]:
    for pattern, reason in selection.LEFT_OUT["files"].items():
        yield f"- `{pattern}`: {reason}"
    for file, told in selection.LEFT_OUT["tests"].items():
        yield f"- of `{file}` what is `{told['keep']}` alone is run: {told['reason']}"
