"""What CIFAR-10 and CIFAR-100 share: batches of pictures of 32x32 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from multinet.config import image_data_format
from multinet.datasets.remote import Pair, unpickled


def read(paths: list[Path], labels: str) -> Pair:
    """Return the pictures and labels, (n, 1), of files one after the other."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append(unpickled(file))
    x = np.concatenate([batch[b"data"] for batch in found]).reshape(-1, 3, 32, 32)
    y = np.concatenate([batch[labels.encode()] for batch in found])
    if image_data_format() == "channels_last":
        x = x.transpose(0, 2, 3, 1)
    return x, y.reshape(-1, 1)
