"""KerasTensor, the placeholder of the functional API, and its graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, NoReturn, Self, TypeAlias

import numpy as np
import optree

from multinet import absent, dtypes, operators
from multinet.errors import ArgumentError, NeverCalled, NoValue, ShapeError
from multinet.holders import Holder
from multinet.names import unique_name
from multinet.operators import Operators
from multinet.registry import current, use_backend
from multinet.sparse import SparseTensor
from multinet.symbolic.backend import SymbolicBackend
from multinet.symbolic.dims import Dim, public_shape
from multinet.symbolic.native import rerun
from multinet.symbolic.spec import SymbolicArray
from multinet.tracebacks import shortening
from multinet.typing import Axis, DType, ShapeLike, Tensors, Tree

_serial = itertools.count()
_shadows: dict[int, SymbolicBackend] = {}

# A layer, or an `OpCall`.
Operating: TypeAlias = Any


class OpCall:
    """A public op in a graph: its function, under a name that is its own, as a layer's.

    Each call of an op on symbolic tensors makes one.
    """

    __slots__ = ("_nodes", "function", "name")

    def __init__(
        self, function: Callable[..., Any], prefix: str, name: str | None = None
    ) -> None:
        self.function = function
        self.name = name or unique_name(prefix)
        self._nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Tensors:
        """Return the op's results; on symbolic tensors, those of a node of its own."""
        if is_symbolic(args, kwargs):
            return record(self, self.function, args, kwargs)
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes another of the same name, called nowhere yet."""
        return _operation, (self.function.__name__, self.name)

    def __repr__(self) -> str:
        return f"<OpCall {self.function.__name__} name={self.name}>"


def _operation(op: str, name: str) -> OpCall:
    return OpCall(operators._ops[op], op, name)


class Node:
    """One recorded call: the operation, its arguments, and the tensors that came out.

    `operation` is a layer or an `OpCall`, and the node the `index`-th of its nodes;
    arguments are trees with `KerasTensor`s. `serial` grows with the order of recording.
    """

    __slots__ = ("args", "index", "kwargs", "operation", "outputs", "serial")

    def __init__(
        self, operation: Operating, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs: Any = None
        self.index = -1
        self.serial = next(_serial)

    def enter(self, outputs: Tensors) -> Tensors:
        """Take and return the tensors that came out, and join the operation's nodes."""
        self.outputs = outputs
        self.index = len(self.operation._nodes)
        self.operation._nodes.append(self)
        return outputs

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors among the arguments, in order."""
        leaves: list[Any] = optree.tree_leaves((self.args, self.kwargs))  # type: ignore[arg-type]
        return [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]


class KerasHistory(NamedTuple):
    """Which call made a symbolic tensor, and which of its outputs that is."""

    operation: Operating
    node_index: int
    tensor_index: int


class Recorded(Holder):
    """What is called on symbolic tensors, and knows those calls; a copy has none."""

    name: str
    _nodes: list[Node]
    _private = frozenset({"_nodes"})

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make an object that was called nowhere yet."""
        thing = super().__new__(cls)
        thing.__dict__["_nodes"] = []
        return thing

    def __setstate__(self, state: Tree) -> None:
        self.__dict__["_nodes"] = []
        super().__setstate__(state)

    @property
    def input(self) -> Tensors:
        """The symbolic input of the first symbolic call, a list if it had several."""
        return _alone(self._first_node().inputs)

    @property
    def output(self) -> Tensors:
        """The symbolic output of the first symbolic call, a list if it had several."""
        return _alone(optree.tree_leaves(self._first_node().outputs))

    @property
    def _inbound_nodes(self) -> list[Node]:
        """The calls on symbolic tensors, under Keras's name."""
        return self._nodes

    def _first_node(self) -> Node:
        if not self._nodes:
            raise NeverCalled(
                f"{self.name} was never called on symbolic tensors, so it has no "
                ".input and .output. Call it on an Input, or keep the tensors you need."
            )
        return self._nodes[0]


