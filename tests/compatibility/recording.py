"""The pytest plug-in of the processes that run tests: a line of JSON for each test.

A process that is killed has left what it had.
"""

import inspect
import json
import os
import signal
import types
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from . import settings
from .standin import case, finder, parts, warned

finder.install()

_MARKERS = {
    "requires_trainable_backend": "trainable backends only",
    "multi_device": "more than one device",
    "large": "heavy",
}
_records: dict[str, dict[str, Any]] = {}


class TooLong(BaseException):
    """A test ran past its time."""


def skip_if_backend(given_backend: str, reason: str) -> pytest.MarkDecorator:
    """Return the mark that tests import from `conftest`."""
    return pytest.mark.skipif(parts.backend_name() == given_backend, reason=reason)


def _write(record: dict[str, Any]) -> None:
    with open(os.environ["COMPATIBILITY_RECORDS"], "a") as file:
        file.write(json.dumps(record) + "\n")


if not settings.strict():
    _raises: Any = pytest.raises

    def raises(*args: Any, **kwargs: Any) -> Any:
        """Do as `pytest.raises`, whatever the words of the error."""
        kwargs.pop("match", None)
        return _raises(*args, **kwargs)

    pytest.raises = raises
    warned.install()


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of Keras's tests."""
    for name, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Skip what the backend or the machine cannot do, and write down what is there."""
    on_numpy = parts.backend_name() == "numpy"
    for item in items:
        if on_numpy and "requires_trainable_backend" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs training"))
        if "multi_device" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs more devices"))
    private = [_name(item.nodeid) for item in items if _is_private(item)]
    _write({"collected": [_name(item.nodeid) for item in items], "private": private})


def _is_private(item: Any) -> bool:
    """Return whether the test's own code has an attribute `._name`, not of the test."""
    function = inspect.unwrap(item.function)
    function = getattr(function, "__func__", function)
    own = set(getattr(function, "__globals__", {})) | set(dir(item.cls or object))
    code = getattr(function, "__code__", None)
    names = set(_names(code)) if code is not None else set()
    return any(n.startswith("_") and not n.startswith("__") for n in names - own)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names(constant)


def _name(node: str) -> str:
    return node.partition("::")[2]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write down why a file could not be read."""
    if report.failed:
        _write({"collect_error": _last_error(str(report.longrepr))})


def _last_error(text: str) -> str:
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    lines = lines or [line for line in text.splitlines() if line.strip()][-1:]
    return next((line[:240] for line in lines if line), "")


def _alarm(signum: int, frame: object) -> None:
    raise TooLong(f"test ran past {settings.seconds()} s")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Bound the time of a test."""
    case.OTHER_WORDS.clear()
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(settings.seconds())
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Write down how a test ended, and why."""
    outcome: Any = yield
    report = outcome.get_result()
    record = _records.setdefault(item.nodeid, {"d": 0.0, "o": "passed", "why": None})
    record["d"] += report.duration
    if report.outcome != "passed" and record["o"] == "passed":
        failed = report.outcome == "failed" and report.when != "call"
        record["o"] = "error" if failed else report.outcome
        record["why"] = _reason(report, call.excinfo)
    if report.when == "teardown":
        done = _records.pop(item.nodeid)
        done["d"] = round(done["d"], 3)
        _write({"id": _name(item.nodeid), **done, "msgs": len(case.OTHER_WORDS)})


def _reason(report: Any, error: pytest.ExceptionInfo | None) -> str:
    if error is not None and report.outcome != "skipped":
        lines = str(error.value).strip().splitlines() or [""]
        return f"{error.typename}: {lines[0]}"[:240]
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[-1])[:240]
    return _last_error(str(report.longrepr))
