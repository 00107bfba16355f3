"""Sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from multinet.checks import one_of, shown, whole
from multinet.errors import ArgumentError, ShapeError
from multinet.tracebacks import shortening
from multinet.typing import DType, Host

_SIDES = ("pre", "post")


@shortening
def pad_sequences(
    sequences: Sequence[Iterable[Any]],
    maxlen: int | None = None,
    dtype: DType = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> Host:
    """Return sequences as rows of one length, (sequences, maxlen, ...).

    `value` fills shorter ones before or after (`padding`); longer ones lose their first
    or their last steps (`truncating`). `maxlen` is the longest length by default.

    >>> pad_sequences([[1], [2, 3]])
    array([[0, 1],
           [2, 3]], dtype=int32)
    """
    one_of(padding, "padding", _SIDES)
    one_of(truncating, "truncating", _SIDES)
    rows = [_sized(row, i) for i, row in enumerate(_sized(sequences))]
    longest = max(map(len, rows), default=0)
    length = longest if maxlen is None else whole(maxlen, "maxlen")
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OSU":
        raise ArgumentError(
            f"Expected a number as value for dtype {kind}, got {value!r}. Pass "
            "dtype=object for strings of any length."
        )
    # The first sequence with steps says what a step is.
    step = next((np.asarray(row).shape[1:] for row in rows if len(row)), ())
    out = np.full((len(rows), length, *step), value, kind)
    for i, row in enumerate(rows):
        kept = np.asarray(row[-length:] if truncating == "pre" else row[:length], kind)
        if not len(row):
            continue
        if kept.shape[1:] != step:
            raise ShapeError(
                f"Expected steps of shape {step}, as in the first sequence, got "
                f"{kept.shape[1:]} in sequence {i}."
            )
        place = slice(length - len(kept), None) if padding == "pre" else len(kept)
        out[i, place if isinstance(place, slice) else slice(place)] = kept
    return out


def _sized(row: Any, index: int | None = None) -> Sequence[Any]:
    if not hasattr(row, "__len__") or isinstance(row, str | bytes):
        what = "sequences" if index is None else f"sequence {index}"
        raise ArgumentError(
            f"Expected {what} to be a list or an array, got {shown(row)}."
        )
    return row
