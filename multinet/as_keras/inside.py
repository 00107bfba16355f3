"""The modules of `keras.src` that programs import, and where their names are public."""

from __future__ import annotations

_ALL: tuple[str, ...] = ()  # every public name
_DTYPES = ("is_float_dtype", "is_int_dtype", "result_type", "standardize_dtype")
_SETTINGS = ("backend", "epsilon", "floatx", "image_data_format")
_SETTERS = ("set_epsilon", "set_floatx", "set_image_data_format")
_CONVERSIONS = ("cast", "convert_to_numpy", "convert_to_tensor", "is_tensor", "shape")
_REGISTERED = ("get_custom_objects", "get_registered_name", "get_registered_object")
_REGISTRATION = ("CustomObjectScope", "register_keras_serializable", *_REGISTERED)
_SERIALIZATION = ("deserialize_keras_object", "serialize_keras_object")
_TOP = ("Input", "KerasTensor", "Layer", "Model", "Sequential", "Variable")
_SPACES = (
    *("activations", "callbacks", "constraints", "datasets", "dtype_policies"),
    *("initializers", "layers", "losses", "metrics", "models", "ops", "ops.image"),
    *("ops.linalg", "ops.nn", "ops.numpy", "optimizers", "optimizers.schedules"),
    *("random", "regularizers", "saving", "tree", "utils"),
)

#: By module below `keras.src`: public modules, each with the names that it answers.
INSIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "": {"multinet": _TOP},
    **{space: {f"multinet.{space}": _ALL} for space in _SPACES},
    "backend": {
        "multinet": ("KerasTensor", "Variable"),
        "multinet.backend": ("clear_session", *_SETTINGS, *_SETTERS, *_DTYPES),
        "multinet.ops": _CONVERSIONS,
    },
    "backend.common": {
        "multinet.backend": _DTYPES,
        "multinet": ("KerasTensor", "Variable"),
    },
    "backend.common.dtypes": {"multinet.backend": ("result_type",)},
    "backend.common.keras_tensor": {"multinet": ("KerasTensor",)},
    "backend.common.variables": {
        "multinet": ("Variable",),
        "multinet.backend": ("is_float_dtype", "is_int_dtype", "standardize_dtype"),
    },
    "backend.config": {"multinet.config": (*_SETTINGS, *_SETTERS)},
    "callbacks.callback": {"multinet.callbacks": ("Callback",)},
    "initializers.initializer": {"multinet.initializers": ("Initializer",)},
    "layers.layer": {"multinet.layers": ("Layer",)},
    "losses.loss": {"multinet.losses": ("Loss",)},
    "metrics.metric": {"multinet.metrics": ("Metric",)},
    "models.model": {"multinet.models": ("Model",)},
    "models.sequential": {"multinet.models": ("Sequential",)},
    "optimizers.optimizer": {"multinet.optimizers": ("Optimizer",)},
    "random.seed_generator": {"multinet.random": ("SeedGenerator",)},
    "saving.object_registration": {"multinet.saving": _REGISTRATION},
    "saving.saving_api": {"multinet.models": ("load_model", "save_model")},
    "saving.serialization_lib": {"multinet.saving": _SERIALIZATION},
}
