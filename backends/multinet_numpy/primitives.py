"""The two namespaces of primitives: `raw` on plain arrays, `traced` recording."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from multinet.interface.signatures import SIGNATURES, Facts
from multinet_numpy import (
    arrays,
    elementwise,
    linalg,
    rules_arrays,  # noqa: F401  (fills the table of rules)
    rules_elementwise,  # noqa: F401
    rules_linalg,  # noqa: F401
    windows,
)
from multinet_numpy.fast import fused_kernels, sequence
from multinet_numpy.fast.plan import plannable
from multinet_numpy.spaces import raw, traced
from multinet_numpy.tape import binary, constant, quiet, unary, variadic

_MODULES = (elementwise, arrays, windows, linalg, fused_kernels, sequence)
# Kernels of NumPy's own, by how they record; the others are methods of the interface.
_OWN = {
    constant: "tie_shares",
    unary: "unbroadcast swap getitem getitem_adjoint sum_pool_adjoint",
    binary: "conv_kernel relu_adjoint difference",
    variadic: """
        take_adjoint take_along_axis_adjoint max_pool_adjoint max_pool_select
        cross_entropy cross_entropy_adjoint lstm_adjoint gru_adjoint
    """,
}
# Where inf and NaN are ordinary results; inside transforms and `jit` all is quiet.
_LOUD = frozenset(
    """
    divide floor_divide mod power log log1p sqrt exp expm1 sinh cosh tan arcsin arccos
    arccosh arctanh logaddexp sigmoid softmax log_softmax cast fft
    """.split()
)


def _quietly(kernel: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(kernel)
    def call(*args: Any) -> Any:
        with quiet():
            return kernel(*args)

    vars(call).pop("ufunc", None)  # which is loud
    return call


# Plain compositions of ufuncs and methods, which record themselves in a plan.
_PLAIN = frozenset("power sigmoid reshape transpose swap getitem relu matmul".split())


@functools.cache
def _kernel(name: str) -> Callable[..., Any]:
    kernel = next(getattr(m, name) for m in _MODULES if hasattr(m, name))
    if name in _PLAIN or isinstance(kernel, np.ufunc) or hasattr(kernel, "ufunc"):
        return kernel
    return plannable(name, kernel)


def _recorder(facts: Facts) -> Callable[..., Any]:
    """Return what makes a method with these facts record."""
    if facts.gradient != "exact":
        return constant
    several = type(facts.result) is tuple or facts.result in ("complex", "asked")
    if several or facts.indices or facts.mask:
        return variadic
    return {0: unary, 2: binary}.get(len(facts.alike), variadic)


def _fill() -> None:
    own = [(name, make) for make, names in _OWN.items() for name in names.split()]
    methods = [
        (name, _recorder(facts))
        for name, facts in SIGNATURES.items()
        if any(hasattr(module, name) for module in _MODULES)
    ]
    for name, make in (*methods, *own):
        kernel = _kernel(name)
        setattr(raw, name, kernel)
        loud = _loud(name, kernel)
        recorded = constant(loud) if make is constant else make(name, loud)
        setattr(traced, name, recorded)


def _loud(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    return _quietly(kernel) if name in _LOUD else kernel


_fill()
