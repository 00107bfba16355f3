"""The state of a model in a file: written part by part, checked whole, then read."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from multinet import dtypes
from multinet.errors import ArgumentError, FileError, ShapeError
from multinet.holders import Holder
from multinet.names import is_ours
from multinet.pending import Pending
from multinet.saving import atomic, shards
from multinet.saving.hdf5 import Arrays, Reader, Writer
from multinet.saving.layout import (
    DEFAULT,
    Layout,
    Place,
    aliases_of,
    places,
    places_and_aliases,
)
from multinet.saving.tensors import save_tensors
from multinet.tracebacks import shortening
from multinet.typing import AnyLayer, AnyModel
from multinet.variables import Variable


class Entries(Protocol):
    """A file, or several, in which parts of a model have arrays by their paths."""

    def entry(self, path: str) -> Arrays | shards.Joined | None:
        """Return the arrays of the part at a path, or None if it has none."""
        ...

    def paths(self) -> Iterator[str]:
        """Yield the paths that have arrays."""
        ...


def write_state(
    model: Holder, writer: Writer | shards.ShardWriter, skip: Iterable[Any] = ()
) -> None:
    """Write what every part of a model keeps, one array at a time, but for some."""
    left = set(map(id, skip))
    for path, part in places(model):
        if id(part) in left:
            continue
        part.save_own_variables(writer.entry(path, getattr(part, "name", None)))


class _Mismatch(NamedTuple):
    """Why a part of a model cannot be read from a file."""

    place: Place
    reason: str

    def __str__(self) -> str:
        place, reason = self
        name = getattr(place.part, "name", type(place.part).__name__)
        return f"{name} ({place.path or 'the model itself'}): {reason}."


class Restoring:
    """What a file has for a model: found and checked before anything is changed."""

    def __init__(
        self, model: Holder, entries: Entries, skip: Iterable[Any] = ()
    ) -> None:
        left = set(map(id, skip))
        self.model, self.entries = model, entries
        self.wrong: list[_Mismatch] = []
        self.private: list[str] = []  # the paths that were found under such names
        self.ready: list[tuple[Any, Mapping[str, Any]]] = []
        self.all, self.aliases = places_and_aliases(model)
        for place in self.all:
            if id(place.part) not in left:
                self._compare(place)

    def _compare(self, place: Place) -> None:
        found = self.entries.entry(place.path)
        if found is None:  # some versions have private names where others have public
            above, slash, name = place.path.rpartition("/")
            found = self.entries.entry(f"{above}{slash}_{name}") if name else None
            self.private += [f"{above}{slash}_{name}"] if found is not None else []
        for other in aliases_of(place.path, self.aliases) if found is None else ():
            found = self.entries.entry(other)  # an object may have had another name
            if found is not None:
                self.private.append(other)
                break
        arrays: Any = {} if found is None else found
        reason = None
        if has_own_loader(place.part) or getattr(place.part, "_reads_by_itself", False):
            for key in arrays:
                _check_readable(arrays, key)
        else:
            reason = _difference(place.part, arrays)
        if reason is None:
            self.ready.append((place.part, arrays))
        else:
            self.wrong.append(_Mismatch(place, reason))

    def unused(self) -> list[str]:
        """Return the paths with arrays for which the model has no part."""
        known = {place.path for place in self.all} | set(self.private)
        return [p for p in self.entries.paths() if p not in known and _counts(p)]

    def store(self) -> None:
        """Give all parts their arrays, one at a time; or none, if one refuses."""
        with _restored_after_errors(self.ready):
            for part, arrays in self.ready:
                part.load_own_variables(arrays)


def _counts(path: str) -> bool:
    return path.partition("/")[0] not in ("optimizer", "metrics", "_multinet")


def has_own_loader(part: object) -> bool:
    """Return whether a class of the program reads its arrays by itself."""
    loader = getattr(type(part), "load_own_variables", None)
    return loader is not None and not is_ours(loader)


def _difference(part: Any, arrays: Any) -> str | None:
    """Return what keeps a part from taking arrays, or None."""
    variables = part._saved_variables()
    if len(arrays) != len(variables):
        return _count_difference(part, arrays, variables)
    for i, variable in enumerate(variables):
        if str(i) not in arrays:
            return f"it has no array {i}, but {sorted(arrays)[:8]}"
        have = _check_readable(arrays, str(i))
        if have.shape != variable.shape:
            return f"{variable.name} has shape {variable.shape}, the file {have.shape}"
        if not _casts(have.dtype, variable.dtype):
            return f"{variable.name} is {variable.dtype}, in the file {have.dtype}"
    return None


def _count_difference(part: Any, arrays: Any, variables: list[Variable]) -> str:
    if not variables and not getattr(part, "built", True):
        return (
            f"it is not built, and the file has {len(arrays)} arrays for it. A layer "
            "that makes other layers must build them in its build(), or write "
            "get_build_config and build_from_config"
        )
    names = ", ".join(variable.name for variable in variables[:8])
    return f"it has {len(variables)} weights ({names}), the file {len(arrays)}"


def _check_readable(arrays: Arrays, key: str) -> Any:
    """Return an array that has been checked; what is packed is unpacked for that."""
    found = arrays.dataset(key)
    if found.is_chunked:
        found.read()
    return found


def _casts(have: str, want: str) -> bool:
    if have == want:
        return True
    floats = dtypes.is_float(have) and dtypes.is_float(want)
    return floats or (dtypes.is_integer(have) and dtypes.is_integer(want))


@contextlib.contextmanager
def _restored_after_errors(ready: list[tuple[Any, Any]]) -> Iterator[None]:
    """Give the Variables their values of before if the block fails.

    Values that were made are kept only where a class of the program reads by itself:
    all else has been checked, and keeping them would take the memory of a model.
    """
    keeps = any(has_own_loader(part) for part, _ in ready)
    found = [v for part, _ in ready for v in part._saved_variables()]
    for variable in found:
        if not isinstance(variable._carrier, Pending | None):
            _ = variable._value  # a step has the newest: it gives that back
    before = [(v, v._carrier, _kept(v)) for v in found if keeps or v.kept() is None]
    try:
        yield
    except BaseException:
        for variable, carrier, value in before:
            variable.put_back(carrier, value)
        raise


def _kept(variable: Any) -> Any:
    """Return what a Variable holds; a copy where that is changed in place."""
    if not variable.at_home:
        return variable.kept()
    owner = variable.owner()
    return owner.native.plain(owner.copy(variable._value))


# -- files of weights ------------------------------------------------------------------


@shortening
def save_weights(
    model: AnyModel,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    layout: Layout = DEFAULT,
    objects_to_skip: Iterable[AnyLayer] | None = None,
) -> None:
    """Write the weights of a model to a `.weights.h5` file, whole or not at all.

    With `max_shard_size`, in GB, to files of at most that size, and a `.weights.json`
    that says what is where. Or to a `.safetensors` file, in one of two layouts: "keras"
    names weights by `model.paths()`, "torch" as a module of torch does, and lays them
    out as it does. `objects_to_skip` are layers whose own weights are left out.
    """
    skip = list(objects_to_skip or ())
    path = atomic.local(filepath)
    if not getattr(model, "built", True):
        raise FileError(
            f"{model.name} is not built, so it has no weights to save. Call it on data "
            "or build it first."
        )
    if path.suffix == ".safetensors":
        if skip:
            raise ArgumentError(
                f"objects_to_skip is for .weights.h5 and .weights.json files, and "
                f"{path.name} is none."
            )
        atomic.refuse_existing(path, overwrite)
        save_tensors(model, path, layout, max_shard_size)
        return
    if layout != DEFAULT:
        raise ArgumentError(
            f"layout={layout!r} is for .safetensors files, and {path.name} is none."
        )
    wanted = ".weights.h5" if max_shard_size is None else ".weights.json"
    if max_shard_size is not None and path.name.endswith(".weights.h5"):
        path = path.with_suffix(".json")
    if not path.name.endswith(wanted):
        raise FileError(f"Expected a name that ends in {wanted}, got {path.name!r}.")
    atomic.refuse_existing(path, overwrite)
    if max_shard_size is not None:
        with shards.ShardWriter(path, max_shard_size) as writer:
            write_state(model, writer, skip)
        return
    with atomic.replacing(path) as new, Writer(new) as writer:
        write_state(model, writer, skip)


def load_state(
    model: Holder,
    entries: Entries,
    name: str,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] = (),
) -> None:
    """Give a model the state that a file has for it; all or nothing.

    With `skip_mismatch` what does not fit is left as it is, and told in a warning.
    """
    found = Restoring(model, entries, objects_to_skip)
    lines = [f"  {mismatch}" for mismatch in found.wrong]
    optional = [x for x in found.wrong if not hasattr(x.place.part, "trainable")]
    if len(found.wrong) > len(optional) and not skip_mismatch:
        raise ShapeError(
            f"{name} does not fit {getattr(model, 'name', 'the model')}:\n"
            + "\n".join(lines[:20])
            + "\nskip_mismatch=True leaves these as they are."
        )
    if lines:
        warnings.warn(
            f"Not read from {name}, and left as they are:\n" + "\n".join(lines),
            stacklevel=3,
        )
    unused = [] if objects_to_skip else found.unused()
    if unused:
        warnings.warn(
            f"{name} has weights for which {getattr(model, 'name', 'the model')} has "
            f"no layer: {', '.join(unused[:20])}.",
            stacklevel=3,
        )
    found.store()


def open_weights(path: Path) -> shards.ShardReader | Reader:
    """Return what reads a `.weights.h5` or `.weights.json` file."""
    if path.name.endswith(".json"):
        return shards.ShardReader(path)
    return Reader(path, path.name)
