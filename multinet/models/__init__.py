"""Models: functional, sequential and subclassed."""

from multinet.models.model import Model
from multinet.models.sequential import Sequential

__all__ = ["Model", "Sequential"]
