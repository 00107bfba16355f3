"""A program that shows all kinds of progress; test_progress.py looks at its screen.

At `moment(name)` it waits until the screen was looked at.
"""

import json
import logging
import os
import sys
import time

import numpy as np

import multinet
from multinet import callbacks, layers

SAY, HEAR = (int(descriptor) for descriptor in sys.argv[1:])
X = np.random.default_rng(0).random((40, 3), np.float32)


def moment(name, **facts):
    """Let the screen be looked at; a byte 0 says that all before it was written."""
    os.write(sys.stdout.fileno(), b"\0")
    os.write(SAY, json.dumps({"name": name, **facts}).encode() + b"\n")
    os.read(HEAR, 1)


def model(metrics=()):
    """Return a small model."""
    multinet.set_random_seed(0)
    made = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    made.compile("sgd", "mse", metrics=list(metrics))
    return made


class Slow(callbacks.Callback):
    """Makes an epoch slow enough to be drawn, and has the screen looked at."""

    def __init__(self, epoch, name):
        super().__init__()
        self.slow, self.name = epoch, name

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch == self.slow

    def on_train_batch_end(self, batch, logs=None):
        if self.now and batch == 1:
            moment(self.name)
        elif self.now:
            time.sleep(0.11)


class Loud(callbacks.Callback):
    """Prints everywhere, in all ways."""

    def on_train_begin(self, logs=None):
        print("training begins, ", end="", flush=True)

    def on_epoch_begin(self, epoch, logs=None):
        print("begin", epoch + 1)

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 2:
            logger.warning("logged %s", batch)

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.11)
        print("batch", batch, end="" if batch == 2 else "\n")

    def on_test_begin(self, logs=None):
        print(", test begins", file=sys.stderr)

    def on_test_batch_end(self, batch, logs=None):
        print(".", end="")

    def on_epoch_end(self, epoch, logs=None):
        print("end", epoch + 1)


class Fails(callbacks.Callback):
    """Fails when the live line is there."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.11)
        if batch == 1:
            raise KeyboardInterrupt


logger = logging.getLogger("program")
logger.addHandler(logging.StreamHandler(sys.stderr))

print("first words", end="")
model().fit(X, X[:, 0], epochs=60, batch_size=20, callbacks=[Slow(40, "mid-way")])
moment("many epochs")

names = ["mean_absolute_percentage_error", "mean_squared_logarithmic_error", "mae"]
metered = model(names)
slow = [Slow(1, "live with metrics")]
history = metered.fit(
    X, X[:, 0], epochs=3, batch_size=15, validation_split=0.2, callbacks=slow
)
moment("metrics", history=history.history)

metered.fit(
    X, X[:, 0], epochs=2, batch_size=15, validation_split=0.2, callbacks=[Loud()]
)
moment("prints")

model().evaluate(X, X[:, 0])
model().predict(X[:3])
model().evaluate(X, X[:, 0], verbose=2, batch_size=40)
moment("evaluated")

model().fit(X, X[:, 0], epochs=3, batch_size=10, callbacks=[Fails()])
