"""Multinet as a contender; MULTINET_BACKEND chooses the framework."""

from __future__ import annotations

from frontend import Frontend
from workloads import Weights, Workload

import multinet as keras


def build(workload: Workload, weights: Weights) -> Frontend:
    """Return the model, compiled and with the given weights."""
    keras.set_random_seed(1)
    return Frontend(keras, workload, weights)
