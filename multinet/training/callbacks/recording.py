"""Callbacks that write the logs of epochs elsewhere: CSVLogger and RemoteMonitor."""

from __future__ import annotations

import csv
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from multinet.checks import flag, shown
from multinet.errors import ArgumentError
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.typing import Data

_PATIENCE = 10.0  # seconds to wait for a server


class CSVLogger(Callback):
    """Write a row of the logs after each epoch to a CSV file, which has it at once.

    The columns of `filename`, parted by `separator`, are the epoch, counted from 0, and
    the names of the first epoch's logs in their order by letters, those of a validation
    too. What an epoch does not have is "NA". With `append` the rows follow those of the
    file, whose columns they take; without it each fit begins the file anew.

    >>> log = callbacks.CSVLogger("training.csv", append=True)
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        separator: str = ",",
        append: bool = False,
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        if not isinstance(separator, str) or len(separator) != 1:
            raise ArgumentError(
                f"Expected separator to be one character, got {shown(separator)}."
            )
        self.sep, self.append = separator, flag(append, "append")
        self.keys: list[str] | None = None
        self._file: IO[str] | None = None
        self._lost: set[str] = set()
        self._cut: int | None = None  # the size to which the file is cut

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the file; read the columns of one that is to be continued."""
        self.keys, self._lost = self._columns(), set()
        self._file = open(self.filename, "a", newline="")
        # Not at once: a fit that goes on keeps the rows that it has written before.
        self._cut = None if self.append else 0

    def get_state(self) -> dict[str, Data]:
        """Return the columns, and the size of the file."""
        size = os.path.getsize(self.filename) if self._cut is None else self._cut
        return {"columns": self.keys, "size": size}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on after the rows that were there."""
        self.keys = state["columns"]
        self._cut = min(state["size"], os.path.getsize(self.filename))

    def _begin(self, file: IO[str]) -> None:
        """Leave those rows in the file that come before the next one."""
        if self._cut is not None:
            file.truncate(self._cut)
            self._cut = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a row."""
        if self._file is None:
            return
        self._begin(self._file)
        row = {"epoch": epoch, **(logs or {})}
        writer: Any = csv.writer(self._file, delimiter=self.sep)
        if self.keys is None:
            names = sorted(logs or {})
            if not any(name.startswith("val_") for name in names):
                names += [f"val_{name}" for name in names]  # they may come later
            self.keys = ["epoch", *names]
            writer.writerow(self.keys)
        new = set(row) - set(self.keys) - self._lost
        if new:
            self._lost |= new
            warnings.warn(
                f"{self.filename} has no columns for {sorted(new)}, which were not "
                "among the logs of the first epoch. They are left out.",
                RuntimeWarning,
                stacklevel=2,
            )
        writer.writerow([_plain(row.get(key, "NA")) for key in self.keys])
        self._file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._begin(self._file)
            self._file.close()
            self._file = None

    def _columns(self) -> list[str] | None:
        """Return the columns of the file, None of one that is to be written anew."""
        if not self.append or not os.path.exists(self.filename):
            return None
        with open(self.filename, newline="") as file:
            return next(csv.reader(file, delimiter=self.sep), None)


def _plain(value: Any) -> Any:
    """Return a value as a cell; a list of several numbers in one."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return value


class RemoteMonitor(Callback):
    """Send the logs of each epoch to a server, by POST to `root + path`.

    They are JSON with the epoch, counted from 0: the body itself with `send_as_json`,
    else in the form field `field`. Where the server cannot be reached, a warning says
    so, and training goes on.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not str(root).startswith(("http://", "https://")):
            raise ArgumentError(
                f"Expected root to begin with http:// or https://, got {shown(root)}."
            )
        self.root, self.path, self.field = root, path, field
        self.headers = dict(headers or {})
        self.send_as_json = flag(send_as_json, "send_as_json")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Send the epoch and its logs."""
        values = {k: np.asarray(v).tolist() for k, v in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **values})
        kind = "application/json"
        if not self.send_as_json:
            text = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path,
            text.encode(),
            {"Content-Type": kind, **self.headers},
        )
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE).close()
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(
                f"RemoteMonitor could not reach {self.root}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
