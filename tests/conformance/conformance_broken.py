"""Backends that are wrong on purpose, in one method each."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from multinet import dtypes, registry
from multinet.interface import Backend, Program
from multinet.interface.signatures import SIGNATURES

PLAIN: Any = registry.get("numpy")
Base: Any = type(PLAIN)


def broken(name: str, method: Any) -> Backend[Any]:
    """Return the NumPy backend with one method replaced."""
    return type(f"Broken_{name}", (Base,), {name: method, "__module__": __name__})()


def perturb(self: Any, x: Any) -> Any:
    """Return a tensor 1% off, one more, or negated."""
    if isinstance(x, (tuple, list)):
        return type(x)([perturb(self, x[0]), *x[1:]])
    if not self.is_tensor(x):
        return x
    dtype = PLAIN.dtype(x)
    if dtype == "bool":
        return PLAIN.logical_not(x)
    if dtypes.is_integer(dtype):
        return PLAIN.add(x, 1)
    return PLAIN.multiply(x, 1.02 if dtype == "bfloat16" else 1.01)


def wrong_value(name: str) -> Backend[Any]:
    """Return a backend whose method `name` gives wrong results."""
    if name in WRONG:
        return broken(name, WRONG[name])
    plain = getattr(PLAIN, name)
    return broken(name, lambda self, *a, **k: perturb(self, plain(*a, **k)))


def _each(self: Any, y: Any, change: Any) -> Any:
    if isinstance(y, (tuple, list)):
        return type(y)([_each(self, part, change) for part in y])
    inexact = dtypes.is_differentiable(PLAIN.dtype(y))
    return change(y) if inexact else y


def finite(drift: Any) -> Any:
    """Return a drift of 0, whose gradient counts, with 0 for inf - inf."""
    return PLAIN.where(PLAIN.isfinite(drift), drift, 0)


def wrong_gradient(name: str) -> Backend[Any]:
    """Return a backend whose method `name` has right values, and gradients 1% off."""
    plain = getattr(PLAIN, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def change(y: Any) -> Any:
            source = y
            if name in FLAT:  # their gradient is 0, and 1% of that is no error
                source = next(x for x in args if self.is_tensor(x))
            frozen = PLAIN.stop_gradient(source)
            drift = finite(PLAIN.subtract(source, frozen))
            return PLAIN.add(y, PLAIN.multiply(drift, 0.01))

        return _each(self, plain(*args, **kwargs), change)

    return broken(name, method)


FLAT = [name for name, facts in SIGNATURES.items() if facts.gradient == "zero"]


def wrong_curvature(name: str) -> Backend[Any]:
    """Return a backend whose method `name` is wrong in the second derivative only."""
    plain = getattr(PLAIN, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def change(y: Any) -> Any:
            drift = finite(PLAIN.subtract(y, PLAIN.stop_gradient(y)))
            square = PLAIN.multiply(PLAIN.multiply(drift, drift), 0.1)
            return PLAIN.add(y, square)

        return _each(self, plain(*args, **kwargs), change)

    return broken(name, method)


def _cond(self, predicate, true_function, false_function, operands):
    return PLAIN.cond(predicate, false_function, true_function, operands)


def _while_loop(self, condition, body, state):
    return tuple(body(*PLAIN.while_loop(condition, body, state)))


def _scan(self, function, carry, xs, length, reverse):
    return PLAIN.scan(function, carry, xs, length, False)


def _vjp(self, function, primals):
    outputs, pullback = PLAIN.vjp(function, primals)
    return outputs, lambda cotangents: perturb(self, pullback(cotangents))


def _jvp(self, function, primals, tangents):
    outputs, pushed = PLAIN.jvp(function, primals, tangents)
    return outputs, perturb(self, pushed)


def _wrapper(name: str) -> Any:
    def method(self, function, *rest):
        run = getattr(PLAIN, name)(function, *rest)
        return lambda *values: perturb(self, tuple(run(*values)))

    return method


def _custom_gradient(self, function):
    return lambda *xs: function(*xs)[0]


def _value_and_grad(self, function, primals):
    value, auxiliary, gradients = PLAIN.value_and_grad(function, primals)
    return value, auxiliary, perturb(self, gradients)


def _argument(self, value, dtype):
    if isinstance(value, tuple):
        return PLAIN.argument(value[::-1], dtype)
    return PLAIN.argument(value * 2, dtype)


def _update(name: str) -> Any:
    def method(self, *args):
        params, *slots = getattr(PLAIN, name)(*args)
        return (perturb(self, params), *slots)

    return method


def _program(self, function, *rest):
    return Program(self, lambda *xs: perturb(self, function(*xs)), *rest)


def _mesh(self, *options):
    mesh = PLAIN.mesh(*options)
    mesh.constrain = lambda x, layout: perturb(self, x)
    return mesh


def _from_numpy(self, array):
    inexact = np.asarray(array).dtype == np.float32
    return PLAIN.from_numpy(np.asarray(array * np.float32(1.01)) if inexact else array)


#: Methods whose results are not tensors alone, and how each is broken.
WRONG: dict[str, Any] = {
    "from_numpy": _from_numpy,
    "to_numpy": lambda self, x: np.flip(PLAIN.to_numpy(x)),
    "is_tensor": lambda self, x: PLAIN.is_tensor(x) or isinstance(x, float),
    "shape": lambda self, x: list(PLAIN.shape(x)),
    "dtype": lambda self, x: np.dtype(dtypes.to_numpy(PLAIN.dtype(x))),
    "cond": _cond,
    "while_loop": _while_loop,
    "scan": _scan,
    "vjp": _vjp,
    "jvp": _jvp,
    "vmap": _wrapper("vmap"),
    "jit": _wrapper("jit"),
    "checkpoint": _wrapper("checkpoint"),
    "stop_gradient": lambda self, x: x,
    "custom_gradient": _custom_gradient,
    "devices": lambda self: list(PLAIN.devices()),
    "device": lambda self, name: nullcontext(),
    "synchronize": lambda self, x: x,
    "argument": _argument,
    "common_dtype": lambda self, x, y: "float32",
    "known": lambda self, x: np.zeros(1, np.int32),
    "program": _program,
    "mesh": _mesh,
    "value_and_grad": _value_and_grad,
    "sgd_update": _update("sgd_update"),
    "adam_update": _update("adam_update"),
    "copy": lambda self, x: perturb(self, PLAIN.copy(x)),
}
