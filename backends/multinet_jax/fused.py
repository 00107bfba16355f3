"""The backend class, with the fused methods for which JAX has something better."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from multinet.interface.program import Function, Tensors
from multinet_jax.array import Array
from multinet_jax.program import ProgramOps, from_cotangent


class JaxBackend(ProgramOps):
    """Multinet on JAX."""

    name = "jax"
    interface = (1, 0)

    # -- program arguments -------------------------------------------------------------

    def value_and_grad(
        self, function: Function[Array], primals: Sequence[Array]
    ) -> tuple[Array, Tensors[Array], Tensors[Array]]:
        def split(*xs: Array) -> tuple[Array, Tensors[Array]]:
            value, *auxiliary = function(*xs)
            return value, tuple(auxiliary)

        value, pull, auxiliary = jax.vjp(split, *primals, has_aux=True)
        gradients = pull(jnp.ones_like(value))
        return value, auxiliary, tuple(map(from_cotangent, gradients, primals))

    # -- comparison --------------------------------------------------------------------

    def isinf(self, x: Array) -> Array:
        return jnp.isinf(x)

    # -- elementwise -------------------------------------------------------------------

    def square(self, x: Array) -> Array:
        return jnp.square(x)

    def rsqrt(self, x: Array) -> Array:
        return lax.rsqrt(x)

    # -- shape and indexing ------------------------------------------------------------

    def split(self, x: Array, sizes: Sequence[int], axis: int) -> Tensors[Array]:
        # The gradient is one concatenation; that of slices pads and adds each piece.
        return tuple(lax.split(x, sizes, axis))
