"""The PyTensor backend of Multinet: a plug-in in a distribution of its own."""

from __future__ import annotations

from typing import Any

from multinet.interface import Backend, Plugin


def load() -> type[Backend[Any]]:
    """Import PyTensor and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    from multinet_pytensor.backend import PyTensorBackend

    return PyTensorBackend


plugin = Plugin("pytensor", ("pytensor",), "pytensor", "pip install pytensor", load)
