"""Memory stays flat, however often a model is trained or asked.

What runs usually counts what is in use, after some rounds and after as many again: a
leak of one object a round shows, and of 100 bytes, however much the process holds. The
long version looks at that.
"""

import ctypes
import gc
import itertools
import sys

import numpy as np
import pytest
from memory import held

import multinet
from multinet import layers
from multinet.registry import get

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


def predict(model, count):
    """Predict so many times in the loop over batches."""
    for _ in range(count):
        model.predict(X[:8], verbose=0)


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
    "predict": (predict, 100, 10_000),
    "predict_on_batch": (predict_on_batch, 100, 10_000),
    "an endless generator": (generator, 100, 10_000),
}


@pytest.fixture(scope="module", autouse=True)
def aside():
    """Put what is there out of sight: to look through it takes seconds."""
    for name in ("numpy", "jax", "torch", "tensorflow"):
        get(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Mallinfo(ctypes.Structure):
    """What glibc's `mallinfo2` returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd",
        "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def in_use():
    """Return how many objects and blocks Python has, and the bytes that others have."""
    gc.collect()
    counts = [len(gc.get_objects()), sys.getallocatedblocks(), 0]
    if mallinfo := getattr(ctypes.CDLL(None), "mallinfo2", None):
        mallinfo.restype = Mallinfo
        found = mallinfo()
        counts[2] = found.uordblks + found.hblkhd
    return counts


@pytest.mark.parametrize("name", ROUNDS)
def test_nothing_is_left_of_a_round(name, real_backend):
    act, count, _ = ROUNDS[name]
    model = build()
    act(model, count)
    act(model, count)
    found = [in_use()]
    for _ in range(3):
        act(model, count)
        found.append(in_use())
    # A cache grows now and then; what is left of every round makes each of them grow.
    objects, blocks, size = np.diff(found, axis=0).min(axis=0)
    assert objects < 0.9 * count, found
    assert blocks < 60 + 1.3 * count, found
    assert size < 4096 + 64 * count, found


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
