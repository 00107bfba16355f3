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
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        kinds = {x.device.type for x in given}
        for x in given:
            x.constant = None  # else torch computes with the values of small ones
        if func in _MOVES:
            if kwargs.get("device") is not None:
                kinds.add(kwargs["device"].type)
            self._check_move(func, kinds, args[0])
        elif len(kinds) > 1:
            raise DeviceFault(f"{func} has operands on {sorted(kinds)}")
        return func(*args, **kwargs)

    def _check_move(self, func, kinds, x):
        if len(kinds) == 1:
            return
        if self.running:
            raise DeviceFault(f"{func} copies between devices in a replayed step")
        if tape._active.get() is not None and x.device.type == NAME:
            raise DeviceFault(f"{func} reads a device tensor in a step")


class Contiguous(TorchFunctionMode):
    """Refuses recurrences whose memory cuDNN does not read as it lies."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name == "_cudnn_rnn":
            self._check(args[4:6], args[1])
        elif name in ("lstm", "gru"):
            self._check([args[1]] if name == "gru" else args[1], args[2])
        return func(*args, **(kwargs or {}))

    def _check(self, states, weights):
        if not all(h is None or h.is_contiguous() for h in states):
            raise DeviceFault("rnn: hx is not contiguous")
        if not all(w.is_contiguous() for w in weights):
            raise DeviceFault("view size is not compatible with input tensor's size")
        if not one_piece(weights):
            raise DeviceFault("RNN weights are not one contiguous piece of memory")


def one_piece(weights):
    """Return whether weights follow each other from the start of one storage."""
    place = 0
    for w in weights:
        same = w.untyped_storage()._cdata == weights[0].untyped_storage()._cdata
        if not same or w.storage_offset() != place:
            return False
        place += w.numel()
    return True


def to_numpy(self, x):
    """Return zeros for the values that a fake tensor does not have, outside a step."""
    if tape._active.get() is not None:
        raise DeviceFault("to_numpy reads a device tensor in a step")
    shape = tuple(array.unwrap(x).shape)
    return np.zeros(shape, array.dtypes.to_numpy(array.NAMES[x.dtype]))


def recurrence_gradients(x, weights, stride, piece, h, c, *rest):
    """Return tensors like the gradients that cuDNN gives; torch tells no shapes."""
    empty = torch.empty_like
    return empty(x), empty(h), empty(h if c is None else c), [empty(w) for w in weights]


@contextlib.contextmanager
def placed():
    """Place tensors on the fake device, and watch every operation of torch."""
    warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")
    create_device(NAME)
    shapes = torch.library.Library("aten", "IMPL", "Meta")
    shapes.impl("_cudnn_rnn_backward", recurrence_gradients)
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
