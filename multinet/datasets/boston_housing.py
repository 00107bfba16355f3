"""Boston housing: prices of 506 districts in the 1970s, with 13 features.

D. Harrison and D. L. Rubinfeld, "Hedonic prices and the demand for clean air", 1978.
One of the features is made of the share of Black people, on a premise that is racist:
use the data to reproduce others' numbers, and `california_housing` for all else.
"""

from __future__ import annotations

import numpy as np

from multinet import surface
from multinet.datasets.remote import Pair, arrays, fetch, parts, shuffled
from multinet.tracebacks import shortening

__all__ = ["load_data"]

surface.show(__name__)


@shortening
def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)): float64 (n, 13), and (n,)."""
    found = arrays(fetch("boston_housing.npz", path))
    x, y = shuffled(found["x"], found["y"], np.random.RandomState(seed))
    return parts(x, y, test_split)
