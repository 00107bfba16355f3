"""timeseries_dataset_from_array: windows of a series as samples."""

from __future__ import annotations

import numpy as np

from multinet.checks import flag, whole
from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Host, Seed, Tree
from multinet.utils.batching import Dataset, check_format, from_items


@shortening
def timeseries_dataset_from_array(
    data: Host,
    targets: Host | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: Seed = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Return windows of a series in batches: (batch, sequence_length, ...).

    A window begins every `sequence_stride` steps and takes every `sampling_rate`-th
    step. The target of one that begins at step i is `targets[i]`; without targets the
    batches are windows alone. Only the steps from `start_index` to `end_index` are
    used. `batch_size=None` gives single windows; `shuffle` another order each pass.
    """
    check_format(format)
    flag(shuffle, "shuffle")
    steps = len(data)
    start, end = _within(start_index, "start_index", 0, steps), end_index
    if end is None:
        end = steps
    elif not start < whole(end, "end_index") <= steps:
        raise ArgumentError(
            f"Expected end_index after {start} and up to {steps}, got {end_index}."
        )
    length = whole(sequence_length, "sequence_length")
    stride, rate = whole(sequence_stride, "sequence_stride"), sampling_rate
    reach = (length - 1) * whole(rate, "sampling_rate")
    series = np.asarray(data)[start:end]
    count = len(series) - reach
    wanted = None if targets is None else np.asarray(targets)[start:end]
    if wanted is not None:
        count = min(count, len(wanted))
    if count < 1:
        raise ArgumentError(
            f"Expected at least {reach + 1} steps, which a window spans, got "
            f"{len(series)}."
        )

    def item(index: int) -> Tree:
        first = index * stride
        window = series[first : first + reach + 1 : rate]
        return window if wanted is None else (window, wanted[first])

    return from_items(
        -(-count // stride), item, batch_size=batch_size, shuffle=shuffle, seed=seed
    )


def _within(value: int | None, name: str, default: int, size: int) -> int:
    if value is None:
        return default
    if whole(value, name, least=0) >= size:
        raise ArgumentError(f"Expected {name} below {size}, got {value}.")
    return value
