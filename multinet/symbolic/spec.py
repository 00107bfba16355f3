"""The symbolic tensor, and the shape rules that its primitives share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, NoReturn

import numpy as np

from multinet import dtypes
from multinet.errors import DTypeError, NoValue, ShapeError
from multinet.interface.signatures import SIGNATURES
from multinet.operators import Operators
from multinet.symbolic.dims import Dim, Size, differ, public_shape
from multinet.typing import DType, Tensors

Shape = tuple[Any, ...]  # of ints and Dims

_KINDS = {bool: 0, int: 1, Dim: 1, float: 2, complex: 3}


class SymbolicArray(Operators):
    """A tensor without values: a shape, of ints and Dims, and the name of a dtype."""

    __slots__ = ("_keras_mask", "dtype", "shape")  # the mask for programs that read it

    def __init__(self, shape: Iterable[Size], dtype: str) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype

    def __array__(
        self, dtype: DType | None = None, copy: bool | None = None
    ) -> NoReturn:
        raise NoValue(
            f"NumPy's functions take numbers, and {self!r} has none yet. Use the "
            "function of the same name in multinet.ops."
        )

    def __repr__(self) -> str:
        return f"SymbolicArray({public_shape(self.shape)}, {self.dtype!r})"


def check_domain(method: str, dtype: str) -> None:
    """Refuse a dtype for which the interface does not define `method`."""
    domain = SIGNATURES[method].domain
    if dtype not in domain:
        raise DTypeError(
            f"{method} takes {', '.join(domain)}; got {dtype}. Cast the tensor first."
        )


def common_dtype(method: str, *operands: SymbolicArray) -> str:
    """Return the one dtype of the operands, which the caller has promoted."""
    found = sorted({x.dtype for x in operands})
    if len(found) > 1:
        raise DTypeError(
            f"{method} takes tensors of one dtype; got {' and '.join(found)}. "
            "Cast them to one dtype first."
        )
    check_domain(method, found[0])
    return found[0]


def operand_dtype(method: str, operands: Sequence[Any]) -> str:
    """Return the one dtype of tensors beside Python scalars that do not widen it."""
    tensors = [x for x in operands if isinstance(x, SymbolicArray)]
    if not tensors:
        raise DTypeError(
            f"{method} takes at least one tensor; got {tuple(operands)!r}. "
            "Convert one of the numbers to a tensor."
        )
    dtype = common_dtype(method, *tensors)
    for x in operands:
        if not isinstance(x, SymbolicArray):
            check_scalar(method, x, dtype)
    return dtype


def shapes(*operands: Any) -> list[Shape]:
    """Return the shapes of the tensors among operands."""
    return [x.shape for x in operands if isinstance(x, SymbolicArray)]


def made(method: str, dtype: str, *sizes: Iterable[Size]) -> Tensors:
    """Return what `method` makes of a main operand of `dtype`: a tensor for a shape,
    a tuple of them for several.
    """
    kind = SIGNATURES[method].dtype
    outputs = [SymbolicArray(shape, kind(i, dtype)) for i, shape in enumerate(sizes)]
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def scalar_kind(value: object) -> int | None:
    """Return the rank of a Python scalar's kind, or None if it is not a scalar."""
    return None if isinstance(value, np.generic) else _KINDS.get(type(value))


def check_scalar(method: str, value: object, dtype: str) -> None:
    """Refuse an operand that is no scalar, or one whose kind would widen `dtype`."""
    kind = scalar_kind(value)
    if kind is None:
        raise DTypeError(
            f"{method} takes tensors and Python scalars; got {type(value).__name__} "
            f"{value!r}. Convert it to a tensor first."
        )
    if kind > dtype_kind(dtype):
        raise DTypeError(
            f"{method} of a {dtype} tensor and the {type(value).__name__} {value!r} "
            f"would lose its value. Cast the tensor first."
        )


def check_fill(method: str, value: object, dtype: str) -> None:
    """Refuse a fill value that is no scalar, or complex where the tensor is real."""
    weak = dtype if isinstance(value, complex) else "float32"
    check_scalar(method, value, weak)


def dtype_kind(dtype: str) -> int:
    """Return the rank of a dtype's kind: bool, integer, float, complex."""
    if dtype == "bool":
        return 0
    return 1 if dtypes.is_integer(dtype) else 2 if dtypes.is_float(dtype) else 3


def is_scalar(value: object) -> bool:
    """Return whether `value` is a Python scalar, an unknown size among them."""
    return scalar_kind(value) is not None


def show(*shapes: Sequence[Size]) -> str:
    """Return shapes as an error message names them."""
    return " and ".join(str(public_shape(shape)) for shape in shapes)


def agree(a: Size, b: Size) -> bool:
    """Return whether two sizes can be equal; an unknown one is trusted."""
    return not differ(a, b)


def known(a: Size, b: Size) -> Size:
    """Return the better known of two sizes that are to be equal."""
    return b if isinstance(a, Dim) and not isinstance(b, Dim) else a


def merge(method: str, a: Shape, b: Shape) -> Shape:
    """Return the better known of two shapes that are to be equal."""
    if len(a) != len(b) or not all(map(agree, a, b)):
        raise ShapeError(
            f"{method} expects equal shapes; got {show(a, b)}. Reshape one of them."
        )
    return tuple(map(known, a, b))


def broadcast(method: str, *shapes: Shape) -> Shape:
    """Return the shape that all broadcast to; an unknown size yields to one above 1."""
    return reduce(lambda a, b: _broadcast(method, a, b), shapes)


def _broadcast(method: str, a: Shape, b: Shape) -> Shape:
    rank = max(len(a), len(b))
    x, y = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    sizes = []
    for m, n in zip(x, y):
        if not isinstance(m, Dim) and m == 1:
            sizes.append(n)
        elif not isinstance(n, Dim) and n == 1:
            sizes.append(m)
        elif isinstance(m, Dim) or isinstance(n, Dim) or m == n:
            sizes.append(known(m, n))
        else:
            raise ShapeError(
                f"{method} cannot broadcast the shapes {show(a, b)}: sizes must be "
                "equal or 1, counted from the last axis. Reshape or expand one of them."
            )
    return tuple(sizes)


def check_shape(method: str, shape: Sequence[Any]) -> Shape:
    """Return `shape` as a tuple after checking that it holds sizes."""
    for size in shape:
        if not isinstance(size, (int, Dim)) or (isinstance(size, int) and size < 0):
            raise ShapeError(
                f"{method} expects a shape of non-negative ints; got {tuple(shape)!r}. "
                "Resolve -1 and None to sizes first."
            )
    return tuple(shape)


def check_axis(method: str, axis: int, rank: int) -> int:
    """Refuse an axis outside [0, rank)."""
    if not 0 <= axis < rank:
        raise ShapeError(
            f"{method} expects an axis in [0, {rank}); got {axis}. "
            "The tensor has too few axes."
        )
    return axis


def count(shape: Sequence[Size]) -> Size:
    """Return the number of elements."""
    return math.prod(shape)  # type: ignore[arg-type]


def kept(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return the shape after a reduction over axes."""
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)
