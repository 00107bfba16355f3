"""Multinet as a contender; MULTINET_BACKEND chooses the framework."""

from __future__ import annotations

import multinet as keras
from multinet_benchmarks.frontend import Frontend
from multinet_benchmarks.workloads import Weights, Workload


def build(workload: Workload, weights: Weights) -> Frontend:
    """Return the model, compiled and with the given weights."""
    keras.set_random_seed(1)
    return Frontend(keras, workload, weights)
