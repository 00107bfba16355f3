"""Functions of JAX and modules of Flax as layers, which import these when made."""

from multinet_jax_modules.flax import FlaxLayer
from multinet_jax_modules.layer import JaxLayer

__all__ = ["FlaxLayer", "JaxLayer"]
