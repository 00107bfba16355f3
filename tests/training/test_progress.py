"""Progress as users see it: on the screen of a terminal, in pipes and notebooks."""

import contextlib
import io
import logging
import os
import pty
import re
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
from screen import seen

import multinet
from multinet import callbacks, layers
from multinet.progress import NotebookReporter
from multinet.progress.rows import Bar, cells, clock, fit, format_logs, wrap

X = np.random.default_rng(0).random((40, 3), np.float32)
Y = X[:, 0]
WIDTHS = (60, 80, 120)
widths = pytest.mark.parametrize("width", WIDTHS)
LINE = r" - \d+\.\ds - \d+\.\d\dms/step"


def line(metrics=()):
    """Return a compiled linear model."""
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=list(metrics))
    return model


# -- on a terminal ---------------------------------------------------------------------


@widths
def test_the_running_epoch_is_on_the_screen_below_those_before(width):
    shown = seen(width).shown["mid-way"]
    assert re.match(r"Epoch 40/60 - 2 steps - .* - loss: \d\.\d{4}$", shown[-2])
    assert re.match(r"Epoch 41/60 - 1/2 .* - loss: \d\.\d{4}$", shown[-1])
    assert ("━" in shown[-1]) == (width > 60)
    assert shown[-2].startswith("Epoch 40/60")


@widths
def test_every_epoch_leaves_one_line_and_nothing_else(width):
    rows = seen(width).rows["many epochs"]
    assert rows[0] == "first words"
    assert [row.split(" - ")[0] for row in rows[1:]] == [
        f"Epoch {i}/60" for i in range(1, 61)
    ]
    assert seen(width).shown["many epochs"][-1].startswith("Epoch 60/60 - 2 steps")


@widths
def test_no_name_or_value_is_cut_however_many_there_are(width):
    found = seen(width)
    rows = found.since("metrics", "many epochs")
    history = found.facts["metrics"]["history"]
    assert len(history) == 8
    for i in range(3):
        first = next(k for k, r in enumerate(rows) if r.startswith(f"Epoch {i + 1}/3"))
        last = next(
            (k for k, r in enumerate(rows) if r.startswith(f"Epoch {i + 2}/3")),
            len(rows),
        )
        parts = [p for row in rows[first:last] for p in row.strip().split(" - ")]
        logs = {name: values[i] for name, values in history.items()}
        assert parts[:2] == [f"Epoch {i + 1}/3", "3 steps"]
        assert parts[4:] == format_logs(logs)


@widths
def test_the_live_line_is_one_row_with_epoch_steps_and_loss(width):
    last = seen(width).shown["live with metrics"][-1]
    assert re.match(r"Epoch 2/3 - 1/3 .*- loss: \d", last) and len(last) < width
    before = seen(width).shown["live with metrics"][-2]
    assert before.startswith("    ") or before.startswith("Epoch 1/3")


@widths
def test_what_callbacks_print_stands_where_they_printed_it(width):
    rows = [r for r in seen(width).since("prints", "metrics") if r[:4] != "    "]
    first, second = (
        [f"begin {i}", "batch 0", "batch 1", "logged 2", "batch 2, test begins", "."]
        for i in (1, 2)
    )
    first[0] = "training begins, begin 1"
    found = [re.sub(r"(Epoch \d/2) - 3 steps - .*", r"\1", row) for row in rows]
    assert found == [*first, "Epoch 1/2", "end 1", *second, "Epoch 2/2", "end 2"]


@widths
def test_evaluate_and_predict_say_what_they_did(width):
    rows = seen(width).since("evaluated", "prints")
    assert len(rows) == 3
    assert re.match(f"Evaluate - 2 steps{LINE} - loss: ", rows[0])
    assert re.match(f"Predict - 1 step{LINE}$", rows[1])
    assert re.match(f"Evaluate - 1 step{LINE} - loss: ", rows[2])


@widths
def test_an_error_comes_below_the_live_line(width):
    rows = seen(width).since("end", "evaluated")
    assert re.match("Epoch 1/3 - 1/4 .*loss: ", rows[0])
    assert rows[1].startswith("Traceback") and rows[-1] == "KeyboardInterrupt"


@widths
def test_no_escape_code_is_needed(width):
    assert b"\x1b" not in seen(width).bytes


