"""What a layer's methods take, and what it was called on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import optree

from multinet.errors import ArgumentError, MultinetError, WrongType
from multinet.ops.sparse_forms import is_sparse_tensor, parted
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.typing import Made, Shapes, Tree


@dataclass(frozen=True)
class Signature:
    """The parameters of `call` and `build`, read once for each class."""

    call: tuple[str, ...]
    # Position of `training` among call's parameters: after all, where it has none.
    training: int | None
    build: tuple[str, ...]
    masks: bool  # whether the class computes masks of its own
    mask: bool  # whether `call` takes the mask of its only argument with tensors
    methods: tuple[object, ...]  # what was read


def signature_of(cls: type, base: type) -> Signature:
    """Return the signatures of a layer class; `base` is the class of all layers."""
    parameters = inspect.signature(cls.call).parameters
    call = tuple(parameters)[1:]
    build = inspect.signature(cls.build).parameters
    training = call.index("training") if "training" in call else None
    by_keyword = inspect.Parameter.KEYWORD_ONLY
    if training is not None and parameters["training"].kind is by_keyword:
        training = sys.maxsize
    masks = cls.compute_mask is not base.compute_mask
    read = methods_of(cls)
    return Signature(call, training, tuple(build)[1:], masks, "mask" in call, read)


def methods_of(cls: type) -> tuple[object, ...]:
    """Return the methods that a signature tells of."""
    return cls.call, cls.build, cls.compute_mask


def takes(cls: type, base: type) -> list[str]:
    """Return the names that the constructor takes, those of `Layer` included."""
    # Of `__init__`, since the signature of `Layer` itself is that of its `__new__`.
    makers = (cls.__init__, base.__init__)
    names = [name for maker in makers for name in inspect.signature(maker).parameters]
    gathers = ("self", "args", "kwargs", "options")
    return [name for name in dict.fromkeys(names) if name not in gathers]


def check_build(layer: Made, spec: Signature) -> None:
    """Refuse a `build` that needs more than the shapes of what `call` takes."""
    if len(spec.build) < 2:
        return
    parameters = list(inspect.signature(type(layer).build).parameters.values())[1:]
    asked = [p.name for p in parameters if p.default is p.empty and p.kind < 2]
    known = [f"{name}_shape" for name in spec.call]
    strange = [name for name in asked if name not in known]
    if len(asked) > 1 and strange:
        raise ArgumentError(
            f"{type(layer).__name__}.build takes {strange[0]!r}, which is no shape of "
            f"what call takes. Of {', '.join(spec.call)} it may take "
            f"{', '.join(known)}, or one argument for the shape of the first."
        )


def holds_tensors(value: object) -> bool:
    """Return whether a value is a tensor, or a tree of nothing else."""
    backend = current()
    if backend.is_tensor(value):
        return True
    if not isinstance(value, list | tuple | dict) or not value:
        return False
    return all(map(backend.is_tensor, optree.tree_leaves(value)))  # type: ignore[arg-type]


def is_shape(tree: object) -> bool:
    """Return whether a tree is one shape."""
    return isinstance(tree, list | tuple) and all(
        n is None or isinstance(n, int | np.integer) for n in tree
    )


def is_number_tree(value: object) -> bool:
    """Return whether nested lists hold numbers."""
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, bool | int | float | np.generic)


def shapes_of(args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Shapes:
    """Return the shapes of the first argument of a call, in a tree if it is one."""
    backend, first = current(), args[0] if args else next(iter(kwargs.values()), None)

    def shape(leaf: Tree) -> Shapes:
        if is_sparse_tensor(leaf):
            return public_shape(parted(leaf).shape)
        return public_shape(backend.shape(leaf)) if backend.is_tensor(leaf) else None

    return optree.tree_map(shape, first)  # type: ignore[arg-type]


def check_given(layer: Made, trees: Mapping[str, Tree]) -> None:
    """Refuse a first call without an argument whose shape `build` cannot do without."""
    parameters = inspect.signature(layer.build).parameters
    for name, tree in trees.items():
        if tree is None and parameters[name].default is inspect.Parameter.empty:
            raise WrongType(
                f"{type(layer).__name__} was called without "
                f"{name.removesuffix('_shape')!r}, which it needs."
            )


def explain(error: MultinetError, layer: Made, args: Tree) -> None:
    """Add to an error in which layer it came, and on what shapes, if none did."""
    if getattr(error, "__notes__", None):
        return
    backend = current()
    shapes = optree.tree_map(
        lambda x: public_shape(backend.shape(x)) if backend.is_tensor(x) else x, args
    )
    error.add_note(
        f"In layer {layer.name!r} ({type(layer).__name__}), called on {shapes}."
    )
