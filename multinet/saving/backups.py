"""A training in one file: the state of its model, and other state as plain data.

A ZIP of two members: the arrays, as in a `.weights.h5` file, and JSON. The Variables
for which Keras's files have no place, such as those of metrics, stand under `_multinet`
with the arrays that are in the data. The sums of the ZIP tell whether it is damaged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from multinet import holders
from multinet.checks import shown
from multinet.errors import ArgumentError, FileError, ShapeError
from multinet.holders import Holder
from multinet.saving import atomic
from multinet.saving.archive import WEIGHTS, NewZip, ZipArchive
from multinet.saving.hdf5 import Arrays, Reader, Writer
from multinet.saving.json import LARGEST, read_json
from multinet.saving.layout import places
from multinet.saving.memory import as_array
from multinet.saving.streams import renamed_streams, set_streams, streams_of
from multinet.saving.weights import Restoring, has_own_loader, write_state
from multinet.typing import AnyModel, Data, Host
from multinet.variables import Variable

STATE = "backup.json"
_VARIABLES, _ARRAYS, _MARK = "_multinet/variables", "_multinet/arrays", "$array"
_PLAIN = (str, int, float, bool, type(None))


def write_backup(
    model: AnyModel, path: Path, state: Data, keep: Path | None = None
) -> None:
    """Write what a model holds, and `state`, to a file: whole or not at all.

    `state` is of numbers, strings, None, arrays, and lists and dicts of them. The file
    that was there is kept under the name `keep`.
    """
    arrays: list[Host] = []
    others = _others(model)
    data = {
        "state": _without_arrays(state, arrays, "the state"),
        "parts": _kinds(model),
        "variables": len(others),
        "random": streams_of(model),
    }
    text = json.dumps(data)
    if len(text) > LARGEST:
        raise ArgumentError(
            f"The state of a callback takes {len(text)} bytes of JSON, and at most "
            f"{LARGEST} are read. Let get_state return what is long as arrays."
        )
    with atomic.replacing(path) as new:
        with NewZip(new) as archive:
            archive.text(STATE, text)
            with archive.opened(WEIGHTS) as member, Writer(member) as writer:
                write_state(model, writer)
                for place, values in ((_VARIABLES, others), (_ARRAYS, arrays)):
                    entry = writer.entry(place)
                    for i, value in enumerate(values):
                        entry[str(i)] = value
        if keep is not None and path.exists():
            os.replace(path, keep)


def _kinds(model: Any) -> dict[str, str]:
    """Return the classes of optimizers: two may have slots of the same shapes."""
    parts = (place for place in places(model) if hasattr(place.part, "iterations"))
    return {path: type(part).__name__ for path, part in parts}


def _others(model: Holder) -> list[Variable]:
    """Return the Variables that the file has no other place for, in order."""
    parts = [place.part for place in places(model)]
    exact = [
        part
        for part in parts
        if getattr(part, "_written_exactly", True) and not has_own_loader(part)
    ]
    known = [part._saved_variables() for part in exact]
    saved = {id(variable) for variables in known for variable in variables}
    found = holders.walk(model, Variable)
    return [variable for _, variable in found if id(variable) not in saved]


# -- plain data with arrays ------------------------------------------------------------


def _without_arrays(data: Data, arrays: list[Host], where: str) -> Data:
    """Return data as JSON has it: each array is its number in `arrays`."""
    if isinstance(data, np.generic):
        data = data.item()
    if isinstance(data, _PLAIN):
        return data
    if isinstance(data, list | tuple):
        return [_without_arrays(x, arrays, f"{where}[{i}]") for i, x in enumerate(data)]
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, str) or key == _MARK:
                raise ArgumentError(
                    f"Expected names as the keys of {where}, got {shown(key)}."
                )
        return {
            k: _without_arrays(x, arrays, f"{where}[{k!r}]") for k, x in data.items()
        }
    if hasattr(data, "__multinet_tensor__") or isinstance(data, np.ndarray):
        array = as_array(data)
        if array.dtype.kind in "fiub" or array.dtype.name == "bfloat16":
            arrays.append(array)
            return {_MARK: len(arrays) - 1}
    raise ArgumentError(
        "A backup holds numbers, strings, None, arrays of numbers, and lists and dicts "
        f"of them; {where} is {shown(data)}."
    )


def _with_arrays(data: Data, arrays: Arrays) -> Data:
    """Return data with its arrays, read from a file."""
    if isinstance(data, list):
        return [_with_arrays(x, arrays) for x in data]
    if not isinstance(data, dict):
        return data
    if _MARK in data:
        return arrays.dataset(str(data[_MARK])).read()
    return {key: _with_arrays(x, arrays) for key, x in data.items()}


# -- reading ---------------------------------------------------------------------------


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Give the backup in a file; `FileError` if it is damaged or no backup."""
    with ZipArchive(path) as archive:
        archive.check_sums()
        data = read_json(archive.text(STATE), STATE)
        with archive.opened(WEIGHTS) as member, Reader(member, WEIGHTS) as reader:
            yield Backup(path.name, data, reader)


