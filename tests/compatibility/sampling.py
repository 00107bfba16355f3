"""The sample of the usual run: quick files of each area, and what passes of them."""

import json
from pathlib import Path

from . import scoring, settings
from .running import Run, load, results_path

STORED = settings.HERE / "sample.json"
Passing = dict[str, dict[str, list[str]]]  # the names of tests by backend and file


def stored() -> Passing:
    """Return the tests of the sample that must pass."""
    by_file: Passing = json.loads(STORED.read_text())
    return {
        backend: {
            file: sorted(
                name for key in groups for name in _named(groups, key, backend)
            )
            for file, groups in by_file.items()
        }
        for backend in settings.BACKENDS
    }


def _named(groups: dict[str, list[str]], key: str, backend: str) -> list[str]:
    return groups[key] if backend in key.split() else []


def store(passing: Passing) -> None:
    """Store which tests pass as those that must, by file and by where they pass."""
    by_file: Passing = {file: {} for file in passing[settings.BACKENDS[0]]}
    for file, groups in by_file.items():
        for name in sorted({n for files in passing.values() for n in files[file]}):
            where = [b for b in settings.BACKENDS if name in passing[b][file]]
            groups.setdefault(" ".join(where), []).append(name)
    STORED.write_text(json.dumps(by_file, indent=1) + "\n")


def run(folder: Path, at_once: int) -> Passing:
    """Run the files of the sample; return the tests of the ceiling that pass."""
    jobs = [(backend, file) for backend, files in stored().items() for file in files]
    Run(at_once=at_once, file_seconds=300, test_seconds=120)(jobs, folder)
    return {backend: _passing(folder, backend) for backend in settings.BACKENDS}


def _passing(folder: Path, backend: str) -> dict[str, list[str]]:
    results = load(results_path(folder, "multinet", backend))
    tests = [test for test in scoring.ended(results, backend) if not test.why]
    return {
        file: [test.name for test in tests if test.file == file]
        for file in results["files"]
    }


def fallen(passing: Passing) -> dict[str, list[str]]:
    """Return, by backend, the tests that must pass and do not."""
    return {
        backend: [
            f"{file}::{name}"
            for file, names in files.items()
            for name in names
            if name not in passing[backend][file]
        ]
        for backend, files in stored().items()
    }
