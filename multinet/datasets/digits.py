"""The UCI handwritten digits: 1,797 images of 8x8 pixels, inside the wheel.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0. These
are the 1,797 images of its test part, written by 13 people, as scikit-learn ships them;
pixels count the dark dots of 4x4 blocks, 0 to 16.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np

from multinet import philox, surface
from multinet.errors import ArgumentError
from multinet.random import host
from multinet.tracebacks import shortening

__all__ = [
    "load_data",
]

surface.show(__name__)

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]


@shortening
def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)): uint8 images (n, 8, 8) and labels
    (n,).

    The images are shuffled by `seed` and the last `test_split` of them are the test
    set, 360 of 1,797 by default; writers occur in both parts.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train = x_train[..., None] / 16.0
    """
    if not 0 <= test_split < 1:
        raise ArgumentError(f"Expected test_split within [0, 1), got {test_split}.")
    with files("multinet.datasets").joinpath("digits.npz").open("rb") as file:
        with np.load(file, allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
    order = host.permutation(philox.make_key(seed), len(images))
    images, labels = images[order], labels[order]
    cut = int(len(images) * (1 - test_split))
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])
