"""The names under which `keras.mixed_precision` has policies and loss scaling."""

from __future__ import annotations

from multinet import surface
from multinet.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from multinet.optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

surface.show(__name__)

Policy = DTypePolicy
global_policy, set_global_policy = dtype_policy, set_dtype_policy
