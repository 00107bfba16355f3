"""Models: functional, sequential and subclassed."""

from typing import TYPE_CHECKING

from multinet import surface
from multinet.models.cloning import clone_model, model_from_json
from multinet.models.model import Model
from multinet.models.sequential import Sequential

if TYPE_CHECKING:
    from multinet.saving.model import load_model, save_model

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]

surface.show(__name__, "multinet.saving.model")
