"""Logs that callbacks write elsewhere: to a CSV file as Keras does, and to a server."""

import csv
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import keras
import numpy as np
import pytest

import multinet
from multinet.callbacks import BackupAndRestore, CSVLogger, RemoteMonitor

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 12, 1)).astype("float32")


def compiled(library):
    """Return the same small model of a library."""
    kernel = library.initializers.Constant(0.3)
    dense = library.layers.Dense(1, kernel_initializer=kernel)
    model = library.Sequential([library.Input((1,)), dense])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def fit(library, path, **options):
    """Fit with a CSVLogger, with a validation in each second epoch; return the file."""
    logger = library.callbacks.CSVLogger(path, **options)
    compiled(library).fit(
        X,
        Y,
        batch_size=4,
        epochs=3,
        shuffle=False,
        verbose=0,
        validation_data=(X, Y),
        validation_freq=2,
        callbacks=[logger],
    )
    return path.read_text().splitlines()


def test_a_csv_file_is_that_of_keras(real_backend, tmp_path):
    mine = fit(multinet, tmp_path / "mine.csv", separator=";")
    theirs = fit(keras, tmp_path / "theirs.csv", separator=";")
    assert mine[0] == theirs[0] == "epoch;loss;mae;val_loss;val_mae"
    for row, wanted in zip(mine[1:], theirs[1:], strict=True):
        for cell, want in zip(row.split(";"), wanted.split(";"), strict=True):
            if want == "NA":
                assert cell == "NA"
            else:
                assert float(cell) == pytest.approx(float(want), rel=1e-5)


def test_rows_are_appended_under_the_columns_of_the_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("mae,epoch\n0.5,0\n")
    logger = CSVLogger(path, append=True)
    with pytest.warns(RuntimeWarning, match="no columns for .'loss'.*left out"):
        compiled(multinet).fit(X, Y, epochs=1, verbose=0, callbacks=logger)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "0"]
    assert rows[0]["mae"] == "0.5" and float(rows[1]["mae"]) > 0


def test_each_fit_begins_a_file_anew_without_append(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    for _ in range(2):
        compiled(multinet).fit(X, Y, epochs=2, verbose=0, callbacks=logger)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_a_row_is_in_the_file_at_the_end_of_its_epoch(tmp_path):
    seen = []

    def look(epoch, logs):
        seen.append(len((tmp_path / "log.csv").read_text().splitlines()))

    watching = multinet.callbacks.LambdaCallback(on_epoch_end=look)
    both = [CSVLogger(tmp_path / "log.csv"), watching]
    compiled(multinet).fit(X, Y, epochs=2, verbose=0, callbacks=both)
    assert seen == [2, 3]


@pytest.fixture
def server():
    """A server on this machine, and what it has been told."""
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.append((self.path, dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Print nothing."""

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", told
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize("send_as_json", [True, False])
def test_a_server_gets_the_logs_of_each_epoch(send_as_json, server):
    root, told = server
    remote = RemoteMonitor(
        root, "/logs", "values", {"X-Run": "7"}, send_as_json=send_as_json
    )
    history = compiled(multinet).fit(X, Y, epochs=2, verbose=0, callbacks=remote)
    assert [path for path, *_ in told] == ["/logs", "/logs"]
    for epoch, (_, headers, body) in enumerate(told):
        text = body if send_as_json else urllib.parse.parse_qs(body)["values"][0]
        wanted = {name: values[epoch] for name, values in history.history.items()}
        assert json.loads(text) == {"epoch": epoch, **wanted}
        assert headers["X-Run"] == "7"
        assert ("json" in headers["Content-Type"]) == send_as_json


def test_logs_of_one_s_own_may_be_arrays(server):
    root, told = server
    logs = {"loss": np.float32(0.5), "each": np.array([1.0, 2.0])}
    RemoteMonitor(root, send_as_json=True).on_epoch_end(3, logs)
    ((_, _, body),) = told
    assert json.loads(body) == {"epoch": 3, "loss": 0.5, "each": [1.0, 2.0]}


def test_training_goes_on_without_the_server(server):
    root, _ = server
    gone = root.rsplit(":", 1)[0] + ":9"
    with pytest.warns(RuntimeWarning, match="could not reach http://127.0.0.1:9"):
        history = compiled(multinet).fit(
            X, Y, epochs=2, verbose=0, callbacks=RemoteMonitor(gone)
        )
    assert len(history.history["loss"]) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CSVLogger("a.csv", separator=""), "separator to be one character"),
        (lambda: CSVLogger("a.csv", append="yes"), "append"),  # type: ignore[arg-type]
        (lambda: RemoteMonitor("localhost:9000"), "begin with http"),
        (lambda: BackupAndRestore(None), "backup_dir to be a folder, got None"),  # type: ignore[arg-type]
    ],
)
def test_other_arguments_are_refused(make, words):
    with pytest.raises(multinet.MultinetError, match=words):
        make()
