"""Optimizers of weights in low precision: Keras's updates, but for the rounding.

Keras computes in float32, from weights and gradients that were rounded; in bfloat16
itself it has 0.999 for 1, and moments that never move.
"""

import keras
import ml_dtypes
import numpy as np
import pytest
from references import rounded
from test_optimizer_updates import CASES, NAMES, START

from multinet import optimizers
from multinet.variables import Variable

DTYPES = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
RNG = np.random.default_rng(4)
# Of a size whose squares, times 0.001, are no subnormal numbers of float16.
GRADS = [
    [RNG.uniform(0.5, 2.0, x.shape) * RNG.choice((-1, 1), x.shape) for x in START]
    for _ in range(3)
]


def check(backend, index, dtype):
    """Compare the updates of a case on a backend with Keras's."""
    name, options = CASES[index]
    optimizer = getattr(optimizers, name)(**options)
    peer = getattr(keras.optimizers, name)(**options)
    kind = DTYPES[dtype]
    mine = [Variable(x.astype(kind), name=f"w{i}") for i, x in enumerate(START)]
    start = rounded(START, kind)
    theirs = [keras.Variable(x, name=f"w{i}") for i, x in enumerate(start)]
    optimizer.build(mine)
    peer.build(theirs)
    for grads in GRADS:
        low = [backend.from_numpy(g.astype(kind)) for g in grads]
        optimizer.apply(low, mine)
        peer.apply(list(map(keras.ops.convert_to_tensor, rounded(grads, kind))), theirs)
    eps = float(ml_dtypes.finfo(kind).eps)
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == dtype
        found, wanted = (np.asarray(x).astype("float32") for x in (a.numpy(), b))
        np.testing.assert_allclose(found, wanted, rtol=4 * eps, atol=4 * eps)


# A dtype a case, each on half of them; the rest on request.
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_updates_of_low_precision_are_those_of_keras_rounded(real_backend, index):
    check(real_backend, index, list(DTYPES)[index % 2])


@pytest.mark.long
@pytest.mark.parametrize("index", range(len(CASES)), ids=NAMES)
def test_updates_in_the_other_dtype_are_those_of_keras_rounded(real_backend, index):
    check(real_backend, index, list(DTYPES)[1 - index % 2])
