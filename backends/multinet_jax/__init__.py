"""The JAX backend of Multinet."""

from __future__ import annotations

import os
from typing import Any

from multinet.errors import BackendError
from multinet.interface import Backend, Plugin, determinism


def load() -> type[Backend[Any]]:
    """Import JAX and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    from multinet_jax import native
    from multinet_jax.fused import JaxBackend

    native.install()
    early = determinism.is_asked()
    determinism.when_asked(lambda: _choose_kernels(early))
    return JaxBackend


def _choose_kernels(early: bool) -> None:
    """Have XLA take the kernels that give the same bits; it reads that as it starts."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _SAME_BITS in flags:
        return
    os.environ["XLA_FLAGS"] = f"{flags} {_SAME_BITS}".strip()
    if not early:
        import jax  # as in `load`

        if jax.default_backend() != "cpu":  # whose kernels are of that kind anyway
            raise BackendError(
                "JAX may have started without kernels that give the same bits. Call "
                "multinet.config.enable_determinism() before the JAX backend is used."
            )


_SAME_BITS = "--xla_gpu_deterministic_ops=true"


plugin = Plugin("jax", ("jax",), "jax", "pip install 'multinet-nn[jax]'", load)
