"""California housing: prices of 20,640 districts in 1990, with 8 features.

R. K. Pace and R. Barry, "Sparse spatial autoregressions", 1997.
"""

from __future__ import annotations

import numpy as np

from multinet import surface
from multinet.checks import one_of
from multinet.datasets.remote import Pair, arrays, fetch, parts, shuffled
from multinet.tracebacks import shortening

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)): float32 (n, 8), and (n,).

    `version="small"` has the first 600 districts.
    """
    one_of(version, "version", ("large", "small"))
    found = arrays(fetch("california_housing.npz", path))
    x, y = found["x"], found["y"]
    if version == "small":
        x, y = x[:600], y[:600]
    return parts(*shuffled(x, y, np.random.RandomState(seed)), test_split)
