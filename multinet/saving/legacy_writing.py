"""Models in HDF5 as Keras 3 writes them for old programs: layer by layer, by names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from multinet import losses, metrics
from multinet.errors import ArgumentError
from multinet.objects import registration
from multinet.objects.serialization import to_data, to_shared_data
from multinet.registry import current
from multinet.saving import atomic
from multinet.saving.hdf5 import library
from multinet.saving.legacy import TOP, layer_variables, own_variables
from multinet.saving.memory import lent
from multinet.typing import AnyModel
from multinet.variables import Variable

_MEASURES = (
    ("loss", losses),
    ("metrics", metrics),
    ("weighted_metrics", metrics),
)
_AROUND_FUNCTIONS = (losses.LossFunctionWrapper, metrics.MeanMetricWrapper)
#: Names of metrics that stand for one or another, as the outputs are.
_OF_OUTPUTS = ("accuracy", "acc", "crossentropy", "ce")
#: HDF5 holds no larger attribute in one piece.
_LARGEST = 64512


def save_model(
    model: AnyModel, path: Path, version: str, include_optimizer: bool
) -> None:
    """Write a model to a `.h5` file: architecture, weights, and what compile got."""
    described = _described(model, include_optimizer)
    layers = sorted(model.layers, key=lambda layer: layer.name)
    _check_names(layers, path.name)
    with atomic.replacing(path) as new, library().File(new, "w") as file:
        for name, value in described.items():
            file.attrs[name] = json.dumps(value)
        group = file.create_group("model_weights")
        for owner in (file, group):
            owner.attrs["keras_version"] = version
            owner.attrs["backend"] = current().name
        _put_names(group, "layer_names", [layer.name for layer in model.layers])
        for layer in layers:
            _write(group.create_group(layer.name), layer_variables(layer))
        _write(group.create_group(TOP), own_variables(model))
        optimizer = getattr(model, "optimizer", None)
        if include_optimizer and optimizer is not None and optimizer.variables:
            _write(file.create_group("optimizer_weights"), optimizer.variables)


def _described(model: AnyModel, include_optimizer: bool) -> dict[str, Any]:
    """Return the attributes of the file that describe the model, as data."""
    data: Any = to_shared_data(model)
    training = data.pop("compile_config", None)
    # Keras knows the class by its name alone, ours are found by all that is said.
    name = data["registered_name"] or data["class_name"]
    described = {"model_config": {**data, "class_name": name}}
    if include_optimizer and training and training.get("optimizer"):
        rest = {key: value for key, value in training.items() if key != "optimizer"}
        told = {**rest, "optimizer_config": training["optimizer"]}
        told |= {key: _as_objects(rest.get(key), space) for key, space in _MEASURES}
        described["training_config"] = {"loss_weights": None, **told}
    return described


def _as_objects(value: Any, space: ModuleType) -> Any:
    """Return losses or metrics with objects for names: Keras reads no names here."""
    if isinstance(value, list | tuple):
        return [_as_objects(item, space) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _as_objects(item, space) for key, item in value.items()}
    if isinstance(value, dict) and value["class_name"] == "function":
        return _as_objects(value["config"], space)
    if not isinstance(value, str) or value in _OF_OUTPUTS or registration.find(value):
        return value
    try:
        known = space.resolve(value)
    except ArgumentError:  # a function of the program, which reads it again
        return value
    if type(known) in _AROUND_FUNCTIONS:
        return value
    data: Any = to_data(known)
    if isinstance(data, dict) and "name" in data["config"]:
        data["config"]["name"] = value
    return data


def _check_names(layers: Sequence[Any], file: str) -> None:
    for one, other in zip(layers, layers[1:]):
        if one.name == other.name:
            raise ArgumentError(
                f"{file} tells layers by their names, and two are called "
                f"{one.name!r}. Rename one, or name the file .keras."
            )


def _write(group: Any, variables: Iterable[Variable]) -> None:
    """Write variables to a group, each under its path, or one that is free."""
    named = list(_named(variables))
    _put_names(group, "weight_names", [name for name, _ in named])
    for name, variable in named:
        if variable.dtype == "bfloat16":
            raise ArgumentError(
                f"{variable.path} is bfloat16, which a .h5 file of a model cannot "
                "hold. Name the file .keras."
            )
        group.create_dataset(name, data=lent(variable))


def _named(variables: Iterable[Variable]) -> Iterator[tuple[str, Variable]]:
    """Yield variables with names that none of the others has, nor a folder of one."""
    taken: set[str] = set()
    folders: set[str] = set()
    for variable in variables:
        name, count = variable.path, 0
        while name in taken | folders or not taken.isdisjoint(_folders(name)):
            count += 1
            name = f"{variable.path.replace('/', '_')}_{count}"
        taken.add(name)
        folders.update(_folders(name))
        yield name, variable


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]


def _put_names(group: Any, name: str, names: Sequence[str]) -> None:
    """Write names as an attribute, which long lists are split for: name0, name1, ..."""
    array = np.asarray([text.encode() for text in names]) if names else np.zeros(0)
    if array.itemsize > _LARGEST:
        raise ArgumentError(
            f"A .h5 file holds names of at most {_LARGEST} bytes, got one of "
            f"{array.itemsize}. Name the file .keras."
        )
    parts = [array]
    while any(part.nbytes > _LARGEST for part in parts):
        parts = np.array_split(array, len(parts) + 1)
    for i, part in enumerate(parts):
        group.attrs[name if len(parts) == 1 else f"{name}{i}"] = part
