"""Runs Keras's own tests against Multinet, and counts.

python -m tests.compatibility run --backend numpy --areas ops saving
python -m tests.compatibility score --backend numpy --failed 'saving/*'
python -m tests.compatibility page
"""

import argparse
import datetime
from pathlib import Path

from . import page, sampling, scoring, selection, settings
from .running import Run, load, results_path

RESULTS = settings.HERE.parent.parent / "build" / "compatibility"


def run(options: argparse.Namespace) -> None:
    """Run files that have no results yet, all of them with --redo."""
    files = selection.select(options.areas, options.files)
    options.results.mkdir(parents=True, exist_ok=True)
    start = Run(
        target=options.target,
        strict=options.strict_messages,
        at_once=options.jobs,
        file_seconds=options.timeout,
        test_seconds=options.test_timeout,
        expression=options.k,
    )
    for backend in options.backend:
        known = load(results_path(options.results, options.target, backend))["files"]
        again = options.redo or options.k
        jobs = [(backend, file) for file in files if again or file not in known]
        start(jobs, options.results)


def files(options: argparse.Namespace) -> None:
    """Print the test files, and why some are left out."""
    for file in selection.files():
        reason = selection.reason_left_out(file)
        print(file, f"left out: {reason}" if reason else "")


def score(options: argparse.Namespace) -> None:
    """Print how many tests of the ceiling pass, by area and backend."""
    for backend in options.backend:
        results = load(results_path(options.results, options.target, backend))
        tests = list(scoring.ended(results, backend))
        _score(backend, tests, options)


def _score(
    backend: str, tests: list[scoring.Ended], options: argparse.Namespace
) -> None:
    print(
        f"\n{options.target} on {backend}: passed / ceiling, and of it the public part"
    )
    if options.by_file:
        for file in sorted({test.file for test in tests}):
            print(f"  {file:64} {_line([t for t in tests if t.file == file])}")
    for area, inner in scoring.by_area(tests).items():
        print(f"{area:18} {_line(inner)}")
    print(f"{'all':18} {_line(tests)}")
    words = sum(test.other_words for test in tests)
    ruled = sum(bool(t.why and t.against_a_rule) for t in tests)
    print(f"other words of an error: {words}; against a rule, not counted: {ruled}")
    for test in tests:
        if test.why and options.failed and page.fits(test.file, options.failed):
            print("FAILED", test.address, "|", test.why[:160])
    for text, count in scoring.commonest(tests, options.top):
        print(f"{count:6}  {text}")


def _line(tests: list[scoring.Ended]) -> str:
    public = [test for test in tests if not test.private]
    return f"{scoring.counts(tests)!s:>18}   {scoring.counts(public)!s:>18}"


def ceiling(options: argparse.Namespace) -> None:
    """Store what Keras passes (`run --target keras`) as the ceiling."""
    for backend in options.backend:
        results = load(results_path(options.results, "keras", backend))
        path = settings.HERE / "ceilings" / f"{backend}.json.gz"
        scoring.make_ceiling(results, path)


def sample(options: argparse.Namespace) -> None:
    """Run the sample; with --renew store which of its tests pass."""
    options.results.mkdir(parents=True, exist_ok=True)
    passing = sampling.run(options.results, options.jobs)
    if options.renew:
        sampling.store(passing)
    for backend, failed in sampling.fallen(passing).items():
        count = sum(map(len, passing[backend].values()))
        print(f"{backend}: {count} pass", *failed, sep="\n  FAILED ")


def write_page(options: argparse.Namespace) -> None:
    """Write docs/compatibility.md from the results."""
    day = datetime.date.today().isoformat()
    options.page.write_text(page.text(options.results, day))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(
        "python -m tests.compatibility", description=__doc__
    )
    whole.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = whole.add_subparsers(required=True)
    for function in (run, score, files, ceiling, sample, write_page):
        name = function.__name__.removeprefix("write_")
        command = commands.add_parser(name, help=function.__doc__)
        command.set_defaults(function=function)
        add = command.add_argument
        add("--results", type=Path, default=RESULTS, help="folder of the results")
        add("--backend", nargs="*", default=settings.BACKENDS)
        add("--target", default="multinet", help="the package under test, or keras")
        add("--jobs", type=int, default=1, help="processes at once")
        if function is run:
            _add_run(command)
        if function is score:
            add("--by-file", action="store_true")
            add("--failed", default="", help="pattern of files whose failures are told")
            add("--top", type=int, default=25, help="how many errors")
        if function is sample:
            add("--renew", action="store_true", help="store which tests pass")
        if function is write_page:
            add("--page", type=Path, default=page.PAGE)
    return whole


def _add_run(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--areas", nargs="*", default=(), help="folders, such as ops")
    add("--files", nargs="*", default=(), help="patterns, such as 'ops/nn_*'")
    add("-k", default="", help="of the tests, as pytest has it")
    add("--redo", action="store_true", help="again what has results")
    add("--timeout", type=int, default=1800, help="seconds for a file")
    add("--test-timeout", type=int, default=120, help="seconds for a test")
    add("--strict-messages", action="store_true", help="compare words of errors")


if __name__ == "__main__":
    told = parser().parse_args()
    told.function(told)
