"""Progbar: what it writes."""

import io
import logging
import re
from contextlib import redirect_stdout

import pytest

from multinet import config
from multinet.errors import ArgumentError
from multinet.utils import Progbar


def written(*updates, **options):
    """Return what a bar writes, without colours."""
    stream = io.StringIO()
    with redirect_stdout(stream):
        bar = Progbar(**({"interval": 0, "target": 3} | options))
        for update in updates:
            bar.update(*update)
    return re.sub(r"\x1b\[\d+m", "", stream.getvalue())


def test_values_are_averaged_over_the_steps():
    out = written((1, [("a", 0.0)]), (2, [("a", 2.0)]))
    assert re.search(r"2/3 .* - a: 1\.0000", out.split("\r")[-1])
    assert not out.endswith("\n")


def test_named_values_are_shown_as_they_are():
    steps = (1, [("a", 0.0)]), (2, [("a", 2.0)])
    assert " a: 2.0000" in written(*steps, stateful_metrics=["a"])
    assert " a: 2.0000" in written(*steps, stateless_metrics=["b"])
    assert " a: 1.0000" in written(*steps, stateless_metrics=["a"])


def test_the_last_step_ends_the_line():
    assert written((3,)).endswith("\n")
    assert written((3, None, True), target=None).endswith("\n")
    assert "3/Unknown" in written((3,), target=None)


def test_a_line_at_the_end_or_none():
    out = written((1,), (3, [("a", 1e-5)]), verbose=2)
    assert re.fullmatch(r"3/3 - 0s - \S+/step - a: 1\.0000e-05\n", out)
    assert written((1,), (3,), verbose=0) == ""


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_target_of_zero_is_no_error(verbose):
    written((0, None, True), target=0, verbose=verbose)


def test_a_shorter_line_covers_a_longer_one():
    out = written((1, [("a", 1e-9)]), (2, [("a", 1.0)]), stateful_metrics=["a"])
    first, second = out.split("\r")[1:]
    assert len(second) >= len(first)


def test_both_kinds_of_names_are_refused():
    with pytest.raises(ArgumentError, match="got both"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_lines_go_to_the_log_where_nobody_looks(caplog):
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "multinet"):
            assert written((3,)) == ""
    finally:
        config.enable_interactive_logging()
    assert "3/3" in caplog.text
