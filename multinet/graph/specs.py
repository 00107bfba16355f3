"""What a program is captured on: the shapes and dtypes of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.graph.recording import Recorder
from multinet.graph.values import Value
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.symbolic import Dim, Size, SymbolicArray, public_shape
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import DType, Host, Tensor, Tree

#: The name of an unknown first size, which all inputs share.
BATCH = "batch"


class Spec:
    """The shape and dtype of an argument.

    A size is an int, a name of an unknown size, which is the same wherever the name
    stands, or None for one that nothing else has.

    >>> multinet.graph.Spec(("batch", "time", 8))
    Spec(('batch', 'time', 8), 'float32')
    """

    def __init__(
        self, shape: Sequence[int | str | None], dtype: DType = "float32"
    ) -> None:
        fits = isinstance(shape, tuple | list) and all(
            n is None or isinstance(n, str) or (type(n) is int and n >= 0)
            for n in shape
        )
        if not fits:
            raise ShapeError(
                "Expected a shape of ints, names of unknown sizes and None, as in "
                f"('batch', 3); got {shape!r}."
            )
        self.shape, self.dtype = tuple(shape), dtypes.standardize(dtype)

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype!r})"


class Arguments:
    """The arguments of a capture: a tree, and which of its leaves are inputs.

    Those are specifications, symbolic tensors, tensors and arrays; other leaves, such
    as numbers, stay as they are. Python numbers are part of the program.
    """

    def __init__(self, target: Callable[..., Any], args: tuple[Tree, ...]) -> None:
        found: Any = optree.tree_flatten_with_path(args)  # type: ignore[arg-type]
        paths, self.leaves, self.structure = found[0], found[1], found[2]
        self.places = [i for i, x in enumerate(self.leaves) if _is_input(x)]
        if not self.places:
            raise ArgumentError(
                f"Nothing to capture {target!r} on: give it a Spec, a tensor or an "
                "array for each argument that is one."
            )
        named = _parameters(target)
        self.names = [_name(named, paths[i], self.leaves[i]) for i in self.places]
        self.sizes: dict[str, Dim] = {}
        self._dims: dict[Dim, Size] = {}

    def values(self, recorder: Recorder) -> list[Value]:
        """Return a value for each input."""
        return [
            recorder.value(self._array(self.leaves[i], name), name)
            for i, name in zip(self.places, self.names)
        ]

    def shapes(self) -> Tree:
        """Return the arguments with a symbolic tensor for each input."""
        arrays = [
            self._array(self.leaves[i], n) for i, n in zip(self.places, self.names)
        ]
        return self.filled(
            [KerasTensor(public_shape(x.shape), x.dtype) for x in arrays]
        )

    def filled(self, inputs: Sequence[Tensor]) -> Tree:
        """Return the arguments with tensors in the places of the inputs."""
        leaves = list(self.leaves)
        for i, x in zip(self.places, inputs, strict=True):
            leaves[i] = x
        return optree.tree_unflatten(self.structure, leaves)

    def of(self, data: Sequence[Host]) -> Arguments:
        """Return the same arguments with arrays in the places of the inputs."""
        other = copy(self)
        other.leaves = list(self.leaves)
        for i, x in zip(self.places, data, strict=True):
            other.leaves[i] = x
        return other

    def _array(self, leaf: Any, name: str) -> SymbolicArray:
        if isinstance(leaf, Spec):
            sizes = [
                n if isinstance(n, int) else self._named(n or _place(name, axis))
                for axis, n in enumerate(leaf.shape)
            ]
            return SymbolicArray(sizes, leaf.dtype)
        if type(leaf) is KerasTensor:
            shape = leaf.array.shape
            return SymbolicArray(
                [self._known(n, axis, name) for axis, n in enumerate(shape)], leaf.dtype
            )
        tensor = as_tensor(leaf)
        backend = current()
        return SymbolicArray(backend.shape(tensor), backend.dtype(tensor))

    def _named(self, name: str) -> Dim:
        return self.sizes.setdefault(name, Dim(name))

    def _known(self, size: Size, axis: int, name: str) -> Size:
        """Return a size of a symbolic tensor under a name."""
        if not isinstance(size, Dim):
            return size
        if size not in self._dims:
            self._dims[size] = self._named(BATCH if not axis else _place(name, axis))
        return self._dims[size]


def _place(name: str, axis: int) -> str:
    return f"{name}_{axis}" if axis else BATCH


def _is_input(leaf: Any) -> bool:
    kinds = (Spec, KerasTensor, np.ndarray, np.generic)
    return isinstance(leaf, kinds) or current().is_tensor(leaf)


def _parameters(target: Callable[..., Any]) -> list[str]:
    call = getattr(target, "call", target)
    try:
        return list(inspect.signature(call).parameters)
    except (TypeError, ValueError):  # of what is written in C
        return []


def _name(parameters: list[str], path: tuple[Any, ...], leaf: Any) -> str:
    if type(leaf) is KerasTensor:
        return leaf.name
    first, *rest = path
    known = first < len(parameters)
    return "_".join(map(str, (parameters[first] if known else f"x{first}", *rest)))
