"""Weights by class, as weights of samples."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.checks import number, shown
from multinet.errors import ArgumentError, ShapeError
from multinet.training.sources.source import Host, HostBatch


def weigh_classes(data: HostBatch, class_weight: Mapping[int, float]) -> HostBatch:
    """Return the batch with sample weights multiplied by the weight of each class.

    Labels are (samples,) or (samples, 1), whole numbers, or one-hot (samples, classes).
    Classes without a weight count once.
    """
    by_class = _checked(class_weight)
    labels = _labels(data)
    weights = np.ones(len(labels), dtypes.to_numpy(dtypes.floatx()))
    for label, weight in by_class.items():
        weights[labels == label] = weight
    if data.sample_weight is not None:
        leaves: list[Host] = optree.tree_leaves(data.sample_weight)  # type: ignore[arg-type]
        given = leaves[0]
        weights = given * weights.reshape(-1, *[1] * (given.ndim - 1))
    return HostBatch(data.x, data.y, weights)


def _checked(class_weight: Mapping[int, float]) -> dict[int, float]:
    """Return weights by whole numbers."""
    example = "such as {0: 1.0, 1: 5.0}"
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"Expected class_weight to be a dict of weights by class number, {example}"
            f", got {shown(class_weight)}."
        )
    found = {}
    for key, weight in class_weight.items():
        if not _is_whole(key):
            raise ArgumentError(
                "Expected the keys of class_weight to be the numbers of classes, "
                f"{example}, got {shown(key)}."
            )
        found[int(key)] = number(weight, f"class_weight[{int(key)}]", least=0)
    return found


def _is_whole(key: Any) -> bool:
    numeric = isinstance(key, int | float | np.integer | np.floating)
    return numeric and float(key).is_integer()


def _labels(data: HostBatch) -> Host:
    """Return the class of each sample."""
    leaves: list[Host] = optree.tree_leaves(data.y)  # type: ignore[arg-type]
    if len(leaves) != 1:
        raise ArgumentError(
            f"class_weight needs a model with one output, got {len(leaves)} targets. "
            "Pass sample_weight instead."
        )
    labels = leaves[0]
    if labels.ndim > 2:
        raise ShapeError(
            "class_weight needs one label for each sample, got targets of shape "
            f"{labels.shape}. Pass sample_weight instead."
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        return _largest(labels)
    labels = labels.reshape(-1)
    classes = np.floor(labels)
    if not np.array_equal(classes, labels):
        wrong = labels[classes != labels][0]
        raise ArgumentError(
            "class_weight needs labels that are whole numbers, got "
            f"{wrong.item()!r} among the targets. Pass sample_weight instead."
        )
    return classes.astype(np.int64)


def _largest(rows: Host) -> Host:
    """Return where each row has its largest entry: once, unless there is a warning."""
    beyond = np.abs(rows).max(1) > 1
    if beyond.any():
        raise ArgumentError(
            f"class_weight needs labels (samples,) or one-hot rows, got targets "
            f"{rows.shape} with the row {_row(rows, beyond)}. Pass sample_weight "
            "instead."
        )
    tied = (rows == rows.max(1, keepdims=True)).sum(1) > 1
    if tied.any():
        warnings.warn(
            f"class_weight needs one class a sample, but {tied.sum()} rows of the "
            f"targets {rows.shape} have none or several, such as "
            f"{_row(rows, tied)}. The first of the largest entries is taken for their "
            "class. Is sample_weight meant?",
            stacklevel=2,
        )
    return rows.argmax(1)


def _row(rows: Host, which: Host) -> str:
    """Return the first of the rows that are meant, as text."""
    return shown(rows[np.argmax(which)].tolist())
