"""SymbolicTensor, the placeholder of the functional API, and its graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import optree

from multinet.errors import TraceError
from multinet.operators import Operators
from multinet.registry import current, use_backend
from multinet.symbolic.backend import SymbolicBackend
from multinet.symbolic.dims import Dim, public_shape
from multinet.symbolic.spec import SymbolicArray

_serial = itertools.count()
_shadows: dict[int, SymbolicBackend] = {}


class Node:
    """One recorded call: the operation, its arguments, and the tensors that came out.

    `operation` is a layer, or the function of a public op; arguments are trees with
    `SymbolicTensor`s. `serial` grows with the order of recording.
    """

    __slots__ = ("args", "kwargs", "operation", "outputs", "serial")

    def __init__(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs: Any = None
        self.serial = next(_serial)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments, in order."""
        leaves: list[Any] = optree.tree_leaves((self.args, self.kwargs))  # type: ignore[arg-type]
        return [leaf for leaf in leaves if isinstance(leaf, SymbolicTensor)]


class SymbolicTensor(Operators):
    """A tensor without values: a shape, a dtype, and the call that will produce it.

    `shape` holds `None` for sizes that are not known until data arrives.
    """

    __slots__ = ("array", "name", "node")
    __array_priority__ = 1000  # np.ndarray + SymbolicTensor defers to us

    def __init__(
        self, array: SymbolicArray, node: Node | None = None, name: str | None = None
    ) -> None:
        self.array = array
        self.node = node
        self.name = name or f"symbolic_tensor_{next(_serial)}"

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape, `None` for unknown sizes."""
        return public_shape(self.array.shape)

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.array.shape)

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name}: shape={self.shape}, dtype={self.dtype}>"

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError(
            f"{self!r} has no value: it stands for data that the model will get. Use "
            "ops on it (ops.where instead of if), or build a Model and call it on "
            "arrays."
        )

    __bool__ = __int__ = __float__ = __index__ = __array__ = __len__ = numpy = _refuse


def placeholder(
    shape: tuple[int | None, ...], dtype: str, name: str | None = None
) -> SymbolicTensor:
    """Return a symbolic tensor whose `None` sizes are new unknowns."""
    return SymbolicTensor(symbolic_array(shape, dtype), name=name)


def symbolic_array(shape: tuple[int | None, ...], dtype: str) -> SymbolicArray:
    """Return an array of the symbolic backend; each `None` becomes a new `Dim`."""
    return SymbolicArray(tuple(Dim() if n is None else n for n in shape), dtype)


def is_symbolic(*trees: Any) -> bool:
    """Return whether any leaf of the trees is a SymbolicTensor."""
    leaves: list[Any] = optree.tree_leaves(trees)  # type: ignore[arg-type]
    return any(type(leaf) is SymbolicTensor for leaf in leaves)


def shadowing() -> AbstractContextManager[Any]:
    """Return a context in which the backend in use computes only shapes and dtypes."""
    concrete = current().concrete
    shadow = _shadows.get(id(concrete))
    if shadow is None:
        shadow = _shadows[id(concrete)] = SymbolicBackend(concrete)
    return use_backend.scoped(shadow)


def record(
    operation: Any,
    run: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Run `run` on shapes alone.

    Return its results as symbolic tensors of a new node.
    """
    node = Node(operation, args, kwargs)
    with shadowing():
        plain_args, plain_kwargs = optree.tree_map(_array_of, (args, kwargs))  # type: ignore[arg-type]
        outputs = run(*plain_args, **plain_kwargs)
    node.outputs = optree.tree_map(lambda leaf: _wrap(leaf, node), outputs)
    return node.outputs


def _array_of(leaf: Any) -> Any:
    return leaf.array if type(leaf) is SymbolicTensor else leaf


def _wrap(leaf: Any, node: Node) -> Any:
    return SymbolicTensor(leaf, node) if isinstance(leaf, SymbolicArray) else leaf
