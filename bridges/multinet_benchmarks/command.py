"""Multinet against hand-written loops and Keras 3: one command, one table of ratios.

multinet bench --workloads W1,W2 --backends jax,numpy
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from multinet_benchmarks import contenders, machine, report
from multinet_benchmarks.workloads import WORKLOADS

WHAT = ("step", "predict", "start", "memory")
console = Console()
if not console.is_terminal:  # a file or a pipe: as wide as the table
    console = Console(width=140)


def main(
    workloads: Annotated[str, typer.Option(help="W1 to W6 and W2b, or all")] = "all",
    backends: Annotated[str, typer.Option(help="of these, or all")] = "all",
    what: Annotated[str, typer.Option(help="step, predict, start, memory")] = "all",
    threads: Annotated[str, typer.Option(help="1, 2 or both")] = "1",
    repeats: Annotated[int, typer.Option(help="rounds whose median counts")] = 7,
    starts: Annotated[int, typer.Option(help="fresh processes for each start")] = 3,
    steps: Annotated[int | None, typer.Option(help="steps an epoch")] = None,
    epochs: Annotated[int | None, typer.Option(help="epochs a round")] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="write all figures")
    ] = None,
    plot_path: Annotated[
        Path | None, typer.Option("--plot", help="write a PNG")
    ] = None,
    markdown_path: Annotated[
        Path | None, typer.Option("--markdown", help="write the table")
    ] = None,
    contender: Annotated[
        list[Path] | None,
        typer.Option(help="a file with build(workload, weights), added; repeatable"),
    ] = None,
    load: Annotated[Path | None, typer.Option(help="show an earlier --json")] = None,
) -> None:
    """Measure, and print a table of ratios: Multinet's figures over the others'."""
    if load is not None:
        results = json.loads(load.read_text())
    else:
        counts = (1, 2) if threads == "both" else (_positive(threads),)
        common = {
            "what": _chosen(what, WHAT, "--what"),
            "repeats": repeats,
            "starts": starts,
            "steps": steps,
            "epochs": epochs,
            "others": [str(path) for path in contender or ()],
        }
        cases = [
            {"workload": workload, "backend": backend, "threads": count}
            for count in counts
            for workload in _chosen(workloads, tuple(WORKLOADS), "--workloads")
            for backend in _chosen(backends, contenders.BACKENDS, "--backends")
        ]
        results = _measure(cases, common, json_path)
    _show(results, plot_path, markdown_path)
    if report.failures(results):
        raise typer.Exit(1)


def _chosen(text: str, known: tuple[str, ...], option: str) -> list[str]:
    names = list(known) if text == "all" else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(
            f"{option} has no {', '.join(unknown)}; expected some of "
            f"{','.join(known)}, or all."
        )
    return names


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise typer.BadParameter(f"--threads must be 1, 2 or both, got {text!r}.")
    return int(text)


def _measure(
    cases: list[dict[str, Any]], common: dict[str, Any], path: Path | None
) -> dict[str, Any]:
    """Measure case by case; what is done is shown, and written to `path`, at once."""
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "date": time.strftime("%Y-%m-%d"),
        "settings": common,
        "cases": [],
    }
    for case in cases:
        title = WORKLOADS[case["workload"]].title
        name = f"{case['workload']} {title}, {case['backend']}, {case['threads']}"
        with console.status(f"{name} threads"):
            _measure_case(case, common)
        results["cases"].append(case)
        console.print(report.line(case), markup=False, highlight=False)
        if path is not None:
            path.write_text(json.dumps(results, indent=1))
    return results


def _measure_case(case: dict[str, Any], common: dict[str, Any]) -> None:
    """Add what is measured, or why it could not be, to the case."""
    spec, what = {**case, **common}, common["what"]
    case["errors"] = {}
    if "step" in what or "predict" in what:
        case |= _child(case, "together", {**spec, "job": "together"})
    turns = common["starts"] if "start" in what else int("memory" in what)
    names = contenders.names(case["backend"], common["others"])
    wanted = [key for key in ("start", "memory") if key in what]
    for key in wanted:
        case[key] = {name: [] for name in names}
    for _ in range(turns):
        for name in names:
            if f"alone, {name}" in case["errors"]:
                continue
            job = {**spec, "job": "alone", "contender": name}
            found = _child(case, f"alone, {name}", job)
            for key in wanted:
                if key in found:
                    case[key][name].append(found[key])


def _child(case: dict[str, Any], job: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Run a process of measure.py; return its result, or note its error."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "multinet_benchmarks.measure", json.dumps(spec)],
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    case["errors"][job] = lines[-1]
    console.print(f"[red]{case['workload']} {case['backend']}, {job}:[/red]")
    console.print("\n".join(lines[-12:]), markup=False)
    return {}


def _show(
    results: dict[str, Any],
    plot_path: Path | None,
    markdown_path: Path | None,
) -> None:
    console.print(report.table(results))
    for line in report.failures(results):
        console.print(f"NOT MEASURED: {line}", style="red", markup=False)
    if markdown_path is not None:
        markdown_path.write_text(report.markdown(results))
    if plot_path is not None:
        # It needs Matplotlib, and the rest of this command does not.
        from multinet_benchmarks import plot

        plot.draw(results, plot_path)


def run(arguments: Sequence[str]) -> None:
    """Run the command on the arguments of a shell, and end the program."""
    app = typer.Typer(add_completion=False)
    app.command()(main)
    app(list(arguments), prog_name="multinet bench")
