"""Metrics under low-precision policies: Keras's values, but for the rounding.

Keras computes in float32, from predictions that were rounded to the compute dtype.
"""

import keras
import ml_dtypes
import numpy as np
import pytest
import test_metrics
from references import rounded
from test_metrics import CASES, NAMES, make

from multinet import metrics

DTYPES = {"mixed_bfloat16": ml_dtypes.bfloat16, "mixed_float16": np.float16}
POLICIES = list(DTYPES)
# Areas are of as many thresholds as may lie, rounded, on another side of a prediction.
ENLARGED = {"AUC": 4}


def check(backend, index, policy, monkeypatch):
    """Compare a case on a backend with Keras's."""
    name, kind, options = CASES[index]
    monkeypatch.setattr(test_metrics, "RNG", np.random.default_rng(1))
    metric = getattr(metrics, name)(**options, dtype=policy)
    peer = getattr(keras.metrics, name)(**options)
    for _ in range(3):
        pair = rounded(make(kind), DTYPES[policy])
        if kind in ("binary", "flat"):
            pair = pair[0], (np.floor(pair[1] * 16) + 0.5) / 16  # between thresholds
        metric.update_state(*map(backend.from_numpy, pair))
        peer.update_state(*pair)
    found, wanted = backend.to_numpy(metric.result()), np.asarray(peer.result())
    eps = float(ml_dtypes.finfo(DTYPES[policy]).eps) * ENLARGED.get(name, 1)
    np.testing.assert_allclose(
        found.astype("float32"), wanted, rtol=4 * eps, atol=2 * eps
    )


# A policy a case, each on half of them; the rest on request.
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_a_metric_under_a_policy_is_that_of_keras_rounded(
    real_backend, index, monkeypatch
):
    check(real_backend, index, POLICIES[index % 2], monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_a_metric_under_the_other_policy_is_that_of_keras_rounded(
    real_backend, index, monkeypatch
):
    check(real_backend, index, POLICIES[1 - index % 2], monkeypatch)
