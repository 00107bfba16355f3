"""Multinet: one neural-net frontend on NumPy, JAX, PyTorch and TensorFlow.

>>> import multinet as keras
>>> model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])

The backend is chosen by the environment variable `MULTINET_BACKEND`, by `set_backend`
or, for a block, by `use_backend`; NumPy is the default.
"""

import sys
from typing import TYPE_CHECKING

from multinet import (
    absent,
    activations,
    backend,
    config,
    constraints,
    dtype_policies,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    surface,
    tree,
)
from multinet.as_keras import as_keras
from multinet.bridging import as_torch_module
from multinet.dtype_policies import DTypePolicy, FloatDTypePolicy
from multinet.dtypes import floatx, set_floatx
from multinet.errors import MultinetError
from multinet.functional import functional_call
from multinet.initializers import Initializer
from multinet.jitting import jit
from multinet.layers import Input, InputSpec, Layer
from multinet.losses import Loss
from multinet.metrics import Metric
from multinet.models import Model, Sequential
from multinet.models.function import Function
from multinet.objects import exports
from multinet.operation import Operation
from multinet.ops.control import cond, custom_gradient, scan, while_loop
from multinet.ops.conversion import stop_gradient
from multinet.optimizers import Optimizer
from multinet.random import SeedGenerator, set_random_seed
from multinet.registry import backends, set_backend, use_backend
from multinet.regularizers import Regularizer
from multinet.remat import RematScope, remat
from multinet.scopes import StatelessScope, SymbolicScope, device, name_scope
from multinet.symbolic.tensor import KerasTensor, SymbolicTensor
from multinet.training.callbacks.base import Callback
from multinet.transforms import checkpoint, grad, jvp, value_and_grad, vjp, vmap
from multinet.variables import Variable
from multinet.version import __version__, version

if TYPE_CHECKING:
    from multinet import (
        callbacks,
        datasets,
        debug,
        distillation,
        preprocessing,
        saving,
        utils,
        visualization,
        wrappers,
    )

__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "MultinetError",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "SeedGenerator",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "SymbolicTensor",
    "Variable",
    "__version__",
    "activations",
    "as_keras",
    "as_torch_module",
    "backend",
    "backends",
    "callbacks",
    "checkpoint",
    "cond",
    "config",
    "constraints",
    "custom_gradient",
    "datasets",
    "debug",
    "device",
    "distillation",
    "dtype_policies",
    "errors",
    "floatx",
    "functional_call",
    "grad",
    "initializers",
    "jit",
    "jvp",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "saving",
    "scan",
    "set_backend",
    "set_floatx",
    "set_random_seed",
    "stop_gradient",
    "tree",
    "use_backend",
    "utils",
    "value_and_grad",
    "version",
    "visualization",
    "vjp",
    "vmap",
    "while_loop",
    "wrappers",
]

surface.show(__name__)
surface.show(errors.__name__)
exports.install(sys.modules[__name__])
absent.watch(
    Callback,
    KerasTensor,
    Layer,
    Metric,
    Optimizer,
    SeedGenerator,
    Variable,
)
