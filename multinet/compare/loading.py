"""A task as a model and data: from a file of the user, or from the built-in suite."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optree

from multinet import seeds
from multinet.compare import suite
from multinet.compare.record import Task
from multinet.errors import ArgumentError, near
from multinet.models import Model
from multinet.typing import AnyModel, Tree

_WANTED = (
    "a function that returns (model, x, y): a compiled model, and arrays or trees of "
    "arrays with one row for each sample"
)


@dataclass(frozen=True)
class Loaded:
    """A compiled model and its data, whose leaves are arrays of `samples` rows."""

    model: AnyModel
    x: Tree
    y: Tree
    samples: int

    def rows(self, start: int, stop: int) -> tuple[Tree, Tree]:
        """Return some rows of the data."""
        return slice_rows(self.x, start, stop), slice_rows(self.y, start, stop)


def slice_rows(data: Tree, start: int, stop: int) -> Tree:
    """Return some rows of each array in a tree."""
    return optree.tree_map(lambda array: array[start:stop], data)


def load(task: Task) -> Loaded:
    """Return what the function of a task makes, after setting its seed.

    Runs the file of the task, in the backend in use. `ArgumentError` where the file or
    the function is missing, or returns something else.
    """
    function = function_of(task)
    seeds.set_random_seed(task.seed)
    return _checked(function(), _place(task), task.batch)


def function_of(task: Task) -> Callable[[], object]:
    """Return the function of a task; its file is run once in a process."""
    if task.file is None:
        return suite.function(task.function)
    module = _module(Path(task.file))
    found = getattr(module, task.function, None)
    if callable(found):
        return found
    known = [
        name
        for name, thing in vars(module).items()
        if inspect.isfunction(thing) and thing.__module__ == module.__name__
    ]
    told = f" It has the functions {', '.join(known)}." if known else ""
    raise ArgumentError(
        f"{task.file} has no function {task.function!r}.{near(task.function, known)}"
        f"{told} Expected {_WANTED}; name another as {task.file}:NAME."
    )


def no_file(file: str) -> ArgumentError:
    """Return the error of a file that is not there."""
    return ArgumentError(f"There is no file {file}. Expected one with {_WANTED}.")


def _module(path: Path) -> ModuleType:
    """Return the file as a module, which may import what lies beside it."""
    if not path.is_file():
        raise no_file(str(path))
    name = f"_compared_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"Expected a file of Python, such as model.py; got {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[name] = module  # as classes in it look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _place(task: Task) -> str:
    return f"{task.function}() of {task.file or 'the built-in suite'}"


def _checked(made: Any, place: str, batch: int) -> Loaded:
    if not isinstance(made, tuple) or len(made) != 3:
        kind = type(made).__name__
        told = f"a tuple of {len(made)}" if isinstance(made, tuple) else f"a {kind}"
        raise ArgumentError(f"{place} returned {told}. Expected {_WANTED}.")
    model, x, y = made
    if not isinstance(model, Model):
        raise ArgumentError(
            f"{place} returned a {type(model).__name__} in the place of the model. "
            "Expected a multinet Model."
        )
    if not model.compiled:
        raise ArgumentError(
            f"The model {model.name!r} of {place} is not compiled. Call "
            "model.compile(optimizer, loss) before it is returned."
        )
    x, y = (_arrays(data, name, place) for name, data in (("x", x), ("y", y)))
    leaves: list[Any] = [*_leaves(x), *_leaves(y)]
    counts = {len(array) for array in leaves}
    if len(counts) != 1 or counts == {0}:
        raise ArgumentError(
            f"Expected x and y of {place} to have as many rows, at least one; got "
            f"shapes {', '.join(str(array.shape) for array in leaves)}."
        )
    (samples,) = counts
    if samples < batch:
        raise ArgumentError(
            f"x and y of {place} have {samples} rows, fewer than a batch of {batch}. "
            "Give more data, or a smaller --batch."
        )
    return Loaded(model, x, y, samples)


def _arrays(data: Tree, name: str, place: str) -> Tree:
    leaves = _leaves(data)
    wrong = [
        each for each in leaves if not isinstance(each, np.ndarray) or not each.ndim
    ]
    if wrong or not leaves:
        kinds = ", ".join(sorted({type(each).__name__ for each in wrong})) or "nothing"
        raise ArgumentError(
            f"Expected {name} of {place} to be an array of NumPy, or a tree of them; "
            f"got {kinds}."
        )
    return data


def _leaves(data: Tree) -> list[Any]:
    return optree.tree_leaves(data)  # type: ignore[arg-type]
