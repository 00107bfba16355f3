"""Losses under low-precision policies: Keras's values and gradients, but for rounding.

Keras computes in float32, from inputs that were rounded to the compute dtype: what a
low-precision result may differ by is then its own rounding alone.
"""

import functools

import jax
import keras
import ml_dtypes
import numpy as np
import pytest
from references import compiled, rounded
from test_losses import CASES, NAMES, PAIRS

from multinet import losses

DTYPES = {"mixed_bfloat16": ml_dtypes.bfloat16, "mixed_float16": np.float16}
POLICIES = list(DTYPES)
# How much a loss enlarges the rounding of what it is given: Circle by its gamma.
ENLARGED = {"Circle": 20}


@functools.cache
def by_keras(policy, index):
    """Return Keras's value of a case, and its gradient for the predictions."""
    name, pair, options = CASES[index]
    loss = getattr(keras.losses, name)(**options)
    value_and_grad = compiled(jax.value_and_grad(loss, argnums=1))
    return tuple(map(np.asarray, value_and_grad(*rounded(PAIRS[pair], DTYPES[policy]))))


def check(backend, policy, index):
    """Compare a case on a backend with Keras's."""
    name, pair, options = CASES[index]
    y_true, y_pred = map(backend.from_numpy, PAIRS[pair])
    loss = getattr(losses, name)(**options, dtype=policy)
    found, _, (gradient,) = backend.value_and_grad(
        lambda y: (loss(y_true, y),), (y_pred,)
    )
    assert backend.dtype(found) == policy.removeprefix("mixed_")
    assert backend.dtype(gradient) == "float32"
    eps = float(ml_dtypes.finfo(DTYPES[policy]).eps) * ENLARGED.get(name, 1)
    for mine, theirs in zip((found, gradient), by_keras(policy, index)):
        mine = backend.to_numpy(mine).astype("float32")
        largest = np.abs(theirs).max()
        np.testing.assert_allclose(mine, theirs, rtol=8 * eps, atol=4 * eps * largest)


# A policy a case, each on half of them; the rest on request.
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_a_loss_under_a_policy_is_that_of_keras_rounded(real_backend, index):
    check(real_backend, POLICIES[index % 2], index)


@pytest.mark.long
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_a_loss_under_the_other_policy_is_that_of_keras_rounded(real_backend, index):
    check(real_backend, POLICIES[1 - index % 2], index)
