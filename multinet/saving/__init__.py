"""Models and weights in files, and objects as the data that is in them."""

# ruff: noqa: F405

from typing import TYPE_CHECKING

from multinet import surface

if TYPE_CHECKING:
    from multinet.saving.catalogue import *  # noqa: F403

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_torch_state_dict",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

surface.show(__name__, "multinet.saving.catalogue")