def test_a_dumb_terminal_gets_lines_only():
    found = seen(80, TERM="dumb")
    assert b"\x1b" not in found.bytes
    assert b"\r" not in found.bytes.replace(b"\r\n", b"")
    assert found.shown["mid-way"][-1].startswith("Epoch 40/60 - 2 steps")
    assert len(found.since("evaluated", "prints")) == 3


def test_a_terminal_that_knows_ascii_only_gets_a_bar_of_ascii():
    found = seen(120, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert found.bytes.isascii()
    assert "====" in found.shown["mid-way"][-1]
    assert found.rows["end"][-1] == "KeyboardInterrupt"


class Pty:
    """Lets sys.stdout be a pseudo-terminal; `text` is what it got, at the end."""

    def __enter__(self):
        self.ours, theirs = pty.openpty()
        self.stream, self.got = os.fdopen(theirs, "w", encoding="utf-8"), []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.before, sys.stdout = sys.stdout, self.stream
        return self

    def read(self):
        """Read until nobody has the other end."""
        with contextlib.suppress(OSError):
            while data := os.read(self.ours, 1 << 16):
                self.got.append(data)

    def __exit__(self, *exc):
        sys.stdout = self.before
        self.stream.close()
        self.reader.join()
        os.close(self.ours)
        self.text = b"".join(self.got).decode()


@pytest.fixture(autouse=True)
def _no_dumb_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")


def test_threads_share_a_terminal():
    errors = []

    def train():
        try:
            line().fit(X, Y, epochs=200)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=train) for _ in range(3)]
    with Pty() as terminal:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    for epoch in range(1, 201):
        assert terminal.text.count(f"Epoch {epoch}/200 - 2 steps - ") == 3


def test_the_stream_is_given_back_as_it_was():
    class Fails(callbacks.Callback):
        def on_train_begin(self, logs=None):
            assert "write" in vars(sys.stdout)
            raise ValueError

    with Pty() as terminal:
        before = dict(vars(terminal.stream)), terminal.stream.write
        line().fit(X, Y)
        with pytest.raises(ValueError):
            line().fit(X, Y, callbacks=[Fails()])
        assert (dict(vars(terminal.stream)), terminal.stream.write) == before


