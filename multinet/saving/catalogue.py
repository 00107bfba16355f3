"""Every name of `multinet.saving`, which brings them when they are asked for."""

# ruff: noqa: F401
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
