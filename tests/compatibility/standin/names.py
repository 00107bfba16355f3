"""The closed list of internal names that tests import, rebuilt on public ones.

What is neither here nor public becomes a `Missing`.
"""

import collections
import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

from . import convolutions, masks, parts, values
from .parts import space

NONE = object()


class Library:
    """An optional library with the flag `available`."""

    def __init__(self, name: str):
        self._name = name

    @property
    def available(self) -> bool:
        """Whether it is installed."""
        return importlib.util.find_spec(self._name) is not None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self._name), name)


def _exporter(form: str) -> Callable[..., Any]:
    return lambda model, filepath, **options: model.export(
        filepath, format=form, **options
    )


def _save_hdf5(model: Any, path: str, **options: Any) -> None:
    space("saving").save_model(model, path, **options)


def _set_verbosity(level: str) -> None:
    from absl import logging

    levels = {"FATAL": -3, "ERROR": -2, "WARNING": -1, "INFO": 0, "DEBUG": 1}
    logging.set_verbosity(levels[level])


def _tensors_of(outputs: Any, dtype: str | None = None) -> Any:
    def one(x: Any) -> Any:
        if hasattr(x, "numpy"):
            return space("ops").convert_to_tensor(x.numpy(), dtype=dtype)
        return x

    return space("tree").map_structure(one, outputs)


def _of_ops(name: str) -> Callable[[], Any]:
    return lambda: getattr(space("ops"), name)


def _flag(name: str) -> Callable[[], bool]:
    return lambda: parts.backend_name() in values.SUPPORTED[name]


def _given(value: Any) -> Callable[[], Any]:
    return lambda: value


_OPS = ("cast", "shape", "is_tensor", "convert_to_tensor", "convert_to_numpy")
_LIBRARIES = {
    "dmtree": "tree",
    "gfile": "tensorflow.io.gfile",
    "ocp": "orbax.checkpoint",
}
_LIBRARIES |= {
    name: name
    for name in (
        *("tensorflow", "optree", "jax", "torch", "scipy", "grain", "torchvision"),
        *("tensorflow_io", "flax"),
    )
}
_PREFIXES = {
    "removeprefix": _given(str.removeprefix),
    "removesuffix": _given(str.removesuffix),
}
_TRAINERS = {
    "jax": "JAX",
    "torch": "Torch",
    "numpy": "Numpy",
    "tensorflow": "TensorFlow",
}
_TRACKED = {
    "List": list,
    "Dict": dict,
    "Set": set,
    "OrderedDict": collections.OrderedDict,
}

# By module or package below `src`: names, with what makes their values.
TABLE: dict[str, dict[str, Callable[[], Any]]] = {
    "backend": {
        "backend": _given(parts.backend_name),
        **{name: _of_ops(name) for name in _OPS},
        "compute_output_spec": _given(parts.compute_output_spec),
        "get_keras_mask": _given(masks.get_keras_mask),
        "set_keras_mask": _given(masks.set_keras_mask),
        "any_symbolic_tensors": _given(parts.any_symbolic_tensors),
        "standardize_shape": _given(parts.standardize_shape),
        "standardize_data_format": _given(parts.standardize_data_format),
        "random_seed_dtype": _given(parts.random_seed_dtype),
        **{name: _given(value) for name, value in values.DTYPES.items()},
        **{name: _flag(name) for name in values.SUPPORTED},
    },
    "ops": {"any_symbolic_tensors": _given(parts.any_symbolic_tensors)},
    "models": {"Functional": parts.functional_class},
    "utils.module_utils": {
        name: _given(Library(library)) for name, library in _LIBRARIES.items()
    },
    "backend.common.backend_utils": {
        "compute_conv_transpose_output_shape": _given(convolutions.output_shape),
        "compute_conv_transpose_padding_args_for_jax": _given(convolutions.padding),
    },
    "utils.backend_utils": {"convert_tf_tensor": _given(_tensors_of)},
    "utils.io_utils": {"set_logging_verbosity": _given(_set_verbosity)},
    "utils.naming": {"to_snake_case": _given(parts.to_snake_case)},
    "utils.python_utils": _PREFIXES,
    "utils.file_utils": {
        "exists": _given(os.path.exists),
        "join": _given(os.path.join),
        "isdir": _given(os.path.isdir),
        "listdir": _given(os.listdir),
        "makedirs": _given(lambda path: os.makedirs(path, exist_ok=True)),
        "File": _given(open),
    },
    "utils": _PREFIXES,
    "saving.saving_lib": {
        "load_weights_only": _given(lambda model, *a, **k: model.load_weights(*a, **k)),
        "save_weights_only": _given(lambda model, *a, **k: model.save_weights(*a, **k)),
    },
    "utils.summary_utils": {
        "print_summary": _given(lambda model, **options: model.summary(**options))
    },
    "legacy.saving.legacy_h5_format": {"save_model_to_hdf5": _given(_save_hdf5)},
    **{
        f"backend.{backend}.trainer": {f"{name}Trainer": parts.trainer_class}
        for backend, name in _TRAINERS.items()
    },
    "utils.tracking": {
        f"Tracked{name}": lambda kind=kind: parts.tracked(kind)
        for name, kind in _TRACKED.items()
    },
    "export.saved_model": {"export_saved_model": _given(_exporter("tf_saved_model"))},
    "export.onnx": {"export_onnx": _given(_exporter("onnx"))},
    "export.openvino": {"export_openvino": _given(_exporter("openvino"))},
}


def lookup(relative: str, name: str) -> Any:
    """Return what stands for `src.<relative>.<name>`, `NONE` if it is not listed."""
    if relative == "testing" or relative.startswith("testing."):
        return _testing(name)
    if relative == "" and name == "Functional":
        return parts.functional_class()
    if relative.startswith("tree.") and relative.endswith("_impl"):
        # Containers of layers are plain ones: there is no class to register.
        registering = name == "register_tree_node_class"
        return _given if registering else getattr(space("tree"), name, NONE)
    path = relative.split(".")
    for count in range(len(path), 0, -1):
        found = TABLE.get(".".join(path[:count]), {}).get(name)
        if found is not None:
            return found()
    return NONE


def _testing(name: str) -> Any:
    from . import testing

    if name in testing.NAMES:
        return testing.NAMES[name]
    if name in ("test_case", "test_utils"):
        return importlib.import_module(f"kerastests.src.testing.{name}")
    return NONE
