"""An editor of the weights in a file, for models that have changed since."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from multinet import dtypes
from multinet.errors import ArgumentError, FileError
from multinet.holders import Holder
from multinet.saving import atomic
from multinet.saving.archive import CONFIG, METADATA, WEIGHTS, ZipArchive
from multinet.saving.hdf5 import DEEPEST, Arrays, Reader, Writer
from multinet.saving.json import read_json
from multinet.saving.layout import places
from multinet.saving.memory import as_array
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Config

Weights: TypeAlias = dict[str, Any]
"""Arrays by name, and those of the objects inside as dicts of the same kind."""


class KerasFileEditor:
    """The weights of a `.keras` or `.weights.h5` file, to look at, edit and save anew.

    `weights_dict` has the arrays of each object by name, and the objects inside of it;
    `object_metadata` what the file says of objects, by path; `config` and `metadata`
    what a `.keras` file has. All is read at once, as safely as `load_model` reads.

    >>> editor = KerasFileEditor("old.weights.h5")
    >>> editor.rename_object("dense_2", new_name="dense_3")
    >>> editor.save("new.weights.h5")
    """

    @shortening
    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        # Here, not at the top: `import multinet` must stay quick.
        from rich.console import Console

        self.filepath = filepath
        self.config: Config | None = None
        self.metadata: dict[str, Any] | None = None
        self.console = Console(highlight=False)
        self.object_metadata: dict[str, dict[str, Any]] = {}
        with contextlib.ExitStack() as opened:
            root = self._opened(atomic.local(filepath), opened)
            self.weights_dict: Weights = self._read(root, "", 0)
        self._tell(f"Keras model file '{filepath}'")
        if self.metadata is not None:
            saved = (self.metadata.get(key) for key in ("keras_version", "date_saved"))
            self._tell("Saved with Keras {} - date: {}".format(*saved))

    def _opened(self, path: Path, opened: contextlib.ExitStack) -> Arrays:
        """Return the top of the weights of a file."""
        if path.name.endswith(".weights.h5"):
            return opened.enter_context(Reader(path, path.name, True)).root()
        if not path.name.endswith(".keras"):
            raise ArgumentError(
                f"Expected a .keras or .weights.h5 file, got {path.name!r}."
            )
        archive = opened.enter_context(ZipArchive(path))
        self.config, self.metadata = (
            _dict(read_json(archive.text(name), name), name)
            for name in (CONFIG, METADATA)
        )
        member = opened.enter_context(archive.opened(WEIGHTS))
        return opened.enter_context(Reader(member, WEIGHTS)).root()

    def _read(self, group: Arrays, path: str, depth: int) -> Weights:
        """Return the arrays and objects of a group; those that are empty are left out.

        What an object keeps itself is in a group `vars`, which is no level of its own.
        """
        if depth > DEEPEST:
            raise FileError(f"{self.filepath} has groups within groups, {path}.")
        found: Weights = {}
        for name in group:
            inner = group.inner(name) if group.is_group(name) else None
            below = f"{path}/{name}"
            if inner is None:
                found[name] = group[name]
            elif name == "vars":
                self._note(inner, path)
                found |= {key: inner[key] for key in inner}
            else:
                arrays = self._read(inner, below, depth + 1)
                if arrays:
                    found[name] = arrays
        return found

    def _note(self, group: Arrays, path: str) -> None:
        name = group.attribute("name")
        if isinstance(name, str):
            self.object_metadata[path] = {"name": name}

    def _tell(self, line: str) -> None:
        self.console.print(line, markup=False)

    # -- looking -----------------------------------------------------------------------

    def summary(self) -> None:
        """Print the objects of the file, with names, shapes and dtypes of arrays."""
        # Here, not at the top: `import multinet` must stay quick.
        from rich.markup import escape
        from rich.tree import Tree

        def add(branch: Tree, weights: Weights, path: str) -> None:
            for key, value in weights.items():
                inner = f"{path}/{key}"
                if isinstance(value, dict):
                    name = self.object_metadata.get(inner, {}).get("name")
                    label = f"[bold]{escape(key)}[/]"
                    label += f" ('{escape(name)}')" if name else ""
                    add(branch.add(label), value, inner)
                else:
                    about = f": shape={value.shape}, dtype={value.dtype}"
                    branch.add(f"[bold]{escape(key)}[/]{escape(about)}")

        tree = Tree("Weights structure")
        add(tree, self.weights_dict, "")
        self.console.print(tree)

    def compare(self, reference_model: AnyModel) -> dict[str, Any]:
        """Print how the file and a model differ; return the counts.

        The keys are `status` ("success" or "error"), `error_count`, `match_count`.
        """
        self._tell("Running comparison")
        wanted = _arrays_of(reference_model)
        lines = list(_differences(self.weights_dict, wanted, ""))
        count = sum(1 for _ in _shared(self.weights_dict, wanted))
        for line in lines:
            self._tell(f"... {line}")
        self._tell(
            f"{len(lines)} differences: the file does not fit the model."
            if lines
            else f"The file fits the model: {count} weights in both."
        )
        status = "error" if lines else "success"
        return {"status": status, "error_count": len(lines), "match_count": count}

    # -- editing -----------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object, by its name or whole path, another name in the same place."""
        _check_name(new_name)
        where, key, path = self._find(object_name)
        if new_name in where:
            raise _taken(new_name, object_name)
        items = [(new_name if name == key else name, x) for name, x in where.items()]
        where.clear()
        where.update(items)  # in the old order
        above = path.rpartition("/")[0]
        self.object_metadata = {
            f"{above}/{new_name}{p[len(path) :]}" if _within(p, path) else p: about
            for p, about in self.object_metadata.items()
        }

    def delete_object(self, object_name: str) -> None:
        """Take an object, by its name or whole path, out with all that is inside."""
        where, key, path = self._find(object_name)
        del where[key]
        for inner in [p for p in self.object_metadata if _within(p, path)]:
            del self.object_metadata[inner]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add an object at a whole path: what it is to be in must be there.

        `weights` maps names, usually "0", "1", ..., to arrays, or to such dicts.
        """
        above, _, name = object_path.strip("/").rpartition("/")
        _check_name(name)
        where = self._object(above) if above else self.weights_dict
        if name in where:
            raise _taken(name, object_path)
        where[name] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take an array out of an object."""
        found = self._object(object_name)
        if weight_name not in found:
            raise ArgumentError(
                f"{object_name} has no weight {weight_name!r}, but {sorted(found)}."
            )
        del found[weight_name]

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put arrays into an object, in place of those of the same names."""
        self._object(object_name).update(_checked(weights))

    def _object(self, name: str) -> Weights:
        where, key, path = self._find(name)
        if not isinstance(where[key], dict):
            raise ArgumentError(f"{path} is an array, not an object with weights.")
        return where[key]

    def _find(self, name: str) -> tuple[Weights, str, str]:
        """Return what holds an object or array, its name there, and its whole path."""
        plain = name.strip("/")
        found = [
            (where, key, path)
            for where, key, path in _walk(self.weights_dict, "")
            if (path == f"/{plain}" if "/" in plain else key == plain)
        ]
        if len(found) != 1:
            paths = ", ".join(path for _, _, path in found)
            more = f"more than once: {paths}. Pass a whole path." if found else "not."
            raise ArgumentError(
                f"{name!r} is in the file {more} editor.summary() prints what is there."
            )
        return found[0]

    # -- saving ------------------------------------------------------------------------

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights to a `.weights.h5` file, whole or not at all."""
        path = atomic.local(filepath)
        if not path.name.endswith(".weights.h5"):
            raise ArgumentError(
                f"Expected a name that ends in .weights.h5, got {path.name!r}."
            )
        with atomic.replacing(path) as new, Writer(new) as writer:
            self._write(writer, self.weights_dict, "")

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Do what `save` does."""
        self.save(filepath)

    def _write(self, writer: Writer, weights: Weights, path: str) -> None:
        own = {k: v for k, v in weights.items() if not isinstance(v, dict)}
        if own:
            name = self.object_metadata.get(f"/{path}", {}).get("name")
            writer.entry(path, name).update(own)
        for key, value in weights.items():
            if isinstance(value, dict):
                self._write(writer, value, f"{path}/{key}".strip("/"))


def _walk(weights: Weights, path: str) -> Iterator[tuple[Weights, str, str]]:
    """Yield all objects and arrays: what holds each, its name there, its path."""
    for key, value in weights.items():
        yield weights, key, f"{path}/{key}"
        if isinstance(value, dict):
            yield from _walk(value, f"{path}/{key}")


def _within(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _check_name(name: str) -> None:
    if not name or "/" in name or name in (".", "..", "vars"):
        raise ArgumentError(f"Expected a name, without slashes, got {name!r}.")


def _taken(name: str, place: str) -> ArgumentError:
    return ArgumentError(
        f"There is a {name!r} already where {place!r} is. delete_object takes it out."
    )


def _checked(weights: Mapping[str, Any]) -> Weights:
    """Return weights as arrays of numbers."""
    if not isinstance(weights, Mapping):
        raise ArgumentError(
            "Expected weights as a dict of names, usually '0', '1', ..., and arrays, "
            f"got {type(weights).__name__}."
        )
    found: Weights = {}
    for name, value in weights.items():
        _check_name(name)
        inner = _checked(value) if isinstance(value, Mapping) else as_array(value)
        if not isinstance(inner, dict):
            dtypes.standardize(inner.dtype)  # an error if it holds no numbers
        found[name] = inner
    return found


def _arrays_of(model: Holder) -> Weights:
    """Return what a model keeps, as a file has it."""
    found: Weights = {}
    for path, part in places(model):
        own: Weights = {}
        part.save_own_variables(own)
        where = found
        for name in filter(None, path.split("/") if own else ()):
            where = where.setdefault(name, {})
        where.update(own)
    return found


def _differences(have: Weights, want: Weights, path: str) -> Iterator[str]:
    for key in dict.fromkeys([*want, *have]):
        here, mine, theirs = f"{path}/{key}", have.get(key), want.get(key)
        if mine is None or theirs is None:
            where, other = ("model", "file") if mine is None else ("file", "model")
            yield f"{here} is in the {where}, not in the {other}"
        elif isinstance(mine, dict) and isinstance(theirs, dict):
            yield from _differences(mine, theirs, here)
        elif isinstance(mine, dict) or isinstance(theirs, dict):
            yield f"{here} is an object in one of them, a weight in the other"
        elif tuple(mine.shape) != tuple(theirs.shape):
            shapes = f"{mine.shape} in the file, {theirs.shape} in the model"
            yield f"{here} has shape {shapes}"


def _shared(have: Weights, want: Weights) -> Iterator[str]:
    """Yield the arrays that both have, in the same shapes."""
    for key in have.keys() & want.keys():
        mine, theirs = have[key], want[key]
        if isinstance(mine, dict) and isinstance(theirs, dict):
            yield from _shared(mine, theirs)
        elif not isinstance(mine, dict) and not isinstance(theirs, dict):
            if tuple(mine.shape) == tuple(theirs.shape):
                yield key


def _dict(data: Any, name: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise FileError(f"{name} holds no dict.")
    return data
