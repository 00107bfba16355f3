"""Files of Keras 2: models and weights in HDF5, layer by layer."""

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
from multinet.saving.damage import told
from multinet.saving.hdf5 import Arrays, Reader
from multinet.saving.json import read_json
from multinet.saving.keras2 import upgrade
from multinet.saving.old_optimizers import read_optimizer
from multinet.typing import AnyModel, Made

_MODEL, _TRAINING = "model_config", "training_config"


def load_model(
    path: Path, custom_objects: Mapping[str, Any] | None, compile: bool
) -> Made:
    """Return the model of a `.h5` file that Keras 2 or tf-keras wrote."""
    with Reader(path, path.name, has_texts=True) as reader:
        root = reader.root()
        config = _json(root, _MODEL, path.name)
        if config is None:
            raise FileError(
                f"{path.name} has weights alone, no model. Build the model, and call "
                "its load_weights."
            )
        training = _json(root, _TRAINING, path.name) if compile else None
        with CustomObjectScope(custom_objects):
            model = made_of(lambda: from_data(upgrade(config)), path.name)
            if training is not None:
                with told(f"{_TRAINING} of {path.name} makes no sense"):
                    model.compile_from_config(_compile_config(training))
        saved = list(_saved_layers(_group(root, "model_weights")))
        _assign(_by_name(_weighted(model), saved, model.name), path.name)
        if training is not None and "optimizer_weights" in root:
            group = _group(root, "optimizer_weights")
            names = _names(group, "weight_names")
            by_slot = bool(names) and names[0].endswith("/iter:0")
            read_optimizer(model.optimizer, list(_arrays(group)), group.place, by_slot)
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
        elif len(saved) != len(layers):
            raise ShapeError(
                f"{path.name} has weights for {len(saved)} layers "
                f"({', '.join(x.name for x in saved[:8])}), {model.name} has "
                f"{len(layers)} with weights. by_name=True takes those of the same "
                "names alone."
            )
        else:
            pairs = list(zip(layers, saved))
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
    for name in [*_names(group, "layer_names"), "top_level_model_weights"]:
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


def _weighted(model: Any) -> list[Any]:
    """Return the layers that have weights, and the model if it has some itself."""
    layers = [layer for layer in model.layers if layer.weights]
    return [*layers, _Top(model)] if model._own() else layers


class _Top:
    """The weights that are a model's own, as those of one more layer."""

    name = "top_level_model_weights"

    def __init__(self, model: Any) -> None:
        own = model._own()
        self.trainable_weights = [v for v in own if v.trainable]
        self.non_trainable_weights = [v for v in own if not v.trainable]


def _by_name(layers: list[Any], saved: list[_Saved], model: str) -> Any:
    named = {layer.name: layer for layer in saved}
    absent = [layer.name for layer in layers if layer.name not in named]
    if absent or len(named) != len(layers):
        raise FileError(
            f"The file has weights for {sorted(named)}, but {model} has "
            f"{sorted(layer.name for layer in layers)}."
        )
    return [(layer, named[layer.name]) for layer in layers]


def _assign(pairs: Any, file: str, skip_mismatch: bool = False) -> None:
    """Give layers their arrays: checked first, then read one at a time."""
    ready, wrong = [], []
    for layer, saved in pairs:
        # As Keras 2 has them: all that training changes, then the rest.
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
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
