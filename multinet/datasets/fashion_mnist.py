"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels, in ten classes.

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST", 2017, arXiv:1708.07747, MIT licence.
"""

from __future__ import annotations

import gzip

import numpy as np

from multinet import surface
from multinet.datasets.remote import Pair, fetch
from multinet.tracebacks import shortening
from multinet.typing import Host

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data() -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)), downloaded once.

    Images are uint8 (60000, 28, 28) and (10000, 28, 28), labels uint8.
    """
    return _part("train"), _part("t10k")


def _part(name: str) -> Pair:
    labels = _bytes(f"{name}-labels-idx1-ubyte.gz", 8)
    images = _bytes(f"{name}-images-idx3-ubyte.gz", 16)
    return images.reshape(len(labels), 28, 28), labels


def _bytes(name: str, header: int) -> Host:
    path = fetch(name, cache_subdir="datasets/fashion-mnist")
    with gzip.open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)
