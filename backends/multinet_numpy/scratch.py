"""Memory of a thread that kernels use again and again."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np


class _Thread(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.scratch: dict[Any, Any] = {}


_THREAD = _Thread()


def scratch(place: str, shape: Sequence[int], dtype: Any) -> Any:
    """Return memory of this thread, overwritten at the next call for the place."""
    size, held = math.prod(shape), _THREAD.scratch
    found = held.get((place, dtype))
    if found is None or found.size < size:
        found = held[place, dtype] = np.empty(size, dtype)
    return found[:size].reshape(shape)
