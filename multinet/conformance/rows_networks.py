"""Rows: fused methods of networks: dense, losses, norms, attention, optimizers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from multinet.conformance import probes_fused as probes
from multinet.conformance import probes_indices
from multinet.conformance.row import Case, Row, fixed, t
from multinet.conformance.rows_windows import pool_cases, pooled
from multinet.interface.signatures import WIDE


def contraction_rows() -> Iterator[Row]:
    """Yield dense, inv, det, mean_pool."""
    cases = (
        Case("matrix", (t(2, 3), t(3, 4), t(4))),
        Case("no bias", (t(2, 3), t(3, 2)), (None,)),
        Case("three axes", (t(2, 2, 3), t(3, 2), t(2))),
        Case("vector", (t(3), t(3, 2), t(2))),
        Case("no rows", (t(0, 3), t(3, 2), t(2)), gradient=False),
    )
    yield Row("dense", _dense, cases, floor=1.0)
    options: dict[str, Any] = {"slack": 10.0, "floor": 1.0}
    cases = (
        Case("matrix", (t(3, 3, diagonal=4.0),)),
        Case("batch", (t(2, 2, 2, diagonal=-4.0),)),
    )
    yield Row("inv", np.linalg.inv, cases, **options)
    cases = (*cases, Case("singular", (fixed([[1, 2], [2, 4]]),), gradient=False))
    yield Row("det", np.linalg.det, cases, **options)
    yield Row("mean_pool", _mean_pool, tuple(pool_cases()), floor=1.0)


def _dense(x: Any, kernel: Any, bias: Any) -> Any:
    return x @ kernel + (0 if bias is None else bias)


def _mean_pool(x: Any, *setting: Any) -> Any:
    return pooled(np.nanmean, np.nan)(x, *setting)


def loss_rows() -> Iterator[Row]:
    """Yield the three cross-entropies."""
    far = fixed([[1000.0, 0.0, -1000.0], [-88.0, 0.0, 88.0]])
    soft = fixed([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    cases = (
        Case("rows", (t(2, 3), t(2, 3, low=0, high=1))),
        Case("three axes", (t(2, 2, 3), t(2, 2, 3, low=0, high=1))),
        Case("vector", (t(3), t(3, low=0, high=1))),
        Case("far", (far, soft), gradient=False),
    )
    yield Row("softmax_cross_entropy", _cross_entropy, cases, floor=1.0)
    labels = fixed([2, 0], "int32")
    cases = (
        Case("rows", (t(2, 3), labels)),
        Case("three axes", (t(2, 2, 3), fixed([[0, 1], [2, 2]], "int32"))),
        Case("vector", (t(3), fixed(1, "int32"))),
        Case("far", (far, labels), gradient=False),
    )
    name = "sparse_softmax_cross_entropy"
    yield Row(name, _sparse, cases, floor=1.0, probes=probes_indices.PROBES[name])
    cases = (
        Case("rows", (t(2, 3), t(2, 3, low=0, high=1))),
        Case("0-d", (t(), t(low=0, high=1))),
        Case("far", (far, soft), gradient=False),
    )
    yield Row("sigmoid_cross_entropy", _binary, cases, floor=1.0)


def _cross_entropy(logits: Any, targets: Any) -> Any:
    return -np.sum(targets * special.log_softmax(logits, -1), -1)


def _sparse(logits: Any, labels: Any) -> Any:
    picked = np.take_along_axis(special.log_softmax(logits, -1), labels[..., None], -1)
    return -picked[..., 0]


def _binary(logits: Any, targets: Any) -> Any:
    # Cancellation makes y log p useless far out; these are the two logs added up.
    positive, negative = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return targets * positive + (1 - targets) * negative


def normalization_rows() -> Iterator[Row]:
    """Yield batch_norm, layer_norm, attention."""
    x, row = t(4, 3), t(3)
    variance = t(3, low=0.5, high=2.0)
    kept = t(1, 3, low=0.5, high=2.0)
    cases = (
        Case("scaled", (x, row, variance, row, row), (1e-3,)),
        Case("plain", (x, row, variance), (None, None, 1e-3)),
        Case("no offset", (x, row, variance, row), (None, 1e-5)),
        Case("kept axes", (x, t(1, 3), kept, t(1, 3), t(1, 3)), (1e-3,)),
        Case("image", (t(1, 2, 2, 3), row, variance, row, row), (1e-3,)),
    )
    yield Row("batch_norm", _batch_norm, cases, floor=1.0)
    cases = (
        Case("last axis", (t(2, 4), t(4), t(4)), ((1,), 1e-3)),
        Case("plain", (t(2, 4),), (None, None, (1,), 1e-5)),
        Case("two axes", (t(2, 2, 3), t(2, 3), t(2, 3)), ((1, 2), 1e-3)),
        Case("middle axis", (t(2, 3, 2), t(3, 1), t(3, 1)), ((1,), 1e-3)),
        Case("no offset", (t(2, 4), t(4)), (None, (1,), 1e-3)),
        Case("no scale", (t(2, 3), None, t(3)), ((1,), 1e-3)),
    )
    yield Row("layer_norm", _layer_norm, cases, floor=1.0, slack=4)
    yield Row("attention", _attention, tuple(_heads()), floor=1.0, slack=2)


def _batch_norm(
    x: Any, mean: Any, variance: Any, scale: Any, offset: Any, epsilon: float
) -> Any:
    y = (x - mean) / np.sqrt(variance + epsilon)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def _layer_norm(x: Any, scale: Any, offset: Any, axes: Any, epsilon: float) -> Any:
    mean, variance = (f(x, axis=axes, keepdims=True) for f in (np.mean, np.var))
    return _batch_norm(x, mean, variance, scale, offset, epsilon)


def _heads() -> Iterator[Case]:
    q, k, v = t(2, 2, 2, 3), t(2, 3, 2, 3), t(2, 3, 2, 2)
    causal = fixed(np.tril(np.ones((2, 3)), 1).astype(bool), "bool")
    rows = fixed([[[[1, 1, 0]]], [[[1, 0, 0]]]], "bool")
    dead = fixed([[[[1, 0, 0], [0, 0, 0]]]], "bool")
    yield Case("plain", (q, k, v), (None, None, 0.5))
    yield Case("causal", (q, k, v, causal), (None, 0.5))
    yield Case("mask and bias", (q, k, v, rows, t(2, 1, 2, 3)), (0.7,))
    yield Case("bias", (q, k, v, None, t(2, 3)), (0.7,))
    yield Case("a row masked throughout", (q, k, v, dead), (None, 0.5))
    large = t(1, 2, 1, 2, low=50, high=100)
    yield Case("large scores", (large, large, large), (None, None, 1.0), WIDE, False)


def _attention(q: Any, k: Any, v: Any, mask: Any, bias: Any, scale: float) -> Any:
    scores = np.einsum("bthd,bshd->bhts", q, k) * scale
    scores = scores if bias is None else scores + bias
    if mask is not None:
        mask = np.broadcast_to(mask, scores.shape)
        even = ~mask.any(-1, keepdims=True)
        scores = np.where(mask, scores, np.where(even, 0.0, -np.inf))
    return np.einsum("bhts,bshe->bthe", special.softmax(scores, -1), v)


def probe_rows() -> Iterator[Row]:
    """Yield the methods that are checked by probes only."""
    for name in (
        "argument",
        "common_dtype",
        "value_and_grad",
        "random_uniform",
        "random_normal",
    ):
        yield Row(name, probes=probes.PROBES[name])
    for name in ("dropout_mask", "decay_update", "sgd_update", "adam_update"):
        yield Row(name, probes=probes.PROBES[name])


ROWS = (*contraction_rows(), *loss_rows(), *normalization_rows(), *probe_rows())
