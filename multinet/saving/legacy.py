"""Models and weights in HDF5, layer by layer, as Keras 2 and 3 write them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from multinet import losses
from multinet.errors import FileError, ShapeError
from multinet.objects.registration import CustomObjectScope
from multinet.objects.serialization import from_data
from multinet.objects.sharing import ObjectSharing
from multinet.saving.brief import completed
from multinet.saving.damage import told
from multinet.saving.hdf5 import Arrays, Reader
from multinet.saving.json import read_json
from multinet.saving.keras2 import upgrade
from multinet.saving.old_optimizers import read_new_optimizer, read_optimizer
from multinet.typing import AnyModel, Made
from multinet.variables import Variable

_MODEL, _TRAINING = "model_config", "training_config"
#: The group of the weights that are a model's own.
TOP = "top_level_model_weights"


def load_model(
    path: Path, custom_objects: Mapping[str, Any] | None, compile: bool
) -> Made:
    """Return the model of a `.h5` file: of Keras, tf-keras or `save_model`."""
    with Reader(path, path.name, has_texts=True) as reader:
        root = reader.root()
        config = _json(root, _MODEL, path.name)
        if config is None:
            raise FileError(
                f"{path.name} has weights alone, no model. Build the model, and call "
                "its load_weights."
            )
        training = _json(root, _TRAINING, path.name) if compile else None
        is_new = _version(root) >= 3
        whole = completed if is_new else upgrade
        with CustomObjectScope(custom_objects), ObjectSharing():
            model = made_of(lambda: from_data(whole(config)), path.name)
            if training is not None:
                with told(f"{_TRAINING} of {path.name} makes no sense"):
                    model.compile_from_config(_compile_config(training))
        saved = list(_saved_layers(_group(root, "model_weights")))
        match = _in_order if is_new else _by_name
        _assign(match(_weighted(model), saved, model.name, path.name), path.name)
        if training is not None and "optimizer_weights" in root:
            group = _group(root, "optimizer_weights")
            names = _names(group, "weight_names")
            by_slot = bool(names) and names[0].endswith("/iter:0")
            read = read_new_optimizer if is_new else read_optimizer
            options = {} if is_new else {"by_slot": by_slot}
            read(model.optimizer, list(_arrays(group)), group.place, **options)
    return model


def load_weights(
    model: AnyModel, path: Path, by_name: bool, skip_mismatch: bool
) -> None:
    """Give a model the weights of a `.h5` file: in its order, or by layers' names."""
    with Reader(path, path.name, has_texts=True) as reader:
        root: Arrays = reader.root()
        if "model_weights" in root and root.attribute("layer_names") is None:
            root = _group(root, "model_weights")
        saved = list(_saved_layers(root))
        layers = _weighted(model)
        if by_name:
            named = {layer.name: layer for layer in saved}
            pairs = [(x, named[x.name]) for x in layers if x.name in named]
        else:
            pairs = _in_order(layers, saved, model.name, path.name)
        _assign(pairs, path.name, skip_mismatch)


def made_of(make: Callable[[], Any], name: str) -> AnyModel:
    """Return the model that the configuration of a file makes, of whatever data."""
    with told(f"The configuration of {name} makes no model"):
        model = make()
    if not hasattr(model, "save_own_variables"):
        raise FileError(
            f"{name} holds a {type(model).__name__}, which is neither a model nor a "
            "layer."
        )
    return model


class _Saved(NamedTuple):
    """A layer of a file: its name and its arrays, not read yet."""

    name: str
    arrays: list[Any]


def _saved_layers(group: Arrays) -> Iterator[_Saved]:
    """Yield the layers of a group that have weights, in order."""
    for name in [*_names(group, "layer_names"), TOP]:
        inner = group.inner(name)
        arrays = [] if inner is None else list(_arrays(inner))
        if arrays:
            yield _Saved(name, arrays)


def _arrays(group: Arrays) -> Iterator[Any]:
    for path in _names(group, "weight_names"):
        *folders, name = path.split("/")
        found: Arrays | None = group
        for folder in folders:
            found = found.inner(folder) if found is not None else None
        if found is None:
            raise FileError(f"{group.place} names the array {path!r}, which it lacks.")
        yield found.dataset(name)


def _names(group: Arrays, what: str) -> list[str]:
    """Return a list of names, which long ones split: what0, what1, ..."""
    parts = [group.attribute(what)]
    if parts[0] is None:
        numbered = (group.attribute(f"{what}{i}") for i in itertools.count())
        parts = list(itertools.takewhile(lambda part: part is not None, numbered))
    flat = [name for part in parts for name in np.asarray(part).ravel()]
    names = [n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in flat]
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise FileError(f"{what} of {group.place} has {wrong[0]!r}, which is no name.")
    return names


