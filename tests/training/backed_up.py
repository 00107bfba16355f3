"""A training with backups, to be killed: backed_up.py backend folder result.

It prints "begun" after its first step, "ended" where callbacks hear of its end, and
writes the weights, the optimizer and the History where it has come to its end.
"""

import sys
import time

import numpy as np

import multinet
from multinet import Input, Sequential, callbacks, layers
from multinet.utils import set_random_seed


class Slow(callbacks.Callback):
    """Takes a while for each step, and tells how far the training is."""

    def on_train_begin(self, logs=None):
        self.begun = False

    def on_train_batch_end(self, batch, logs=None):
        if not self.begun:
            print("begun", flush=True)
        self.begun = True
        time.sleep(0.004)

    def on_train_end(self, logs=None):
        print("ended", flush=True)


def train(name, folder, result):
    """Train, or go on, and write what came out."""
    multinet.set_backend(name)
    set_random_seed(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4)).astype("float32")
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    watching = [
        Slow(),
        callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", 0.7, patience=1, min_delta=9),
        callbacks.BackupAndRestore(folder, save_freq=3, save_before_preemption=True),
    ]
    history = model.fit(
        x,
        x.sum(1, keepdims=True),
        batch_size=8,
        epochs=12,
        validation_split=0.2,
        callbacks=watching,
        verbose=0,
    ).history
    variables = [*model.variables, *model.optimizer.variables]
    np.savez(result, *[v.numpy() for v in variables], **history)


if __name__ == "__main__":
    train(*sys.argv[1:])
