"""Each mistake of a first user is told in a sentence, or does what he meant."""

import importlib
import re
import traceback
import warnings
from pathlib import Path

import pytest
from mistaken import ROWS

from multinet import config, tracebacks
from multinet.registry import use_backend

HERE = Path(__file__).parent
for module in sorted(HERE.glob("mistakes_of_*.py")):
    importlib.import_module(module.stem)

CASES = [
    pytest.param(row, name, id=f"{row.number}-{row.run.__name__}-{name}")
    for row in ROWS
    for name in row.on or ("numpy", "jax", "torch", "tensorflow")
]


@pytest.fixture(autouse=True)
def filtered():
    """The default, whatever the run was told."""
    before = tracebacks.filtering()
    config.enable_traceback_filtering()
    yield
    tracebacks.set_filtering(before)


@pytest.mark.parametrize(("row", "name"), CASES)
def test_a_mistake_is_told(row, name, capsys):
    with use_backend(name), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        error = error_of(row)
    told = [
        each
        for each in caught
        if row.warning and issubclass(each.category, row.warning)
    ]
    others = [str(each.message) for each in caught if each not in told]
    assert not others
    if error is not None and (row.said is None or row.warning):
        raise error
    if row.warning:
        assert any(re.search(f"(?s){row.said}", str(each.message)) for each in told), (
            told
        )
        assert len({str(each.message) for each in told}) == len(told), "told twice"
    elif row.said is not None:
        refuses(row, error)
    assert "Traceback" not in capsys.readouterr().err


def error_of(row):
    try:
        row.run()
    except Exception as error:
        return error
    return None


def refuses(row, error):
    """Check the class, the text and the lines of an error, as Python prints it."""
    assert error is not None, "accepted in silence"
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(shown.stack[1:])  # `error_of`
    text = "".join(shown.format())
    assert isinstance(error, row.error), text
    message = " ".join([str(error), *getattr(error, "__notes__", ())])
    assert re.search(f"(?s){row.said}", message), text
    assert len(text.splitlines()) <= 15 and len(message) < 800, text
    assert text.count("Traceback") == 1, text  # none before it, nor one as its cause
    files = {Path(frame.filename) for frame in shown.stack}
    assert files and all(file.parent == HERE for file in files), text
    assert shown.stack[0].name == row.run.__name__, text
    assert row.shows is None or row.shows in text, text
