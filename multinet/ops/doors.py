"""The ways straight to a primitive, for calls that are ready for it; see `behind`.

Each returns None of what it does not take. Those of one file only stand there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from multinet.interface import Backend
from multinet.interface.signatures import SIGNATURES
from multinet.ops.axes import axis_of
from multinet.ops.core import KEEPS
from multinet.registry import current
from multinet.typing import Numbers, Tensor

_SEQUENCES = frozenset((list, tuple))


def plain_dtype(backend: Backend[Any], x: Tensor, y: Tensor) -> str | None:
    """Return the dtype of two plain tensors that share one, for a door; or None.

    One of the two may be a Python scalar that leaves the other's dtype as it is.
    """
    dtype = backend.common_dtype(x, y)
    if dtype is None and type(y) in KEEPS:
        dtype = backend.common_dtype(x, x)
        return dtype if dtype in KEEPS[type(y)] else None
    if dtype is None and type(x) in KEEPS:
        dtype = backend.common_dtype(y, y)
        return dtype if dtype in KEEPS[type(x)] else None
    return dtype


def domain(primitive: str) -> frozenset[str]:
    """Return the dtypes of the main operand that a method of the waist takes."""
    return frozenset(SIGNATURES[primitive].domain)


def unary(name: str) -> Callable[[Any], Any]:
    """Return the door to the primitive of one tensor that is the op."""
    ready = domain(name)

    def door(x: Any) -> Any:
        backend = current()
        if backend.common_dtype(x, x) in ready:
            return getattr(backend, name)(x)
        return None

    return door


# -- shapes ----------------------------------------------------------------------------


def _is_shape(shape: Any) -> bool:
    """Return whether a shape is a tuple of known sizes."""
    if type(shape) is not tuple:
        return False
    for n in shape:
        if type(n) is not int or n < 0:
            return False
    return True


def reshape(x: Tensor, newshape: Numbers) -> Tensor | None:
    """Reshape to a tuple of known sizes, or with one -1."""
    backend = current()
    if backend.common_dtype(x, x) is None or type(newshape) is not tuple:
        return None
    if _is_shape(newshape):
        return backend.reshape(x, newshape)
    return _reshape_rest(backend, x, newshape)


def _reshape_rest(backend: Any, x: Any, shape: tuple[Any, ...]) -> Any:
    """Reshape to a shape with one -1, where the size that stands for is whole."""
    place = shape.index(-1)
    rest = shape[:place] + shape[place + 1 :]
    known, total = math.prod(rest), math.prod(backend.shape(x))
    if not _is_shape(rest) or type(total) is not int or not known or total % known:
        return None
    return backend.reshape(x, (*shape[:place], total // known, *shape[place + 1 :]))


def transpose(x: Tensor, axes: Numbers) -> Tensor | None:
    """Permute by a tuple of axes from 0, or reverse."""
    backend = current()
    if backend.common_dtype(x, x) is None:
        return None
    if axes is None:
        axes = tuple(range(len(backend.shape(x)) - 1, -1, -1))
    return backend.transpose(x, axes) if _is_shape(axes) else None


def expand_dims(x: Tensor, axis: Numbers) -> Tensor | None:
    """Insert one axis."""
    backend = current()
    if type(axis) is not int or backend.common_dtype(x, x) is None:
        return None
    return backend.expand_dims(x, axis_of(axis, len(backend.shape(x)) + 1))


def squeeze(x: Tensor, axis: Numbers) -> Tensor | None:
    """Remove one axis."""
    backend = current()
    if type(axis) is not int or backend.common_dtype(x, x) is None:
        return None
    shape = backend.shape(x)
    axis = axis_of(axis, len(shape))
    # torch would leave another size as it is.
    return backend.squeeze(x, (axis,)) if shape[axis] == 1 else None


def broadcast_to(x: Tensor, shape: Numbers) -> Tensor | None:
    """Broadcast to a tuple of known sizes."""
    backend = current()
    if _is_shape(shape) and backend.common_dtype(x, x) is not None:
        return backend.broadcast_to(x, shape)
    return None


def concatenate(xs: Tensor, axis: Numbers) -> Tensor | None:
    """Join tensors of one dtype and rank."""
    if type(axis) is not int or type(xs) not in _SEQUENCES or not xs:
        return None
    backend, first = current(), xs[0]
    rank = len(backend.shape(first))
    for x in xs[1:] or xs:
        # torch would join an empty vector to tensors of any rank.
        if backend.common_dtype(first, x) is None or len(backend.shape(x)) != rank:
            return None
    return backend.concatenate(xs, axis_of(axis, rank))


def stack(x: Tensor, axis: Numbers) -> Tensor | None:
    """Stack tensors of one dtype."""
    if type(axis) is not int or type(x) not in _SEQUENCES or not x:
        return None
    backend, first = current(), x[0]
    for one in x[1:] or x:
        if backend.common_dtype(first, one) is None:
            return None
    if axis < 0:
        axis = axis_of(axis, len(backend.shape(first)) + 1)
    return backend.stack(x, axis)