def test_work_inside_a_fit_shares_its_terminal():
    class Nested(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            line().predict(X)

    with Pty() as terminal:
        line().fit(X, Y, epochs=2, callbacks=[Nested()])
    words = re.findall(r"(Epoch \d/2|Predict) - 2 steps", terminal.text)
    assert words == ["Epoch 1/2", "Predict", "Epoch 2/2", "Predict"]


# -- elsewhere -------------------------------------------------------------------------


def test_a_pipe_gets_a_line_each_and_no_codes():
    code = (
        "import numpy as np, multinet\n"
        "m = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])\n"
        "m.compile('sgd', 'mse')\n"
        "x = np.ones((40, 3), 'float32')\n"
        "m.fit(x, x[:, 0], epochs=2, verbose=1); m.evaluate(x, x[:, 0])\n"
        "m.predict(x[:3])\n"
    )
    environment = {**os.environ, "MULTINET_BACKEND": "numpy", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=True
    )
    rows = done.stdout.decode().splitlines()
    assert done.stdout.isascii() and b"\x1b" not in done.stdout
    patterns = ["Epoch 1/2 - 2 steps", "Epoch 2/2 - 2 steps", "Evaluate - 2 steps"]
    for row, pattern in zip(rows, patterns, strict=False):
        assert re.match(f"{pattern}{LINE} - loss: ", row)
    assert len(rows) == 4 and re.match(f"Predict - 1 step{LINE}$", rows[3])


@pytest.mark.parametrize("verbose", ["auto", 1, 2, True])
def test_output_that_is_caught_gets_lines(verbose):
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        line().fit(X, Y, epochs=2, verbose=verbose)
    assert len(caught.getvalue().splitlines()) == 2


@pytest.mark.parametrize("verbose", [0, False])
def test_silence(verbose, capsys):
    line().fit(X, Y, verbose=verbose)
    line().predict(X, verbose=verbose)
    assert capsys.readouterr().out == ""


def test_lines_go_to_the_logger_where_interactive_logging_is_off(caplog):
    multinet.config.disable_interactive_logging()
    try:
        with Pty() as terminal, caplog.at_level(logging.INFO, logger="multinet"):
            line().fit(X, Y, epochs=2, verbose=1)
    finally:
        multinet.config.enable_interactive_logging()
    assert terminal.text == ""
    assert [r.getMessage()[:9] for r in caplog.records] == ["Epoch 1/2", "Epoch 2/2"]


def test_an_epoch_cut_short_says_how_far_it_came(capsys):
    class Stops(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    line().fit(X, Y, batch_size=10, callbacks=[Stops()])
    assert "Epoch 1/1 - 2/4 steps - " in capsys.readouterr().out


class OutStream(io.StringIO):
    """Stands for the stream of a notebook's cell."""

    __module__ = "ipykernel.iostream"


def test_a_notebook_keeps_one_line_an_epoch(monkeypatch):
    class Output:
        def update(self, data, raw):
            versions.append(data["text/plain"])

    def display(data, raw, display_id):
        print(f"<output {len(outputs)}>")
        outputs.append(Output())
        outputs[-1].update(data, raw)
        return outputs[-1]

    class Slow(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            # As if a step of the second epoch took longer than the interval.
            monkeypatch.setattr(NotebookReporter, "interval", -1 if epoch[0] else 99)

        def on_epoch_begin(self, number, logs=None):
            epoch[0] = number == 1

    outputs, versions, epoch = [], [], [False]
    monkeypatch.setitem(
        sys.modules, "IPython.display", types.SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    with contextlib.redirect_stdout(OutStream()) as cell:
        line().fit(X, Y, epochs=3, callbacks=[Slow()])
    rows = [row.split(" - ")[0] for row in cell.getvalue().splitlines()]
    assert rows == ["Epoch 1/3", "<output 0>", "Epoch 3/3"]
    assert [v.split(" - ")[1][:3] for v in versions] == ["1/2", "2/2", "2 s"]
    assert versions[-1].startswith("Epoch 2/3 - 2 steps - ")
    assert "\r" not in cell.getvalue() and "\x1b" not in cell.getvalue()


# -- rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("room", range(30, 160))
def test_a_live_line_fits_and_keeps_epoch_steps_and_loss(room):
    head, times = "Epoch 3/10 - 45/120", ["12s left", "3.21ms/step"]
    logs = ["loss: 1.2345", "accuracy: 0.5000", "größe: 1.0000", "高さ: 2.0000"]
    row = fit(head, times, logs, Bar(0.5, "utf-8"), room)
    assert cells(row) <= room and row.startswith(head[: room - 1])
    parts = re.sub(" [━─]+", "", row).split(" - ")
    if room >= 34:
        assert parts[:2] == ["Epoch 3/10", "45/120"] and "loss: 1.2345" in parts
    assert set(parts) <= {*head.split(" - "), *times, *logs} or room < 34


def test_a_live_line_gives_up_times_then_logs_and_a_bar_takes_what_is_left():
    def parts(room):
        row = fit("Epoch 3/10 - 1/2", ["9s left", "1.00ms/step"], logs, bar, room)
        return row.split(" - ")[1:]

    logs, bar = ["loss: 1.2345", "mae: 0.5000"], Bar(0.5, "ascii")
    times = ["9s left", "1.00ms/step"]
    assert parts(99) == [f"1/2 {'=' * 12}{'.' * 12}", *times, *logs]
    assert parts(80) == ["1/2 =====.....", *times, *logs]
    assert parts(69) == ["1/2", *times, *logs]
    assert parts(68) == ["1/2 ====....", times[1], *logs]
    assert parts(59) == ["1/2", times[1], *logs]
    assert parts(45) == ["1/2", *logs]
    assert parts(39) == ["1/2", logs[0]]


def test_rows_are_wrapped_between_parts_only():
    assert wrap(["a: 1", "b: 2", "c: 3"], 18) == "a: 1 - b: 2 - c: 3"
    assert wrap(["a: 1", "b: 2", "c: 3"], 17) == "a: 1 - b: 2\n    c: 3"
    assert wrap(["a: 1", "長い: 2", "c: 3"], 14) == "a: 1 - 長い: 2\n    c: 3"
    assert wrap(["too long", "b"], 3) == "too long\n    b"


def test_times_are_read_at_a_glance():
    assert [clock(s) for s in (0.2, 59.4, 200, 7500)] == ["0s", "59s", "3m20s", "2h05m"]
