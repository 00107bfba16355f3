"""Cross-entropies, elementwise or by class, without a mean over the batch."""

from __future__ import annotations

from typing import Any

from multinet import dtypes
from multinet.config import epsilon
from multinet.errors import ShapeError
from multinet.ops.axes import axis_of
from multinet.ops.checks import in_range, real_floats, real_numbers
from multinet.ops.core import cast_tensor, op, shape_of
from multinet.ops.indexing import as_index
from multinet.registry import current
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Tensor


def _wide(x: Any) -> tuple[Any, str]:
    """Return x as a float of 32 bits or more, and the dtype the result should have."""
    x = real_floats("a cross-entropy", x)
    dtype = current().dtype(x)
    low = dtype in ("float16", "bfloat16")  # 1 - 1e-7 is 1 there
    return (cast_tensor(x, "float32") if low else x), dtype


def _check_equal(name: str, target: Any, output: Any) -> None:
    shapes = shape_of(target), shape_of(output)
    if len(shapes[0]) != len(shapes[1]) or any(map(differ, *shapes)):
        raise ShapeError(
            f"ops.{name} expects target and output of one shape, got "
            f"{public_shape(shapes[0])} and {public_shape(shapes[1])}."
        )


@op
def binary_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False
) -> Tensor:
    """Return -target * log(output) - (1 - target) * log(1 - output), elementwise.

    `output` holds probabilities, or logits if `from_logits`.
    """
    output, dtype = _wide(output)
    backend = current()
    target = cast_tensor(real_numbers("a cross-entropy", target), backend.dtype(output))
    _check_equal("binary_crossentropy", target, output)
    if from_logits:
        return cast_tensor(backend.sigmoid_cross_entropy(output, target), dtype)
    p = _inside(output)
    present = backend.multiply(target, backend.log(p))
    absent = backend.multiply(
        backend.subtract(1, target), backend.log(backend.subtract(1, p))
    )
    return cast_tensor(backend.negative(backend.add(present, absent)), dtype)


@op
def categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return -sum(target * log(output)) over the class axis.

    `output` holds probabilities, scaled here to sum to 1, or logits if `from_logits`.
    """
    output, dtype = _wide(output)
    backend = current()
    target = cast_tensor(real_numbers("a cross-entropy", target), backend.dtype(output))
    _check_equal("categorical_crossentropy", target, output)
    axis = axis_of(axis, len(shape_of(output)))
    if from_logits:
        output, target = _last(output, axis), _last(target, axis)
        return cast_tensor(backend.softmax_cross_entropy(output, target), dtype)
    terms = backend.multiply(target, _log_probability(output, axis))
    return cast_tensor(backend.negative(backend.sum(terms, (axis,), False)), dtype)


@op
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return -log(output[target]) over the class axis, target holding class numbers.

    `output` holds probabilities, scaled here to sum to 1, or logits if `from_logits`.
    The target has the shape of `output` without the class axis, or with size 1 there.
    """
    output, dtype = _wide(output)
    backend = current()
    rank = len(shape_of(output))
    axis = axis_of(axis, rank)
    labels = real_numbers("a cross-entropy", target)
    if not dtypes.is_integer(backend.dtype(labels)):
        labels = cast_tensor(labels, "int32")  # data sets store labels as floats
    labels = as_index(labels)
    if len(shape_of(labels)) == rank and not differ(shape_of(labels)[axis], 1):
        labels = backend.squeeze(labels, (axis,))
    rest = tuple(n for i, n in enumerate(shape_of(output)) if i != axis)
    if len(shape_of(labels)) != len(rest) or any(map(differ, shape_of(labels), rest)):
        raise ShapeError(
            "ops.sparse_categorical_crossentropy expects class numbers of shape "
            f"{public_shape(rest)} for an output of shape "
            f"{public_shape(shape_of(output))}, "
            f"got {public_shape(shape_of(labels))}."
        )
    in_range(labels, shape_of(output)[axis], "labels")
    if from_logits:
        loss = backend.sparse_softmax_cross_entropy(_last(output, axis), labels)
        return cast_tensor(loss, dtype)
    index = backend.expand_dims(labels, axis)
    picked = backend.take_along_axis(_log_probability(output, axis), index, axis)
    return cast_tensor(backend.negative(backend.squeeze(picked, (axis,))), dtype)


def _log_probability(output: Any, axis: int) -> Any:
    backend = current()
    p = backend.divide(output, backend.sum(output, (axis,), True))
    return backend.log(_inside(p))


def _inside(p: Any) -> Any:
    """Return probabilities as far from 0 and 1 as keeps logarithms finite."""
    return current().clip(p, epsilon(), 1 - epsilon())


def _last(x: Any, axis: int) -> Any:
    """Return x with the class axis moved to the end."""
    rank = len(shape_of(x))
    if axis == rank - 1:
        return x
    order = [a for a in range(rank) if a != axis] + [axis]
    return current().transpose(x, tuple(order))
