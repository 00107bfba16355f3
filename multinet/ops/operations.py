"""The public ops as Keras's operation classes, the form they have in its files.

A call of an op is written there as an object of a class, `Add` for `ops.add`; some
arguments of the function are the class's, the others the call's. Both follow from the
name and the signature, but for the tables here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from multinet import operators
from multinet.errors import ArgumentError, unknown_name
from multinet.objects.exports import ROOT
from multinet.ops import image, linalg, nn, numpy
from multinet.ops.classes import class_name

#: The package in which Keras has the classes.
HOME = f"{ROOT}.src.ops"

# Parameters that an operation takes when it is called; all others when it is made.
_CALLED = frozenset(
    """x x1 x2 xs y a b q images image1 image2 inputs kernel depthwise_kernel
    pointwise_kernel indices values updates start_indices start stop step array key
    target targets output predictions target_length output_length sequence_lengths
    data segment_ids sorted_sequence condition condlist choicelist default abs_ angle
    query value bias mask scale gamma beta mean variance elems f init init_val
    loop_vars index branches operands variable elements pred true_fn false_fn transform
    coordinates start_points end_points output_shape translation tensor pattern
    axes_lengths volumes""".split()
)

# The ops for which that is not so.
_EXCEPTIONS = {
    "average": ("x", "weights"),
    "batch_normalization": ("x", "mean", "variance", "offset", "scale"),
    "digitize": ("x", "bins"),
    "full": ("fill_value",),
    "full_like": ("x", "fill_value"),
    "isclose": ("x1", "x2", "rtol", "atol"),
    "pad": ("x", "constant_values"),
    "squareplus": ("x",),
    "trapezoid": ("y",),
}

# What Keras's classes take beyond our ops, at the only value that we can read.
_INERT = {"layer_normalization": {"rms_scaling": False}}

_MODULES = {
    "core": """associative_scan cast cond convert_to_tensor fori_loop map saturate_cast
        scan scatter scatter_update slice slice_update stop_gradient switch unstack
        vectorized_map while_loop""".split(),
    "einops": ["rearrange"],
}


@functools.cache
def module(op: str) -> str:
    """Return the module in which Keras has the class of an op."""
    for name, ops in _MODULES.items():
        if op in ops:
            return f"{HOME}.{name}"
    for namespace in (numpy, nn, linalg, image):
        if op in namespace.__all__:
            return f"{HOME}.{namespace.__name__.rpartition('.')[2]}"
    return f"{HOME}.math"


@functools.cache
def by_class() -> Mapping[str, str]:
    """Return the ops by the names of their classes."""
    names = {class_name(op): op for op in operators._ops}
    return names | {
        "".join(word.capitalize() for word in op.split("_")): op
        for op in operators._ops
    }


def op_of(class_: str) -> str:
    """Return the op of a class; `ArgumentError` naming the near ones."""
    if class_ not in by_class():
        raise unknown_name("operation", class_, by_class())
    return by_class()[class_]


def split(
    op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """Return what an op's class takes when made, and when called: by position, by name.

    Defaults are filled in, since those of the class may be others.
    """
    signature = inspect.signature(operators._ops[op])
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    if op == "get_item" and isinstance(bound.arguments["key"], list):
        # Of a list a file makes what it makes of a tuple: an index for each axis.
        bound.arguments["key"] = np.asarray(bound.arguments["key"])
    made: dict[str, Any] = {}
    called: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        value = bound.arguments[name]
        if name not in _EXCEPTIONS.get(op, _CALLED):
            made[name] = value
        elif parameter.kind is parameter.VAR_POSITIONAL:
            called += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif made:  # the class may take those after it in another order
            named[name] = value
        else:
            called.append(value)
    return made, called, named


def join(
    op: str, made: Mapping[str, Any], called: list[Any], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of the function for those of its class: undo `split`."""
    parameters = inspect.signature(operators._ops[op]).parameters
    inert = _INERT.get(op, {})
    made = {k: v for k, v in made.items() if k not in inert or v != inert[k]}
    if op == "get_item":
        called = [tuple(x) if isinstance(x, list) else x for x in called]
    taken = [name for name in parameters if name in _EXCEPTIONS.get(op, _CALLED)]
    unknown = sorted((made.keys() | named.keys()) - parameters.keys())
    kinds = {parameter.kind: name for name, parameter in parameters.items()}
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise ArgumentError(
            f"{class_name(op)} got the arguments {unknown}, which ops.{op} does not "
            f"take. It takes {list(parameters)}."
        )
    many = kinds.get(inspect.Parameter.VAR_POSITIONAL)
    if many is None:
        return (), {**made, **dict(zip(taken, called)), **named}
    before = list(parameters)[: list(parameters).index(many)]
    first = [made[name] for name in before]
    rest = {name: value for name, value in made.items() if name not in before}
    return (*first, *called), {**rest, **named}
