"""Models: functional, sequential and subclassed."""

from multinet.models.cloning import clone_model, model_from_json
from multinet.models.model import Model
from multinet.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_json"]
