"""A device that is not there: torch's fake tensors on a private-use backend.

Under `FakeTensorMode` a tensor has a shape, a dtype and a device, but no values. On a
private-use device autograd runs too (on a fake "cuda" it aborts). What a real device
would refuse or wait for raises here: operands on two devices, a value that is asked
for, memory that cuDNN cannot read. Creating the device changes the process for good,
so a script of its own uses this (`fake_device_cases.py`).
"""

import contextlib
import warnings

import numpy as np
import torch
from multinet_torch import array
from multinet_torch.fast import tape
from multinet_torch.fused import TorchBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import (
    _setup_privateuseone_for_python_backend as create_device,
)

NAME = "fakegpu"
_aten = torch.ops.aten
_MOVES = (_aten._to_copy.default, _aten.copy_.default)


class DeviceFault(RuntimeError):
    """What a real device would refuse, wait for, or do slowly."""


class Strict(TorchDispatchMode):
    """Refuses host tensors beside device tensors, and copies while a step runs.

    torch itself lets a host scalar (of no axes) meet a device tensor.
    """

    def __init__(self):
        super().__init__()
        self.running = 0  # calls of a replayed step under way

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [x for x in tree_leaves((args, kwargs)) if is_tensor(x)]
        kinds = {x.device.type for x in given}
        for x in given:
            x.constant = None  # else torch computes with the values of small ones
        out = func(*args, **kwargs)
        if func in _MOVES:
            kinds |= {x.device.type for x in tree_leaves(out) if is_tensor(x)}
            self._check_move(func, kinds, args)
        elif len(kinds) > 1:
            raise DeviceFault(f"{func} has operands on {sorted(kinds)}")
        return out

    def _check_move(self, func, kinds, args):
        if len(kinds) == 1:
            return
        recording = tape._active.get() is not None
        if self.running:
            raise DeviceFault(f"{func} copies between devices in a replayed step")
        if recording and args[0].device.type == NAME:
            raise DeviceFault(f"{func} reads a device tensor in a step")


class Contiguous(TorchFunctionMode):
    """Refuses recurrences whose memory cuDNN does not read as it lies."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in ("lstm", "gru") and is_tensor(args[0]):
            hidden = (args[1],) if is_tensor(args[1]) else args[1]
            if not all(h.is_contiguous() for h in hidden):
                raise DeviceFault("rnn: hx is not contiguous")
            if not all(w.is_contiguous() for w in args[2]):
                raise DeviceFault("view size is not compatible with input tensor's")
            if not one_piece(args[2]):
                raise DeviceFault("RNN weights are not one contiguous piece of memory")
        return func(*args, **(kwargs or {}))


def one_piece(weights):
    """Return whether weights follow each other from the start of one storage."""
    place = 0
    for w in weights:
        same = w.untyped_storage()._cdata == weights[0].untyped_storage()._cdata
        if not same or w.storage_offset() != place:
            return False
        place += w.numel()
    return True


def is_tensor(x):
    """Return whether x is a tensor."""
    return isinstance(x, torch.Tensor)


def to_numpy(self, x):
    """Return zeros for the values that a fake tensor does not have, outside a step."""
    if tape._active.get() is not None:
        raise DeviceFault("to_numpy reads a device tensor in a step")
    shape = tuple(array.unwrap(x).shape)
    return np.zeros(shape, array.dtypes.to_numpy(array.NAMES[x.dtype]))


def fused_gru_cell(gates, hidden_gates, h, bias=None, hidden_bias=None):
    """Return the shapes that torch's GRU cell on devices has; it tells none itself."""
    return torch.empty_like(h), h.new_empty((h.shape[0], 5 * h.shape[1]))


def fused_gru_cell_backward(grad, workspace, has_bias):
    """Return the shapes of its gradients."""
    rows, size = grad.shape
    shapes = [(rows, 3 * size)] * 2 + [(rows, size)] + [(3 * size,)] * 2
    return tuple(grad.new_empty(shape) for shape in shapes)


@contextlib.contextmanager
def placed():
    """Place tensors on the fake device, and watch every operation of torch."""
    warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")
    create_device(NAME)
    shapes = torch.library.Library("aten", "IMPL", "Meta")
    shapes.impl("_thnn_fused_gru_cell", fused_gru_cell)
    shapes.impl("_thnn_fused_gru_cell_backward", fused_gru_cell_backward)
    fake, strict = FakeTensorMode(), Strict()
    make = tape.Tape.function

    @contextlib.contextmanager
    def on_the_host():
        # Tensors that functions of the host make are fake and watched, too.
        with _disable_current_modes(), fake, strict:
            yield

    def function(self, *arguments):
        step = make(self, *arguments)

        def run(*values):
            strict.running += 1
            try:
                return step(*values)
            finally:
                strict.running -= 1

        run.needs, run.calls = step.needs, step.calls
        return run

    tape._disable_current_modes = on_the_host
    tape.Tape.function = function
    TorchBackend.to_numpy = to_numpy
    array.placement.set(torch.device(NAME, 0))
    with fake, strict, Contiguous():
        yield
