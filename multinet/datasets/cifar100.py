"""CIFAR-100: 60,000 colour pictures of 32x32 pixels in 100 classes, in 20 groups.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

from multinet import surface
from multinet.checks import one_of
from multinet.datasets.cifar import read
from multinet.datasets.remote import Pair, fetch
from multinet.tracebacks import shortening

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data(label_mode: str = "fine") -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)), downloaded once.

    Pictures are uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), with the channels
    first if `config.image_data_format()` says so; labels are int64 (n, 1): classes, or
    their groups if `label_mode` is "coarse".
    """
    labels = f"{one_of(label_mode, 'label_mode', ('fine', 'coarse'))}_labels"
    folder = fetch("cifar-100-python.tar.gz", "cifar-100-python-target", extract=True)
    folder = folder / "cifar-100-python"
    return read([folder / "train"], labels), read([folder / "test"], labels)
