"""Models and weights in files, and objects as the data that is in them."""

from multinet.objects import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from multinet.saving.editor import KerasFileEditor
from multinet.saving.model import load_model, load_weights, save_model
from multinet.saving.tensors import load_torch_state_dict
from multinet.saving.weights import save_weights

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
