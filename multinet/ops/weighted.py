"""What layers with weights compute; Keras has no such ops, so these stay in this file.

Weights may be Variables, and give their values here.
"""

from __future__ import annotations

from typing import Any

from multinet.autocast import autocasting
from multinet.errors import OutOfRange, ShapeError
from multinet.ops.checks import check_real, in_range, real_floats, real_numbers
from multinet.ops.core import as_tensor, behind, cast_tensor, op, shape_of
from multinet.ops.doors import domain
from multinet.registry import current
from multinet.scope import active_scope
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Tensor

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
def dense(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ kernel + bias in the dtype of the kernel.

    (..., n), (n, m), (m,) or None -> (..., m).
    """
    kernel, backend = real_floats("dense", kernel), current()
    dtype = backend.dtype(kernel)
    x = cast_tensor(real_numbers("dense", x), dtype)
    shape, sizes = shape_of(x), shape_of(kernel)
    if not shape or len(sizes) != 2 or differ(shape[-1], sizes[0]):
        raise ShapeError(
            "Expected x (..., n) and a kernel (n, m), got shapes "
            f"{public_shape(shape)} and {public_shape(sizes)}. Was the kernel made for "
            "other data?"
        )
    return backend.dense(x, kernel, None if bias is None else as_tensor(bias, dtype))


@op
def embedding(table: Tensor, indices: Tensor) -> Tensor:
    """Return rows of a table (rows, width) by integers: indices' shape + (width,).

    Indices that are not int32 or int64 become int32.
    """
    backend, indices = current(), real_numbers("embedding", indices)
    table = as_tensor(table)
    if len(shape_of(table)) != 2:
        raise ShapeError(
            "Expected a table of shape (rows, width), got "
            f"{public_shape(shape_of(table))}."
        )
    if backend.dtype(indices) not in ("int32", "int64"):
        indices = as_tensor(indices, "int32")
    try:
        return backend.embedding(table, indices)
    except OutOfRange:
        in_range(indices, shape_of(table)[0], "row numbers")
        raise


@op
def lstm(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return h at every step of x (b, t, n), and the last h and c (b, m).

    `kernel` (n, 4m), `recurrent` (m, 4m) and `bias` (4m,) hold input, forget, cell and
    output gate; bool `mask` (b, t) says which steps count.
    """
    x, h, c, kernel, recurrent, bias, mask = map(
        _tensor_or_none, (x, h, c, kernel, recurrent, bias, mask)
    )
    _check_gates("lstm", 4, (x, h, kernel, recurrent), (bias,), mask)
    return current().lstm(x, h, c, kernel, recurrent, bias, mask, bool(reverse))


@op
def gru(
    x: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent: Tensor,
    bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    mask: Tensor | None = None,
    reverse: bool = False,
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return h at every step of x (b, t, n), and the last h (b, m).

    `kernel` (n, 3m), `recurrent` (m, 3m) and both biases (3m,) hold update gate, reset
    gate and the candidate; bool `mask` (b, t) says which steps count.
    """
    x, h, kernel, recurrent, bias, recurrent_bias, mask = map(
        _tensor_or_none, (x, h, kernel, recurrent, bias, recurrent_bias, mask)
    )
    biases = (bias, recurrent_bias)
    _check_gates("gru", 3, (x, h, kernel, recurrent), biases, mask)
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


def _check_gates(
    name: str, gates: int, given: tuple[Any, ...], biases: tuple[Any, ...], mask: Any
) -> None:
    """Refuse shapes that do not fit; torch reads weights as if they had others."""
    check_real(name, current().dtype(given[0]))
    x, h, *kernels = (shape_of(v) for v in given)
    fits = len(x) == 3 and len(h) == 2
    if fits:
        width = gates * h[1]
        pairs = list(zip(kernels, ((x[2], width), (h[1], width))))
        pairs += [(shape_of(bias), (width,)) for bias in biases if bias is not None]
        pairs += [] if mask is None else [(shape_of(mask), x[:2])]
        fits = all(
            len(have) == len(want) and not any(map(differ, have, want))
            for have, want in pairs
        )
    if not fits:
        raise ShapeError(
            f"{name} expects x (b, t, n), h (b, m), a kernel (n, {gates}m), a "
            f"recurrent one (m, {gates}m), biases ({gates}m,) and a mask (b, t), got "
            f"{', '.join(str(public_shape(shape_of(v))) for v in given)}."
        )


def _tensor_or_none(x: Any) -> Any:
    return None if x is None else as_tensor(x)
