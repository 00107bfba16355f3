"""`explain_step` names the kernels of a backend's own that a step uses."""

import numpy as np
import pytest

from multinet import Sequential, layers, optimizers

FUSED = {
    "numpy": {"lstm", "gru", "adam_update", "sgd_update"},
    "jax": {"lstm", "gru"},
    "torch": {"lstm", "gru", "moments", "batch_norm", "adam_update", "sgd_update"},
    "tensorflow": {"lstm", "batch_norm", "moments", "layer_norm"},
}
# TensorFlow's optimizer kernels have names of their own.
OPTIMIZERS = {"adam": "ResourceApplyAdam", "sgd": "ResourceApplyGradientDescent"}


def kernels(model, x, optimizer):
    """The kernels that a training step names."""
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    y = np.zeros((len(x), 1), "float32")
    model.fit(x, y, batch_size=len(x), verbose=0)
    told = model.explain_step()["kernels"].partition("; numba")[0]
    return set(told.split(", "))


def rows(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrences_are_named(kind, real_backend):
    model = Sequential([getattr(layers, kind)(3), layers.Dense(1)])
    found = kernels(model, rows(4, 5, 2), optimizers.SGD())
    name = kind.lower()
    assert (name in found) == (name in FUSED[real_backend.name])


def test_normalizations_are_named(real_backend):
    parts = [layers.BatchNormalization(), layers.LayerNormalization(), layers.Dense(1)]
    found = kernels(Sequential(parts), rows(512, 6), optimizers.SGD())
    names = {"moments", "batch_norm", "layer_norm"} & FUSED[real_backend.name]
    assert names <= found


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_optimizers_are_named(kind, real_backend):
    make = {"adam": optimizers.AdamW, "sgd": optimizers.SGD}[kind]
    found = kernels(Sequential([layers.Dense(1)]), rows(8, 6), make())
    if real_backend.name == "tensorflow":
        assert OPTIMIZERS[kind] in found
    else:
        name = f"{kind}_update"
        assert (name in found) == (name in FUSED[real_backend.name])


def test_what_is_not_used_is_not_named(real_backend):
    found = kernels(Sequential([layers.Dense(1)]), rows(8, 6), optimizers.Lion())
    own = {"lstm", "gru", "moments", "batch_norm", "layer_norm"}
    assert not found & {*own, "adam_update", "sgd_update", *OPTIMIZERS.values()}