class Backup:
    """A backup that is read: its `state`, and what `store` gives to a model."""

    def __init__(self, name: str, data: Data, reader: Reader) -> None:
        self.name, self.reader = name, reader
        wanted = {"state": dict, "parts": dict, "variables": int, "random": dict}
        if not isinstance(data, dict) or any(
            not isinstance(data.get(key), kind) for key, kind in wanted.items()
        ):
            raise FileError(f"{STATE} of {name} does not describe a training.")
        self.parts, self.variables = data["parts"], data["variables"]
        self.random = data["random"]
        self.state = _with_arrays(data["state"], self._arrays(_ARRAYS))

    def _arrays(self, place: str) -> Arrays:
        found = self.reader.entry(place)
        if found is None:
            raise FileError(f"{WEIGHTS} of {self.name} has no {place}.")
        return found

    def check(self, model: AnyModel) -> Ready:
        """Return what can be stored; `ShapeError` if the backup is of another model."""
        found = Restoring(model, self.reader)
        wrong = [str(mismatch) for mismatch in found.wrong]
        wrong += [f"{path}: the model has no such part" for path in found.unused()]
        ours = _kinds(model)
        wrong += [
            f"{path or 'the model'}: it is {ours.get(path)}, in the backup {kind}"
            for path, kind in self.parts.items()
            if ours.get(path) != kind
        ]
        others, arrays = _others(model), self._arrays(_VARIABLES)
        wrong += _differences(others, self.variables, arrays)
        streams = renamed_streams(model, self.random)
        if streams is None:
            wrong.append("the model has more or fewer seed generators")
        if wrong:
            raise ShapeError(
                f"{self.name} is a backup of another model, or {model.name} was "
                "compiled otherwise:\n  "
                + "\n  ".join(wrong[:20])
                + "\nTrain as before, or give another backup_dir."
            )
        assert streams is not None
        values = [(v, arrays.dataset(str(i))) for i, v in enumerate(others)]
        return Ready(model, found, values, streams)


def _differences(
    variables: list[Variable], count: int, arrays: Arrays
) -> Iterator[str]:
    """Yield what keeps Variables from taking so many arrays."""
    if len(variables) != count:
        yield (
            f"it has {len(variables)} Variables that are no weights, such as those of "
            f"metrics, in the backup {count}"
        )
        return
    for i, variable in enumerate(variables):
        array = arrays.dataset(str(i))
        if (array.shape, array.dtype) != (variable.shape, variable.dtype):
            yield (
                f"{variable.path or variable.name}: it is {variable.dtype} "
                f"{variable.shape}, in the backup {array.dtype} {array.shape}"
            )


class Ready:
    """The values of a backup that fits a model."""

    def __init__(
        self,
        model: AnyModel,
        found: Restoring,
        values: list[tuple[Variable, Any]],
        streams: Data,
    ) -> None:
        self.model, self.found, self.values = model, found, values
        self.streams = streams

    def store(self) -> None:
        """Give the model the values, all of them or none."""
        arrays = [(variable, array.read()) for variable, array in self.values]
        with undone(self.model):
            set_streams(self.model, self.streams)
            self.found.store()
        for variable, array in arrays:
            variable.assign(array)


@contextmanager
def undone(model: AnyModel) -> Iterator[None]:
    """Take back what the block does to the random streams of a model if it fails."""
    before = streams_of(model)
    try:
        yield
    except BaseException:
        set_streams(model, before)
        raise
