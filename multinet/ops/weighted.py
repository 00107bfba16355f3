"""What layers with weights compute; Keras has no such ops, so these stay in this file.

Weights may be Variables, and give their values here.
"""

from __future__ import annotations

from typing import Any

from multinet.autocast import autocasting
from multinet.errors import ShapeError
from multinet.ops.core import as_tensor, behind, floating, op, shape_of
from multinet.ops.doors import domain
from multinet.registry import current
from multinet.scope import active_scope
from multinet.symbolic.dims import differ, public_shape

_FLOATS = domain("dense")


def _dense_door(x: Any, kernel: Any, bias: Any) -> Any:
    backend, kind = current(), type(x)
    # Outside of steps and mixed layers, where nothing stands for a Variable's value.
    alone = active_scope() is None and autocasting.get() is None
    if type(kernel) is not kind:
        kernel = kernel.held_on(backend) if alone else kernel.__multinet_tensor__()
    dtype = backend.common_dtype(x, kernel)
    if dtype not in _FLOATS:
        return None
    if bias is not None:
        if type(bias) is not kind:
            bias = bias.held_on(backend) if alone else bias.__multinet_tensor__()
        if backend.common_dtype(kernel, bias) is not dtype:
            return None
    return backend.dense(x, kernel, bias)


@behind(_dense_door)
def dense(x: Any, kernel: Any, bias: Any = None) -> Any:
    """Return x @ kernel + bias in the dtype of the kernel.

    (..., n), (n, m), (m,) or None -> (..., m).
    """
    kernel, backend = floating(kernel), current()
    dtype = backend.dtype(kernel)
    x = as_tensor(x, dtype)
    shape, sizes = shape_of(x), shape_of(kernel)
    if not shape or len(sizes) != 2 or differ(shape[-1], sizes[0]):
        raise ShapeError(
            "Expected x (..., n) and a kernel (n, m), got shapes "
            f"{public_shape(shape)} and {public_shape(sizes)}. Was the kernel made for "
            "other data?"
        )
    return backend.dense(x, kernel, None if bias is None else as_tensor(bias, dtype))


@op
def embedding(table: Any, indices: Any) -> Any:
    """Return rows of a table (rows, width) by integers: indices' shape + (width,).

    Indices that are not int32 or int64 become int32.
    """
    backend, indices = current(), as_tensor(indices)
    if backend.dtype(indices) not in ("int32", "int64"):
        indices = as_tensor(indices, "int32")
    return backend.embedding(as_tensor(table), indices)


@op
def lstm(
    x: Any,
    h: Any,
    c: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any = None,
    mask: Any = None,
    reverse: bool = False,
) -> tuple[Any, Any, Any]:
    """Return h at every step of x (b, t, n), and the last h and c (b, m).

    `kernel` (n, 4m), `recurrent` (m, 4m) and `bias` (4m,) hold input, forget, cell and
    output gate; bool `mask` (b, t) says which steps count.
    """
    x, h, c, kernel, recurrent, bias, mask = map(
        _tensor_or_none, (x, h, c, kernel, recurrent, bias, mask)
    )
    return current().lstm(x, h, c, kernel, recurrent, bias, mask, bool(reverse))


@op
def gru(
    x: Any,
    h: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any = None,
    recurrent_bias: Any = None,
    mask: Any = None,
    reverse: bool = False,
    reset_after: bool = True,
) -> tuple[Any, Any]:
    """Return h at every step of x (b, t, n), and the last h (b, m).

    `kernel` (n, 3m), `recurrent` (m, 3m) and both biases (3m,) hold update gate, reset
    gate and the candidate; bool `mask` (b, t) says which steps count.
    """
    x, h, kernel, recurrent, bias, recurrent_bias, mask = map(
        _tensor_or_none, (x, h, kernel, recurrent, bias, recurrent_bias, mask)
    )
    return current().gru(
        x,
        h,
        kernel,
        recurrent,
        bias,
        recurrent_bias,
        mask,
        bool(reverse),
        bool(reset_after),
    )


def _tensor_or_none(x: Any) -> Any:
    return None if x is None else as_tensor(x)
