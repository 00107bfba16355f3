"""The NumPy backend of Multinet, which differentiates and needs nothing but NumPy."""

from __future__ import annotations

from typing import Any

from multinet.interface import Backend, Plugin


def load() -> type[Backend[Any]]:
    """Import and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    from multinet_numpy import native
    from multinet_numpy.backend import NumpyBackend

    native.install()
    return NumpyBackend


plugin = Plugin("numpy", ("numpy",), "numpy", "pip install multinet-nn", load)
