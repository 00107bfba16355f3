"""Make the files of this folder: one model as several versions of Keras write it.

Run once for each version, installed alone in a folder of its own:

    pip install --no-deps --target old keras==3.5.0
    KERAS_BACKEND=jax PYTHONPATH=old python make.py keras

and likewise `tf_keras==2.21.0` with `python make.py tf_keras`. Versions 3.0 and 3.5 ran
with KERAS_BACKEND=torch.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIBRARY = sys.argv[1]
K = importlib.import_module(LIBRARY)
NUMBERS = np.random.default_rng(0)
X = NUMBERS.normal(size=(4, 6, 3)).astype("float32")
WORDS = NUMBERS.integers(1, 9, (4, 6)).astype("int32")
Y = NUMBERS.normal(size=(4, 2)).astype("float32")


def sequential():
    """Return a model of layers in a row."""
    return K.Sequential(
        [
            K.layers.Input((6, 3)) if LIBRARY == "tf_keras" else K.Input((6, 3)),
            K.layers.Conv1D(4, 3, padding="same", activation="relu"),
            K.layers.BatchNormalization(),
            K.layers.Bidirectional(K.layers.LSTM(3, return_sequences=True)),
            K.layers.GRU(3),
            K.layers.Dropout(0.5),
            K.layers.Dense(2, kernel_regularizer="l2"),
        ]
    )


def functional():
    """Return a model of two inputs, with a shared layer and one inside."""
    a, b = K.Input((6, 3), name="a"), K.Input((6,), dtype="int32", name="b")
    shared = K.layers.Dense(4, activation="tanh", name="shared")
    left = shared(a)
    right = shared(K.layers.Embedding(10, 3)(b))
    y = K.layers.Concatenate()([left, right])
    y = K.layers.MultiHeadAttention(2, 3)(y, y)
    y = K.layers.LayerNormalization()(y)
    inner = K.Sequential([K.layers.Flatten(), K.layers.Dense(3)], name="inner")
    y = K.layers.Dense(2)(inner(y))
    return K.Model([a, b], y)


def main():
    """Write the files and the outputs of the models."""
    label = f"{LIBRARY}-{K.__version__}"
    for build, x in ((sequential, X), (functional, [X, WORDS])):
        model = build()
        model.compile("adam", "mse")
        model.fit(x, Y, verbose=0)
        name = HERE / f"{label}-{build.__name__}"
        model.save(f"{name}.keras")
        if LIBRARY == "tf_keras":
            model.save(f"{name}.h5")
            model.save_weights(f"{name}-weights.h5")
        outputs = model.predict(x, verbose=0)
        np.savez(f"{name}.npz", x=X, words=WORDS, y=outputs)


if __name__ == "__main__":
    main()
