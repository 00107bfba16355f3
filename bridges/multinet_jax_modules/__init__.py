"""Functions of JAX and modules of Flax as layers, which import these when made.

And the other way: models as functions of JAX that TensorFlow runs.
"""

from multinet_jax_modules.flax import FlaxLayer
from multinet_jax_modules.layer import JaxLayer
from multinet_jax_modules.saved_model import export_saved_model

__all__ = ["FlaxLayer", "JaxLayer", "export_saved_model"]
