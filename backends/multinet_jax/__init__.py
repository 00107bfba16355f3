"""The JAX backend of Multinet."""

from __future__ import annotations

from typing import Any

from multinet.interface import Backend, Plugin


def load() -> type[Backend[Any]]:
    """Import JAX and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    from multinet_jax import native
    from multinet_jax.fused import JaxBackend

    native.install()
    return JaxBackend


plugin = Plugin("jax", ("jax",), "jax", "pip install 'multinet-nn[jax]'", load)
