"""CIFAR-10: 60,000 colour pictures of 32x32 pixels in ten classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

from multinet import surface
from multinet.datasets.cifar import read
from multinet.datasets.remote import Pair, fetch
from multinet.tracebacks import shortening

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data() -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)), downloaded once.

    Pictures are uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), with the channels
    first if `config.image_data_format()` says so; labels are uint8 (n, 1).
    """
    folder = fetch("cifar-10-python.tar.gz", "cifar-10-batches-py-target", extract=True)
    folder = folder / "cifar-10-batches-py"
    x, y = read([folder / f"data_batch_{i}" for i in range(1, 6)], "labels")
    x_test, y_test = read([folder / "test_batch"], "labels")
    return (x, y.astype("uint8")), (x_test, y_test.astype("uint8"))
