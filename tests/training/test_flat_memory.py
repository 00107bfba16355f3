"""Memory stays flat, however often a model is trained or asked.

What runs usually counts Python's objects, after some rounds and after as many again:
a leak of one object a round shows. The long version looks at what the process holds.
"""

import ctypes
import gc
import itertools

import numpy as np
import pytest
from memory import held

import multinet
from multinet import layers

RNG = np.random.default_rng(2)
X = RNG.normal(size=(64, 256)).astype("float32")  # 64 KiB a batch
Y = RNG.normal(size=(64, 1)).astype("float32")
MIB = 1 / 1024  # of a GiB


def build():
    """Return a small compiled model."""
    layer = [layers.Dense(8, activation="relu"), layers.Dropout(0.2), layers.Dense(1)]
    model = multinet.Sequential([multinet.Input((256,)), *layer])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def fits(model, count):
    """Fit so many times."""
    for _ in range(count):
        model.fit(X, Y, batch_size=16, validation_data=(X, Y), verbose=0)


def train_on_batch(model, count):
    """Train so many steps."""
    for _ in range(count):
        model.train_on_batch(X, Y)


def predict_on_batch(model, count):
    """Predict so many times."""
    for _ in range(count):
        model.predict_on_batch(X)


def generator(model, count):
    """Fit so many batches of a generator that has no end; each is a new array."""
    batches = ((X + 0.0, Y + 0.0) for _ in itertools.count())
    model.fit(batches, steps_per_epoch=count, verbose=0)


#: What is done, how often in the usual run, and in the long one.
ROUNDS = {
    "fits": (fits, 6, 200),
    "train_on_batch": (train_on_batch, 100, 10_000),
    "predict_on_batch": (predict_on_batch, 100, 10_000),
    "an endless generator": (generator, 100, 10_000),
}


def objects():
    """Return how many objects Python has, garbage left out."""
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("name", ROUNDS)
def test_no_object_is_left_of_a_round(name, real_backend):
    act, count, _ = ROUNDS[name]
    model = build()
    act(model, count)
    act(model, count)
    before = objects()
    act(model, count)
    between = objects()
    act(model, count)
    # Caches may still grow by an object or two, but not with each round.
    assert objects() - between < count, (before, between)


def resident():
    """Return the MiB that this process holds, after what is free was given back."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    return held() / MIB


@pytest.mark.long
@pytest.mark.parametrize("name", ROUNDS)
def test_the_process_holds_no_more_after_thousands_of_rounds(name, real_backend):
    act, _, count = ROUNDS[name]
    if not held():
        pytest.skip("this system does not tell what a process holds")
    model = build()
    act(model, count // 4)
    before = resident()
    act(model, count)
    # 16 MiB are 2 KiB a batch, or 80 KiB a fit: less than the data of one.
    assert resident() - before < 16
