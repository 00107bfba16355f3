"""Which test files of the installed Keras are run, and why others are not."""

import fnmatch
import functools
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from . import settings

LEFT_OUT = json.loads((settings.HERE / "left_out.json").read_text())


@functools.cache
def source() -> Path:
    """Return the folder `src` of the installed Keras, which is not imported."""
    spec = importlib.util.find_spec("keras")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The tests are read from Keras: pip install keras==3.15.1")
    return Path(spec.submodule_search_locations[0]) / "src"


def area(file: str) -> str:
    """Return the first folder of a test file, such as "layers"."""
    return file.split("/", 1)[0]


def files() -> list[str]:
    """Return the paths of all test files under `src`."""
    root = source()
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*_test.py"))


def reason_left_out(file: str) -> str | None:
    """Return why a file is not run, None if it is."""
    for pattern, reason in LEFT_OUT["files"].items():
        if fnmatch.fnmatch(file, pattern):
            return reason
    return None


def expression(file: str) -> str:
    """Return which tests of a file are run, as pytest's `-k` says it."""
    return LEFT_OUT["tests"].get(file, {"keep": ""})["keep"]


def select(areas: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the files of some areas and patterns, the slow ones last; () is all."""
    chosen = [
        file
        for file in files()
        if not reason_left_out(file)
        and (not areas or area(file) in areas)
        and (not patterns or _matches(file, patterns))
    ]
    return sorted(chosen, key=lambda file: _matches(file, LEFT_OUT["last"]))


def _matches(file: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(file, pattern) for pattern in patterns)
