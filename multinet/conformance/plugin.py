"""The kit as a pytest plug-in: its options, and one test a method and backend.

pytest reads options before it imports what `--pyargs` names, so name the plug-in too:
`pytest -p multinet.conformance.plugin --pyargs multinet.conformance --backend NAME`.
"""

from __future__ import annotations

import pytest

from multinet import registry
from multinet.conformance import runner
from multinet.conformance.plan import Check, Options
from multinet.conformance.probes_conversion import held
from multinet.conformance.report import Report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --backend (repeatable), --no-gradients and --all-dtypes."""
    group = parser.getgroup("multinet conformance")
    group.addoption(
        "--backend",
        action="append",
        dest="conformance_backends",
        help="A backend to check, repeatable; by default all installed ones.",
    )
    group.addoption(
        "--no-gradients", action="store_true", help="Leave derivatives out."
    )
    group.addoption("--all-dtypes", action="store_true", help="Every dtype.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test one backend, and where it asks for one, each row."""
    module = getattr(metafunc.module, "__name__", "")
    if not module.startswith("multinet.conformance."):
        return
    chosen = metafunc.config.getoption("conformance_backends", default=None)
    names = chosen or [info.name for info in registry.backends() if info.installed]
    if "row" not in metafunc.fixturenames:
        metafunc.parametrize("backend_name", names, scope="session")
        return
    rows = getattr(metafunc.module, "ROWS", runner.ROWS)
    strict = getattr(metafunc.module, "STRICT", True)
    found = []
    for name in names:
        declared = runner.known_failures(registry.get(name))
        for row in rows:
            marks = []
            if row in declared:
                marks = [pytest.mark.xfail(reason=declared[row], strict=strict)]
            found.append(pytest.param(name, row, marks=marks, id=f"{name}-{row}"))
    metafunc.parametrize(("backend_name", "row"), found, scope="session")


@pytest.fixture(scope="session")
def backend(backend_name):
    """The backend of a test."""
    return registry.get(backend_name)


@pytest.fixture(scope="session")
def options(request, backend):
    """What the run covers."""
    config = request.config
    return Options(
        held(backend),
        config.getoption("all_dtypes", default=False),
        not config.getoption("no_gradients", default=False),
    )


@pytest.fixture(scope="session")
def plans(options, backend):
    """The checks of each row."""
    found: dict[str, list[Check]] = {}
    for check in runner.round_trip():
        found.setdefault(check.row, []).append(check)
    for check in runner.plan(options, runner.overridden(backend)):
        found.setdefault(check.row, []).append(check)
    return found


@pytest.fixture
def verify(backend):
    """Return a function that performs checks and fails with all their messages."""

    def run(checks: list[Check]) -> None:
        report = Report(backend.name, backend.interface)
        for check in checks:
            runner.perform(backend, check, report)
        if report.failures:
            lines = (f"{f.case} {f.dtype}: {f.message}" for f in report.failures)
            pytest.fail("\n".join(lines), pytrace=False)

    return run