def _alone(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


@absent.watch
class KerasTensor(Operators):
    """A tensor without values: a shape, a dtype, and the call that will produce it.

    Layers and ops called on one give others, of the shapes and dtypes that they would
    compute; `Model` makes a function of them. `None` in a shape is a size that is not
    known until data arrives. With `record_history=False` the calls on it are not
    recorded.

    >>> layers.Dense(2)(KerasTensor((None, 3))).shape
    (None, 2)
    """

    __slots__ = (
        *("_mask", "array", "mask", "name", "node", "record_history"),
        *("_ragged_rank", "_row_splits_dtype", "_sparse"),
    )
    __array_priority__ = 1000  # np.ndarray + KerasTensor defers to us

    @shortening
    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: DType = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        ragged_rank: int | None = None,
        row_splits_dtype: DType | None = None,
    ) -> None:
        if sparse and ragged:
            raise ArgumentError(
                "Expected one of sparse=True and ragged=True at most, got both."
            )
        dtype = dtype if dtype == dtypes.TEXT else dtypes.standardize(dtype)
        array = symbolic_array(_checked(shape), dtype)
        self._set(array, name=name, record_history=record_history)
        self._sparse = bool(sparse)
        if ragged or ragged_rank is not None:
            self._ragged_rank = ragged_rank or 1
            self._row_splits_dtype = dtypes.standardize(row_splits_dtype or "int32")

    def _set(
        self,
        array: SymbolicArray,
        node: Node | None = None,
        name: str | None = None,
        record_history: bool = True,
    ) -> KerasTensor:
        self.array, self.node, self.record_history = array, node, record_history
        self._sparse, self._ragged_rank, self._row_splits_dtype = False, None, None
        #: The mask's shape and dtype, and the symbolic tensor of it once it is read.
        self.mask: SymbolicArray | None = None
        self._mask: KerasTensor | None = None
        self.name = name or f"keras_tensor_{next(_serial)}"
        return self

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape, `None` for unknown sizes."""
        return public_shape(self.array.shape)

    @property
    def _keras_mask(self) -> KerasTensor | None:
        """The mask that layers see beside this tensor, or None; of a layer's output."""
        if self._mask is None and self.mask is not None:
            node = self.node
            if node is None:
                self._mask = _wrap(self.mask, None)
            else:
                self._mask = node.operation._mask_of_output(self)
        return self._mask

    @property
    def _keras_history(self) -> KerasHistory:
        """The call that made this tensor, as programs of Keras ask for it.

        `NeverCalled`, an AttributeError, for one that no call made.
        """
        node = self.node
        if node is None:
            raise NeverCalled(f"{self!r} was made by no call, so it has no history.")
        leaves = optree.tree_leaves(node.outputs)
        index = next((i for i, x in enumerate(leaves) if x is self), 0)
        return KerasHistory(node.operation, node.index, index)

    @property
    def sparse(self) -> bool:
        """Whether it stands for a sparse tensor."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """Whether it was declared to have rows of several lengths."""
        return self._ragged_rank is not None

    @property
    def ragged_rank(self) -> int | None:
        """How many axes were declared ragged, None if none was."""
        return self._ragged_rank

    @property
    def row_splits_dtype(self) -> str | None:
        """The dtype declared for where ragged rows end, None without any."""
        return self._row_splits_dtype

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.array.shape)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.array.shape)

    def reshape(self, newshape: ShapeLike) -> KerasTensor:
        """Return the tensor in another shape, as `ops.reshape` does."""
        return self._apply("reshape", newshape)

    def squeeze(self, axis: Axis | None = None) -> KerasTensor:
        """Return the tensor without axes of size 1, as `ops.squeeze` does."""
        return self._apply("squeeze", axis)

    def __round__(self, ndigits: int | None = None) -> KerasTensor:
        return self._apply("round", ndigits or 0)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _apply(self, name: str, *args: Any) -> Any:
        return operators._ops[name](self, *args)

    @shortening
    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NoValue(
            f"{self!r} has no value: it stands for data that the model will get. Use "
            "ops on it (ops.where instead of if), or build a Model and call it on "
            "arrays."
        )

    __bool__ = __int__ = __float__ = __index__ = __array__ = __len__ = numpy = _refuse
    __tf_tensor__ = _refuse


SymbolicTensor = KerasTensor  # the name before Keras's


def _checked(shape: Any) -> tuple[Any, ...]:
    """Return a shape of ints, None and Dims; `ShapeError` if it is none."""
    listed = isinstance(shape, Iterable) and not isinstance(shape, str | dict | set)
    sizes = tuple(shape) if listed else ()
    if not listed or not all(map(_is_size, sizes)):
        raise ShapeError(
            "Expected a shape of ints >= 0, None where a size is unknown, such as "
            f"(None, 3); got {shape!r}."
        )
    return tuple(int(n) if isinstance(n, np.integer) else n for n in sizes)


def _is_size(value: Any) -> bool:
    if value is None or isinstance(value, Dim):
        return True
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= 0)


def symbolic_array(shape: tuple[int | None, ...], dtype: str) -> SymbolicArray:
    """Return an array of the symbolic backend; each `None` becomes a new `Dim`."""
    return SymbolicArray(tuple(Dim() if n is None else n for n in shape), dtype)


def is_symbolic(*trees: Any) -> bool:
    """Return whether any leaf of the trees is a KerasTensor."""
    leaves: list[Any] = optree.tree_leaves(trees)  # type: ignore[arg-type]
    return any(type(leaf) is KerasTensor for leaf in leaves)


def shadowing() -> AbstractContextManager[Any]:
    """Return a context in which the backend in use computes only shapes and dtypes."""
    concrete = current().concrete
    shadow = _shadows.get(id(concrete))
    if shadow is None:
        complete: Any = SymbolicBackend  # with the rules that `by_form` gave it
        shadow = _shadows[id(concrete)] = complete(concrete)
    return use_backend.scoped(shadow)


def record(
    operation: Operating,
    run: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    keep: bool = True,
) -> Tensors:
    """Run `run` on shapes alone.

    Return its results as symbolic tensors of a new node, or of none where an argument
    does not record, or without `keep`.
    """
    node = Node(operation, args, kwargs)
    with shadowing():
        plain_args, plain_kwargs = optree.tree_map(array_of, (args, kwargs))  # type: ignore[arg-type]
        try:
            outputs = run(*plain_args, **plain_kwargs)
        except Exception as error:
            if not isinstance(operation, OpCall):  # a layer has tried that
                raise
            outputs = rerun(
                error, lambda args, kw: run(*args, **kw), plain_args, plain_kwargs
            )
    if outputs is None:
        raise ArgumentError(
            f"{type(operation).__name__} {operation.name!r} returned None where "
            "tensors are expected. Is a `return` missing in its call?"
        )
    if not (keep and all(tensor.record_history for tensor in node.inputs)):
        return optree.tree_map(lambda leaf: _wrap(leaf, None), outputs)
    return node.enter(optree.tree_map(lambda leaf: _wrap(leaf, node), outputs))


def adopted(
    operation: Operating,
    outputs: Tensors,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Tensors:
    """Return symbolic outputs that somebody computed as those of a new node."""
    node = Node(operation, args, kwargs)
    if not all(tensor.record_history for tensor in node.inputs):
        return outputs
    return node.enter(
        optree.tree_map(lambda x: _wrap(array_of(x), node), outputs)  # type: ignore[arg-type]
    )


def array_of(leaf: Tree) -> Tree:
    """Return the shape and dtype behind a symbolic tensor; others as they are."""
    if type(leaf) is not KerasTensor:
        return leaf
    return sparse_array(leaf.array) if leaf._sparse else leaf.array


def sparse_array(array: SymbolicArray) -> SparseTensor:
    """Return the sparse tensor of a shape and a dtype, of unknown many entries."""
    count, shape = Dim(), array.shape
    indices = SymbolicArray((count, len(shape)), "int32")
    return SparseTensor(indices, SymbolicArray((count,), array.dtype), shape, True)


def _wrap(leaf: Any, node: Node | None) -> Any:
    sparse = type(leaf) is SparseTensor
    if sparse:
        leaf = SymbolicArray(leaf.shape, leaf.values.dtype)
    if not isinstance(leaf, SymbolicArray):
        return leaf
    tensor = KerasTensor.__new__(KerasTensor)
    tensor._set(leaf, node, record_history=node is not None)
    tensor._sparse = sparse
    return tensor
