"""Operation: a function of tensors as an object with a name, which graphs record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from multinet.configurable import Configurable, arguments, parameters
from multinet.errors import ArgumentError, MultinetError
from multinet.names import is_ours, snake_case, unique_name
from multinet.ops.core import as_tensor
from multinet.rematerialization import RematScope, current_scope
from multinet.symbolic.tensor import Recorded, adopted, is_symbolic, record
from multinet.tracebacks import shorten
from multinet.typing import Config, Tensors


class Operation(Configurable, Recorded):
    """The base of what is called on tensors and has a name: subclass it, write `call`.

    On symbolic tensors a call becomes part of the graph; their shapes come from a run
    of `call` on shapes alone, or from `compute_output_spec` where a subclass writes it.
    A layer is an operation that may have weights.

    >>> class Scaled(Operation):
    ...     def __init__(self, factor, name=None):
    ...         super().__init__(name)
    ...         self.factor = factor
    ...     def call(self, x):
    ...         return ops.multiply(x, self.factor)
    """

    _doors = Configurable._doors | {
        "adapt",
        "build_from_config",
        "compute_output_shape",
        "enable_lora",
        "get_initial_state",
        "load_own_variables",
        "set_vocabulary",
    }

    _remat: RematScope | None = None
    name: str

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ArgumentError(f"Expected name as a string without '/', got {name!r}.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        remat = current_scope()
        if remat is not None:
            self._remat = remat

    def call(self, *args: Any, **kwargs: Any) -> Tensors:
        """Compute the outputs; subclasses write it."""
        raise MultinetError(f"{type(self).__name__} must define call(self, inputs).")

    def quantized_call(self, *args: Any, **kwargs: Any) -> Tensors:
        """Compute the outputs in place of `call` where `quantization_mode` is set."""
        raise MultinetError(f"{type(self).__name__} has no quantized_call.")

    def __call__(self, *args: Any, **kwargs: Any) -> Tensors:
        """Compute the outputs for tensors, host arrays, or symbolic tensors."""
        try:
            if is_symbolic(args, kwargs):
                return self.symbolic_call(*args, **kwargs)
            args, kwargs = optree.tree_map(_tensor, (args, kwargs))  # type: ignore[arg-type]
            return self._compute(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    def _compute(self, *args: Any, **kwargs: Any) -> Tensors:
        quantized = getattr(self, "quantization_mode", None) is not None
        call = self.quantized_call if quantized else self.call
        return self.rematerialized_call(call, *args, **kwargs)(*args, **kwargs)

    def rematerialized_call(
        self, fn: Callable[..., Tensors], *args: Any, **kwargs: Any
    ) -> Callable[..., Tensors]:
        """Return fn, or what computes it again going back, as a `RematScope` says.

        The arguments are those that fn will be called with.
        """
        remat = self._remat
        return fn if remat is None else remat.applied(self, fn, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Tensors:
        """Return the symbolic outputs for symbolic inputs; the graph has the call."""
        if writes_spec(type(self)):
            return adopted(
                self, self.compute_output_spec(*args, **kwargs), args, kwargs
            )
        return record(self, self._compute, args, kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Tensors:
        """Return symbolic outputs for symbolic inputs, in no graph."""
        return record(self, self._compute, args, kwargs, keep=False)

    def get_config(self) -> Config:
        """Return what `from_config` needs: the arguments of the constructor, and the
        name if it takes one.
        """
        named = {"name": self.name} if "name" in parameters(type(self)) else {}
        return {**arguments(self, Operation), **named}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def writes_spec(cls: type) -> bool:
    """Return whether a class of the user's says itself what comes out of its calls."""
    owner = next(c for c in cls.__mro__ if "compute_output_spec" in vars(c))
    return not is_ours(owner)


def _tensor(leaf: Any) -> Any:
    return as_tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
