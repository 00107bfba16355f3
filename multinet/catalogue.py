"""The names at the top of `multinet` that are no modules, brought when asked for."""

# ruff: noqa: F401
from multinet.bridging import as_torch_module
from multinet.dtype_policies import DTypePolicy, FloatDTypePolicy
from multinet.functional import functional_call
from multinet.initializers import Initializer
from multinet.jitting import jit
from multinet.layers import Input, InputSpec, Layer
from multinet.losses import Loss
from multinet.metrics import Metric
from multinet.models import Model, Sequential
from multinet.models.function import Function
from multinet.operation import Operation
from multinet.ops.control import cond, scan, while_loop
from multinet.ops.conversion import stop_gradient
from multinet.ops.derivatives import custom_gradient
from multinet.optimizers import Optimizer
from multinet.random import SeedGenerator, set_random_seed
from multinet.regularizers import Regularizer
from multinet.rematerialization import RematScope, remat
from multinet.scopes import StatelessScope, SymbolicScope, device, name_scope
from multinet.symbolic.tensor import KerasTensor, SymbolicTensor
from multinet.transforms import checkpoint, grad, jvp, value_and_grad, vjp, vmap
from multinet.variables import Variable
