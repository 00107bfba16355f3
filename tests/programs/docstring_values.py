"""What statements gave, as plain values that can be compared."""

import numpy as np


class Opaque:
    """A value that says nothing by itself: a layer, a function, a module."""


class Spec(tuple):
    """The shape and dtype of a symbolic tensor."""


def plain(module, value, depth=0):
    """Return a value as arrays, numbers, texts and containers of these."""
    if isinstance(value, dict):
        return {str(k): plain(module, v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple) and depth < 5:
        return [plain(module, v, depth + 1) for v in value]
    if value is None or isinstance(value, bool | int | float | complex | str):
        return value
    if isinstance(value, module.KerasTensor):
        return Spec((tuple(value.shape), str(value.dtype)))
    if isinstance(value, module.Variable) or module.ops.is_tensor(value):
        return np.asarray(module.ops.convert_to_numpy(value))
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    history = getattr(value, "history", None)
    if isinstance(history, dict):
        return plain(module, history, depth + 1)
    return Opaque()


def difference(got, expected, again):
    """Return a sentence on how `got` is not as expected, or None.

    Two runs of Keras gave `expected` and `again`: numbers that differ are random.
    """
    if isinstance(expected, Opaque) or isinstance(got, Opaque):
        return None
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            return _said(expected, got)
        pairs = [(got[k], expected[k], again.get(k)) for k in expected]
    elif isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return _said(expected, got)
        pairs = zip(got, expected, again)
    else:
        return _of_leaves(got, expected, again)
    return next(filter(None, (difference(*pair) for pair in pairs)), None)


def _of_leaves(got, expected, again):
    if isinstance(expected, Spec | str) or expected is None:
        same = got == expected or expected != again
        return None if same else _said(expected, got)
    try:
        a, b, c = (np.asarray(value) for value in (got, expected, again))
    except ValueError:
        return _said(expected, got)
    if a.shape != b.shape:
        return f"shape {a.shape} for {b.shape}"
    arrays = isinstance(got, np.ndarray) and isinstance(expected, np.ndarray)
    if arrays and _width(a.dtype) != _width(b.dtype):
        return f"dtype {a.dtype} for {b.dtype}"
    if b.dtype.kind not in "biufc":
        return None
    if a.dtype.kind not in "biufc":
        return _said(expected, got)
    wide = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    a, b, c = (v.astype(wide) for v in (a, b, c))
    if b.shape != c.shape or not np.array_equal(b, c, equal_nan=True):
        return None
    if np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True):
        return None
    at = (
        np.unravel_index(np.argmax(np.nan_to_num(np.abs(a - b), nan=np.inf)), a.shape)
        if a.size
        else ()
    )
    return f"{a[at]:.6g} for {b[at]:.6g}" + (f" at {tuple(map(int, at))}" if at else "")


def _width(dtype):
    """Return what of a dtype is compared: integers have the widths of the framework."""
    return dtype.kind if dtype.kind in "iu" else dtype.name


def _said(expected, got):
    return f"{_short(got)} for {_short(expected)}"


def _short(value):
    text = repr(value) if not isinstance(value, Opaque) else "an object"
    return text if len(text) < 60 else text[:57] + "..."
