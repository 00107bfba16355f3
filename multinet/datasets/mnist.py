"""MNIST: 70,000 handwritten digits of 28x28 pixels.

Y. LeCun, C. Cortes and C. J. C. Burges, http://yann.lecun.com/exdb/mnist/, licensed
CC BY-SA 3.0.
"""

from __future__ import annotations

from multinet import surface
from multinet.datasets.remote import Pair, arrays, fetch
from multinet.tracebacks import shortening

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)), downloaded once as `path`.

    Images are uint8 (60000, 28, 28) and (10000, 28, 28), labels uint8.
    """
    found = arrays(fetch("mnist.npz", path))
    train, test = ((found[f"x_{p}"], found[f"y_{p}"]) for p in ("train", "test"))
    return train, test
