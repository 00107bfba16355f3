"""Models: functional, sequential and subclassed."""

from multinet.models.cloning import clone_model, model_from_json
from multinet.models.model import Model
from multinet.models.sequential import Sequential
from multinet.saving.model import load_model, save_model

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]
