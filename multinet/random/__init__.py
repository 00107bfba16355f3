"""Random tensors and seeds, on one counter-based generator for all backends.

>>> generator = random.SeedGenerator(7)
>>> random.normal((2, 3), seed=generator)
"""

from multinet import surface
from multinet.random.distributions import (
    categorical,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from multinet.random.rejection import beta, binomial, gamma
from multinet.seeds import SeedGenerator, set_random_seed

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "set_random_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]

surface.show(__name__)
