"""The values of a model, its optimizer and its metrics, as nested dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from multinet.errors import ArgumentError, unknown_name
from multinet.typing import AnyModel, Tree
from multinet.variables import Variable

_FORMATS: dict[str, Callable[[Variable], Any]] = {
    "backend_tensor": lambda variable: variable.value,
    "numpy_array": lambda variable: variable.numpy(),
}


def get_state_tree(model: AnyModel, value_format: str) -> dict[str, Tree]:
    """Return the values of a model; see `Model.get_state_tree`."""
    if value_format not in _FORMATS:
        raise unknown_name("value_format", value_format, _FORMATS)
    read = _FORMATS[value_format]
    return {
        kind: _nested({path: read(v) for path, v in _by_path(variables).items()})
        for kind, variables in _kinds(model).items()
    }


def set_state_tree(model: AnyModel, state_tree: Mapping[str, Tree]) -> None:
    """Take the values of a tree; see `Model.set_state_tree`."""
    optimizer = model.optimizer
    if "optimizer_variables" in state_tree and optimizer is not None and model.built:
        optimizer.build(model.trainable_variables)
    kinds = _kinds(model)
    pairs = []
    for kind, tree in state_tree.items():
        if kind not in kinds:
            raise unknown_name("part of a state tree", kind, kinds)
        known = _by_path(kinds[kind])
        for path, value in _flat(tree):
            if path not in known:
                raise unknown_name(f"path in {kind}", path, known)
            pairs.append((known[path], value))
    for variable, value in pairs:
        variable.assign(value)


def _kinds(model: Any) -> dict[str, list[Variable]]:
    optimizer = model.optimizer
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if optimizer is None else optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def _by_path(variables: list[Variable]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for variable in variables:
        if variable.path in found:
            raise ArgumentError(
                f"Two Variables have the path {variable.path!r}. Give the layers names "
                "of their own, or take model.paths(), whose addresses are unique."
            )
        found[variable.path] = variable
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parts, last = path.split("/")
        inner = tree
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for name, part in tree.items():
        yield from _flat(part, f"{path}/{name}" if path else name)
