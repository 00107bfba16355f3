"""Runs test files on backends and keeps how each test ended."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import rewriting, selection, settings

Results = dict[str, Any]


@dataclasses.dataclass
class Run:
    """What is run, and how."""

    target: str = "multinet"
    strict: bool = False
    at_once: int = 1
    file_seconds: int = 1800
    test_seconds: int = 120
    expression: str = ""
    quiet: bool = False

    def __call__(self, jobs: Sequence[tuple[str, str]], folder: Path) -> None:
        """Run (backend, file) pairs; add what came out to the results in `folder`.

        For Keras itself the backend is one.
        """
        if not jobs:
            return
        with tempfile.TemporaryDirectory(prefix="keras-tests-") as place:
            plan = self._plan(jobs, Path(place), folder)
            self._run(plan, Path(place), folder)

    def _plan(
        self, jobs: Sequence[tuple[str, str]], place: Path, folder: Path
    ) -> list[dict[str, Any]]:
        os.environ["COMPATIBILITY_TARGET"] = self.target
        plan = []
        for number, (backend, file) in enumerate(jobs):
            path = place / "tests" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (selection.source() / file).read_text(encoding="utf-8")
            path.write_text(rewriting.rewrite(text), encoding="utf-8")
            log = folder / f"logs-{self.target}-{backend}" / file.replace("/", "__")
            log.parent.mkdir(parents=True, exist_ok=True)
            parts = filter(None, (selection.expression(file), self.expression))
            job = {"number": number, "backend": backend, "file": file}
            job |= {"path": str(path), "root": str(place / "tests")}
            job |= {"records": str(place / f"{number}.jsonl")}
            job |= {"log": str(log.with_suffix(".log").resolve())}
            job |= {"expression": " and ".join(f"({part})" for part in parts)}
            plan.append(job)
        return plan

    def _run(self, jobs: list[dict[str, Any]], place: Path, folder: Path) -> None:
        plan = {"jobs": jobs, "at_once": self.at_once, "seconds": self.file_seconds}
        (place / "plan.json").write_text(json.dumps(plan))
        (place / "home").mkdir()
        told = settings.environment(self.target, self.strict, self.test_seconds)
        if self.target == "keras":  # which may be imported before the fork
            (told["KERAS_BACKEND"],) = {job["backend"] for job in jobs}
        with subprocess.Popen(
            [sys.executable, "-m", "compatibility.forking", "plan.json"],
            env={**told, "HOME": str(place / "home")},  # no configuration is read
            stdout=subprocess.PIPE,
            text=True,
            cwd=place,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("DONE "):
                    self._keep(jobs, json.loads(line.removeprefix("DONE ")), folder)
                elif not self.quiet:
                    print(line, end="", flush=True)
        if process.returncode:
            raise SystemExit(f"The processes ended with code {process.returncode}.")

    def _keep(
        self, jobs: list[dict[str, Any]], done: dict[str, Any], folder: Path
    ) -> None:
        job = jobs[done["number"]]
        info = {**records(Path(job["records"])), **done}
        del info["number"]
        path = results_path(folder, self.target, job["backend"])
        results = load(path)
        results["meta"] = {"target": self.target, "backend": job["backend"]}
        results["meta"]["strict"] = self.strict
        before = results["files"].get(job["file"])
        if self.expression and before:
            info["tests"] = {**before["tests"], **info["tests"]}
            info |= {key: before[key] for key in ("collected", "private")}
        results["files"][job["file"]] = info
        save(path, results)
        if not self.quiet:
            print(job["backend"], job["file"], *summary(info), flush=True)


def summary(info: Results) -> list[str]:
    """Return the counts of a file, as words."""
    outcomes = [test["o"] for test in info["tests"].values()]
    counts = [f"{name} {outcomes.count(name)}" for name in sorted(set(outcomes))]
    error = [f"[{info['error']}]"] if info["error"] else []
    return [*counts, info["status"], f"{info['secs']} s", *error]


def records(path: Path) -> Results:
    """Return what the process of a file wrote down."""
    info: Results = {"collected": [], "private": [], "error": None, "tests": {}}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:  # cut off where the process was killed
            continue
        if "collected" in record:
            info |= record
        elif "collect_error" in record:
            info["error"] = record["collect_error"]
        else:
            name = record.pop("id")
            info["tests"][name] = {key: value for key, value in record.items() if value}
    return info


def results_path(folder: Path, target: str, backend: str) -> Path:
    """Return the file of the results of a package on a backend."""
    return folder / f"{target}-{backend}.json"


def load(path: Path) -> Results:
    """Return stored results, empty ones where there are none."""
    return json.loads(path.read_text()) if path.exists() else {"meta": {}, "files": {}}


def save(path: Path, results: Results) -> None:
    """Store results in one move."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results))
    os.replace(new, path)
