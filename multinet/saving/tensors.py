"""Weights in safetensors files, under the names of Keras's structure or of torch's."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.saving import atomic, safetensors, torch_layout
from multinet.saving.layout import Layout
from multinet.saving.memory import lent
from multinet.saving.safetensors import Planned, Tensors
from multinet.saving.torch_layout import Rule
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Host


def rules(model: AnyModel, layout: Layout) -> Iterator[Rule]:
    """Yield how the weights of a model are named and laid out in a file."""
    if layout == "torch":
        yield from torch_layout.rules_of(model)
        return
    if layout != "keras":
        raise ArgumentError(f"Expected layout keras or torch, got {layout!r}.")
    for path, variable in model.paths().items():
        yield Rule((path,), (variable,), (variable.shape,), _same, _same)


def _same(array: Host) -> list[Host]:
    return [array]


def save_tensors(
    model: AnyModel, path: Path, layout: Layout, max_shard_size: float | None
) -> None:
    """Write the weights to a `.safetensors` file, one at a time."""
    planned = [each for rule in rules(model, layout) for each in _planned(rule)]
    if max_shard_size is None:
        safetensors.write(path, planned)
    else:
        safetensors.write_sharded(path, planned, max_shard_size)


def _planned(rule: Rule) -> Iterator[Planned]:
    def make(place: int) -> Host:
        return rule.there(*(lent(v) for v in rule.variables))[place]

    dtype = rule.variables[0].dtype if rule.variables else "int64"
    for i, (name, shape) in enumerate(zip(rule.names, rule.shapes)):
        yield Planned(name, shape, dtype, lambda i=i: make(i))


def load_tensors(
    model: AnyModel,
    path: Path,
    layout: Layout,
    skip_mismatch: bool,
) -> None:
    """Give a model the weights of a `.safetensors` file: all or none, by name."""
    _assign(model, Tensors(path), list(rules(model, layout)), path.name, skip_mismatch)


def _assign(
    model: AnyModel,
    arrays: Mapping[str, Any],
    wanted: Sequence[Rule],
    name: str,
    skip_mismatch: bool,
    optional: Sequence[str] = (),
) -> None:
    ready, wrong, used = [], [], set(optional)
    for rule in wanted:
        if not rule.variables:
            used.update(rule.names)  # counters that nobody has here
            continue
        lines = [_line(n, s, arrays) for n, s in zip(rule.names, rule.shapes)]
        used.update(rule.names)
        if any(lines):
            wrong += filter(None, lines)
        else:
            ready.append(rule)
    more = sorted(set(arrays) - used)
    wrong += [f"  {each}: the model has no such weight" for each in more]
    if wrong and not skip_mismatch:
        raise ShapeError(
            f"{name} does not fit {model.name}:\n"
            + "\n".join(wrong[:20])
            + "\nskip_mismatch=True takes the rest."
        )
    if wrong:
        told = "\n".join(wrong)
        warnings.warn(f"Not read from {name}:\n{told}", stacklevel=4)
    own = isinstance(arrays, Tensors)  # what is read from a file nobody else has
    read = arrays.read if own else lambda n: _host(arrays[n])
    for rule in ready:
        given = [read(name) for name in rule.names]
        for variable, value in zip(rule.variables, rule.back(*given), strict=True):
            value = np.ascontiguousarray(value).reshape(value.shape)
            variable._assign(value) if own else variable.assign(value)


def _line(name: str, shape: tuple[int, ...], arrays: Mapping[str, Any]) -> str:
    """Return what is wrong with an array, or nothing."""
    if name not in arrays:
        return f"  {name}: not there"
    have = tuple(arrays[name].shape)
    if have != shape:
        return f"  {name}: expects shape {shape}, got {have}"
    kind = _host(arrays[name]).dtype.newbyteorder("=")
    floats = dtypes.is_float(dtypes.standardize(kind))
    return "" if floats else f"  {name}: expects floats, got {kind}"


def _host(array: Any) -> Host:
    """Return an array of another framework, or of a file, on the host."""
    array = array.detach().cpu() if hasattr(array, "detach") else array
    if str(getattr(array, "dtype", "")).endswith(".bfloat16"):
        array = array.float()  # NumPy takes it so, and the numbers are the same
    return np.asarray(array)


@shortening
def load_torch_state_dict(
    model: AnyModel,
    source: Mapping[str, Any] | str | os.PathLike[str],
    names: Mapping[str, str] | None = None,
    by_shape: bool = False,
    skip_mismatch: bool = False,
) -> dict[str, str]:
    """Give a model the weights of a torch module; return the plan, name by name.

    `source` is a `.safetensors` file or a state dict, such as `torch.load(path,
    weights_only=True)` gives. `names` maps the names that this model has in the layout
    "torch" to those of the source. With `by_shape` those left are matched in order,
    each with the next one of its shape; the plan tells how.

    `ShapeError` lists what is missing, what is left, and the shapes that differ.
    """
    if isinstance(source, Mapping):
        arrays, label = dict(source), "the state dict"
    else:
        path = atomic.local(source)
        arrays, label = dict(Tensors(path)), path.name
    wanted = list(torch_layout.rules_of(model))
    plan, free = _plan(model.name, wanted, arrays, names or {}, by_shape)
    counters = [name for name in free if name.endswith("num_batches_tracked")]
    given = {mine: arrays[theirs] for mine, theirs in plan.items() if theirs in arrays}
    given |= {name: arrays[name] for name in free}
    _assign(model, given, wanted, label, skip_mismatch, counters)
    return plan


def _plan(
    model: str,
    wanted: Sequence[Rule],
    arrays: Mapping[str, Any],
    names: Mapping[str, str],
    by_shape: bool,
) -> tuple[dict[str, str], list[str]]:
    """Return which array each name takes, and those that none takes."""
    plan = dict(names)
    known = [name for rule in wanted for name in rule.names]
    unknown = set(plan) - set(known)
    if unknown:
        raise ArgumentError(
            f"names has {sorted(unknown)}, which {model} lacks. Its names are {known}."
        )
    free = [name for name in arrays if name not in plan.values()]
    for rule in wanted:
        for name, shape in zip(rule.names, rule.shapes):
            if name in plan:
                continue
            match = name if name in free else None
            if match is None and by_shape and rule.variables:
                match = next((n for n in free if tuple(arrays[n].shape) == shape), None)
            if match is not None:
                plan[name] = match
                free.remove(match)
    return plan, free