def _group(root: Arrays, name: str) -> Arrays:
    found = root.inner(name)
    if found is None:
        raise FileError(f"{root.place} has no {name}.")
    return found


def _json(root: Arrays, name: str, file: str) -> Any:
    text = root.attribute(name)
    if text is None:
        return None
    data = text if isinstance(text, bytes) else str(text).encode("utf-8", "replace")
    return read_json(data, f"{name} of {file}")


def _version(root: Arrays) -> int:
    """Return the version of Keras that wrote a file, 2 where none is told."""
    told_version = str(root.attribute("keras_version"))
    number = told_version.removeprefix("b'").partition(".")[0]
    return int(number) if number.isdecimal() else 2


def _weighted(model: Any) -> list[Any]:
    """Return the layers that have weights, and the model if it has some itself."""
    layers = [layer for layer in model.layers if layer.weights]
    return [*layers, _Top(model)] if model._own() else layers


class _Top:
    """The weights that are a model's own, as those of one more layer."""

    name = TOP

    def __init__(self, model: Any) -> None:
        own = model._own()
        self.trainable_weights = [v for v in own if v.trainable]
        self.non_trainable_weights = [v for v in own if not v.trainable]


def layer_variables(layer: AnyModel) -> list[Variable]:
    """Return a layer's weights as Keras 2 has them: all that training changes first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def own_variables(model: AnyModel) -> list[Variable]:
    """Return the weights of a model that are in none of its layers, so ordered."""
    top: Any = _Top(model)
    return layer_variables(top)


def _in_order(layers: list[Any], saved: list[_Saved], model: str, file: str) -> Any:
    if len(saved) != len(layers):
        raise ShapeError(
            f"{file} has weights for {len(saved)} layers "
            f"({', '.join(x.name for x in saved[:8])}), {model} has {len(layers)} with "
            "weights. load_weights with by_name=True takes those of the same names "
            "alone."
        )
    return list(zip(layers, saved))


def _by_name(layers: list[Any], saved: list[_Saved], model: str, file: str) -> Any:
    named = {layer.name: layer for layer in saved}
    absent = [layer.name for layer in layers if layer.name not in named]
    if absent or len(named) != len(layers):
        raise FileError(
            f"{file} has weights for {sorted(named)}, but {model} has "
            f"{sorted(layer.name for layer in layers)}."
        )
    return [(layer, named[layer.name]) for layer in layers]


def _assign(pairs: Any, file: str, skip_mismatch: bool = False) -> None:
    """Give layers their arrays: checked first, then read one at a time."""
    ready, wrong = [], []
    for layer, saved in pairs:
        variables = layer_variables(layer)
        have, want = [x.shape for x in saved.arrays], [v.shape for v in variables]
        if have == want:
            ready += zip(variables, saved.arrays)
        else:
            wrong.append(f"  {layer.name}: expects shapes {want}, the file has {have}")
    if wrong and not skip_mismatch:
        raise ShapeError(
            f"{file} does not fit:\n"
            + "\n".join(wrong)
            + "\nskip_mismatch=True leaves "
            "these as they are."
        )
    if wrong:
        warnings.warn(
            f"Not read from {file}, and left as they are:\n" + "\n".join(wrong),
            stacklevel=4,
        )
    for _, array in ready:
        if array.is_chunked:
            array.read()  # packed data may prove to be damaged: before any is changed
    for variable, array in ready:
        variable.assign(array.read())


# -- training --------------------------------------------------------------------------


def _compile_config(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return what compile was told in Keras 2."""
    optimizer = upgrade(training["optimizer_config"])
    optimizer |= {"module": "keras.optimizers", "registered_name": None}
    optimizer["config"].pop("name", None)
    config: dict[str, Any] = {"optimizer": optimizer}
    for part in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        config[part] = _measure(training.get(part))
    metrics = config["metrics"]
    if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
        config["metrics"] = metrics[0]
    return config


def _measure(value: Any) -> Any:
    """Return losses or metrics; one that wraps a function is known by its name."""
    if isinstance(value, list):
        return [_measure(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "function":
        return from_data(value)
    if "class_name" not in value:
        return {key: _measure(item) for key, item in value.items()}
    inner = dict(value.get("config") or {})
    if "fn" in inner:
        return inner["fn"]
    if inner.get("reduction") == "auto":
        inner["reduction"] = "sum_over_batch_size"
    module = value.get("module") or _kind_of(value["class_name"])
    return {"registered_name": None, **value, "module": module, "config": inner}


def _kind_of(name: str) -> str:
    return "keras.losses" if name in losses.__all__ else "keras.metrics"
